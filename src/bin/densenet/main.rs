//! `densenet`: DenseNet on pictures and tensors, from the command line.
#![allow(clippy::print_stderr, reason = "a command line tool reports on stderr")]

mod adapters;
mod agreement;
mod classify;
#[path = "../cli/mod.rs"]
mod cli;
mod convert;
mod doctor;
mod engine;
mod features;
mod files;
mod heat;
mod inspect;
mod interrupt;
mod left_out;
mod memory;
mod pictures;
mod pull;
mod results;
mod rows;
mod run;
mod tensor;
mod tune;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// DenseNet inference on any GPU that WebGPU reaches.
///
/// Exit status: 0 success, 1 the work failed, 2 wrong usage, 130 interrupted. Logs go to stderr (RUST_LOG chooses them).
#[derive(Parser)]
#[command(name = "densenet", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  densenet adapters
  densenet classify tests/images/digits
  densenet classify --weights densenet121.safetensors --top 3 photo.jpg
  densenet inspect densenet121 --size 224";

#[derive(Subcommand)]
enum Command {
    Classify(classify::Arguments),
    Features(features::Arguments),
    Run(run::Arguments),
    Verify(verify::Arguments),
    Inspect(inspect::Arguments),
    Convert(convert::Arguments),
    Pull(pull::Arguments),
    Adapters(adapters::Arguments),
    Doctor(doctor::Arguments),
    Tune(tune::Arguments),
}

fn main() -> ExitCode {
    cli::environment::without_wayland();
    cli::finish::start_logging();
    cli::finish::finish(match &Arguments::parse().command {
        Command::Classify(arguments) => interrupt::settled(classify::classify(arguments)),
        Command::Features(arguments) => interrupt::settled(features::features(arguments)),
        Command::Run(arguments) => run::run(arguments),
        Command::Verify(arguments) => verify::verify(arguments),
        Command::Inspect(arguments) => inspect::inspect(arguments),
        Command::Convert(arguments) => convert::convert(arguments),
        Command::Pull(arguments) => pull::pull(arguments),
        Command::Adapters(arguments) => adapters::adapters(arguments),
        Command::Doctor(arguments) => doctor::doctor(arguments),
        Command::Tune(arguments) => tune::tune(arguments),
    })
}
