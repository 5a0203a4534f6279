//! Renders templates.
//!
//! INVARIANT: steps, output and nesting are bounded, so a template that calls itself for ever ends with an error.

use std::rc::Rc;

use super::number::Number;
use super::parser::{Branch, Command, Node, Operand, Pipe, ROOT, Templates};
use super::value::Val;
use super::{MAX_DEPTH, MAX_OUTPUT, MAX_STEPS, TemplateError, functions, wrong};
use crate::deadline::Deadline;

/// Renders the root template over the variables.
pub(super) fn execute(templates: &Templates, variables: Val, deadline: Deadline) -> Result<String, TemplateError> {
    let mut state = State { templates, variables: Vec::new(), out: String::new(), steps: 0, depth: 0, deadline };
    state.template(ROOT, &variables)?;
    Ok(state.out)
}

struct State<'a> {
    templates: &'a Templates,
    /// The variables of the template that is being rendered, the innermost last.
    variables: Vec<(&'a str, Val)>,
    out: String,
    steps: usize,
    depth: usize,
    deadline: Deadline,
}

/// What becomes of a range after a node.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

type Walked = Result<Flow, TemplateError>;
type Evaluated = Result<Val, TemplateError>;

impl<'a> State<'a> {
    fn template(&mut self, name: &str, dot: &Val) -> Walked {
        let templates = self.templates;
        let nodes = templates.get(name).ok_or_else(|| wrong(format!("template {name:?} not defined")))?;
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let walked = self.deeper(|state| state.list(nodes, dot));
        self.variables = outer;
        walked
    }

    fn deeper<T>(&mut self, walk: impl FnOnce(&mut Self) -> Result<T, TemplateError>) -> Result<T, TemplateError> {
        self.depth += 1;
        if self.depth > 2 * MAX_DEPTH {
            return Err(TemplateError::Halt("templates call each other too deeply"));
        }
        let walked = walk(self);
        self.depth -= 1;
        walked
    }

