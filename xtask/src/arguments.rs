//! What can be typed behind `cargo xtask`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, Command, value_parser};

use crate::suite;

/// The names of arguments, as `main` asks for them.
pub(crate) const RINGS: &str = "RING";
pub(crate) const ROOT: &str = "root";
pub(crate) const PORT: &str = "port";
pub(crate) const FEATURES: &str = "features";
pub(crate) const PASSED_ON: &str = "OPTION";

/// All tasks and their options.
pub(crate) fn command() -> Command {
    Command::new("xtask")
        .bin_name("cargo xtask")
        .about("The repository's chores")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands([demo(), test(), web(), circles(), bench()])
}

fn demo() -> Command {
    Command::new("demo").about("Classify the bundled digits on whatever adapter this machine has").long_about(
        "Classify the bundled digits on whatever adapter this machine has.\n\n\
             Builds `densenet` for speed (minutes the first time), lists the adapters and reads the ten pictures in \
             tests/images/digits on the first one. On Debian and Ubuntu, Mesa's software Vulkan driver is installed \
             if there is no driver. Exit status 1 if a digit is misread.",
    )
}

fn test() -> Command {
    let groups = suite::GROUPS.iter().map(|group| {
        let value = PossibleValue::new(group.name).help(group.about);
        if group.number.is_empty() { value } else { value.alias(group.number) }
    });
    let rules = suite::rule_names().map(|name| PossibleValue::new(name).hide(true));
    let values = PossibleValuesParser::new(groups.chain(rules).collect::<Vec<_>>());
    Command::new("test")
        .about("Run the rules and the rings of tests; without arguments everything, as CI does")
        .after_help(
            "Examples:\n  cargo xtask test            everything, from the middle outwards\n  \
             cargo xtask test kernels    ring 3 alone; so does `cargo xtask test 3`\n  \
             cargo xtask test rules 1    the rules and ring 1\n  \
             cargo xtask test clippy     one rule; --list names them\n\n\
             On Debian and Ubuntu, what is missing is installed: Mesa's software Vulkan driver, and for the desktop app's \
             window xvfb, xdotool and imagemagick. Elsewhere it says what to do.",
        )
        .args([
            Arg::new(RINGS).help("What to run, by name or number; everything by default").num_args(0..).value_parser(values),
            Arg::new("list").long("list").action(ArgAction::SetTrue).help("List rings and rules, and run nothing"),
            Arg::new("large").long("large").action(ArgAction::SetTrue).conflicts_with(RINGS).help(
                "Also read networks that frameworks saved in full size, which tests/golden/make_large_*.py make",
            ),
        ])
}

fn web() -> Command {
    Command::new("web")
        .about("Build the web package and the page into target/web, and serve them on 127.0.0.1")
        .long_about(
            "Build the web package and the page into target/web, and serve them on 127.0.0.1.\n\n\
             The first build takes some minutes. Nothing but cargo is needed. target/web can be copied to any static host; \
             the package alone is target/web/pkg.",
        )
        .args([
            Arg::new("build").long("build").action(ArgAction::SetTrue).help("Only build"),
            Arg::new(FEATURES)
                .long(FEATURES)
                .value_name("LIST")
                .help("Build with these features alone, such as gpu,pytorch: docs/browser.md says what each costs"),
            Arg::new(PORT).long(PORT).value_name("PORT").default_value("8080").help("Serve on this port"),
        ])
}

fn circles() -> Command {
    Command::new("circles").about("Check that no two files need each other, and which rooms name which").args([
        Arg::new(ROOT)
            .long(ROOT)
            .value_name("FOLDER")
            .value_parser(value_parser!(PathBuf))
            .help("Check another checkout of the repository"),
        Arg::new("arrows")
            .long("arrows")
            .action(ArgAction::SetTrue)
            .help("Print what every file needs, and check nothing"),
    ])
}

fn bench() -> Command {
    Command::new("bench").about("Build densenet-bench for speed and run it").disable_help_flag(true).arg(
        Arg::new(PASSED_ON)
            .help("Passed on to densenet-bench; --help is its own")
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true),
    )
}

#[cfg(test)]
mod tests {
    use super::{RINGS, command};

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn rings_have_names_and_numbers() {
        let of = |words: &[&str]| -> Vec<String> {
            let matches = command().try_get_matches_from([&["xtask", "test"], words].concat()).unwrap();
            let (_, options) = matches.subcommand().unwrap();
            options.get_many::<String>(RINGS).into_iter().flatten().cloned().collect()
        };
        assert_eq!(of(&["kernels", "5", "circles"]), ["kernels", "5", "circles"]);
        assert!(command().try_get_matches_from(["xtask", "test", "kernel"]).is_err());
        assert!(command().try_get_matches_from(["xtask", "test", "9"]).is_err());
    }

    #[test]
    fn the_bench_gets_its_options() {
        let matches = command().try_get_matches_from(["xtask", "bench", "--arch", "densenet121", "--help"]).unwrap();
        let (_, options) = matches.subcommand().unwrap();
        assert_eq!(options.get_many::<String>(super::PASSED_ON).unwrap().count(), 3);
    }
}
