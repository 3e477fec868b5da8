//! The WGSL of a variant: its kernel's numbers as constants, its kernel's file, and what that imports.
//!
//! A line `#import shared/x.wgsl` is replaced by that file. `#import shared/x.wgsl if F16` is so in variants with weights
//! stored as f16 only, `if SUBGROUP` in variants that exchange registers, `if SHARED` in those that bring weights into
//! workgroup memory; `if not` is the opposite. Imported files import nothing themselves.
//!
//! A line `#each q ...` is repeated for each quad of a tile, with its number in place of `{q}`.

use super::constant::Value;
use super::text::Text;
use super::variant::Variant;
use crate::precision::Precision;

impl Variant {
    /// The shader's text: ordinary WGSL for naga.
    pub fn source(&self) -> String {
        let text = self.kernel.text.wgsl;
        let mut source = String::with_capacity(2 * text.len());
        for constant in self.constants() {
            source.push_str(&constant.wgsl());
            source.push('\n');
        }
        for line in text.lines() {
            match line.strip_prefix("#import ") {
                Some(import) if self.takes(import) => {
                    self.imported(import).wgsl.lines().for_each(|line| self.line(&mut source, line));
                }
                Some(_) => {}
                None => self.line(&mut source, line),
            }
        }
        source
    }

    fn line(&self, source: &mut String, line: &str) {
        match line.strip_prefix("#each q ") {
            Some(line) => {
                for quad in 0..self.quads() {
                    source.push_str(&line.replace("{q}", &quad.to_string()));
                    source.push('\n');
                }
            }
            None => {
                source.push_str(line);
                source.push('\n');
            }
        }
    }

    /// Quads of output channels of a tile.
    fn quads(&self) -> u32 {
        let quads =
            self.constants().into_iter().find(|constant| constant.name == "QUADS").map(|constant| constant.value);
        match quads {
            Some(Value::U32(quads)) => quads,
            _ => unreachable!("{self} has no tile"),
        }
    }

    /// [`Variant::source`] for a browser. Chrome's compiler wants a directive that naga refuses.
    pub fn browser_source(&self) -> String {
        let source = self.source();
        if self.subgroup > 0 { format!("enable subgroups;\n{source}") } else { source }
    }

    /// Whether the condition behind an import's path holds.
    fn takes(&self, import: &str) -> bool {
        let mut words = import.split_whitespace().skip(1);
        let (wanted, choice) = match (words.next(), words.next(), words.next()) {
            (None, ..) => return true,
            (Some("if"), Some("not"), Some(choice)) => (false, choice),
            (Some("if"), Some(choice), None) => (true, choice),
            _ => unreachable!("{self}: not an import: {import}"),
        };
        let chosen = match choice {
            "F16" => self.precision == Precision::F16,
            "SUBGROUP" => self.subgroup > 0,
            "SHARED" => self.tiling.shared,
            _ => unreachable!("{self}: no such choice: {import}"),
        };
        chosen == wanted
    }

    fn imported(&self, import: &str) -> &'static Text {
        let path = import.split_whitespace().next();
        let known = self.kernel.imports.iter().find(|text| Some(text.path) == path);
        known.unwrap_or_else(|| unreachable!("{self} imports {import}, which its folder does not list"))
    }
}