    fn step(&mut self) -> Result<(), TemplateError> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(TemplateError::Halt("it takes too many steps"));
        }
        if self.out.len() > MAX_OUTPUT {
            return Err(TemplateError::Halt("it gives too much text"));
        }
        self.deadline.check_at(self.steps).map_err(|_| TemplateError::Timeout)
    }

    fn list(&mut self, nodes: &'a [Node], dot: &Val) -> Walked {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &'a Node, dot: &Val) -> Walked {
        self.step()?;
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    value.print(&mut self.out);
                }
            }
            Node::If(branch) => return self.condition(branch, dot, false),
            Node::With(branch) => return self.condition(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template { name, pipe } => {
                let dot = match pipe {
                    Some(pipe) => self.pipe(pipe, dot)?,
                    None => Val::Missing,
                };
                return self.template(name, &dot);
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn condition(&mut self, branch: &'a Branch, dot: &Val, with: bool) -> Walked {
        let mark = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let flow = self.deeper(|state| match value.truth() {
            true => state.list(&branch.body, if with { &value } else { dot }),
            false => state.list(&branch.otherwise, dot),
        });
        self.variables.truncate(mark);
        flow
    }

    fn range(&mut self, branch: &'a Branch, dot: &Val) -> Walked {
        let mark = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let flow = self.deeper(|state| state.iterate(branch, &value, dot));
        self.variables.truncate(mark);
        flow
    }

    fn iterate(&mut self, branch: &'a Branch, value: &Val, dot: &Val) -> Walked {
        let empty = match value {
            Val::List(items) => {
                for (index, item) in (0..).zip(items.iter()) {
                    if self.iteration(branch, Val::Int(index), item)? == Flow::Break {
                        break;
                    }
                }
                items.is_empty()
            }
            Val::Map(entries) => {
                for (key, item) in entries.iter() {
                    if self.iteration(branch, Val::Str(Rc::clone(key)), item)? == Flow::Break {
                        break;
                    }
                }
                entries.is_empty()
            }
            Val::Int(_) | Val::Byte(_) => {
                if branch.pipe.variables.len() > 1 {
                    return Err(wrong("can't use an integer to iterate over more than one variable"));
                }
                let count = if let Val::Int(count) = value { *count } else { integer_of(value) };
                for index in 0..count {
                    if self.iteration(branch, Val::Missing, &Val::Int(index))? == Flow::Break {
                        break;
                    }
                }
                count <= 0
            }
            Val::Missing | Val::Nil => true,
            other => return Err(wrong(format!("range can't iterate over {}", other.type_name()))),
        };
        if empty { self.list(&branch.otherwise, dot) } else { Ok(Flow::On) }
    }

    fn iteration(&mut self, branch: &'a Branch, index: Val, item: &Val) -> Walked {
        self.step()?;
        let mark = self.variables.len();
        let pipe = &branch.pipe;
        // The pipeline has declared its variables: the element's is the last.
        let values = match pipe.variables.len() {
            0 => vec![],
            1 => vec![item.clone()],
            _ => vec![index, item.clone()],
        };
        for (place, (name, value)) in pipe.variables.iter().zip(values).enumerate() {
            if pipe.assigns {
                self.assign(name, value)?;
            } else {
                let at = mark.checked_sub(pipe.variables.len()).map(|first| first + place);
                if let Some(variable) = at.and_then(|at| self.variables.get_mut(at)) {
                    variable.1 = value;
                }
            }
        }
        let flow = self.list(&branch.body, item);
        self.variables.truncate(mark);
        flow
    }

    fn pipe(&mut self, pipe: &'a Pipe, dot: &Val) -> Evaluated {
        let mut last: Option<Val> = None;
        for command in &pipe.commands {
            last = Some(self.command(command, dot, last)?.of_pipeline());
        }
        let value = last.unwrap_or(Val::Missing);
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn assign(&mut self, name: &str, value: Val) -> Result<(), TemplateError> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some(variable) => {
                variable.1 = value;
                Ok(())
            }
            None => Err(wrong(format!("undefined variable: {name}"))),
        }
    }

    /// A command, given the value of the one before it in its pipeline.
    fn command(&mut self, command: &'a Command, dot: &Val, last: Option<Val>) -> Evaluated {
        self.step()?;
        let has_args = !command.args.is_empty() || last.is_some();
        match &command.head {
            Operand::Function(name) => self.call(name, &command.args, dot, last),
            Operand::Nil => Err(wrong("nil is not a command")),
            // Neither a map nor its fields are functions.
            _ if has_args => Err(wrong("can't give argument to non-function")),
            head => self.operand(head, dot),
        }
    }

    fn operand(&mut self, operand: &'a Operand, dot: &Val) -> Evaluated {
        match operand {
            Operand::Dot => Ok(dot.clone()),
            Operand::Nil => Ok(Val::Nil),
            Operand::Bool(value) => Ok(Val::Bool(*value)),
            Operand::Number(Number::Int(value)) => Ok(Val::Int(*value)),
            Operand::Number(Number::Float(value)) => Ok(Val::Float(*value)),
            Operand::Str(text) => Ok(Val::str(text)),
            Operand::Field(path) => fields(dot.clone(), path),
            Operand::Variable(name, path) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let value = known.map(|(_, value)| value.clone());
                fields(value.ok_or_else(|| wrong(format!("undefined variable: {name}")))?, path)
            }
            Operand::Function(name) => self.call(name, &[], dot, None),
            Operand::Pipe(pipe) => self.deeper(|state| state.pipe(pipe, dot)),
            Operand::Chain(head, path) => {
                if matches!(**head, Operand::Nil) {
                    return Err(wrong("indirection through explicit nil"));
                }
                let value = self.operand(head, dot)?;
                fields(value, path)
            }
        }
    }

    fn call(&mut self, name: &str, args: &'a [Operand], dot: &Val, last: Option<Val>) -> Evaluated {
        self.step()?;
        if name == "and" || name == "or" {
            let mut value = None;
            for arg in args {
                let found = self.operand(arg, dot)?;
                if found.truth() == (name == "or") {
                    return Ok(found);
                }
                value = Some(found);
            }
            return last.or(value).ok_or_else(|| wrong(format!("wrong number of args for {name}")));
        }
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in args {
            values.push(self.operand(arg, dot)?);
        }
        values.extend(last);
        functions::call(name, &values)
    }
}

fn integer_of(value: &Val) -> i64 {
    if let Val::Byte(value) = value { i64::from(*value) } else { 0 }
}

/// Follows field names through maps.
fn fields(mut value: Val, path: &[String]) -> Evaluated {
    for name in path {
        value = match &value {
            Val::Missing => Val::Missing,
            Val::Map(entries) => entries.get(name.as_str()).cloned().unwrap_or(Val::Missing),
            Val::Nil => return Err(wrong(format!("nil pointer evaluating interface {{}}.{name}"))),
            other => return Err(wrong(format!("can't evaluate field {name} in type {}", other.type_name()))),
        };
    }
    Ok(value)
}
