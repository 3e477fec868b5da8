//! The toolbar: pictures, weights, adapter.

use std::path::PathBuf;

use eframe::egui::{self, Key, RichText, TextEdit, ThemePreference, Ui};

use crate::messages::Source;
use crate::state::{Action, Dialog, State};

/// The toolbar, with the text of its field.
#[derive(Default)]
pub(crate) struct Toolbar {
    path: String,
    /// Whether to focus the field in the next frame.
    pub(crate) wants_path: bool,
}

impl Toolbar {
    pub(crate) fn show(&mut self, ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
        ui.horizontal_wrapped(|ui| {
            pictures(ui, state, actions);
            ui.separator();
            weights(ui, state, actions);
            adapters(ui, state, actions);
            ui.separator();
            self.path(ui, state, actions);
            ui.separator();
            if ui.button("Save view").on_hover_text("The window as a PNG file (Ctrl+S)").clicked() {
                actions.push(Action::ExportView);
            }
            ui.menu_button("Keys", keys).response.on_hover_text("Keyboard shortcuts");
            theme(ui);
        });
    }

    /// The field for the path of anything.
    fn path(&mut self, ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
        let hint = "Path of picture, folder or weights";
        let field = TextEdit::singleline(&mut self.path).hint_text(hint).desired_width(230.0);
        let response = ui.add(field).on_hover_text("A picture, a folder or a weight file; Enter opens it (Ctrl+L)");
        call(&response, "Path");
        if std::mem::take(&mut self.wants_path) {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let path = self.path.trim();
        if entered && !path.is_empty() {
            actions.push(state.action_for(PathBuf::from(path)));
            self.path.clear();
        }
    }
}

fn pictures(ui: &mut Ui, state: &mut State, actions: &mut Vec<Action>) {
    if ui.button("Picture…").on_hover_text("Open a picture (Ctrl+O)").clicked() {
        actions.push(Action::Dialog(Dialog::Picture));
    }
    if ui.button("Folder…").on_hover_text("Show a folder's pictures (Ctrl+Shift+O)").clicked() {
        actions.push(Action::Dialog(Dialog::Folder));
    }
    if ui.button("Paste").on_hover_text("Take the picture from the clipboard (Ctrl+V)").clicked() {
        actions.push(Action::Paste);
    }
    let draws = state.network.as_ref().is_some_and(|network| network.draws);
    let drawing = state.is_drawing();
    let button = ui.add_enabled(draws, egui::Button::selectable(drawing, "Draw"));
    let button = button.on_hover_text("A sheet to draw a digit on (Ctrl+D)");
    if button.on_disabled_hover_text("Only a network that reads digits has a sheet to draw on").clicked() {
        state.draw(!drawing);
    }
}

fn weights(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let name = state.network.as_ref().map_or("none yet", |network| network.name.as_str());
    let adapter = state.settings.adapter.clone();
    let mut load = |path: Option<PathBuf>| actions.push(Action::Load(Source { path, adapter: adapter.clone() }));
    let mut dialog = false;
    let path = state.network.as_ref().and_then(|network| network.path.as_ref());
    let combo =
        egui::ComboBox::from_id_salt("weights").selected_text(format!("Weights: {name}")).width(180.0).truncate();
    let response = combo.show_ui(ui, |ui| {
        if ui.selectable_label(false, "Weight file… (Ctrl+M)").clicked() {
            dialog = true;
        }
        if ui.selectable_label(state.network.is_some() && path.is_none(), "Embedded digit model").clicked() {
            load(None);
        }
        for recent in &state.settings.recent {
            let name = recent.file_name().unwrap_or(recent.as_os_str()).to_string_lossy();
            let choice = ui.selectable_label(path == Some(recent), name);
            if choice.on_hover_text(recent.to_string_lossy()).clicked() {
                load(Some(recent.clone()));
            }
        }
    });
    call(&response.response, "Weights");
    if dialog {
        actions.push(Action::Dialog(Dialog::Weights));
    }
}

/// The choice of a theme.
fn theme(ui: &mut Ui) {
    let mut theme = ui.ctx().options(|options| options.theme_preference);
    let named = |theme| match theme {
        ThemePreference::System => "System",
        ThemePreference::Light => "Light",
        ThemePreference::Dark => "Dark",
    };
    let combo = egui::ComboBox::from_id_salt("theme").selected_text(format!("Theme: {}", named(theme))).width(120.0);
    let response = combo.show_ui(ui, |ui| {
        for choice in [ThemePreference::System, ThemePreference::Light, ThemePreference::Dark] {
            if ui.selectable_value(&mut theme, choice, named(choice)).clicked() {
                ui.ctx().set_theme(choice);
            }
        }
    });
    call(&response.response, "Theme");
}

/// The name of the CPU engine among adapters.
const CPU: &str = "cpu";

fn adapters(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let shown = state.network.as_ref().map_or("…", |network| network.engine.as_str());
    let combo = egui::ComboBox::from_id_salt("adapter")
        .selected_text(format!("Adapter: {}", short(shown)))
        .width(170.0)
        .truncate();
    let response = combo.show_ui(ui, |ui| {
        let best = state.settings.adapter.is_none();
        let mut chosen = None;
        if ui.selectable_label(best, "The best").clicked() {
            chosen = Some(None);
        }
        let is_cpu = state.settings.adapter.as_deref() == Some(CPU);
        if ui.selectable_label(is_cpu, "CPU engine").clicked() {
            chosen = Some(Some(CPU.to_string()));
        }
        for (index, facts) in state.adapters.iter().enumerate() {
            let number = index.to_string();
            let is_chosen = state.settings.adapter.as_deref() == Some(&number);
            let text = format!("{} ({}, {})", facts.name, facts.kind, facts.backend);
            if ui.selectable_label(is_chosen, text).clicked() {
                chosen = Some(Some(number));
            }
        }
        if let Some(adapter) = chosen {
            actions.push(Action::Load(Source { path: state.settings.weights.clone(), adapter }));
        }
    });
    call(&response.response, "Adapter");
    response.response.on_hover_text(shown);
}

/// Sets the name for screen readers.
fn call(response: &egui::Response, name: &str) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// `llvmpipe` of `llvmpipe (LLVM 15.0.6, 256 bits)`.
fn short(name: &str) -> &str {
    name.split(" (").next().unwrap_or(name)
}

fn keys(ui: &mut Ui) {
    let lines = [
        ("Tab, arrows", "move the focus"),
        ("Space, Enter", "press"),
        ("Ctrl+O, Ctrl+Shift+O", "open a picture, a folder"),
        ("Ctrl+V", "paste a picture"),
        ("Ctrl+M", "open weights"),
        ("Ctrl+L", "type a path"),
        ("Page Up, Page Down", "previous picture, next picture"),
        ("Ctrl+D, Delete", "draw, new sheet"),
        ("Arrows, Space on the sheet", "move the pen, put it down or lift it"),
        ("Ctrl+1, 2, 3", "Inside, Time, Feature reuse"),
        ("Ctrl+S", "save the view"),
        ("Ctrl+Plus, Ctrl+Minus", "larger, smaller"),
        ("Escape", "close messages"),
        ("Ctrl+Q", "close the window"),
    ];
    egui::Grid::new("keys").num_columns(2).spacing([16.0, 4.0]).show(ui, |ui| {
        for (key, what) in lines {
            ui.label(RichText::new(key).strong());
            ui.label(what);
            ui.end_row();
        }
    });
}
