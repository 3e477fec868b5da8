//! "Did you mean ..?": which known name a wrong one resembles most.

/// Hostile files may hold long names, and many: only so many characters of so many names are compared.
const MAX_COMPARED: (usize, usize) = (200, 5000);

/// The known name with the least edit distance to `name` (Levenshtein 1966); the first of equals.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_and_distance(name, known).map(|(nearest, _)| nearest)
}

/// The nearest known name, if fewer than half of the characters of `name` would have to change: what is worth suggesting.
pub(crate) fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (nearest, distance) = nearest_and_distance(name, known)?;
    (2 * distance < name.chars().count()).then_some(nearest)
}

fn nearest_and_distance<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, usize)> {
    let (characters, names) = MAX_COMPARED;
    let beginning = |text: &str| text.chars().take(characters).collect::<String>();
    let wanted = beginning(name);
    let distances = known.into_iter().map(|candidate| (candidate, strsim::levenshtein(&wanted, &beginning(candidate))));
    distances.take(names).min_by_key(|&(_, distance)| distance)
}

#[cfg(test)]
mod tests {
    use super::{nearest, similar};

    #[test]
    fn the_least_changes_win_and_the_first_of_equals() {
        assert_eq!(nearest("densenet12", ["densenet201", "densenet121"]), Some("densenet121"));
        assert_eq!(nearest("b", ["a", "c"]), Some("a"));
        assert_eq!(nearest("a", []), None);
    }

    #[test]
    fn only_what_resembles_the_name_is_suggested() {
        assert_eq!(similar("densnet121", ["densenet201", "densenet121"]), Some("densenet121"));
        assert_eq!(similar("resnet", ["densenet121"]), None);
        assert_eq!(similar("", ["densenet121"]), None);
    }
}
