//! What folders hold that is not read.

use std::collections::BTreeMap;
use std::fs::FileType;
use std::path::Path;

use indicatif::HumanCount;
use serde_json::{Value, json};

/// Kinds that are named in the line for people.
const MAX_KINDS: usize = 12;
/// Letters of an ending that are shown.
const MAX_ENDING: usize = 16;

/// How many files of each kind.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(BTreeMap<String, usize>);

impl LeftOut {
    /// Counts a file by its ending; what is no file, by what it is. A link to a file counts as that file.
    pub(crate) fn add(&mut self, path: &Path, kind: Option<FileType>) {
        let ending = || match path.extension() {
            Some(ending) => {
                let ending = ending.to_string_lossy().to_lowercase();
                // Names come from files: they must not control the terminal.
                let plain = ending.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
                format!(".{}", plain.take(MAX_ENDING).collect::<String>())
            }
            None => "without ending".into(),
        };
        let kind = match kind {
            Some(kind) if kind.is_symlink() && path.is_dir() => "linked folder".into(),
            Some(kind) if kind.is_symlink() && !path.exists() => "broken link".into(),
            _ if path.is_file() => ending(),
            _ => "special file".into(),
        };
        *self.0.entry(kind).or_default() += 1;
    }

    /// Such as `left out: 3 .txt, 1 .heic`; `None` if all was read.
    pub(crate) fn line(&self) -> Option<String> {
        let mut kinds: Vec<(&String, usize)> = self.0.iter().map(|(kind, &count)| (kind, count)).collect();
        // Those of one count stay in the order of their names.
        kinds.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let rest: usize = kinds.iter().skip(MAX_KINDS).map(|&(_, count)| count).sum();
        let mut shown: Vec<String> = kinds
            .iter()
            .take(MAX_KINDS)
            .map(|&(kind, count)| {
                let is_plural = count > 1 && !kind.starts_with('.') && kind != "without ending";
                format!("{} {kind}{}", HumanCount(count as u64), if is_plural { "s" } else { "" })
            })
            .collect();
        if rest > 0 {
            shown.push(format!("{} of other kinds", HumanCount(rest as u64)));
        }
        (!shown.is_empty()).then(|| format!("left out: {}", shown.join(", ")))
    }

    /// The number of each kind.
    pub(crate) fn json(&self) -> Value {
        json!(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_and_the_commonest_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut left_out = LeftOut::default();
        assert_eq!((left_out.line(), left_out.json()), (None, json!({})));
        for name in
            ["b.HEIC", "notes.txt", "a.heic", "README", ".hidden", "evil.\u{1b}[2J", "x.a-very-long-ending-indeed"]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
            left_out.add(&path, Some(kind));
        }
        let line = "left out: 2 .heic, 2 without ending, 1 .a-very-long-endi, 1 .txt, 1 .\u{fffd}[2j";
        assert_eq!(left_out.line().unwrap(), line);
        assert_eq!(left_out.json()[".heic"], 2);
    }

    #[test]
    fn a_line_stays_a_line() {
        let kinds = (0..1000).map(|n| (format!(".{n:03}"), 1)).collect();
        let line = LeftOut(kinds).line().unwrap();
        assert!(line.starts_with("left out: 1 .000, ") && line.ends_with(", 1 .011, 988 of other kinds"), "{line}");
        assert_eq!(LeftOut([("linked folder".into(), 2)].into()).line().unwrap(), "left out: 2 linked folders");
    }
}
