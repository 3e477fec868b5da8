//! The repository's chores: `cargo xtask demo | test | web | circles | bench`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who typed it")]

mod arguments;
mod cargo;
mod circles;
mod count;
mod demo;
mod driver;
mod licences;
mod new_crate;
mod rings;
mod rules;
mod soundness;
mod suite;
mod wasm;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use arguments::{RINGS, ROOT};

fn main() -> ExitCode {
    let arguments = arguments::command().get_matches();
    let result = match arguments.subcommand() {
        Some(("demo", _)) => demo::demo(),
        Some(("test", options)) if options.get_flag("list") => {
            println!("{}", suite::list());
            Ok(())
        }
        Some(("test", options)) => {
            let rings: Vec<&String> = options.get_many(RINGS).into_iter().flatten().collect();
            rings::test(&rings, options.get_flag("large"))
        }
        Some(("web", options)) => web::build(options.get_one::<String>(arguments::FEATURES).map(String::as_str))
            .and_then(|()| match options.get_flag("build") {
                true => Ok(()),
                false => web::serve(options.get_one::<String>(arguments::PORT).map_or("8080", String::as_str)),
            }),
        Some(("circles", options)) => {
            let root = options.get_one::<PathBuf>(ROOT).cloned().unwrap_or_else(cargo::root);
            if options.get_flag("arrows") { circles::print_arrows(&root) } else { circles::check(&root) }
        }
        Some(("bench", options)) => {
            let passed_on: Vec<&String> = options.get_many(arguments::PASSED_ON).into_iter().flatten().collect();
            demo::bench(&passed_on)
        }
        _ => Ok(()), // clap has asked for a task
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
