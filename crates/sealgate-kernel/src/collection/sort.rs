//! Sorting entries that arrived all at once: a stable merge sort that keeps one of equal keys.

use core::cmp::Ordering;

use super::Entry;
use crate::{Heap, List};

/// Runs of this length are sorted by insertion.
const RUN: usize = 16;

/// Sorts `entries` by their keys and gives how many remain, at the front, once one of equal keys is kept.
pub(super) fn sort<'h, T: Entry<'h>>(heap: Heap<'h>, entries: &mut [T]) -> usize {
    if entries.is_sorted_by(|a, b| a.key() < b.key()) {
        return entries.len();
    }
    for run in entries.chunks_mut(RUN) {
        insertion_sort(run);
    }
    if entries.len() > RUN {
        let mut spare = List::new(heap, entries.len());
        let mut width = RUN;
        while width < entries.len() {
            for pair in entries.chunks_mut(width.saturating_mul(2)) {
                merge(pair, width, &mut spare);
            }
            width = width.saturating_mul(2);
        }
        spare.truncate(0);
        // Gives the memory back.
        spare.finish();
    }
    keep_one(entries)
}

/// [`sort`] of a few entries, which needs no memory.
pub(super) fn sort_few<'h, T: Entry<'h>>(entries: &mut [T]) -> usize {
    insertion_sort(entries);
    keep_one(entries)
}

#[inline(never)]
fn insertion_sort<'h, T: Entry<'h>>(entries: &mut [T]) {
    for end in 1..entries.len() {
        let mut at = end;
        while let Some([before, after]) = entries.get_mut(at.wrapping_sub(1)..=at) {
            if after.key() >= before.key() {
                break;
            }
            core::mem::swap(before, after);
            at -= 1;
        }
    }
}

/// Merges the sorted runs before and behind `middle`.
fn merge<'h, T: Entry<'h>>(entries: &mut [T], middle: usize, spare: &mut List<'_, T>) {
    let Some((left, right)) = entries.split_at_checked(middle) else { return };
    spare.truncate(0);
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let from_left = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.key() <= b.key(),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => break,
        };
        if let Some(entry) = if from_left { left.next() } else { right.next() } {
            spare.push(*entry);
        }
    }
    entries.copy_from_slice(spare.as_slice());
}

/// Moves one of each run of equal keys to the front, and gives how many there are.
#[inline(never)]
fn keep_one<'h, T: Entry<'h>>(entries: &mut [T]) -> usize {
    let mut kept = 0usize;
    for index in 0..entries.len() {
        let Some(entry) = entries.get(index).copied() else { break };
        let last = kept.checked_sub(1).and_then(|last| entries.get(last));
        let is_new = last.is_none_or(|last| last.key().cmp(&entry.key()) != Ordering::Equal);
        kept += usize::from(is_new);
        if (is_new || T::LAST_STAYS)
            && let Some(slot) = entries.get_mut(kept - 1)
        {
            *slot = entry;
        }
    }
    kept
}
