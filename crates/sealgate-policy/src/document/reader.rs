//! Nodes to the fields of a policy.

use indexmap::IndexMap;
use sealgate_diagnostics::{Diagnostic, Diagnostics, SourceId, Span};
use serde_json::{Map, Value};

use super::{Body, ConstraintText, FileScopeDocument, Mode, PolicyDocument, RoleDocument, Spanned, ToolDocument};
use crate::constraint::{check_number, is_identifier};
use crate::suggest;
use crate::yaml::{Entry, Node, NodeKind, Resolved, Scalar, Style};

/// The keys of each kind of mapping: the one list that the reader and the tests of the schema go by.
pub(crate) mod keys {
    /// A file that holds one role.
    pub(crate) const FLAT: &[&str] =
        &["version", "name", "description", "consts", "inherits", "is_mixin", "constraints", "default_policy", "tools"];
    /// A file that holds several roles.
    pub(crate) const ROLES: &[&str] = &["version", "name", "description", "consts", "roles"];
    /// A role under `roles:`.
    pub(crate) const ROLE: &[&str] =
        &["version", "description", "consts", "inherits", "is_mixin", "constraints", "default_policy", "tools"];
    /// A tool, or `default_policy`.
    pub(crate) const TOOL: &[&str] = &["mode", "description", "constraints", "file_scope"];
    /// A file scope.
    pub(crate) const FILE_SCOPE: &[&str] = &["argument", "allowed_paths", "denied_paths"];
}

/// The longest name of a role or tool, in bytes.
const MAX_NAME: usize = 1_024;
/// How deep a constant may nest.
const MAX_CONST_DEPTH: usize = 16;

pub(super) fn read_document(source: SourceId, root: &Node, found: &mut Diagnostics) -> Option<PolicyDocument> {
    let mut reader = Reader { found };
    let entries = reader.mapping(root, "a policy")?;
    let roles = entries.iter().find(|entry| entry.key.text == "roles");
    reader.check_keys(entries, if roles.is_some() { keys::ROLES } else { keys::FLAT }, roles.map(|e| e.key.span));
    reader.version(entries, Some(root.span));
    let name = get(entries, "name").and_then(|node| reader.text(node, "`name`"));
    let description = reader.description(entries);
    let body = match roles {
        Some(roles) => Body::Roles(reader.roles(&roles.value)),
        None => Body::Flat(Box::new(reader.role_fields(entries, Span { end: root.span.start, ..root.span }))),
    };
    // A flat file's constants are its role's; kept in one place only.
    let consts = if roles.is_some() { reader.consts(entries) } else { IndexMap::new() };
    Some(PolicyDocument { source, name, description, consts, body })
}

fn get<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Node> {
    entries.iter().find(|entry| entry.key.text == key).map(|entry| &*entry.value)
}

