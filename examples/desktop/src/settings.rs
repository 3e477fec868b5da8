//! Settings that are kept between starts.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::messages::Source;

/// Recent weight files to keep.
const MAX_RECENT: usize = 8;

/// The tab in the middle.
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

/// The settings, as they are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The last weight file; `None` is the embedded model.
    pub(crate) weights: Option<PathBuf>,
    /// The chosen adapter, or `cpu`; `None` is a GPU, else the CPU engine.
    pub(crate) adapter: Option<String>,
    pub(crate) picture: Option<PathBuf>,
    pub(crate) folder: Option<PathBuf>,
    /// Recent weight files, newest first.
    pub(crate) recent: Vec<PathBuf>,
    /// Opacity of the class-activation map, from 0 to 1.
    pub(crate) opacity: f32,
    /// Number of classes in the answer.
    pub(crate) top: usize,
    pub(crate) tab: Tab,
    /// Whether to show all channels of a strip, not only the new ones.
    pub(crate) whole: bool,
    /// Minimum side of a feature map, in points.
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
    /// The weights and adapter to start with.
    pub(crate) fn source(&self) -> Source {
        Source { path: self.weights.clone(), adapter: self.adapter.clone() }
    }

    /// Remembers weights that loaded.
    pub(crate) fn loaded(&mut self, path: Option<PathBuf>) {
        if let Some(path) = &path {
            self.recent.retain(|known| known != path);
            self.recent.insert(0, path.clone());
            self.recent.truncate(MAX_RECENT);
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
        assert_eq!(settings.recent.len(), MAX_RECENT);
    }

    #[test]
    fn settings_of_an_older_version_are_read() {
        let settings: Settings = serde_json::from_str(r#"{"opacity": 0.25, "unknown": 1}"#).expect("settings");
        assert_eq!(settings, Settings { opacity: 0.25, ..Settings::default() });
    }
}
