//! "Did you mean ..?": which known name a wrong one resembles most.

/// Names from hostile files are compared by so many characters only, and so many of them.
const MAX_COMPARED: (usize, usize) = (200, 5000);

/// The known name with the least edit distance to `name` (Levenshtein 1966); the first of equals.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (characters, names) = MAX_COMPARED;
    let beginning = |text: &str| text.chars().take(characters).collect::<String>();
    let wanted = beginning(name);
    known.into_iter().take(names).min_by_key(|candidate| strsim::levenshtein(&wanted, &beginning(candidate)))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_least_changes_win_and_the_first_of_equals() {
        assert_eq!(nearest("densenet12", ["densenet201", "densenet121"]), Some("densenet121"));
        assert_eq!(nearest("b", ["a", "c"]), Some("a"));
        assert_eq!(nearest("a", []), None);
    }
}