struct Reader<'a> {
    found: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn error(&mut self, code: &'static str, at: Span, message: impl Into<String>) {
        self.found.push(Diagnostic::error(code, message).at(at));
    }

    fn wrong_type(&mut self, node: &Node, what: &str, wanted: &str, help: Option<&str>) {
        if matches!(node.kind, NodeKind::Broken) {
            return;
        }
        let message = format!("{what} must be {wanted}, not {}", node.describe());
        let mut found = Diagnostic::error("policy::wrong-type", message).at(node.span);
        if let Some(help) = help {
            found = found.help(help);
        }
        self.found.push(found);
    }

    fn mapping<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.kind {
            NodeKind::Mapping(entries) => Some(entries),
            _ => {
                self.wrong_type(node, what, "a mapping", None);
                None
            }
        }
    }

    /// Reports every key that is not known; `roles` says where a `roles:` beside it stands.
    fn check_keys(&mut self, entries: &[Entry], known: &[&str], roles: Option<Span>) {
        for Entry { key, .. } in entries {
            if known.contains(&key.text.as_str()) {
                continue;
            }
            if let Some(roles) = roles.filter(|_| keys::FLAT.contains(&key.text.as_str())) {
                let message = format!("`{}` beside `roles` would be ignored", key.text);
                let found = Diagnostic::error("policy::beside-roles", message).at(key.span);
                let help = "move it into the roles that it is meant for, or into a mixin that they inherit";
                self.found.push(found.label(roles, "the roles").help(help));
                continue;
            }
            let found = Diagnostic::error("policy::unknown-key", format!("unknown key `{}`", key.text)).at(key.span);
            self.found.push(match suggest::nearest(&key.text, known.iter().copied()) {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found.help(format!("known keys here: `{}`", known.join("`, `"))),
            });
        }
    }

    /// Checks `version`; `required_in` says where it is missing if it is.
    fn version(&mut self, entries: &[Entry], required_in: Option<Span>) {
        let Some(node) = get(entries, "version") else {
            if let Some(at) = required_in {
                let at = Span { end: at.start, ..at };
                let missing = Diagnostic::error("policy::version", "`version` is missing").at(at);
                self.found.push(missing.help("begin the file with `version: 1`"));
            }
            return;
        };
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.text == "1" && scalar.resolve() == Resolved::Number => {}
            NodeKind::Scalar(scalar) if scalar.resolve() == Resolved::Number => {
                let found = Diagnostic::error("policy::version", format!("unknown version `{}`", scalar.text));
                self.found.push(found.at(node.span).help("this is written for `version: 1`"));
            }
            _ => self.wrong_type(node, "`version`", "the number 1", Some("write `version: 1`")),
        }
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<Spanned<String>> {
        self.scalar(node, what, "text", None).map(|scalar| Spanned { value: scalar.text.clone(), span: node.span })
    }

    fn scalar<'n>(&mut self, node: &'n Node, what: &str, wanted: &str, help: Option<&str>) -> Option<&'n Scalar> {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.resolve() == Resolved::Text => Some(scalar),
            _ => {
                let quote = matches!(&node.kind, NodeKind::Scalar(scalar) if !scalar.text.is_empty());
                self.wrong_type(node, what, wanted, help.or(quote.then_some("put it into quotes")));
                None
            }
        }
    }

    fn description(&mut self, entries: &[Entry]) -> Option<String> {
        get(entries, "description").and_then(|node| self.text(node, "`description`")).map(|text| text.value)
    }

    fn roles(&mut self, node: &Node) -> Vec<(Spanned<String>, RoleDocument)> {
        let Some(entries) = self.mapping(node, "`roles`") else { return Vec::new() };
        if entries.is_empty() {
            self.error("policy::no-roles", node.span, "`roles` is empty");
        }
        let mut roles = Vec::with_capacity(entries.len());
        for Entry { key, value } in entries {
            self.check_name(key, "role");
            let name = Spanned { value: key.text.clone(), span: key.span };
            if is_null(value) {
                let message = format!("the role `{}` says nothing: it denies everything", key.text);
                self.found.push(Diagnostic::warning("policy::empty-role", message).at(key.span));
                roles.push((name, self.role_fields(&[], key.span)));
            } else if let Some(fields) = self.mapping(value, "a role") {
                self.check_keys(fields, keys::ROLE, None);
                self.version(fields, None);
                roles.push((name, self.role_fields(fields, key.span)));
            }
        }
        roles
    }

    fn role_fields(&mut self, entries: &[Entry], span: Span) -> RoleDocument {
        RoleDocument {
            span,
            description: self.description(entries),
            inherits: get(entries, "inherits").map(|node| self.names(node, "`inherits`")).unwrap_or_default(),
            is_mixin: get(entries, "is_mixin").is_some_and(|node| self.boolean(node, "`is_mixin`")),
            consts: self.consts(entries),
            constraints: self.constraints(entries),
            default_policy: entries
                .iter()
                .find(|entry| entry.key.text == "default_policy")
                .and_then(|entry| self.tool(&entry.value, "`default_policy`", entry.key.span)),
            tools: get(entries, "tools").map(|node| self.tools(node)).unwrap_or_default(),
        }
    }

    fn tools(&mut self, node: &Node) -> Vec<(Spanned<String>, ToolDocument)> {
        let Some(entries) = self.mapping(node, "`tools`") else { return Vec::new() };
        let mut tools = Vec::with_capacity(entries.len());
        for Entry { key, value } in entries {
            self.check_name(key, "tool");
            if let Some(tool) = self.tool(value, &format!("the tool `{}`", key.text), key.span) {
                tools.push((Spanned { value: key.text.clone(), span: key.span }, tool));
            }
        }
        tools
    }

    fn tool(&mut self, node: &Node, what: &str, span: Span) -> Option<ToolDocument> {
        let entries: &[Entry] = match &node.kind {
            NodeKind::Mapping(entries) => entries,
            // `refund: allow` is short for `refund: {mode: allow}`.
            NodeKind::Scalar(scalar) if scalar.resolve() == Resolved::Text => {
                let mode = Some(self.mode(node)?);
                return Some(ToolDocument { span, mode, description: None, constraints: Vec::new(), file_scope: None });
            }
            _ => {
                self.wrong_type(node, what, "a mapping or a mode", None);
                return None;
            }
        };
        self.check_keys(entries, keys::TOOL, None);
        Some(ToolDocument {
            span,
            mode: get(entries, "mode").and_then(|node| self.mode(node)),
            description: self.description(entries),
            constraints: self.constraints(entries),
            file_scope: get(entries, "file_scope").and_then(|node| self.file_scope(node)),
        })
    }

    fn mode(&mut self, node: &Node) -> Option<Spanned<Mode>> {
        let scalar = self.scalar(node, "`mode`", "one of `allow`, `deny`, `approval_required`", None)?;
        let mode = Mode::ALL.into_iter().find(|mode| mode.as_str() == scalar.text);
        if mode.is_none() {
            let found = Diagnostic::error("policy::mode", format!("unknown mode `{}`", scalar.text)).at(node.span);
            let near = suggest::nearest(&scalar.text, Mode::ALL.map(Mode::as_str));
            self.found.push(match near {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found.help("modes are `allow`, `deny` and `approval_required`"),
            });
        }
        mode.map(|value| Spanned { value, span: node.span })
    }

    fn file_scope(&mut self, node: &Node) -> Option<FileScopeDocument> {
        let entries = self.mapping(node, "`file_scope`")?;
        self.check_keys(entries, keys::FILE_SCOPE, None);
        let argument = get(entries, "argument").map(|node| match &node.kind {
            NodeKind::Sequence(_) => self.names(node, "`argument`"),
            _ => self.text(node, "`argument`").into_iter().collect(),
        });
        Some(FileScopeDocument {
            span: node.span,
            argument,
            allowed_paths: self.globs(entries, "allowed_paths"),
            denied_paths: self.globs(entries, "denied_paths"),
        })
    }

    fn globs(&mut self, entries: &[Entry], key: &str) -> Option<Spanned<Vec<ConstraintText>>> {
        let node = get(entries, key)?;
        let NodeKind::Sequence(items) = &node.kind else {
            self.wrong_type(node, &format!("`{key}`"), "a list of globs", None);
            return None;
        };
        let globs = items.iter().filter_map(|item| self.scalar(item, "a glob", "text", None).cloned());
        Some(Spanned { value: globs.map(ConstraintText).collect(), span: node.span })
    }

    fn constraints(&mut self, entries: &[Entry]) -> Vec<ConstraintText> {
        let Some(node) = get(entries, "constraints") else { return Vec::new() };
        let NodeKind::Sequence(items) = &node.kind else {
            let help = "write each constraint on a line of its own, after `- `";
            self.wrong_type(node, "`constraints`", "a list", Some(help));
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let help = "put the whole constraint into single quotes";
            texts.extend(self.scalar(item, "a constraint", "text", Some(help)).cloned().map(ConstraintText));
        }
        texts
    }

    fn names(&mut self, node: &Node, what: &str) -> Vec<Spanned<String>> {
        let NodeKind::Sequence(items) = &node.kind else {
            let help = match &node.kind {
                NodeKind::Scalar(scalar) if !scalar.text.is_empty() => Some(format!("write `[{}]`", scalar.text)),
                _ => None,
            };
            self.wrong_type(node, what, "a list of names", help.as_deref());
            return Vec::new();
        };
        items.iter().filter_map(|item| self.text(item, "a name")).collect()
    }

    fn boolean(&mut self, node: &Node, what: &str) -> bool {
        if let NodeKind::Scalar(scalar) = &node.kind {
            if let Resolved::Bool(value) = scalar.resolve() {
                return value;
            }
            // YAML 1.1's other words for them: what they mean here is beyond doubt.
            match scalar.text.to_ascii_lowercase().as_str() {
                "yes" | "on" if scalar.style == Style::Plain => return true,
                "no" | "off" if scalar.style == Style::Plain => return false,
                _ => {}
            }
        }
        self.wrong_type(node, what, "`true` or `false`", None);
        false
    }

    fn check_name(&mut self, key: &Scalar, what: &str) {
        if key.text.is_empty() {
            self.error("policy::name", key.span, format!("the name of a {what} is empty"));
        } else if key.text.len() > MAX_NAME {
            self.error("policy::name", key.span, format!("the name of a {what} has at most {MAX_NAME} bytes"));
        }
    }

    fn consts(&mut self, entries: &[Entry]) -> IndexMap<String, Spanned<Value>> {
        let Some(node) = get(entries, "consts") else { return IndexMap::new() };
        let Some(entries) = self.mapping(node, "`consts`") else { return IndexMap::new() };
        let mut consts = IndexMap::with_capacity(entries.len());
        for Entry { key, value } in entries {
            if !is_identifier(&key.text) {
                let message = format!("`{}` cannot name a constant", key.text);
                let found = Diagnostic::error("policy::name", message).at(key.span);
                self.found.push(found.help("names are ASCII letters, digits and `_`, and begin with no digit"));
            }
            let constant = self.constant(value, 0).unwrap_or(Value::Null);
            consts.insert(key.text.clone(), Spanned { value: constant, span: key.span });
        }
        consts
    }

    fn constant(&mut self, node: &Node, depth: usize) -> Option<Value> {
        if depth > MAX_CONST_DEPTH {
            self.error("policy::const", node.span, "a constant is nested too deep");
            return None;
        }
        match &node.kind {
            NodeKind::Scalar(scalar) => self.constant_scalar(scalar),
            NodeKind::Sequence(items) => {
                Some(Value::Array(items.iter().filter_map(|item| self.constant(item, depth + 1)).collect()))
            }
            NodeKind::Mapping(entries) => {
                let members = entries.iter().filter_map(|entry| {
                    self.constant(&entry.value, depth + 1).map(|value| (entry.key.text.clone(), value))
                });
                Some(Value::Object(members.collect::<Map<_, _>>()))
            }
            NodeKind::Broken => None,
        }
    }

    fn constant_scalar(&mut self, scalar: &Scalar) -> Option<Value> {
        let refused = match scalar.resolve() {
            Resolved::Null => return Some(Value::Null),
            Resolved::Bool(value) => return Some(Value::Bool(value)),
            Resolved::Text if scalar.style == Style::Plain && means_more_in_yaml_1_1(&scalar.text) => {
                format!("`{}` is text or something else, depending on the reader", scalar.text)
            }
            Resolved::Text => return Some(Value::String(scalar.text.clone())),
            Resolved::Number => match check_number(&scalar.text) {
                Ok(()) => return serde_json::from_str(&scalar.text).ok().map(Value::Number),
                Err(message) => message,
            },
            Resolved::OddNumber => format!("`{}` is not a number as JSON writes them", scalar.text),
        };
        let found = Diagnostic::error("policy::const", refused).at(scalar.span);
        self.found.push(found.help("write numbers as in JSON, and put text into quotes"));
        None
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar(scalar) if scalar.resolve() == Resolved::Null)
}

/// Plain text that YAML 1.1 reads as a boolean or a number: `yes`, `1_000`, `1:30`, `0b11`.
fn means_more_in_yaml_1_1(text: &str) -> bool {
    let boolean = matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.contains(['_', ':'])
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b':' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let radix = |prefix: &str, is_digit: fn(u8) -> bool| {
        unsigned.strip_prefix(prefix).is_some_and(|rest| rest.bytes().all(|b| b == b'_' || is_digit(b)))
    };
    boolean || decimal || radix("0b", |b| matches!(b, b'0' | b'1')) || radix("0x", |b| b.is_ascii_hexdigit())
}
