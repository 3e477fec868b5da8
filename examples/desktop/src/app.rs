//! The app: receives the threads' messages, shows the state, and passes on the user's requests.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use densenet_wgpu::Gpu;
use eframe::egui::{self, Key, KeyboardShortcut, Modifiers, RichText, ScrollArea, Ui, ViewportCommand};

use crate::arguments::Arguments;
use crate::description::{Counted, describe};
use crate::dialogs::{self, Dialogs};
use crate::filmstrip::Filmstrip;
use crate::inside::Inside;
use crate::messages::{Event, Refused, Source};
use crate::pictures::{News, Pictures, Wish};
use crate::report::Report;
use crate::settings::{Settings, Tab};
use crate::sheet::{self, Sheet};
use crate::state::{Action, Dialog, State};
use crate::surface::Surface;
use crate::toolbar::Toolbar;
use crate::worker::Worker;
use crate::{answer, reuse_view, style, timing};

/// The window's content.
pub(crate) struct App {
    state: State,
    worker: Worker,
    pictures: Pictures,
    dialogs: Dialogs,
    toolbar: Toolbar,
    sheet: Sheet,
    filmstrip: Filmstrip,
    inside: Inside,
    report: Report,
    /// For the report.
    counted: Counted,
    /// `None` if the window draws without wgpu.
    surface: Option<Surface>,
    /// Messages of the window's device, and of threads that save views.
    said: (Sender<String>, Receiver<String>),
}

