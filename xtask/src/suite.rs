//! Everything that must hold: the rules, then the rings of tests from the middle outwards.

use crate::cargo::APP;
use crate::{licences, new_crate, rules, soundness, wasm};

/// What can be run by itself: the rules, or one ring.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// The ring's number; empty for the rules.
    pub(crate) number: &'static str,
    pub(crate) about: &'static str,
    /// Whether it runs on an adapter, so that there must be a driver.
    pub(crate) needs_driver: bool,
    pub(crate) steps: &'static [Step],
}

/// Something to run, under the heading it gets.
pub(crate) enum Step {
    /// A check, which can also be run by this name.
    Check(&'static str, fn() -> Result<(), String>),
    /// `cargo test` with these arguments.
    Tests(&'static str, &'static [&'static str]),
    /// The files of `tests/` whose names begin so.
    Integration(&'static [&'static str]),
    /// The files of `tests/` whose names begin so, in Chromium, where there is one.
    Browser(&'static str),
    /// The desktop app in its window, where there can be one.
    Window,
}

use Step::{Browser, Check, Integration, Tests, Window};

/// In the order in which they run.
pub(crate) static GROUPS: [Group; 8] = [
    Group {
        name: "rules",
        number: "",
        about: "Formatting, clippy, documentation, circles, features, the browser, licences",
        needs_driver: false,
        steps: &[
            Check("formatting", rules::formatting),
            Check("clippy", rules::clippy),
            Check("documentation", rules::documentation),
            Check("circles", rules::circles),
            Check("features", rules::without_features),
            Check("browser", wasm::check),
            Check("licences", licences::check),
            Tests("the chores themselves", &["--package", "xtask"]),
        ],
    },
    Group {
        name: "arithmetic",
        number: "1",
        about: "Ring 1: parameter counts, folding, names, plans",
        needs_driver: true,
        steps: &[Tests("unit tests", &["--lib", "--bins"])],
    },
    Group {
        name: "shaders",
        number: "2",
        about: "Ring 2: shaders without a GPU",
        needs_driver: true,
        steps: &[Integration(&["shaders", "cards", "noop"])],
    },
    Group {
        name: "kernels",
        number: "3",
        about: "Ring 3: kernels against naive loops",
        needs_driver: true,
        steps: &[Integration(&["kernels", "self_test"]), Check("soundness", soundness::check)],
    },
    Group {
        name: "network",
        number: "4",
        about: "Ring 4: the network against the reference and the goldens",
        needs_driver: true,
        steps: &[Integration(&[
            "network",
            "golden",
            "images",
            "pictures",
            "weights",
            "in_flight",
            "cancel",
            "memory",
            "cam",
            "heads",
            "cpu_networks",
        ])],
    },
    Group {
        name: "door",
        number: "5",
        about: "Ring 5: through the front door, as a user meets it",
        needs_driver: true,
        steps: &[
            Integration(&["cli_", "classifier", "cpu_door", "package", "public_api"]),
            Tests("documentation", &["--doc"]),
            Check("examples", rules::examples),
            Check("package", new_crate::check),
        ],
    },
    Group {
        name: "app",
        number: "6",
        about: "Ring 6: the desktop app",
        needs_driver: true,
        // Last: eframe is built for nothing else.
        steps: &[Check("app-rules", rules::app), Tests("the app's widgets", &["--package", APP, "--bins"]), Window],
    },
    Group {
        name: "web",
        number: "7",
        about: "Ring 7: the web package in Chromium",
        needs_driver: false,
        steps: &[
            Check("web-rules", rules::web),
            // Its server's tests run with those of the browser, which is served by it.
            Browser("browser_"),
        ],
    },
];

/// Tests of files too large for the repository.
pub(crate) static LARGE: Step = Tests(
    "large files",
    &["--test", "weights_keras", "--test", "weights_keras_memory", "--test", "weights_torch_large", "--", "--ignored"],
);

impl Group {
    /// Such as `ring 3: kernels`.
    pub(crate) fn title(&self) -> String {
        if self.number.is_empty() { self.name.into() } else { format!("ring {}: {}", self.number, self.name) }
    }

    fn is_called(&self, name: &str) -> bool {
        name == self.name || name == self.number
    }
}

impl Step {
    /// The name by which a check can be run.
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self {
            Check(name, _) => Some(name),
            Tests(..) | Integration(_) | Browser(_) | Window => None,
        }
    }
}

/// Names of everything that can be run by itself, besides the groups.
pub(crate) fn rule_names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.steps.iter().filter_map(Step::name))
}

/// The groups and steps that are called by these names or numbers, in their order; all of them without a name.
pub(crate) fn chosen(names: &[&String]) -> Vec<(&'static Group, &'static Step)> {
    let all = GROUPS.iter().flat_map(|group| group.steps.iter().map(move |step| (group, step)));
    let is_chosen = |group: &Group, step: &Step| {
        let mut names = names.iter().map(|name| name.as_str());
        names.len() == 0 || names.any(|name| group.is_called(name) || step.name() == Some(name))
    };
    all.filter(|(group, step)| is_chosen(group, step)).collect()
}

/// The beginnings of all names of integration tests.
pub(crate) fn beginnings() -> impl Iterator<Item = &'static str> {
    GROUPS
        .iter()
        .flat_map(|group| group.steps)
        .flat_map(|step| match step {
            Integration(beginnings) => *beginnings,
            Browser(beginning) => std::slice::from_ref(beginning),
            Check(..) | Tests(..) | Window => &[],
        })
        .copied()
}

/// What `--list` prints.
pub(crate) fn list() -> String {
    let lines = GROUPS.iter().map(|group| {
        let checks: Vec<&str> = group.steps.iter().filter_map(Step::name).collect();
        let checks =
            if checks.is_empty() { String::new() } else { format!("\n    by themselves: {}", checks.join(", ")) };
        format!("{:1} {:10}  {}{checks}", group.number, group.name, group.about)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{GROUPS, chosen};

    fn titles(names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut titles: Vec<String> =
            chosen(&names.iter().collect::<Vec<_>>()).iter().map(|(group, _)| group.title()).collect();
        titles.dedup();
        titles
    }

    #[test]
    fn a_ring_is_chosen_by_name_or_number() {
        assert_eq!(titles(&[]).len(), GROUPS.len());
        assert_eq!(titles(&["kernels"]), ["ring 3: kernels"]);
        assert_eq!(titles(&["4", "3"]), ["ring 3: kernels", "ring 4: network"]);
        assert_eq!(chosen(&[&"clippy".to_string()]).len(), 1);
    }

    #[test]
    fn no_name_has_two_meanings() {
        let mut names: Vec<&str> = GROUPS.iter().map(|group| group.name).chain(super::rule_names()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
