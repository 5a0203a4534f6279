//! "Did you mean": the known name that is nearest to what was written.

/// The nearest of the candidates, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > 64 {
        return None;
    }
    let lower = written.to_lowercase();
    let near = candidates.into_iter().map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate));
    let (distance, candidate) = near.min_by_key(|(distance, _)| *distance)?;
    let enough = distance <= written.chars().count().max(candidate.chars().count()) / 3;
    enough.then_some(candidate)
}

/// Levenshtein's distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut left_cell = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left_cell;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let cost = diagonal + usize::from(a != *b);
            diagonal = *cell;
            left_cell = cost.min(diagonal + 1).min(left_cell + 1);
            *cell = left_cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("constraint", ["constraints", "mode"]), Some("constraints"));
        assert_eq!(nearest("Mode", ["constraints", "mode"]), Some("mode"));
        assert_eq!(nearest("tool", ["tools", "roles"]), Some("tools"));
        assert_eq!(nearest("zzz", ["tools", "roles"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
    }
}
