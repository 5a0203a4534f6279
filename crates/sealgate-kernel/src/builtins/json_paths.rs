//! Documents cut by paths: `json.filter` keeps what the paths name, `json.remove` the rest.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::failure::{Failure, Given};
use crate::{ArrayBuilder, Heap, ObjectBuilder, SetBuilder, Text, Value, View};

builtins! { TABLE:
    "json.filter" => sg_b_json_filter = filter as (object: OBJECT, paths: ARRAY | SET);
    "json.remove" => sg_b_json_remove = remove as (object: OBJECT, paths: ARRAY | SET);
}

/// What is said of a path that is none.
pub(super) const NO_PATH: Failure =
    Failure::Operand(2, "must be one of {set, array} containing string paths or array of path segments");

/// The paths as a tree of keys. A path that goes on behind the end of another is part of it.
enum Tree<'h> {
    /// A path ends here.
    End,
    Keys(BTreeMap<Value<'h>, Tree<'h>>),
}

fn filter<'h>(heap: Heap<'h>, object: Value<'h>, paths: Value<'h>) -> Given<'h> {
    object.as_object().ok_or(None)?;
    Ok(kept(heap, object, &Tree::of(heap, paths)?))
}

fn remove<'h>(heap: Heap<'h>, object: Value<'h>, paths: Value<'h>) -> Given<'h> {
    object.as_object().ok_or(None)?;
    without(heap, object, Some(&Tree::of(heap, paths)?)).ok_or(Some(Failure::Undefined))
}

impl<'h> Tree<'h> {
    /// The tree of an array or set of paths.
    fn of(heap: Heap<'h>, paths: Value<'h>) -> Result<Self, Option<Failure>> {
        let mut root = BTreeMap::new();
        for path in paths.as_elements().ok_or(None)? {
            insert(&mut root, &segments(heap, *path).ok_or(Some(NO_PATH))?);
        }
        Ok(Self::Keys(root))
    }

    fn get(&self, key: Value<'h>) -> Option<&Self> {
        match self {
            Self::End => None,
            Self::Keys(keys) => keys.get(&key),
        }
    }
}

fn insert<'h>(mut node: &mut BTreeMap<Value<'h>, Tree<'h>>, path: &[Value<'h>]) {
    let Some((last, inner)) = path.split_last() else { return };
    for key in inner {
        match node.entry(*key).or_insert_with(|| Tree::Keys(BTreeMap::new())) {
            Tree::End => return,
            Tree::Keys(keys) => node = keys,
        }
    }
    node.insert(*last, Tree::End);
}

/// The keys of a path: an array of any values, or a string with `/` between them, in which `~1` is `/` and `~0` is `~`.
pub(super) fn segments<'h>(heap: Heap<'h>, path: Value<'h>) -> Option<Vec<Value<'h>>> {
    match path.view() {
        View::Array(keys) => Some(keys.to_vec()),
        View::String("") => Some(Vec::new()),
        View::String(text) => {
            let keys = text.trim_start_matches('/').split('/');
            Some(keys.map(|key| Value::string(heap, unescaped(heap, key))).collect())
        }
        _ => None,
    }
}

fn unescaped<'h>(heap: Heap<'h>, key: &'h str) -> &'h str {
    if !key.contains('~') {
        return key;
    }
    // First `~1`, then `~0`, also in what that gave.
    let replaced = key.replace("~1", "/").replace("~0", "~");
    let mut text = Text::new(heap, replaced.len());
    text.push_str(&replaced);
    text.finish_str()
}

/// What of `value` is under the tree's keys. Elements of an array go by their index as a string.
fn kept<'h>(heap: Heap<'h>, value: Value<'h>, tree: &Tree<'h>) -> Value<'h> {
    let Tree::Keys(keys) = tree else { return value };
    match value.view() {
        View::Array(elements) => {
            let mut array = ArrayBuilder::new(heap, keys.len());
            for (index, element) in elements.iter().enumerate() {
                if let Some(inner) = tree.get(index_key(heap, index)) {
                    array.push(kept(heap, *element, inner));
                }
            }
            array.finish()
        }
        View::Set(elements) => {
            let mut set = SetBuilder::new(heap, keys.len());
            for element in elements {
                if let Some(inner) = tree.get(*element) {
                    set.add(kept(heap, *element, inner));
                }
            }
            set.finish()
        }
        View::Object(pairs) => {
            let mut object = ObjectBuilder::new(heap, keys.len());
            for pair in pairs {
                if let Some(inner) = tree.get(pair.key) {
                    object.insert(pair.key, kept(heap, pair.value, inner));
                }
            }
            object.finish()
        }
        _ => value,
    }
}

/// `value` without what is under the tree's keys; `None` if that is all of it.
fn without<'h>(heap: Heap<'h>, value: Value<'h>, tree: Option<&Tree<'h>>) -> Option<Value<'h>> {
    let tree = match tree {
        None => return Some(value),
        Some(Tree::End) => return None,
        Some(tree) => tree,
    };
    Some(match value.view() {
        View::Array(elements) => {
            let mut array = ArrayBuilder::new(heap, elements.len());
            for (index, element) in elements.iter().enumerate() {
                if let Some(rest) = without(heap, *element, tree.get(index_key(heap, index))) {
                    array.push(rest);
                }
            }
            array.finish()
        }
        View::Set(elements) => {
            let mut set = SetBuilder::new(heap, elements.len());
            for element in elements {
                if let Some(rest) = without(heap, *element, tree.get(*element)) {
                    set.add(rest);
                }
            }
            set.finish()
        }
        View::Object(pairs) => {
            let mut object = ObjectBuilder::new(heap, pairs.len());
            for pair in pairs {
                if let Some(rest) = without(heap, pair.value, tree.get(pair.key)) {
                    object.insert(pair.key, rest);
                }
            }
            object.finish()
        }
        _ => value,
    })
}

fn index_key<'h>(heap: Heap<'h>, index: usize) -> Value<'h> {
    Value::string(heap, super::operand::decimal(heap, index))
}
