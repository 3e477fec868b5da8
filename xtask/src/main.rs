//! The repository's chores: `cargo xtask demo | test | bench`. Standard library only, so that it builds at once.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who typed it")]

mod cargo;
mod demo;
mod driver;
mod licences;
mod rings;
mod wasm;

use std::process::ExitCode;

const HELP: &str = "cargo xtask demo    classify the bundled digits on whatever adapter this machine has
cargo xtask test    everything that must hold, ring by ring; what CI runs
cargo xtask test --large   the same, and the networks that frameworks saved in full size
cargo xtask bench   build densenet-bench for speed and run it; arguments are passed on

`demo` and `test` install Mesa's software Vulkan driver where no driver is there (Debian and Ubuntu; elsewhere they say
what to do).";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        ["demo"] => demo::demo(),
        ["test"] => rings::test(false),
        ["test", "--large"] => rings::test(true),
        ["bench", passed_on @ ..] => demo::bench(passed_on),
        _ => {
            eprintln!("error: '{}' is no task\n\n{HELP}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
