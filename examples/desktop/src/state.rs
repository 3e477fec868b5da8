//! The state of the window, as plain data, and how it changes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use densenet_wgpu::gpu::StepTime;
use densenet_wgpu::picture::{Heat, Picture};
use densenet_wgpu::{AdapterFacts, Progress, top_k};

use crate::atlas::Atlas;
use crate::canvas::{self, Canvas};
use crate::messages::{Answer, Event, Job, Refused, Source};
use crate::network::Network;
use crate::pictures::{News, OpenPicture, PathKind};
use crate::settings::{Settings, Tab};
use crate::strips::{Strip, View};

/// The median is that of so many runs.
const MAX_RUNS: usize = 15;
/// Messages on the screen at once.
const MAX_MESSAGES: usize = 4;

/// A user's request that needs more than this data: threads, files, the window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Load(Source),
    OpenPicture(PathBuf),
    OpenFolder(PathBuf),
    Dialog(Dialog),
    Paste,
    ExportView,
}

/// A file dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialog {
    Picture,
    Folder,
    Weights,
}

/// The pictures of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) pictures: Vec<PathBuf>,
}

/// The whole state.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) adapters: Vec<AdapterFacts>,
    pub(crate) network: Option<Arc<Network>>,
    /// The progress of a load, while there is one.
    pub(crate) loading: Option<Progress>,
    /// The last requested weights, whether they load or not.
    asked: Source,
    pub(crate) picture: Option<OpenPicture>,
    pub(crate) canvas: Canvas,
    /// Whether the canvas is shown instead of the picture.
    drawing: bool,
    /// Increases whenever the picture or the canvas changes: the texture is then outdated.
    pub(crate) version: u64,
    pub(crate) folder: Option<Folder>,
    pub(crate) answer: Option<Answer>,
    /// The class whose map is shown; `None` is the best class.
    pub(crate) class: Option<usize>,
    /// The chosen strip.
    pub(crate) strip: usize,
    /// The last feature maps received.
    pub(crate) features: Option<(View, Arc<Atlas>)>,
    /// The feature map that is shown large.
    pub(crate) map: usize,
    /// The time of every step, or why there are none.
    pub(crate) times: Option<Result<Vec<StepTime>, String>>,
    pub(crate) messages: Vec<String>,
    runs: VecDeque<f64>,
    /// Whether something changed since the last job.
    stale: bool,
    /// The number of the job under way.
    under_way: Option<u64>,
    /// The number of the last job.
    last: u64,
}

impl State {
    pub(crate) fn new(settings: Settings) -> State {
        State {
            settings,
            adapters: Vec::new(),
            network: None,
            loading: None,
            asked: Source::default(),
            picture: None,
            canvas: Canvas::default(),
            drawing: true,
            version: 0,
            folder: None,
            answer: None,
            class: None,
            strip: 0,
            features: None,
            map: 0,
            times: None,
            messages: Vec::new(),
            runs: VecDeque::new(),
            stale: false,
            under_way: None,
            last: 0,
        }
    }

    /// Weights are about to be loaded.
    pub(crate) fn load(&mut self, source: Source) {
        self.loading = Some(Progress { done: 0, total: 1, what: "waiting for the current picture".into() });
        self.asked = source;
    }

    /// What to load after a failure if there is no network yet: the embedded model, unless that is what failed.
    pub(crate) fn instead(&self) -> Option<Action> {
        let helps = self.network.is_none() && self.asked != Source::default();
        helps.then(|| Action::Load(Source::default()))
    }

    /// The picture to show from a folder that was opened; `None` if one of its pictures is open, or will be.
    pub(crate) fn first_of(&self, pictures: &[PathBuf]) -> Option<PathBuf> {
        let known = self.settings.picture.as_ref().is_some_and(|shown| pictures.contains(shown));
        // It does not count while the sheet hides it.
        let hidden = self.drawing && self.picture.is_some();
        pictures.first().filter(|_| !known || hidden).cloned()
    }

