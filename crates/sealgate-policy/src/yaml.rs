//! YAML text to a tree of nodes that know where they were written.
//!
//! Takes one text; gives its single document as [`Node`]s, with duplicate keys, stray documents, unknown tags and
//! everything over its bounds reported. Resolves aliases and merge keys (`<<`); knows nothing of policies.
//!
//! INVARIANT: walking the tree visits at most [`MAX_NODES`] nodes, however the aliases are nested.

mod scalar;

use std::rc::Rc;

use foldhash::HashMap;
use granit_parser::{Event, Parser, Span as YamlSpan, Tag};
use sealgate_diagnostics::{Diagnostic, Diagnostics, SourceId, Span};

pub(crate) use scalar::{Resolved, Scalar, Style, is_json_number};

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// The most nodes that a document may have after its aliases are expanded.
const MAX_NODES: usize = 4_000_000;
/// How deep collections may nest.
const MAX_DEPTH: usize = 64;

/// A value in the document.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it is written; for an alias, where the anchor is.
    pub(crate) span: Span,
    pub(crate) kind: NodeKind,
    /// How many nodes a walk visits, itself included.
    weight: usize,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Scalar(Scalar),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>),
    /// Something already reported.
    Broken,
}

/// One `key: value` of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Scalar,
    pub(crate) value: Rc<Node>,
}

impl Node {
    /// What the node is, as a message says it.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar(scalar) => scalar.resolve().describe(),
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
            NodeKind::Broken => "something unreadable",
        }
    }
}

/// Reads the one document of `text`; `None` where it has none or its syntax is broken, which is reported.
pub(crate) fn read(source: SourceId, text: &str, found: &mut Diagnostics) -> Option<Rc<Node>> {
    if text.len() > MAX_BYTES {
        let message = format!("the file is longer than {MAX_BYTES} bytes");
        found.push(Diagnostic::error("policy::too-large", message).at(Span::new(source, 0..0)));
        return None;
    }
    let mut builder =
        Builder { source, text, found, anchors: HashMap::default(), open: Vec::new(), root: None, weight: 0 };
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(next) => next,
            Err(error) => {
                let offset = error.marker().byte_offset().unwrap_or(text.len());
                let at = Span::new(source, offset..next_boundary(text, offset));
                let message = format!("this is not YAML: {}", lower_first(&error.info()));
                let help = "text that holds `: `, ` #` or begins with a sign goes into quotes; indent with spaces";
                builder.found.push(Diagnostic::error("policy::yaml-syntax", message).at(at).help(help));
                return None;
            }
        };
        if let Event::DocumentStart(..) = event {
            documents += 1;
            if documents > 1 {
                let at = builder.span(span);
                let found = Diagnostic::error("policy::many-documents", "a policy file holds one YAML document")
                    .at(at)
                    .help("put each policy into a file of its own");
                builder.found.push(found);
                return builder.root;
            }
        }
        builder.accept(event, span)?;
    }
    if builder.root.is_none() {
        let empty = Diagnostic::error("policy::empty", "the file holds no policy")
            .at(Span::new(source, 0..0))
            .help("begin with `version: 1`");
        builder.found.push(empty);
    }
    builder.root
}

/// A collection whose end has not been read.
struct Open {
    node: Node,
    anchor: usize,
    keys: HashMap<String, Span>,
    key: Option<Key>,
    merges: Vec<(Span, Rc<Node>)>,
}

/// A mapping's key whose value is to come.
enum Key {
    Plain(Scalar),
    Merge(Span),
    /// Reported: its value is read and dropped.
    Bad,
}

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    found: &'a mut Diagnostics,
    /// Finished anchors; `None` while the anchored collection is open.
    anchors: HashMap<usize, Option<Rc<Node>>>,
    open: Vec<Open>,
    root: Option<Rc<Node>>,
    weight: usize,
}

