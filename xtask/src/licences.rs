//! Every crate that is built must be under a licence that deny.toml allows.
//!
//! This needs nothing but cargo: the licences come from `cargo tree`, the list from deny.toml, and `spdx`, cargo-deny's own
//! parser, reads the expressions. Where cargo-deny is installed it checks the rest of deny.toml too: bans and sources.

use std::process::Stdio;

use spdx::{Expression, Licensee, ParseMode};
use toml::de::{DeTable, DeValue};

use crate::cargo::{cargo, output, root, run};

pub(crate) fn check() -> Result<(), String> {
    let allowed =
        Allowed::read(&std::fs::read_to_string(root().join("deny.toml")).map_err(|e| format!("deny.toml: {e}"))?)?;
    let text = output(&mut cargo(&[
        "tree",
        "--workspace",
        "--all-features",
        "--target",
        "all",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
        "--format",
        "{p}\t{l}",
    ]))?;
    let mut crates: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(package, licence)| (package, licence.trim_end_matches("(*)").trim()))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    if crates.is_empty() {
        return Err("cargo tree named no crate".into());
    }
    let refused: Vec<String> =
        crates.iter().filter_map(|(package, licence)| allowed.refusal(package, licence)).collect();
    if !refused.is_empty() {
        return Err(format!("{}: replace the crate, or add its licence to deny.toml", refused.join("; ")));
    }
    println!("{} crates, all under licences that deny.toml allows", crates.len());
    cargo_deny()
}

/// Runs cargo-deny where it is installed. The advisories need the network: the workflow checks them.
fn cargo_deny() -> Result<(), String> {
    let version = cargo(&["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        println!("cargo-deny is not installed: bans and sources are left to the workflow.");
        return Ok(());
    }
    run(&mut cargo(&["deny", "--all-features", "check", "bans", "licenses", "sources"]))
}

/// The licences of deny.toml.
struct Allowed {
    everywhere: Vec<Licensee>,
    /// For one crate each.
    exceptions: Vec<(String, Vec<Licensee>)>,
}

impl Allowed {
    fn read(text: &str) -> Result<Allowed, String> {
        let table = DeTable::parse(text).map_err(|e| format!("deny.toml: {e}"))?;
        let licences = table.get_ref().get("licenses").ok_or("deny.toml: [licenses] is missing")?.get_ref();
        let mut exceptions = Vec::new();
        for exception in licences.get("exceptions").and_then(|list| list.get_ref().as_array()).into_iter().flatten() {
            let exception = exception.get_ref();
            let name = exception.get("crate").and_then(|name| name.get_ref().as_str());
            let name = name.ok_or("deny.toml: an exception names no crate")?;
            exceptions.push((name.to_string(), licensees(exception)?));
        }
        Ok(Allowed { everywhere: licensees(licences)?, exceptions })
    }

    /// Why a crate's licence does not do. `package` is as `cargo tree` prints it: name, version, source.
    fn refusal(&self, package: &str, licence: &str) -> Option<String> {
        let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => {
                return Some(format!("{package} is under '{licence}', which cannot be read: {}", error.reason));
            }
        };
        let name = package.split(' ').next().unwrap_or(package);
        let besides = self.exceptions.iter().filter(|(exception, _)| exception == name);
        let allowed: Vec<&Licensee> =
            self.everywhere.iter().chain(besides.flat_map(|(_, licences)| licences)).collect();
        let is_met = expression.evaluate(|needed| allowed.iter().any(|licence| licence.satisfies(needed)));
        (!is_met).then(|| format!("{package} is under '{licence}'"))
    }
}

/// The list `allow` of a table.
fn licensees(table: &DeValue<'_>) -> Result<Vec<Licensee>, String> {
    let names = table.get("allow").and_then(|list| list.get_ref().as_array());
    let names = names.ok_or("deny.toml: a list `allow` is missing")?;
    let parse = |name: &str| Licensee::parse(name).map_err(|e| format!("deny.toml: '{name}': {}", e.reason));
    names.iter().map(|name| parse(name.get_ref().as_str().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::Allowed;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let text = "[licenses]\nallow = ['MIT', 'Apache-2.0', 'Apache-2.0 WITH LLVM-exception', 'Unicode-3.0']\n\
                    exceptions = [{ crate = 'fonts', allow = ['OFL-1.1', 'Ubuntu-font-1.0'] }]";
        let allowed = Allowed::read(text).unwrap();
        let is_allowed = |licence| allowed.refusal("other v1.0.0", licence).is_none();
        assert!(is_allowed("MIT OR Apache-2.0"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("GPL-3.0 OR MIT"));
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR MIT"));
        assert!(!is_allowed("GPL-3.0"));
        assert!(!is_allowed("MIT AND GPL-3.0"));
        assert!(!is_allowed("(MIT OR Apache-2.0) AND GPL-3.0"));
        assert!(!is_allowed("Apache-2.0 WITH Classpath-exception-2.0"));
        assert!(!is_allowed(""));
        let fonts = "(MIT OR Apache-2.0) AND OFL-1.1 AND Ubuntu-font-1.0";
        assert!(!is_allowed(fonts) && allowed.refusal("fonts v1.0.0", fonts).is_none());
    }

    #[test]
    fn the_repository_s_own_list_is_read() {
        let text = std::fs::read_to_string(crate::cargo::root().join("deny.toml")).unwrap();
        let allowed = Allowed::read(&text).unwrap();
        assert!(allowed.refusal("any v1.0.0", "MIT").is_none());
    }
}