    /// Takes an event from the network's thread.
    pub(crate) fn hear(&mut self, event: Event) {
        match event {
            Event::Adapters(adapters) => self.adapters = adapters,
            Event::Loading(progress) => self.loading = Some(progress),
            Event::Loaded(network) => self.take_over(network),
            Event::Answer(answer) => self.take(*answer),
            Event::Refused { what: Refused::Weights, reason } => {
                self.loading = None;
                self.say(reason);
            }
            Event::Refused { what: Refused::Picture, reason } => {
                self.under_way = None;
                self.answer = None;
                self.say(reason);
            }
        }
    }

    fn take_over(&mut self, network: Arc<Network>) {
        self.loading = None;
        self.settings.adapter = self.asked.adapter.clone();
        self.settings.loaded(network.path.clone());
        let other = self.network.as_ref().is_none_or(|before| before.architecture != network.architecture);
        if other {
            self.strip = first_layer(&network.strips);
            self.class = None;
        }
        (self.answer, self.features, self.times) = (None, None, None);
        self.runs.clear();
        self.network = Some(network);
        self.stale = true;
    }

    fn take(&mut self, mut answer: Answer) {
        if self.under_way == Some(answer.number) {
            self.under_way = None;
        }
        if self.runs.len() == MAX_RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(answer.run_ms);
        if let Some(features) = answer.features.take() {
            self.features = Some(features);
        }
        if let Some(times) = answer.times.take() {
            self.times = Some(times);
        }
        self.answer = Some(answer);
    }

    /// Takes news from the pictures' thread.
    pub(crate) fn open(&mut self, news: News) {
        match news {
            News::Opened(picture) => {
                self.settings.picture = picture.path.clone();
                self.picture = Some(*picture);
                self.drawing = false;
                // The answer to another picture must not stand beside this one.
                (self.class, self.answer) = (None, None);
                self.changed();
            }
            News::Folder { path, pictures } => {
                self.settings.folder = Some(path.clone());
                self.folder = Some(Folder { path, pictures });
            }
            News::Refused(reason) => self.say(reason),
            // The filmstrip takes these.
            News::Thumbnail { .. } => {}
        }
    }

    /// The picture or the canvas has changed, and must be run.
    pub(crate) fn changed(&mut self) {
        self.version += 1;
        self.stale = true;
    }

    /// Other feature maps, or times, are wanted.
    pub(crate) fn look(&mut self) {
        self.stale = true;
    }

    /// Shows a message until it is closed or newer ones push it out.
    pub(crate) fn say(&mut self, message: String) {
        self.messages.retain(|known| *known != message);
        self.messages.push(message);
        if self.messages.len() > MAX_MESSAGES {
            self.messages.remove(0);
        }
    }

    /// The job to send now, if any. One job is under way at a time; the last change is always run last.
    pub(crate) fn job(&mut self) -> Option<Job> {
        if !self.stale || self.under_way.is_some() || self.network.is_none() {
            return None;
        }
        self.stale = false;
        let Some(picture) = self.shown_picture() else {
            self.answer = None;
            self.features = None;
            return None;
        };
        self.last += 1;
        self.under_way = Some(self.last);
        let view = self.chosen_strip().map(|strip| strip.view(self.settings.whole).clone());
        let view = view.filter(|_| self.settings.tab == Tab::Inside);
        Some(Job { number: self.last, picture, view, timed: self.settings.tab == Tab::Time })
    }

    /// Whether a job is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether the user waits for weights, or for the first answer to a picture. Something is animated meanwhile.
    pub(crate) fn is_busy(&self) -> bool {
        self.loading.is_some() || (self.is_running() && self.answer.is_none())
    }

    /// Whether the canvas is shown: it was chosen, and the network reads digits.
    pub(crate) fn is_drawing(&self) -> bool {
        self.drawing && self.network.as_ref().is_none_or(|network| network.draws)
    }