impl Builder<'_> {
    /// Takes one event; `None` ends the reading, for a reason that was reported.
    fn accept(&mut self, event: Event<'_>, span: YamlSpan) -> Option<()> {
        let at = self.span(span);
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at, &["str", "null", "bool", "int", "float"]);
                let tagged_string = tag.as_deref().is_some_and(|tag| core_tag(tag) == Some("str"));
                let scalar = Scalar::new(value.into_owned(), style, tagged_string, at, self.text);
                self.check_tag(tag.as_deref(), &scalar);
                let node = Rc::new(Node { span: scalar.span, kind: NodeKind::Scalar(scalar), weight: 1 });
                self.finish(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at, &["seq"]);
                self.begin(NodeKind::Sequence(Vec::new()), at, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at, &["map"]);
                self.begin(NodeKind::Mapping(Vec::new()), at, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut closed) = self.open.pop() else { return Some(()) };
                self.merge(&mut closed);
                // Block collections end where the next token begins; their last child says where they really end.
                closed.node.span.end = closed.node.span.end.max(at.end.min(last_end(&closed.node)));
                self.finish(Rc::new(closed.node), closed.anchor)
            }
            Event::Alias(id) => match self.anchors.get(&id).cloned().flatten() {
                Some(node) => {
                    self.grow(node.weight, at)?;
                    self.finish(node, 0)
                }
                None => {
                    let found = Diagnostic::error("policy::recursive-alias", "an alias inside its own anchor").at(at);
                    self.broken(found, at)
                }
            },
            Event::UnresolvedAlias(name) => {
                let found = Diagnostic::error("policy::unknown-alias", format!("unknown anchor `{name}`"))
                    .at(at)
                    .help("an anchor (`&name`) must come before its aliases");
                self.broken(found, at)
            }
            _ => Some(()),
        }
    }

    fn begin(&mut self, kind: NodeKind, at: Span, anchor: usize) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("collections are nested more than {MAX_DEPTH} deep");
            self.found.push(Diagnostic::error("policy::too-deep", message).at(at));
            return None;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        let node = Node { span: at, kind, weight: 1 };
        self.open.push(Open { node, anchor, keys: HashMap::default(), key: None, merges: Vec::new() });
        Some(())
    }

    fn broken(&mut self, found: Diagnostic, at: Span) -> Option<()> {
        self.found.push(found);
        self.finish(Rc::new(Node { span: at, kind: NodeKind::Broken, weight: 1 }), 0)
    }

    /// Puts a finished node where it belongs: into the open collection, or as the root.
    fn finish(&mut self, node: Rc<Node>, anchor: usize) -> Option<()> {
        self.grow(1, node.span)?;
        if anchor != 0 {
            self.anchors.insert(anchor, Some(Rc::clone(&node)));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match &mut parent.node.kind {
            NodeKind::Sequence(items) => {
                parent.node.weight += node.weight;
                items.push(node);
            }
            NodeKind::Mapping(entries) => match parent.key.take() {
                None => parent.key = Some(read_key(&node, &mut parent.keys, self.found)),
                Some(Key::Plain(key)) => {
                    parent.node.weight += node.weight;
                    entries.push(Entry { key, value: node });
                }
                // Which of several would win is read differently by others.
                Some(Key::Merge(at)) => match parent.merges.first() {
                    Some((first, _)) => self.found.push(given_twice("<<", at, *first)),
                    None => parent.merges.push((at, node)),
                },
                Some(Key::Bad) => {}
            },
            NodeKind::Scalar(_) | NodeKind::Broken => {}
        }
        Some(())
    }

    /// Adds what `<<` names, explicit keys and earlier sources first.
    fn merge(&mut self, open: &mut Open) {
        for (at, value) in std::mem::take(&mut open.merges) {
            let sources = match &value.kind {
                NodeKind::Mapping(_) => vec![Rc::clone(&value)],
                NodeKind::Sequence(items) => items.clone(),
                _ => Vec::new(),
            };
            let all_mappings = sources.iter().all(|source| matches!(source.kind, NodeKind::Mapping(_)));
            if sources.is_empty() || !all_mappings {
                let found = Diagnostic::error("policy::merge-key", "`<<` takes a mapping or a list of mappings").at(at);
                self.found.push(found);
                continue;
            }
            for source in &sources {
                let NodeKind::Mapping(merged) = &source.kind else { continue };
                let NodeKind::Mapping(entries) = &mut open.node.kind else { continue };
                for entry in merged {
                    if !open.keys.contains_key(&entry.key.text) {
                        open.keys.insert(entry.key.text.clone(), entry.key.span);
                        open.node.weight += entry.value.weight;
                        entries.push(entry.clone());
                    }
                }
            }
        }
    }

    fn grow(&mut self, weight: usize, at: Span) -> Option<()> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight <= MAX_NODES {
            return Some(());
        }
        let message = format!("the document has more than {MAX_NODES} values once its aliases are expanded");
        self.found.push(Diagnostic::error("policy::too-large", message).at(at));
        None
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, at: Span, known: &[&str]) {
        let Some(tag) = tag else { return };
        if core_tag(tag).is_none_or(|name| !known.contains(&name)) {
            self.found.push(Diagnostic::error("policy::tag", "this YAML tag is not supported").at(at));
        }
    }

    /// Reports a scalar that is not what its tag says: other readers would make another value of it.
    fn check_tag(&mut self, tag: Option<&Tag>, scalar: &Scalar) {
        let resolved = scalar.resolve();
        let fits = match tag.and_then(core_tag) {
            Some("null") => resolved == Resolved::Null,
            Some("bool") => matches!(resolved, Resolved::Bool(_)),
            Some("float") => resolved == Resolved::Number,
            Some("int") => resolved == Resolved::Number && !scalar.text.contains(['.', 'e', 'E']),
            _ => true,
        };
        if !fits {
            let message = format!("the tag of `{}` does not fit: it is {}", scalar.text, resolved.describe());
            let found = Diagnostic::error("policy::tag", message).at(scalar.span);
            self.found.push(found.help("leave the tag out, and the quotes where it is not text"));
        }
    }

    fn span(&self, span: YamlSpan) -> Span {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start);
        Span::new(self.source, start..end.max(start))
    }
}

