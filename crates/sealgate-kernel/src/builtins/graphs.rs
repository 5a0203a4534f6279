//! Graphs as objects of nodes to the nodes that they lead to, and the walk through a document.

use alloc::vec::Vec;

use super::operand::count;
use crate::{ArrayBuilder, Heap, List, SetBuilder, Value, View};

builtins! { TABLE:
    "graph.reachable" => sg_b_graph_reachable = reachable as (graph: OBJECT, initial: ARRAY | SET);
    "graph.reachable_paths" => sg_b_graph_reachable_paths = reachable_paths as (graph: OBJECT, initial: ARRAY | SET);
    "walk" => sg_b_walk = walk as (document: ANY);
}

/// The nodes of the graph that can be reached from the initial ones, which are among them.
fn reachable<'h>(heap: Heap<'h>, graph: Value<'h>, initial: Value<'h>) -> Option<Value<'h>> {
    graph.as_object()?;
    let mut waiting = initial.as_elements()?.to_vec();
    let mut reached = alloc::collections::BTreeSet::new();
    while let Some(node) = waiting.pop() {
        if let Some(edges) = graph.get(node)
            && reached.insert(node)
        {
            waiting.extend(edges.as_elements().unwrap_or(&[]).iter().filter(|edge| !reached.contains(*edge)));
        }
    }
    let mut nodes = SetBuilder::new(heap, reached.len());
    reached.into_iter().for_each(|node| nodes.add(node));
    Some(nodes.finish())
}

/// A node on the way, and which of its edges come next.
struct Step<'h> {
    edges: &'h [Value<'h>],
    /// Edges to nodes on the path end it; at the start they don't.
    may_return: bool,
}

/// The paths from the initial nodes to where they end: at a node without edges, before one that the graph does not have, or
/// before one that is on the path already.
fn reachable_paths<'h>(heap: Heap<'h>, graph: Value<'h>, initial: Value<'h>) -> Option<Value<'h>> {
    graph.as_object()?;
    let mut paths = SetBuilder::new(heap, 0);
    for start in initial.as_elements()? {
        let Some(edges) = graph.get(*start) else { continue };
        let mut path = alloc::vec![*start];
        let edges = edges.as_elements().unwrap_or(&[]);
        if edges.is_empty() {
            paths.add(Value::array_copy(heap, &path));
        }
        let mut steps = alloc::vec![Step { edges, may_return: true }];
        while let Some(step) = steps.last_mut() {
            let Some((next, rest)) = step.edges.split_first() else {
                steps.pop();
                path.pop();
                continue;
            };
            step.edges = rest;
            let returns = !step.may_return && path.contains(next);
            let Some(edges) = graph.get(*next).filter(|_| !returns) else {
                paths.add(Value::array_copy(heap, &path));
                continue;
            };
            path.push(*next);
            let edges = edges.as_elements().unwrap_or(&[]);
            if edges.is_empty() {
                paths.add(Value::array_copy(heap, &path));
            }
            steps.push(Step { edges, may_return: false });
        }
    }
    Some(paths.finish())
}

/// Every value of a document with its path, as an array of pairs: first the document, each value before what it holds.
fn walk<'h>(heap: Heap<'h>, document: Value<'h>) -> Option<Value<'h>> {
    let mut pairs = ArrayBuilder::new(heap, 0);
    let root: &'h [Value<'h>] = &[];
    let mut waiting: Vec<(&'h [Value<'h>], Value<'h>)> = alloc::vec![(root, document)];
    while let Some((path, value)) = waiting.pop() {
        pairs.push(Value::array_copy(heap, &[Value::array(heap, path), value]));
        let inner = |key: Value<'h>| {
            let mut longer = List::new(heap, path.len() + 1);
            longer.extend(path);
            longer.push(key);
            longer.finish()
        };
        let start = waiting.len();
        match value.view() {
            View::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    waiting.push((inner(count(heap, index)?), *element));
                }
            }
            View::Set(elements) => waiting.extend(elements.iter().map(|element| (inner(*element), *element))),
            View::Object(pairs) => waiting.extend(pairs.iter().map(|pair| (inner(pair.key), pair.value))),
            _ => {}
        }
        // The first is popped first.
        if let Some(new) = waiting.get_mut(start..) {
            new.reverse();
        }
    }
    Some(pairs.finish())
}