impl App {
    /// Starts the threads and opens what was open last, or the example. The `threads` end once the app is dropped.
    ///
    /// # Errors
    /// Those of the system, where it gives no thread.
    pub(crate) fn new(
        context: &eframe::CreationContext<'_>,
        arguments: Arguments,
        start: Instant,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> std::io::Result<App> {
        style::apply(&context.egui_ctx);
        let remembered = context.storage.and_then(|storage| eframe::get_value(storage, eframe::APP_KEY));
        let mut settings: Settings = remembered.unwrap_or_default();
        settings.weights = match arguments.weights {
            Some(asked) => Some(asked).filter(|path| path.as_os_str() != "embedded"),
            // The last file may be gone.
            None => settings.weights.filter(|path| path.exists()),
        };
        settings.adapter = arguments.adapter.or(settings.adapter);
        let said = channel();
        let shared = context.wgpu_render_state.as_ref();
        let window = shared.map(|shared| Gpu::with_device(shared.device.clone(), shared.queue.clone()));
        let surface = shared.map(|shared| {
            let sender: Sender<String> = said.0.clone();
            // Nobody listens once the window is closed.
            Surface::watch(&shared.device, &context.egui_ctx, move |reason| drop(sender.send(reason)))
        });
        let waker = || {
            let context = context.egui_ctx.clone();
            move || context.request_repaint()
        };
        let (worker, thread) = Worker::start(window, arguments.one_device, waker())?;
        threads.push(thread);
        let (pictures, thread) = Pictures::start(waker())?;
        threads.push(thread);
        let mut app = App {
            worker,
            pictures,
            dialogs: Dialogs::default(),
            toolbar: Toolbar::default(),
            sheet: Sheet::default(),
            filmstrip: Filmstrip::default(),
            inside: Inside::default(),
            report: Report::new(arguments.report, start),
            counted: None,
            surface,
            said,
            state: State::new(settings),
        };
        app.restore(arguments.picture);
        Ok(app)
    }

    /// Opens the requested path, else what was open last and still exists. Where that is nothing, as at the first start,
    /// the sheet shows the example.
    fn restore(&mut self, asked: Option<PathBuf>) {
        let settings = self.state.settings.clone();
        self.act(Action::Load(settings.source()));
        if let Some(path) = asked {
            self.act(self.state.action_for(path));
        } else {
            let existing = |path: Option<PathBuf>| path.filter(|path| path.exists());
            let folder = existing(settings.folder).map(Action::OpenFolder);
            let picture = existing(settings.picture).map(Action::OpenPicture);
            if folder.is_none() && picture.is_none() {
                self.state.show_example();
            }
            folder.into_iter().chain(picture).for_each(|action| self.act(action));
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Load(source) => {
                self.state.load(source.clone());
                self.report.forget_gaps();
                let listens = self.worker.load(source);
                self.expect_network(listens);
            }
            Action::OpenPicture(path) => self.wish(Wish::Open(path)),
            Action::OpenFolder(path) => self.wish(Wish::Folder(path)),
            // These need the window; see `act_in`.
            Action::Dialog(_) | Action::Paste | Action::ExportView => {}
        }
    }

    fn act_in(&mut self, context: &egui::Context, action: Action) {
        match action {
            Action::Dialog(dialog) => self.dialogs.open(dialog, context),
            Action::Paste => context.send_viewport_cmd(ViewportCommand::RequestPaste),
            Action::ExportView => self.export(context),
            other => self.act(other),
        }
    }

    fn export(&self, context: &egui::Context) {
        let (sender, waker) = (self.said.0.clone(), context.clone());
        let shot = egui::ScreenshotCallback::new(move |image| {
            dialogs::save_view(image, move |reason| {
                // Nobody listens once the window is closed.
                let _ = sender.send(reason);
                waker.request_repaint();
            });
        });
        context.send_viewport_cmd(ViewportCommand::Screenshot(shot));
    }

    fn expect_network(&mut self, listens: bool) {
        if !listens {
            self.state.say("the network's thread has stopped: restart the app".into());
        }
    }

    fn wish(&mut self, wish: Wish) {
        if self.pictures.wishes.send(wish).is_err() {
            self.state.say("the pictures' thread has stopped: restart the app".into());
        }
    }

    /// Takes the threads' messages.
    fn hear(&mut self, context: &egui::Context) {
        while let Ok(event) = self.worker.events.try_recv() {
            let refused = matches!(event, Event::Refused { what: Refused::Weights, .. });
            self.state.hear(event);
            if refused && let Some(action) = self.state.instead() {
                self.act(action);
            }
        }
        while let Ok(news) = self.pictures.news.try_recv() {
            if let News::Folder { pictures, .. } = &news
                && let Some(first) = self.state.first_of(pictures)
            {
                self.wish(Wish::Open(first));
            }
            match news {
                News::Thumbnail { path, image } => self.filmstrip.take(context, path, image),
                other => self.state.open(other),
            }
        }
        while let Ok(reason) = self.said.1.try_recv() {
            self.state.say(reason);
        }
        while let Some((dialog, path)) = self.dialogs.chosen() {
            let adapter = self.state.settings.adapter.clone();
            self.act(match dialog {
                Dialog::Picture => Action::OpenPicture(path),
                Dialog::Folder => Action::OpenFolder(path),
                Dialog::Weights => Action::Load(Source { path: Some(path), adapter }),
            });
        }
    }

    /// Handles drops, pastes and shortcuts.
    fn input(&mut self, ui: &Ui, actions: &mut Vec<Action>) {
        let context = ui.ctx();
        let (dropped, pasted) = context.input(|input| {
            let dropped: Vec<PathBuf> = input.raw.dropped_files.iter().map(|file| file.path().to_path_buf()).collect();
            let pasted = input.events.iter().find_map(|event| match event {
                egui::Event::PasteImage(image) => Some(image.clone()),
                _ => None,
            });
            (dropped, pasted)
        });
        actions.extend(dropped.into_iter().map(|path| self.state.action_for(path)));
        if let Some(image) = pasted {
            self.wish(Wish::Paste(image));
        }
        let shift = Modifiers::COMMAND | Modifiers::SHIFT;
        let pressed = |modifiers: Modifiers, key: Key| {
            context.input_mut(|input| input.consume_shortcut(&KeyboardShortcut::new(modifiers, key)))
        };
        if pressed(shift, Key::O) {
            actions.push(Action::Dialog(Dialog::Folder));
        }
        if pressed(Modifiers::COMMAND, Key::O) {
            actions.push(Action::Dialog(Dialog::Picture));
        }
        if pressed(Modifiers::COMMAND, Key::M) {
            actions.push(Action::Dialog(Dialog::Weights));
        }
        if pressed(Modifiers::COMMAND, Key::S) {
            actions.push(Action::ExportView);
        }
        if pressed(Modifiers::COMMAND, Key::Q) {
            context.send_viewport_cmd(ViewportCommand::Close);
        }
        if pressed(Modifiers::COMMAND, Key::L) {
            self.toolbar.wants_path = true;
        }
        if pressed(Modifiers::COMMAND, Key::D) {
            let drawing = self.state.is_drawing();
            self.state.draw(!drawing);
        }
        for (tab, key) in Tab::ALL.into_iter().zip([Key::Num1, Key::Num2, Key::Num3]) {
            if pressed(Modifiers::COMMAND, key) {
                self.show_tab(tab);
            }
        }
        for (by, key) in [(-1, Key::PageUp), (1, Key::PageDown)] {
            if pressed(Modifiers::NONE, key) {
                actions.extend(self.state.neighbour(by).map(Action::OpenPicture));
            }
        }
        if context.text_edit_focused() {
            return;
        }
        if self.state.is_drawing() && pressed(Modifiers::NONE, Key::Delete) {
            self.state.canvas.clear();
            self.state.changed();
        }
        if !self.state.messages.is_empty() && pressed(Modifiers::NONE, Key::Escape) {
            self.state.messages.clear();
        }
    }

    fn show_tab(&mut self, tab: Tab) {
        if self.state.settings.tab != tab {
            self.state.settings.tab = tab;
            self.state.look();
        }
    }

    fn left(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        ScrollArea::vertical().id_salt("left").auto_shrink([false, false]).show(ui, |ui| {
            self.sheet.show(ui, &mut self.state);
            sheet::controls(ui, &mut self.state);
            for path in self.filmstrip.show(ui, &self.state, actions) {
                self.wish(Wish::Thumbnail(path));
            }
            ui.separator();
            answer::show(ui, &mut self.state);
        });
    }

    fn middle(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            for tab in Tab::ALL {
                if ui.selectable_label(self.state.settings.tab == tab, RichText::new(tab.title()).size(15.0)).clicked()
                {
                    self.show_tab(tab);
                }
            }
        });
        ui.separator();
        match self.state.settings.tab {
            Tab::Inside => self.inside.show(ui, &mut self.state),
            Tab::Time => timing::show(ui, &self.state),
            Tab::Reuse => {
                if let Some(network) = &self.state.network {
                    reuse_view::show(ui, network);
                }
            }
        }
    }

    /// Messages, the progress of a load, and the status line.
    fn bottom(&mut self, ui: &mut Ui) {
        let mut closed = None;
        for (index, message) in self.state.messages.iter().enumerate() {
            ui.horizontal(|ui| {
                if ui.small_button("Close").on_hover_text("Escape").clicked() {
                    closed = Some(index);
                }
                ui.add(egui::Label::new(RichText::new(message).color(ui.visuals().error_fg_color)).wrap());
            });
        }
        if let Some(index) = closed {
            self.state.messages.remove(index);
        }
        if let Some(progress) = &self.state.loading {
            let part = progress.done as f32 / progress.total.max(1) as f32;
            ui.horizontal(|ui| {
                ui.add(egui::ProgressBar::new(part).desired_width(220.0).animate(true));
                ui.add(egui::Label::new(format!("Loading: {}", progress.what)).truncate());
            });
        }
        ui.add(egui::Label::new(RichText::new(status(&self.state)).weak()).truncate());
    }
}