fn read_key(node: &Node, keys: &mut HashMap<String, Span>, found: &mut Diagnostics) -> Key {
    let NodeKind::Scalar(scalar) = &node.kind else {
        if !matches!(node.kind, NodeKind::Broken) {
            found.push(Diagnostic::error("policy::key", "a key must be text").at(node.span));
        }
        return Key::Bad;
    };
    if scalar.is_merge() {
        return Key::Merge(scalar.span);
    }
    if !matches!(scalar.resolve(), Resolved::Text) {
        let message = format!("the key `{}` is {}, not text", scalar.text, scalar.resolve().describe());
        found.push(Diagnostic::error("policy::key", message).at(scalar.span).help("put it into quotes"));
        return Key::Bad;
    }
    if let Some(first) = keys.get(&scalar.text) {
        found.push(given_twice(&scalar.text, scalar.span, *first));
        return Key::Bad;
    }
    keys.insert(scalar.text.clone(), scalar.span);
    Key::Plain(scalar.clone())
}

fn given_twice(key: &str, at: Span, first: Span) -> Diagnostic {
    Diagnostic::error("policy::duplicate-key", format!("the key `{key}` is given twice"))
        .at(at)
        .label(first, "first given here")
        .help("remove one of them")
}

fn core_tag(tag: &Tag) -> Option<&str> {
    tag.handle().starts_with("tag:yaml.org,2002:").then(|| tag.suffix())
}

fn last_end(node: &Node) -> u32 {
    match &node.kind {
        NodeKind::Sequence(items) => items.last().map_or(node.span.end, |item| item.span.end),
        NodeKind::Mapping(entries) => entries.last().map_or(node.span.end, |entry| entry.value.span.end),
        NodeKind::Scalar(_) | NodeKind::Broken => node.span.end,
    }
}

fn next_boundary(text: &str, offset: usize) -> usize {
    text.ceil_char_boundary((offset + 1).min(text.len()))
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
