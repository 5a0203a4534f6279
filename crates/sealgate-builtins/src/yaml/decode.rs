//! Reads a text's first document into a value.
//!
//! INVARIANT: at most [`MAX_NODES`] nodes are visited however aliases nest, and OPA's library refuses most that would.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Tag};

use super::scalar::{self, Scalar};
use crate::deadline::Deadline;
use crate::json;
use crate::number::Number;
use crate::registry::BuiltinError;
use crate::uri::lossy;
use crate::value::Value;

/// How deep collections may nest; a value cannot nest deeper.
const MAX_DEPTH: usize = 200;
/// Nodes that are visited, those behind aliases each time.
const MAX_NODES: usize = 4_000_000;
/// Bytes of text.
const MAX_BYTES: usize = 16 << 20;

/// Reads the first document.
pub(super) fn decode(text: &str, deadline: Deadline) -> Result<Value, BuiltinError> {
    if text.len() > MAX_BYTES {
        return Err(BuiltinError::Halt(format!("YAML of more than {MAX_BYTES} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(super::is_allowed) {
        return Err(failed("control characters are not allowed"));
    }
    let mut tree = Tree::default();
    // A line break in YAML 1.1.
    let text = text.replace('\u{85}', "\n");
    let Some(root) = tree.read(&text, deadline)? else { return Ok(Value::Null) };
    let mut decoder = Decoder { tree: &tree, visited: 0, behind_aliases: 0, aliases: Vec::new(), deadline };
    let value = decoder.value(root, 0)?;
    if is_json(&value) { Ok(value) } else { Err(failed("a key or number that JSON does not have")) }
}

/// What JSON does not have. It is an error only if no later pair of its mapping takes its place.
fn no_json() -> Value {
    Value::Set(BTreeSet::new())
}

fn is_json(value: &Value) -> bool {
    match value {
        Value::Set(_) => false,
        Value::Array(items) => items.iter().all(is_json),
        Value::Object(entries) => entries.iter().all(|(key, value)| is_json(key) && is_json(value)),
        _ => true,
    }
}

fn failed(problem: impl std::fmt::Display) -> BuiltinError {
    BuiltinError::Failed(format!("yaml: {problem}"))
}

/// A node by its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NodeId(usize);

#[derive(Debug)]
enum Node {
    Scalar {
        text: String,
        plain: bool,
        tag: Option<String>,
    },
    Sequence(Vec<NodeId>),
    /// Keys and values in turn.
    Mapping(Vec<NodeId>),
    Alias(NodeId),
}

/// A document's nodes, the root first.
#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    fn read(&mut self, text: &str, deadline: Deadline) -> Result<Option<NodeId>, BuiltinError> {
        // The parser's own limit lies above ours, which counts the same in all kinds of collections.
        let options = granit_parser::options! { flow_nesting_limit: 2 * MAX_DEPTH, block_nesting_limit: 2 * MAX_DEPTH };
        let mut open: Vec<NodeId> = Vec::new();
        let mut anchors: HashMap<usize, NodeId> = HashMap::new();
        let mut root = None;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| match error.kind() {
                ErrorKind::RecursionLimitExceeded => too_deep(),
                _ => failed(error.info()),
            })?;
            let (node, anchor) = match event {
                Event::Scalar(value, style, anchor, tag) => {
                    // The last line of a block has a break only if it was written.
                    let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                    let cut = block && !text.ends_with('\n') && span.end.byte_offset() == Some(text.len());
                    let value = if cut { value.strip_suffix('\n').unwrap_or(&value) } else { &value };
                    // A lone `!` is no tag, but says that the scalar is text.
                    let plain = style == ScalarStyle::Plain && tag.is_none();
                    let tag = tag.as_deref().map(name).filter(|tag| tag != "!");
                    (Node::Scalar { text: value.to_owned(), plain, tag }, anchor)
                }
                Event::SequenceStart(_, anchor, _) => (Node::Sequence(Vec::new()), anchor),
                Event::MappingStart(_, anchor, _) => (Node::Mapping(Vec::new()), anchor),
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    continue;
                }
                Event::Alias(anchor) => match anchors.get(&anchor) {
                    Some(target) => (Node::Alias(*target), 0),
                    None => return Err(failed("unknown anchor referenced")),
                },
                Event::DocumentEnd => break,
                _ => continue,
            };
            let collection = matches!(node, Node::Sequence(_) | Node::Mapping(_));
            let id = NodeId(self.nodes.len());
            deadline.check_at(id.0.saturating_add(1))?;
            self.nodes.push(node);
            if anchor != 0 {
                anchors.insert(anchor, id);
            }
            match open.last().and_then(|parent| self.nodes.get_mut(parent.0)) {
                Some(Node::Sequence(children) | Node::Mapping(children)) => children.push(id),
                _ => root = Some(id),
            }
            if collection {
                open.push(id);
                if open.len() > MAX_DEPTH {
                    return Err(too_deep());
                }
            }
        }
        Ok(root)
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }
}

