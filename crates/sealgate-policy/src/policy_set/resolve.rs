//! Documents to a [`PolicySet`]: inheritance followed, constants looked up, constraints read once each.

use std::rc::Rc;

use foldhash::HashMap;
use indexmap::IndexMap;
use sealgate_diagnostics::{Diagnostic, Diagnostics, Severity, Span};
use serde_json::Value;

use super::scopes::read_file_scope;
use super::{Check, CheckId, DEFAULT_ROLE, Grant, PolicySet, Role};
use crate::constraint::{self, Condition};
use crate::document::{Body, ConstraintText, Mode, PolicyDocument, RoleDocument, ToolDocument};
use crate::file_scope::FileScope;
use crate::suggest;

/// How long a chain of inheritance may be.
const MAX_CHAIN: usize = 64;
/// The longest list of constraints.
const MAX_CONSTRAINTS: usize = 1_000;
/// The most pairs of role and tool, after inheritance.
const MAX_GRANTS: usize = 2_000_000;
/// The most checks that all grants name together.
const MAX_GRANT_CHECKS: usize = 10_000_000;

/// Resolves what was read; `None` where nothing could be.
pub(super) fn resolve<'a>(
    documents: &'a [(String, PolicyDocument)],
    folder: bool,
    found: &mut Diagnostics,
) -> Option<PolicySet> {
    let mut roles: IndexMap<&str, Written<'a>> = IndexMap::new();
    for (stem, document) in documents {
        let mut add = |name, role: &'a RoleDocument| {
            if let Some(first) = roles.get(name) {
                let message = format!("the role `{name}` is given by two files");
                let twice = Diagnostic::error("policy::duplicate-role", message).at(role.span);
                found.push(twice.label(first.role.span, "the other one"));
            } else {
                roles.insert(name, Written { role, document });
            }
        };
        match &document.body {
            Body::Flat(role) if folder => add(stem.as_str(), role),
            Body::Flat(role) => add(DEFAULT_ROLE, role),
            Body::Roles(all) if folder => {
                let at = all.first().map_or(Span::new(document.source, 0..0), |(name, _)| name.span);
                let nested = Diagnostic::error("policy::roles-in-folder", "a file in a folder of roles holds one role");
                found.push(nested.at(at).help("move each role into a file of its own, named after it"));
            }
            Body::Roles(all) => all.iter().for_each(|(name, role)| add(name.value.as_str(), role)),
        }
    }
    let mut resolver = Resolver { roles, found, done: HashMap::default(), checks: Checks::default(), total: (0, 0) };
    let names: Vec<&str> = resolver.roles.keys().copied().collect();
    for name in &names {
        resolver.role(name, &mut Vec::new());
    }
    resolver.finish(&names, documents)
}

/// A role with the file that it is written in.
#[derive(Clone, Copy)]
struct Written<'a> {
    role: &'a RoleDocument,
    document: &'a PolicyDocument,
}

/// An entry for a tool (or for all others) with its checks read.
struct Entry<'a> {
    owner: &'a str,
    tool: Option<&'a str>,
    written: Option<&'a ToolDocument>,
    mode: Mode,
    checks: Vec<CheckId>,
}

/// A role with what it inherits.
struct Resolved<'a> {
    /// How long its longest chain of parents is, itself included.
    depth: usize,
    consts: Rc<IndexMap<String, Value>>,
    wide: Vec<CheckId>,
    fallback: Option<Rc<Entry<'a>>>,
    tools: IndexMap<&'a str, Rc<Entry<'a>>>,
}

struct Resolver<'a, 'f> {
    roles: IndexMap<&'a str, Written<'a>>,
    found: &'f mut Diagnostics,
    /// `None` for a role that cannot be resolved, which was reported.
    done: HashMap<&'a str, Option<Rc<Resolved<'a>>>>,
    checks: Checks,
    /// Grants and their checks, all roles together.
    total: (usize, usize),
}

