//! Look inside a DenseNet while it runs: its answers and the reasons for them, every feature map, the time of each step.

mod answer;
mod app;
mod arguments;
mod atlas;
mod canvas;
mod description;
mod dialogs;
mod engine;
mod filmstrip;
mod inside;
mod messages;
mod network;
mod pictures;
mod report;
mod reuse;
mod reuse_view;
#[cfg(test)]
mod samples;
mod settings;
mod sheet;
mod state;
mod stop;
mod strips;
mod strips_view;
mod style;
mod surface;
mod timing;
mod toolbar;
#[cfg(test)]
mod view_tests;
mod window;
mod worker;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;

fn main() -> ExitCode {
    let start = Instant::now();
    let level = env_logger::Env::new().filter_or("DENSENET_DESKTOP_LOG", "warn");
    env_logger::Builder::from_env(level).init();
    match window::open(arguments::Arguments::parse(), start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("the window cannot be opened: {error}");
            ExitCode::FAILURE
        }
    }
}
