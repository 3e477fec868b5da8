//! The folder's pictures as a row of thumbnails.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eframe::egui::{
    self, Color32, ColorImage, Rect, Role, ScrollArea, Sense, StrokeKind, TextureHandle, TextureOptions, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::state::{Action, State};

/// Side of a thumbnail, in points.
const SIDE: f32 = 60.0;
/// Thumbnails to keep.
const MAX_KEPT: usize = 2000;

/// Finished thumbnails; `None` for files that are no pictures.
#[derive(Default)]
pub(crate) struct Filmstrip {
    thumbnails: HashMap<PathBuf, Option<TextureHandle>>,
    /// Requested, and not yet there.
    waiting: HashMap<PathBuf, ()>,
    /// The current picture of the last frame: the strip scrolls to a new one once.
    shown: Option<PathBuf>,
}

impl Filmstrip {
    /// Shows the strip and returns the pictures whose thumbnails are wanted.
    pub(crate) fn show(&mut self, ui: &mut Ui, state: &State, actions: &mut Vec<Action>) -> Vec<PathBuf> {
        let Some(folder) = &state.folder else { return Vec::new() };
        let name = folder.path.file_name().unwrap_or(folder.path.as_os_str()).to_string_lossy();
        ui.add(egui::Label::new(format!("{name}: {} pictures", folder.pictures.len())).truncate());
        let current = state.picture.as_ref().filter(|_| !state.is_drawing()).and_then(|picture| picture.path.clone());
        let moved = current != self.shown;
        self.shown = current.clone();
        let mut wanted = Vec::new();
        ScrollArea::horizontal().id_salt("filmstrip").auto_shrink([false, true]).show_viewport(ui, |ui, viewport| {
            let step = SIDE + 6.0;
            ui.set_width(step * folder.pictures.len() as f32);
            ui.set_height(SIDE + 4.0);
            let corner = ui.min_rect().min;
            let place = |index: usize| Rect::from_min_size(corner + vec2(index as f32 * step, 2.0), vec2(SIDE, SIDE));
            if let Some(at) = folder.pictures.iter().position(|path| moved && Some(path) == current.as_ref()) {
                ui.scroll_to_rect(place(at), None);
            }
            let first = (viewport.left() / step) as usize;
            let last = ((viewport.right() / step).ceil() as usize + 1).min(folder.pictures.len());
            for (index, path) in folder.pictures.iter().enumerate().take(last).skip(first.saturating_sub(1)) {
                if self.thumbnail(ui, place(index), path, Some(path) == current.as_ref()) {
                    actions.push(Action::OpenPicture(path.clone()));
                }
                if !self.thumbnails.contains_key(path) && self.waiting.insert(path.clone(), ()).is_none() {
                    wanted.push(path.clone());
                }
            }
        });
        wanted
    }

    /// Shows a thumbnail; whether it was clicked.
    fn thumbnail(&self, ui: &Ui, rect: Rect, path: &Path, chosen: bool) -> bool {
        let response = ui.interact(rect, ui.scope_id().with(path), Sense::click());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, &name));
        // Not in every frame, or the strip could not be scrolled.
        if response.has_focus() && ui.input(|input| !input.keys_down.is_empty()) {
            response.scroll_to_me(None);
        }
        ui.painter().rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
        match self.thumbnails.get(path) {
            Some(Some(texture)) => {
                let size = texture.size_vec2();
                let size = size * (SIDE / size.x.max(size.y));
                let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                ui.painter().image(texture.id(), Rect::from_center_size(rect.center(), size), all, Color32::WHITE);
            }
            known => {
                let text = if known.is_some() { "×" } else { "…" };
                let font = egui::TextStyle::Body.resolve(ui.style());
                let colour = ui.visuals().weak_text_color();
                ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, colour);
            }
        }
        if chosen || response.has_focus() || response.hovered() {
            let stroke = egui::Stroke::new(2.0, ui.visuals().selection.stroke.color);
            ui.painter().rect_stroke(rect, 3.0, stroke, StrokeKind::Outside);
        }
        response.on_hover_text(name).clicked()
    }

    /// Takes a finished thumbnail.
    pub(crate) fn take(&mut self, context: &egui::Context, path: PathBuf, image: Option<ColorImage>) {
        if self.thumbnails.len() >= MAX_KEPT {
            self.thumbnails.clear();
        }
        self.waiting.remove(&path);
        let texture = image.map(|image| context.load_texture("thumbnail", image, TextureOptions::LINEAR));
        self.thumbnails.insert(path, texture);
    }
}