    /// Puts the example on the sheet.
    pub(crate) fn show_example(&mut self) {
        self.canvas = Canvas::example();
        self.changed();
    }

    /// Shows the canvas, or the picture again.
    pub(crate) fn draw(&mut self, drawing: bool) {
        if self.drawing != drawing && (drawing || self.picture.is_some()) {
            self.drawing = drawing;
            self.class = None;
            self.changed();
        }
    }

    /// The network's next input.
    fn shown_picture(&self) -> Option<Arc<Picture>> {
        if !self.is_drawing() {
            return self.picture.as_ref().map(|picture| picture.decoded.clone());
        }
        if self.canvas.is_empty() {
            return None;
        }
        let pixels = self.canvas.pixels().to_vec();
        Picture::from_pixels(canvas::SIDE, canvas::SIDE, 1, pixels, "the drawing").ok().map(Arc::new)
    }

    /// The chosen strip.
    pub(crate) fn chosen_strip(&self) -> Option<&Strip> {
        self.network.as_ref()?.strips.get(self.strip)
    }

    /// Chooses a strip.
    pub(crate) fn choose(&mut self, strip: usize) {
        if self.strip != strip {
            self.strip = strip;
            self.map = 0;
            self.look();
        }
    }

    /// The best classes and their scores, best first.
    pub(crate) fn ranking(&self) -> Vec<(usize, f32)> {
        let Some(answer) = &self.answer else { return Vec::new() };
        let widths: Vec<usize> = self.network.iter().flat_map(|network| network.output_widths()).collect();
        // Tests show answers without a network.
        let widths =
            if widths.iter().sum::<usize>() == answer.scores.len() { widths } else { vec![answer.scores.len()] };
        let mut first = 0;
        let of_output = |width: usize| {
            let start = first;
            first += width;
            let best = top_k(&answer.scores[start..first], self.settings.top);
            best.into_iter().map(move |(class, score)| (start + class, score))
        };
        widths.into_iter().flat_map(of_output).collect()
    }

    /// The class whose map is shown, with the map.
    pub(crate) fn heat(&self) -> Option<(usize, Heat)> {
        let answer = self.answer.as_ref()?;
        let maps = answer.maps.as_ref()?;
        let best = self.ranking().first().map(|&(class, _)| class);
        let class = self.class.or(best)?;
        let shape = [maps.channels, maps.height, maps.width];
        Some((class, Heat::of_class(&maps.data, shape, class).ok()?))
    }

    /// The median of the last runs, in milliseconds.
    pub(crate) fn median_ms(&self) -> Option<f64> {
        let mut runs: Vec<f64> = self.runs.iter().copied().collect();
        runs.sort_by(f64::total_cmp);
        runs.get(runs.len() / 2).copied()
    }

    /// The folder's picture `by` places after the current one.
    pub(crate) fn neighbour(&self, by: isize) -> Option<PathBuf> {
        let pictures = &self.folder.as_ref()?.pictures;
        let shown = self.picture.as_ref().filter(|_| !self.is_drawing()).and_then(|picture| picture.path.as_ref());
        let at = shown.and_then(|shown| pictures.iter().position(|path| path == shown));
        let next = match at {
            Some(at) => at.checked_add_signed(by)?,
            None => 0,
        };
        pictures.get(next).cloned()
    }

    /// What to do with a path that was typed, dropped or given on the command line.
    pub(crate) fn action_for(&self, path: PathBuf) -> Action {
        match PathKind::of(&path) {
            PathKind::Folder => Action::OpenFolder(path),
            PathKind::Weights => Action::Load(Source { path: Some(path), adapter: self.settings.adapter.clone() }),
            PathKind::Picture => Action::OpenPicture(path),
        }
    }
}

/// The first dense layer, or the first strip.
fn first_layer(strips: &[Strip]) -> usize {
    strips.iter().position(|strip| strip.block.is_some()).unwrap_or(0)
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