fn too_deep() -> BuiltinError {
    BuiltinError::Halt(format!("YAML is nested more than {MAX_DEPTH} deep"))
}

/// A tag in its short form, `!!str`.
fn name(tag: &Tag) -> String {
    match tag.handle() {
        "tag:yaml.org,2002:" => format!("!!{}", tag.suffix()),
        handle => match (handle.to_owned() + tag.suffix()).strip_prefix("tag:yaml.org,2002:") {
            Some(suffix) => format!("!!{suffix}"),
            None => handle.to_owned() + tag.suffix(),
        },
    }
}

struct Decoder<'a> {
    tree: &'a Tree,
    visited: usize,
    behind_aliases: usize,
    /// The aliases that are being followed.
    aliases: Vec<NodeId>,
    deadline: Deadline,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, BuiltinError> {
        self.visit()?;
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        match self.tree.node(id) {
            None => Ok(Value::Null),
            Some(Node::Scalar { text, plain, tag }) => scalar_value(text, *plain, tag.as_deref()),
            Some(Node::Sequence(items)) => {
                items.iter().map(|item| self.value(*item, depth + 1)).collect::<Result<_, _>>().map(Value::Array)
            }
            Some(Node::Mapping(children)) => {
                let mut entries = BTreeMap::new();
                self.fill(children, &mut entries, depth)?;
                Ok(Value::Object(entries))
            }
            Some(Node::Alias(target)) => {
                self.enter(id)?;
                let value = self.value(*target, depth);
                self.aliases.pop();
                value
            }
        }
    }

    /// Puts a mapping's pairs into `entries`; what comes later wins, be it merged in or not.
    fn fill(
        &mut self,
        children: &'a [NodeId],
        entries: &mut BTreeMap<Value, Value>,
        depth: usize,
    ) -> Result<(), BuiltinError> {
        let (pairs, _) = children.as_chunks::<2>();
        for [key, value] in pairs {
            if let Some(Node::Scalar { text, plain, tag }) = self.tree.node(*key)
                && text == "<<"
                && (*plain || tag.as_deref() == Some("!!merge"))
            {
                self.merge(*value, entries, depth)?;
                continue;
            }
            let key = self.key(*key)?;
            let value = self.value(*value, depth + 1)?;
            entries.insert(key, value);
        }
        Ok(())
    }

    fn merge(&mut self, id: NodeId, entries: &mut BTreeMap<Value, Value>, depth: usize) -> Result<(), BuiltinError> {
        match self.tree.node(id) {
            Some(Node::Sequence(items)) => {
                // The first has the last word.
                items.iter().rev().try_for_each(|item| self.merge_one(*item, entries, depth))
            }
            _ => self.merge_one(id, entries, depth),
        }
    }

    fn merge_one(
        &mut self,
        id: NodeId,
        entries: &mut BTreeMap<Value, Value>,
        depth: usize,
    ) -> Result<(), BuiltinError> {
        self.visit()?;
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        match self.tree.node(id) {
            Some(Node::Mapping(children)) => self.fill(children, entries, depth + 1),
            Some(Node::Alias(target)) => match self.tree.node(*target) {
                Some(Node::Mapping(children)) => {
                    self.enter(id)?;
                    self.visit()?;
                    let filled = self.fill(children, entries, depth + 1);
                    self.aliases.pop();
                    filled
                }
                _ => Err(failed("map merge requires map or sequence of maps as the value")),
            },
            _ => Err(failed("map merge requires map or sequence of maps as the value")),
        }
    }

    fn key(&mut self, id: NodeId) -> Result<Value, BuiltinError> {
        self.visit()?;
        match self.tree.node(id) {
            Some(Node::Scalar { text, plain, tag }) => key_text(text, *plain, tag.as_deref()),
            Some(Node::Alias(target)) => {
                self.enter(id)?;
                let key = self.key(*target);
                self.aliases.pop();
                key
            }
            _ => Err(failed("invalid map key")),
        }
    }

    fn enter(&mut self, alias: NodeId) -> Result<(), BuiltinError> {
        if self.aliases.contains(&alias) {
            return Err(failed("anchor value contains itself"));
        }
        if self.aliases.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.aliases.push(alias);
        Ok(())
    }

    /// Counts a node, and refuses documents that are mostly aliases, as OPA's library does.
    fn visit(&mut self) -> Result<(), BuiltinError> {
        self.visited += 1;
        if !self.aliases.is_empty() {
            self.behind_aliases += 1;
        }
        self.deadline.check_at(self.visited)?;
        if self.visited > MAX_NODES {
            return Err(BuiltinError::Halt(format!("YAML of more than {MAX_NODES} nodes")));
        }
        #[expect(clippy::cast_precision_loss, reason = "the counts are small")]
        let (visited, behind) = (self.visited as f64, self.behind_aliases as f64);
        let most = 0.99 - 0.89 * ((visited - 400_000.0) / 3_600_000.0).clamp(0.0, 1.0);
        if self.behind_aliases > 100 && self.visited > 1000 && behind / visited > most {
            return Err(failed("document contains excessive aliasing"));
        }
        Ok(())
    }
}

