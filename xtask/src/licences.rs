//! Every crate that is built must be under a licence of the list.

use crate::cargo::{cargo, output};

/// Permissive licences that need no more than their text kept.
const ALLOWED: [&str; 12] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "CC0-1.0",
    "Unicode-3.0",
    "BSL-1.0",
];

/// Licences of fonts that a program may embed and pass on, and the one crate that may come with them.
const FONTS: (&str, [&str; 2]) = ("epaint_default_fonts ", ["OFL-1.1", "Ubuntu-font-1.0"]);

pub(crate) fn check() -> Result<(), String> {
    let edges =
        ["tree", "--workspace", "--all-features", "--target", "all", "--edges", "normal,build,dev", "--prefix", "none"];
    let mut command = cargo(&edges);
    let text = output(command.args(["--format", "{p}\t{l}"]))?;
    let mut crates: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(package, licence)| (package, licence.trim_end_matches("(*)").trim()))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    let refused: Vec<String> = crates
        .iter()
        .filter(|(package, licence)| !is_allowed(licence, if package.starts_with(FONTS.0) { &FONTS.1 } else { &[] }))
        .map(|(package, licence)| format!("{package} is under '{licence}'"))
        .collect();
    if crates.is_empty() {
        return Err("cargo tree named no crate".into());
    }
    if refused.is_empty() {
        println!("{} crates, all under allowed licences", crates.len());
        return Ok(());
    }
    Err(format!("{}: replace the crate, or add its licence to xtask/src/licences.rs", refused.join("; ")))
}

/// Whether an SPDX expression can be met from the list and what is allowed `besides`. `OR` binds less than `AND`; parentheses group.
fn is_allowed(expression: &str, besides: &[&str]) -> bool {
    // Before SPDX expressions a slash meant `OR`.
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut parser = Parser { words: &words, besides };
    let allowed = parser.or();
    allowed && parser.words.is_empty()
}

struct Parser<'a> {
    words: &'a [&'a str],
    /// Allowed besides the list.
    besides: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn or(&mut self) -> bool {
        let mut allowed = self.and();
        while self.words.first() == Some(&"OR") {
            self.take();
            allowed |= self.and();
        }
        allowed
    }

    fn and(&mut self) -> bool {
        let mut allowed = self.licence();
        while self.words.first() == Some(&"AND") {
            self.take();
            allowed &= self.licence();
        }
        allowed
    }

    fn licence(&mut self) -> bool {
        match self.take() {
            Some("(") => {
                let allowed = self.or();
                allowed & (self.take() == Some(")"))
            }
            Some(name) => {
                let mut full = name.to_string();
                if self.words.first() == Some(&"WITH") {
                    self.take();
                    full = format!("{name} WITH {}", self.take().unwrap_or_default());
                }
                ALLOWED.contains(&full.as_str()) || self.besides.contains(&full.as_str())
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FONTS, is_allowed as is_allowed_besides};

    fn is_allowed(expression: &str) -> bool {
        is_allowed_besides(expression, &[])
    }

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        assert!(is_allowed("MIT OR Apache-2.0"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("GPL-3.0 OR MIT"));
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR MIT"));
        assert!(!is_allowed("GPL-3.0"));
        assert!(!is_allowed("MIT AND GPL-3.0"));
        assert!(!is_allowed("(MIT OR Apache-2.0) AND GPL-3.0"));
        assert!(!is_allowed("Apache-2.0 WITH Strange-exception"));
        assert!(!is_allowed(""));
        let fonts = "(MIT OR Apache-2.0) AND OFL-1.1 AND Ubuntu-font-1.0";
        assert!(!is_allowed(fonts) && is_allowed_besides(fonts, &FONTS.1));
    }
}
