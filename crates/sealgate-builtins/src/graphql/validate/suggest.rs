//! "Did you mean": names that are near to one that is not there.

use crate::graphql::error::{Budget, Refused};

/// `"a", "b", or "c"`; at most five.
pub(super) fn quoted_or_list(items: &[String]) -> String {
    match items.get(..5).unwrap_or(items) {
        [] => String::new(),
        [only] => format!("\"{only}\""),
        [first, second] => format!("\"{first}\" or \"{second}\""),
        [most @ .., last] => format!("\"{}\", or \"{last}\"", most.join("\", \"")),
    }
}

/// ` PREFIX "a" or "b"?`, or nothing.
///
/// # Errors
/// [`Refused::Bound`].
pub(super) fn suggestion<'a>(
    prefix: &str,
    typed: &str,
    options: impl Iterator<Item = &'a str>,
    budget: &mut Budget,
) -> Result<String, Refused> {
    let near = near(typed, options, budget)?;
    Ok(if near.is_empty() { String::new() } else { format!(" {prefix} {}?", quoted_or_list(&near)) })
}

/// The options that are near to what was typed, the nearest first.
///
/// # Errors
/// [`Refused::Bound`].
fn near<'a>(typed: &str, options: impl Iterator<Item = &'a str>, budget: &mut Budget) -> Result<Vec<String>, Refused> {
    // Two fifths of the text may differ.
    let threshold = (typed.len().saturating_mul(2) / 5).saturating_add(1);
    let mut found = Vec::new();
    for option in options {
        budget.spend(1)?;
        // A difference in length is a distance already; lower case may change the length a little.
        let (typed_length, length) = (typed.chars().count(), option.chars().count());
        if typed_length.abs_diff(length) > threshold.saturating_add(8) {
            continue;
        }
        budget.spend(typed_length.saturating_mul(length) / 16)?;
        let distance = distance(typed, option);
        if distance <= threshold {
            found.push((distance, option.to_owned()));
        }
    }
    found.sort_by_key(|(distance, _)| *distance);
    Ok(found.into_iter().map(|(_, option)| option).collect())
}

/// The edits from one text to the other; a difference in case only is one.
fn distance(a: &str, b: &str) -> usize {
    if a == b {
        return 0;
    }
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    if a == b {
        return 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, from) in a.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal.saturating_add(usize::from(from != *to));
            diagonal = *cell;
            *cell = changed.min(left.saturating_add(1)).min(diagonal.saturating_add(1));
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}
