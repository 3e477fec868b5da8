//! `--report FILE`: the window's content and frame times as JSON, for scripts and the end-to-end test.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use densenet_wgpu::files::AtomicFile;
use serde::Serialize;

use crate::messages::in_one_line;

/// Minimum time between two writes of the file.
const PAUSE: Duration = Duration::from_millis(100);

/// A class and its score, as shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Shown {
    pub(crate) class: usize,
    pub(crate) label: String,
    pub(crate) probability: f32,
}

/// The class-activation map on the screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ShownHeat {
    pub(crate) class: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) values: Vec<f32>,
    /// The part of the picture that it covers, in the picture's pixels: left, top, width, height.
    pub(crate) region: [f64; 4],
}

/// The feature maps on the screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ShownMaps {
    pub(crate) tap: String,
    pub(crate) maps: usize,
    /// How many differ from all maps before them.
    pub(crate) distinct: usize,
}

/// Places of widgets that a script clicks, in points: left, top, width, height.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Places {
    pub(crate) picture: [f32; 4],
    /// The chosen strip.
    pub(crate) strip: [f32; 4],
    pub(crate) pixels_per_point: f32,
}

/// The file's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Content {
    /// Milliseconds from the start of the process to the first frame on the screen.
    pub(crate) first_frame_ms: Option<f64>,
    /// The longest time in milliseconds from one frame to the next during the last load and until its first answer, and
    /// how many of these gaps there were.
    pub(crate) largest_gap_ms: f64,
    pub(crate) gaps: usize,
    pub(crate) model: Option<String>,
    pub(crate) adapter: Option<String>,
    /// Whether the network runs on the window's own device.
    pub(crate) shared: bool,
    pub(crate) loading: bool,
    pub(crate) picture: Option<String>,
    pub(crate) top: Vec<Shown>,
    pub(crate) heat: Option<ShownHeat>,
    pub(crate) maps: Option<ShownMaps>,
    /// Number of timed steps, or why there are none.
    pub(crate) times: Option<Result<usize, String>>,
    pub(crate) pictures_of_folder: usize,
    pub(crate) errors: Vec<String>,
    pub(crate) places: Places,
}

/// Measures frames, and writes the file if there is one.
pub(crate) struct Report {
    path: Option<PathBuf>,
    start: Instant,
    frames: usize,
    last: Option<Instant>,
    /// Whether the last frame requested the next one at once.
    animated: bool,
    pub(crate) content: Content,
    written: Option<(Instant, Content)>,
}

impl Report {
    pub(crate) fn new(path: Option<PathBuf>, start: Instant) -> Report {
        Report { path, start, frames: 0, last: None, animated: false, content: Content::default(), written: None }
    }

    /// Whether there is a file to write.
    pub(crate) fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    /// A frame begins. `animated`: it will request the next one at once, so the time until then counts as a gap.
    pub(crate) fn frame(&mut self, now: Instant, animated: bool) {
        self.frames += 1;
        // The first frame is on the screen when the second begins.
        if self.frames == 2 {
            self.content.first_frame_ms = Some((now - self.start).as_secs_f64() * 1e3);
        }
        if let Some(last) = self.last.filter(|_| self.animated && self.frames > 2) {
            self.content.largest_gap_ms = self.content.largest_gap_ms.max((now - last).as_secs_f64() * 1e3);
            self.content.gaps += 1;
        }
        (self.last, self.animated) = (Some(now), animated);
    }

    /// Starts to measure gaps again.
    pub(crate) fn forget_gaps(&mut self) {
        (self.content.largest_gap_ms, self.content.gaps) = (0.0, 0);
    }

    /// Writes the file if its content has changed. If it is too early, returns how long to wait.
    pub(crate) fn write(&mut self, now: Instant) -> Option<Duration> {
        let path = self.path.as_ref()?;
        if let Some((last, content)) = &self.written {
            if *content == self.content {
                return None;
            }
            let since = now - *last;
            if since < PAUSE {
                return Some(PAUSE - since);
            }
        }
        let written = AtomicFile::new(path).write(|file| Ok(serde_json::to_writer_pretty(file, &self.content)?));
        if let Err(error) = written {
            log::error!("the report was not written: {}", in_one_line(&error));
        }
        self.written = Some((now, self.content.clone()));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gaps_between_animated_frames_count() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut report = Report::new(None, start);
        for (ms, animated) in [(10, true), (400, true), (440, false), (9000, true), (9030, true)] {
            report.frame(at(ms), animated);
        }
        assert_eq!(report.content.first_frame_ms, Some(400.0));
        assert_eq!((report.content.largest_gap_ms, report.content.gaps), (40.0, 2));
        report.forget_gaps();
        report.frame(at(9050), true);
        assert_eq!(report.content.largest_gap_ms, 20.0);
    }

    #[test]
    fn the_file_is_written_when_its_content_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        let start = Instant::now();
        let mut report = Report::new(Some(path.clone()), start);
        assert_eq!(report.write(start), None);
        std::fs::remove_file(&path).expect("it was written");
        assert_eq!(report.write(start + PAUSE), None);
        assert!(!path.exists(), "nothing has changed");
        report.content.model = Some("a".into());
        assert!(report.write(start + PAUSE / 2).is_some_and(|rest| rest == PAUSE / 2), "too early");
        report.write(start + PAUSE);
        let text = std::fs::read_to_string(&path).expect("it was written");
        assert!(text.contains(r#""model": "a""#), "{text}");
    }
}