/// A scalar as its tag and its looks have it.
fn resolved(text: &str, plain: bool, tag: Option<&str>) -> Result<Scalar, BuiltinError> {
    if tag.is_none() && !plain {
        return Ok(Scalar::Text);
    }
    let found = match tag {
        Some("!!str") => return Ok(Scalar::Text),
        None | Some("!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp") => scalar::resolve(text),
        Some(_) => return Ok(Scalar::Text),
    };
    match (tag, found) {
        (None, found) => Ok(found),
        (Some("!!bool"), Scalar::Bool(_))
        | (Some("!!int"), Scalar::Int(_) | Scalar::Large(_))
        | (Some("!!float"), Scalar::Float(_))
        | (Some("!!null"), Scalar::Null) => Ok(found),
        #[expect(clippy::cast_precision_loss, reason = "a float is what the tag asks for")]
        (Some("!!float"), Scalar::Int(int)) => Ok(Scalar::Float(int as f64)),
        (Some("!!timestamp"), Scalar::Text) if crate::time::is_yaml_timestamp(text) => Ok(Scalar::Text),
        (Some(tag), _) => Err(failed(format!("cannot decode `{text}` as a {tag}"))),
    }
}

fn scalar_value(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, BuiltinError> {
    if tag == Some("!!binary") {
        return base64(text).map(Value::String).ok_or_else(bad_binary);
    }
    let number = |text: String| Number::parse(&text).map(Value::Number).ok_or_else(|| failed("unsupported number"));
    match resolved(text, plain, tag)? {
        Scalar::Null => Ok(Value::Null),
        Scalar::Bool(value) => Ok(Value::Bool(value)),
        Scalar::Int(value) => Ok(value.into()),
        Scalar::Large(value) => number(value.to_string()),
        Scalar::Float(value) if value.is_finite() => number(json::float_text(value)),
        Scalar::Float(_) => Ok(no_json()),
        Scalar::Text => Ok(text.into()),
    }
}

/// A key, which JSON wants to be a string.
fn key_text(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, BuiltinError> {
    if tag == Some("!!binary") {
        return base64(text).map(Value::String).ok_or_else(bad_binary);
    }
    Ok(match resolved(text, plain, tag)? {
        Scalar::Null | Scalar::Large(_) => no_json(),
        Scalar::Bool(value) => value.to_string().into(),
        Scalar::Int(value) => value.to_string().into(),
        #[expect(clippy::cast_possible_truncation, reason = "OPA's library gives such keys in single precision")]
        Scalar::Float(value) => scalar::shortest(&format!("{:e}", value as f32), &format!("{}", value as f32)).into(),
        Scalar::Text => text.into(),
    })
}

/// Binary data as a string.
fn base64(text: &str) -> Option<String> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    let bytes = engine.decode(text.replace(['\r', '\n'], "")).ok()?;
    Some(lossy(&bytes))
}

fn bad_binary() -> BuiltinError {
    failed("!!binary value contains invalid base64 data")
}
