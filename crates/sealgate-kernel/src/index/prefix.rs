//! Constant texts that one may begin with, as a tree: each below the longest of the others that it begins with itself.
//!
//! A tree is `count: u32`, then that many nodes in the order of their texts' bytes. A node is the address of its text (a
//! string), that of its parent or 0, and that of the records that it leads to. What is found is the longest text that the one
//! looked for begins with; its parents are all the others.

/// Words of a node.
pub const NODE_WORDS: usize = 3;
/// Offset of the address of a node's parent, in bytes.
pub const PARENT_OFFSET: u32 = 4;
/// Offset of the address of a node's first record, in bytes.
pub const CHAIN_OFFSET: u32 = 8;

/// The address of a tree's node by its place.
pub const fn node_address(tree: u32, place: usize) -> u32 {
    tree.saturating_add(4).saturating_add((place * NODE_WORDS * 4) as u32)
}

/// The places of the parents of texts that are sorted and differ.
pub fn parents<'t>(texts: impl Iterator<Item = &'t str>) -> alloc::vec::Vec<Option<usize>> {
    // The texts that the last one begins with, from the shortest on: those between are before it in the order.
    let mut open: alloc::vec::Vec<(usize, &str)> = alloc::vec::Vec::new();
    let mut parents = alloc::vec::Vec::new();
    for (place, text) in texts.enumerate() {
        while open.last().is_some_and(|(_, before)| !text.starts_with(before)) {
            open.pop();
        }
        parents.push(open.last().map(|(place, _)| *place));
        open.push((place, text));
    }
    parents
}

/// The place of the longest of `count` sorted texts that `text` begins with.
pub fn find<'t>(
    text: &[u8],
    count: usize,
    at: impl Fn(usize) -> &'t [u8],
    parent: impl Fn(usize) -> Option<usize>,
) -> Option<usize> {
    let (mut first, mut end) = (0, count);
    while first < end {
        let middle = usize::midpoint(first, end);
        if at(middle) <= text { first = middle + 1 } else { end = middle }
    }
    // Everything that the text begins with is the last text that is not behind it, or one that this begins with.
    let mut found = first.checked_sub(1);
    while let Some(place) = found
        && !text.starts_with(at(place))
    {
        found = parent(place);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn the_longest_beginning_is_found_and_leads_to_all_others() {
        let mut texts = ["", "/", "/a", "/a/", "/a/b/c", "/ab", "/b", "é", "\u{10ffff}", "/a/b/d"];
        texts.sort_unstable();
        let parents = parents(texts.iter().copied());
        for asked in
            ["", "/", "/a", "/a/b/c", "/a/b/cd", "/a/b/", "/abc", "/aa", "b", "éa", "\u{10ffff}", "\u{e8}", "/a/b/dd"]
        {
            let mut expected: Vec<&str> = texts.iter().copied().filter(|text| asked.starts_with(text)).collect();
            expected.sort_by_key(|text| core::cmp::Reverse(text.len()));
            let mut found =
                find(asked.as_bytes(), texts.len(), |place| texts[place].as_bytes(), |place| parents[place]);
            let mut all = Vec::new();
            while let Some(place) = found {
                all.push(texts[place]);
                found = parents[place];
            }
            assert_eq!(all, expected, "{asked}");
        }
        assert_eq!(find(b"a", 0, |_| b"", |_| None), None);
    }
}