impl<'a> Resolver<'a, '_> {
    /// Resolves a role; `chain` holds the roles that are being resolved.
    fn role(&mut self, name: &'a str, chain: &mut Vec<&'a str>) -> Option<Rc<Resolved<'a>>> {
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        let written = *self.roles.get(name)?;
        chain.push(name);
        let parents = self.parents(&written, chain);
        chain.pop();
        let resolved = Rc::new(self.merge(name, written, &parents));
        self.total.0 += resolved.tools.len() + 1;
        let wide = resolved.wide.len();
        self.total.1 += resolved.tools.values().map(|entry| entry.checks.len() + wide).sum::<usize>();
        if self.total.0 > MAX_GRANTS || self.total.1 > MAX_GRANT_CHECKS {
            if self.total != (usize::MAX / 2, usize::MAX / 2) {
                let message = "the policy grants too much: inheritance gives more tools and constraints than fit";
                self.found.push(Diagnostic::error("policy::too-large", message).at(written.role.span));
            }
            self.total = (usize::MAX / 2, usize::MAX / 2);
            self.done.insert(name, None);
            return None;
        }
        self.done.insert(name, Some(Rc::clone(&resolved)));
        Some(resolved)
    }

    fn parents(&mut self, written: &Written<'a>, chain: &mut Vec<&'a str>) -> Vec<Rc<Resolved<'a>>> {
        let mut parents = Vec::with_capacity(written.role.inherits.len());
        for parent in &written.role.inherits {
            let name = parent.value.as_str();
            let Some((name, _)) = self.roles.get_key_value(name) else {
                let unknown =
                    Diagnostic::error("policy::unknown-role", format!("unknown role `{name}`")).at(parent.span);
                let near = suggest::nearest(name, self.roles.keys().copied());
                self.found.push(match near {
                    Some(near) => unknown.help(format!("did you mean `{near}`?")),
                    None => unknown.help("a role inherits roles and mixins of the same policy"),
                });
                continue;
            };
            let name = *name;
            if let Some(start) = chain.iter().position(|role| *role == name) {
                let way = chain.get(start..).unwrap_or(&[]).join("` -> `");
                let message = format!("`{name}` inherits itself: `{way}` -> `{name}`");
                self.found.push(Diagnostic::error("policy::cycle", message).at(parent.span));
                continue;
            }
            let resolved = if chain.len() < MAX_CHAIN { self.role(name, chain) } else { None };
            let fits = resolved.as_ref().is_some_and(|resolved| resolved.depth < MAX_CHAIN);
            if chain.len() >= MAX_CHAIN || (resolved.is_some() && !fits) {
                let message = format!("roles inherit each other more than {MAX_CHAIN} deep");
                self.found.push(Diagnostic::error("policy::too-deep", message).at(parent.span));
            } else {
                parents.extend(resolved);
            }
        }
        parents
    }

    /// Puts a role over its parents, later ones over earlier ones.
    fn merge(&mut self, name: &'a str, written: Written<'a>, parents: &[Rc<Resolved<'a>>]) -> Resolved<'a> {
        let consts = Rc::new(self.consts(written, parents));
        let mut wide: Vec<CheckId> = Vec::new();
        let mut tools: IndexMap<&'a str, Rc<Entry<'a>>> = IndexMap::new();
        let mut fallback = None;
        for parent in parents {
            push_new(&mut wide, &parent.wide);
            fallback.clone_from(&parent.fallback);
            for (tool, entry) in &parent.tools {
                let replaced = tools.insert(tool, Rc::clone(entry));
                if let Some(replaced) = replaced.filter(|replaced| !Rc::ptr_eq(replaced, entry)) {
                    self.warn_of_dropped(entry, &replaced, Some(name));
                }
            }
        }
        let own = self.constraints(name, &written.role.constraints, &consts);
        push_new(&mut wide, &own);
        if let Some(tool) = &written.role.default_policy {
            let entry = Rc::new(self.entry(name, None, tool, &consts));
            if let Some(replaced) = &fallback {
                self.warn_of_dropped(&entry, replaced, None);
            }
            fallback = Some(entry);
        }
        for (tool, document) in &written.role.tools {
            let entry = Rc::new(self.entry(name, Some(&tool.value), document, &consts));
            if let Some(replaced) = tools.get(tool.value.as_str()) {
                self.warn_of_dropped(&entry, replaced, None);
            }
            tools.insert(&tool.value, entry);
        }
        let depth = 1 + parents.iter().map(|parent| parent.depth).max().unwrap_or(0);
        Resolved { depth, consts, wide, fallback, tools }
    }

    /// The constants that a role's constraints may name: the file's, its parents', its own, later ones winning.
    fn consts(&self, written: Written<'a>, parents: &[Rc<Resolved<'a>>]) -> IndexMap<String, Value> {
        let own = |all: &IndexMap<String, crate::document::Spanned<Value>>| -> Vec<(String, Value)> {
            all.iter().map(|(name, constant)| (name.clone(), constant.value.clone())).collect()
        };
        let mut consts: IndexMap<String, Value> = own(&written.document.consts).into_iter().collect();
        for parent in parents {
            consts.extend(parent.consts.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        consts.extend(own(&written.role.consts));
        consts
    }

    fn entry(
        &mut self,
        owner: &'a str,
        tool: Option<&'a str>,
        written: &'a ToolDocument,
        consts: &Rc<IndexMap<String, Value>>,
    ) -> Entry<'a> {
        let mode = written.mode.as_ref().map_or(Mode::Deny, |mode| mode.value);
        let mut checks = self.constraints(owner, &written.constraints, consts);
        if let Some(document) = &written.file_scope
            && let Some(scope) = read_file_scope(document, tool, self.found)
        {
            checks.push(self.checks.add_scope(scope));
        }
        if mode == Mode::Deny && (!written.constraints.is_empty() || written.file_scope.is_some()) {
            let useless = Diagnostic::warning("policy::useless", "nothing is looked at here: the mode is `deny`");
            let help = if written.mode.is_some() {
                "remove the constraints"
            } else {
                "say `mode: allow`, or remove the constraints"
            };
            self.found.push(useless.at(written.mode.as_ref().map_or(written.span, |mode| mode.span)).help(help));
        }
        Entry { owner, tool, written: Some(written), mode, checks }
    }

    fn constraints(
        &mut self,
        owner: &'a str,
        texts: &'a [ConstraintText],
        consts: &Rc<IndexMap<String, Value>>,
    ) -> Vec<CheckId> {
        if let Some(extra) = texts.get(MAX_CONSTRAINTS) {
            let message = format!("a list of constraints has at most {MAX_CONSTRAINTS} entries");
            self.found.push(Diagnostic::error("policy::too-large", message).at(extra.span()));
        }
        let mut checks = Vec::with_capacity(texts.len());
        for constraint in texts.iter().take(MAX_CONSTRAINTS) {
            let Some(id) = self.constraint(owner, constraint, consts) else { continue };
            if checks.contains(&id) {
                let twice = Diagnostic::warning("policy::useless", "the constraint is given twice");
                self.found.push(twice.at(constraint.span()));
            } else {
                checks.push(id);
            }
        }
        checks
    }

    fn constraint(
        &mut self,
        owner: &str,
        constraint: &ConstraintText,
        consts: &Rc<IndexMap<String, Value>>,
    ) -> Option<CheckId> {
        let text = constraint.text().trim();
        if let Some(id) = self.checks.find(owner, text) {
            return Some(id);
        }
        let constant = |name: &str| consts.get(name).cloned();
        let constants = || consts.keys().cloned().collect();
        let (condition, findings) = constraint::parse(constraint.text(), &constant, &constants);
        let warned = !findings.is_empty();
        for finding in findings {
            let severity = if finding.warning { Severity::Warning } else { Severity::Error };
            let found = Diagnostic { severity, ..Diagnostic::error(finding.code, finding.message) };
            let found = found.at(constraint.span_of(finding.range));
            self.found.push(match finding.help {
                Some(help) => found.help(help),
                None => found,
            });
        }
        Some(self.checks.add_constraint(owner, text, condition?, warned))
    }

    /// Warns where `entry` takes the place of `replaced` without its checks; `heir` is the role where two parents meet.
    fn warn_of_dropped(&mut self, entry: &Entry<'a>, replaced: &Entry<'a>, heir: Option<&str>) {
        if entry.mode == Mode::Deny || replaced.mode == Mode::Deny {
            return;
        }
        let texts =
            |checks: &[CheckId]| -> Vec<String> { checks.iter().filter_map(|id| self.checks.text(*id)).collect() };
        let kept = texts(&entry.checks);
        let dropped: Vec<String> = texts(&replaced.checks).into_iter().filter(|text| !kept.contains(text)).collect();
        let (Some(written), Some(before)) = (entry.written, replaced.written) else { return };
        if dropped.is_empty() {
            return;
        }
        let what = entry.tool.map_or_else(|| "`default_policy`".to_owned(), |tool| format!("`{tool}`"));
        let message = match heir {
            None => format!(
                "this entry for {what} replaces that of `{}` and drops `{}`",
                replaced.owner,
                dropped.join("`, `")
            ),
            Some(heir) => format!(
                "in `{heir}`, the entry for {what} of `{}` replaces that of `{}` and drops `{}`",
                entry.owner,
                replaced.owner,
                dropped.join("`, `")
            ),
        };
        let found = Diagnostic::warning("policy::dropped-constraint", message).at(written.span);
        let label = "the entry that it replaces";
        self.found.push(found.label(before.span, label).help("repeat the constraint, or put it on the role"));
    }

    fn finish(self, names: &[&'a str], documents: &[(String, PolicyDocument)]) -> Option<PolicySet> {
        let name = documents.iter().find_map(|(_, document)| document.name.as_ref());
        for other in documents.iter().filter_map(|(_, document)| document.name.as_ref()) {
            if let Some(name) = name.filter(|name| name.value != other.value) {
                let message = format!("the policy is called `{}` elsewhere", name.value);
                let found = Diagnostic::error("policy::name", message).at(other.span).label(name.span, "here");
                self.found.push(found.help("give one name, in one of the files"));
            }
        }
        let concrete: Vec<&str> =
            names.iter().copied().filter(|name| self.roles.get(name).is_some_and(|w| !w.role.is_mixin)).collect();
        if concrete.is_empty() && !names.is_empty() {
            let at = self.roles.first().map(|(_, written)| written.role.span);
            let mixins = Diagnostic::error("policy::only-mixins", "every role is a mixin, so no caller can have one");
            let mixins = mixins.help("leave out `is_mixin` where callers have the role");
            self.found.push(match at {
                Some(at) => mixins.at(at),
                None => mixins,
            });
        }
        if self.found.has_errors() || concrete.is_empty() {
            return None;
        }
        let all = self.checks.all.into_iter().map(Some).collect();
        let mut kept = Kept { all, ids: HashMap::default(), kept: Vec::new() };
        let mut roles = IndexMap::with_capacity(concrete.len());
        for name in concrete {
            let resolved = self.done.get(name).cloned().flatten()?;
            let written = self.roles.get(name)?.role;
            let tools: IndexMap<String, Grant> = resolved
                .tools
                .iter()
                .map(|(tool, entry)| ((*tool).to_owned(), kept.grant(entry, &resolved.wide)))
                .collect();
            let none = Entry { owner: name, tool: None, written: None, mode: Mode::Deny, checks: Vec::new() };
            let fallback = kept.grant(resolved.fallback.as_deref().unwrap_or(&none), &resolved.wide);
            let inherits = written.inherits.iter().map(|parent| parent.value.clone()).collect();
            roles.insert(name.to_owned(), Role { description: written.description.clone(), inherits, tools, fallback });
        }
        let description = match documents {
            [(_, only)] => only.description.clone(),
            _ => None,
        };
        Some(PolicySet { name: name.map(|name| name.value.clone()), description, roles, checks: kept.kept })
    }
}

/// Every check read so far, each once.
#[derive(Default)]
struct Checks {
    all: Vec<Check>,
    /// By text; by owner too where the text names constants, whose values depend on who writes it. With each goes
    /// whether reading it gave warnings.
    by_text: HashMap<(Option<String>, String), (CheckId, bool)>,
    by_scope: HashMap<String, CheckId>,
}

impl Checks {
    fn key(owner: &str, text: &str) -> (Option<String>, String) {
        (text.contains("consts").then(|| owner.to_owned()), text.to_owned())
    }

    /// The constraint with this text, unless it has warnings: then it is read again wherever it stands, so that each
    /// place is named.
    fn find(&self, owner: &str, text: &str) -> Option<CheckId> {
        self.by_text.get(&Self::key(owner, text)).filter(|(_, warned)| !warned).map(|(id, _)| *id)
    }

    fn add_constraint(&mut self, owner: &str, text: &str, condition: Condition, warned: bool) -> CheckId {
        let next = self.next();
        let (id, _) = *self.by_text.entry(Self::key(owner, text)).or_insert((next, warned));
        if id == next {
            self.all.push(Check::Constraint { text: text.to_owned(), condition });
        }
        id
    }

    fn add_scope(&mut self, scope: FileScope) -> CheckId {
        let next = self.next();
        let id = *self.by_scope.entry(scope.key()).or_insert(next);
        if id == next {
            self.all.push(Check::FileScope(scope));
        }
        id
    }

    fn next(&self) -> CheckId {
        CheckId(u32::try_from(self.all.len()).unwrap_or(u32::MAX))
    }

    fn text(&self, id: CheckId) -> Option<String> {
        self.all.get(id.0 as usize).map(|check| check.text().to_owned())
    }
}

/// The checks that a concrete role uses, numbered in the order of their first use.
struct Kept {
    /// Every check, without those that are kept.
    all: Vec<Option<Check>>,
    ids: HashMap<CheckId, CheckId>,
    kept: Vec<Check>,
}

impl Kept {
    fn grant(&mut self, entry: &Entry<'_>, wide: &[CheckId]) -> Grant {
        let mut checks = Vec::new();
        if entry.mode != Mode::Deny {
            push_new(&mut checks, wide);
            push_new(&mut checks, &entry.checks);
        }
        let checks = checks.into_iter().map(|id| self.keep(id)).collect();
        let rule = match entry.tool {
            Some(tool) => format!("{}/tools/{tool}", entry.owner),
            None => format!("{}/default_policy", entry.owner),
        };
        Grant { mode: entry.mode, rule, checks }
    }

    fn keep(&mut self, id: CheckId) -> CheckId {
        if let Some(known) = self.ids.get(&id) {
            return *known;
        }
        let new = CheckId(u32::try_from(self.kept.len()).unwrap_or(u32::MAX));
        self.kept.extend(self.all.get_mut(id.0 as usize).and_then(Option::take));
        self.ids.insert(id, new);
        new
    }
}

fn push_new(all: &mut Vec<CheckId>, more: &[CheckId]) {
    for id in more {
        if !all.contains(id) {
            all.push(*id);
        }
    }
}