/// The status line: what runs where, and how fast.
fn status(state: &State) -> String {
    let Some(network) = &state.network else { return "No network is loaded.".into() };
    let mut line = format!("{} on {}", network.name, network.engine);
    if let Some(family) = network.family {
        line += &format!(", {family} kernels");
    }
    if let (Some(answer), Some(ms)) = (&state.answer, state.median_ms()) {
        let bytes = answer.device_bytes as f64 / (1024.0 * 1024.0);
        line += &format!(" · {ms:.1} ms, {:.0} images/s · {bytes:.1} MiB of weights and activations", 1e3 / ms);
    }
    line
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        let now = Instant::now();
        if let Some(next) = self.surface.as_ref().and_then(|surface| surface.again(frame.wgpu_surface_config())) {
            frame.set_wgpu_surface_config(next);
        }
        let context = ui.ctx().clone();
        self.hear(&context);
        let mut actions = Vec::new();
        self.input(ui, &mut actions);
        let margin = egui::Frame::new().inner_margin(8);
        egui::Panel::top("toolbar").frame(margin).show(ui, |ui| self.toolbar.show(ui, &mut self.state, &mut actions));
        egui::Panel::bottom("status").frame(margin).show(ui, |ui| self.bottom(ui));
        egui::Panel::left("picture")
            .frame(margin)
            .default_size((ui.available_width() * 0.27).clamp(200.0, 340.0))
            .min_size(180.0)
            .max_size(ui.available_width() * 0.5)
            .show(ui, |ui| self.left(ui, &mut actions));
        egui::CentralPanel::default_margins().frame(margin).show(ui, |ui| self.middle(ui));
        for action in actions {
            self.act_in(&context, action);
        }
        if let Some(job) = self.state.job() {
            let listens = self.worker.run(job);
            self.expect_network(listens);
        }
        if self.report.is_wanted() {
            describe(&self.state, &mut self.counted, &mut self.report.content);
        }
        let rect = |rect: Option<egui::Rect>| {
            rect.map_or([0.0; 4], |rect| [rect.left(), rect.top(), rect.width(), rect.height()])
        };
        self.report.content.places.picture = rect(self.sheet.place);
        self.report.content.places.strip = rect(self.inside.strip);
        self.report.content.places.pixels_per_point = context.pixels_per_point();
        let busy = self.state.is_busy();
        self.report.frame(now, busy);
        if busy {
            context.request_repaint();
        }
        if self.report.content.first_frame_ms.is_none() {
            context.request_repaint();
        }
        if let Some(rest) = self.report.write(now) {
            context.request_repaint_after(rest);
        }
    }

    /// The panels have no background of their own: on a software adapter each layer of pixels costs time.
    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, eframe::APP_KEY, &self.state.settings);
    }
}
