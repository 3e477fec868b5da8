//! What the app remembers between starts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::worker::Source;

/// Most files of a list of recent ones.
const RECENT: usize = 8;

/// Which part of the middle is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tab {
    #[default]
    Inside,
    Time,
    Reuse,
}

impl Tab {
    pub(crate) const ALL: [Tab; 3] = [Tab::Inside, Tab::Time, Tab::Reuse];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Tab::Inside => "Inside",
            Tab::Time => "Time",
            Tab::Reuse => "Feature reuse",
        }
    }
}

/// Remembered between starts, as the storage keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Weights that were loaded last; the embedded model where there is none.
    pub(crate) weights: Option<PathBuf>,
    /// The adapter that was chosen; the best where there is none.
    pub(crate) adapter: Option<String>,
    pub(crate) picture: Option<PathBuf>,
    pub(crate) folder: Option<PathBuf>,
    /// Weight files, the last first.
    pub(crate) recent: Vec<PathBuf>,
    /// Of the class-activation map, from 0 to 1.
    pub(crate) opacity: f32,
    /// Classes shown.
    pub(crate) top: usize,
    pub(crate) tab: Tab,
    /// All channels of a strip, or the new ones.
    pub(crate) whole: bool,
    /// Points of a side of a feature map, at least.
    pub(crate) cell: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            weights: None,
            adapter: None,
            picture: None,
            folder: None,
            recent: Vec::new(),
            opacity: 0.6,
            top: 10,
            tab: Tab::default(),
            whole: false,
            cell: 56.0,
        }
    }
}

impl Settings {
    /// What to load at the start.
    pub(crate) fn source(&self) -> Source {
        Source { path: self.weights.clone(), adapter: self.adapter.clone() }
    }

    /// Keeps weights that could be loaded.
    pub(crate) fn loaded(&mut self, path: Option<PathBuf>) {
        if let Some(path) = &path {
            self.recent.retain(|known| known != path);
            self.recent.insert(0, path.clone());
            self.recent.truncate(RECENT);
        }
        self.weights = path;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_were_loaded_come_first_and_once() {
        let mut settings = Settings::default();
        for name in ["a", "b", "a"] {
            settings.loaded(Some(name.into()));
        }
        assert_eq!(settings.recent, [PathBuf::from("a"), PathBuf::from("b")]);
        settings.loaded(None);
        assert_eq!((settings.weights.clone(), settings.recent.len()), (None, 2));
        (0..99).for_each(|i| settings.loaded(Some(format!("{i}").into())));
        assert_eq!(settings.recent.len(), RECENT);
    }

    #[test]
    fn what_an_older_version_kept_is_read() {
        let settings: Settings = serde_json::from_str(r#"{"opacity": 0.25, "unknown": 1}"#).expect("settings");
        assert_eq!(settings, Settings { opacity: 0.25, ..Settings::default() });
    }
}
