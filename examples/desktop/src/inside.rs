//! Inside: the network's strips on the left, the feature maps of the chosen one on the right.

use std::sync::Arc;

use eframe::egui::{
    self, Color32, Rect, RichText, Role, ScrollArea, Sense, Stroke, StrokeKind, TextureHandle, TextureOptions, Ui,
    WidgetInfo, vec2,
};

use crate::atlas::Atlas;
use crate::network::Network;
use crate::state::State;
use crate::strips::{Kind, View};
use crate::strips_view;

/// Gap between maps, in points.
const GAP: f32 = 4.0;
/// Maximum side of a map in the grid, in points.
const MAX_CELL: usize = 150;
/// Side of the large map, in points.
const LARGE: f32 = 112.0;

/// The feature maps as a texture, renewed when other maps arrive.
#[derive(Default)]
pub(crate) struct Inside {
    texture: Option<(Arc<Atlas>, TextureHandle)>,
    /// The chosen strip's place in the last frame.
    pub(crate) strip: Option<Rect>,
}

impl Inside {
    pub(crate) fn show(&mut self, ui: &mut Ui, state: &mut State) {
        let Some(network) = state.network.clone() else { return };
        let width = (ui.available_width() * 0.42).clamp(160.0, 420.0);
        egui::Panel::left("network")
            .resizable(true)
            .default_size(width)
            .min_size(150.0)
            .max_size((ui.available_width() - 160.0).max(160.0))
            .frame(egui::Frame::new().inner_margin(egui::Margin { right: 8, ..egui::Margin::ZERO }))
            .show(ui, |ui| {
                ui.heading("Network");
                ui.add(egui::Label::new(RichText::new(summary(&network)).weak()).truncate());
                let (picked, place) = strips_view::show(ui, &network, state.strip);
                self.strip = place;
                if let Some(strip) = picked {
                    state.choose(strip);
                }
            });
        let frame = egui::Frame::new().inner_margin(egui::Margin { left: 8, ..egui::Margin::ZERO });
        egui::CentralPanel::no_frame().frame(frame).show(ui, |ui| self.maps(ui, state, &network));
    }

    fn maps(&mut self, ui: &mut Ui, state: &mut State, network: &Network) {
        let Some(strip) = state.chosen_strip().cloned() else { return };
        ui.heading(&strip.title);
        ui.add(egui::Label::new(RichText::new(strip.sum()).weak()).truncate());
        ui.horizontal_wrapped(|ui| {
            if strip.whole.is_some() {
                let new = strip.parts.last().copied().unwrap_or(0);
                let before = state.settings.whole;
                ui.selectable_value(&mut state.settings.whole, false, format!("{new} new"))
                    .on_hover_text("The channels that this layer computes");
                ui.selectable_value(&mut state.settings.whole, true, format!("all {}", strip.channels()))
                    .on_hover_text("The concatenated tensor: all channels that the next layer reads");
                if state.settings.whole != before {
                    state.map = 0;
                    state.look();
                }
            }
            if ui.available_width() < 190.0 {
                return;
            }
            ui.add(egui::Slider::new(&mut state.settings.cell, 24.0..=150.0).show_value(false).text("minimum size"));
        });
        let wanted = strip.view(state.settings.whole);
        let features = state.features.clone().filter(|(view, _)| view == wanted);
        let Some((view, atlas)) = features.filter(|_| state.answer.is_some()) else {
            let text = if state.is_running() { "…" } else { "Feature maps appear once there is a picture." };
            ui.label(RichText::new(text).weak());
            return;
        };
        let texture = self.texture(ui, &atlas);
        state.map = state.map.min(atlas.ranges.len() - 1);
        let names = Names { network, view: &view, kind: strip.kind };
        large(ui, &atlas, &texture, state.map, &names);
        ui.add_space(4.0);
        grid(ui, &atlas, &texture, state, &names);
    }

    fn texture(&mut self, ui: &Ui, atlas: &Arc<Atlas>) -> TextureHandle {
        if let Some((_, texture)) = self.texture.as_ref().filter(|(known, _)| Arc::ptr_eq(known, atlas)) {
            return texture.clone();
        }
        let texture = ui.ctx().load_texture("maps", atlas.image.clone(), TextureOptions::NEAREST);
        self.texture = Some((atlas.clone(), texture.clone()));
        texture
    }
}

fn summary(network: &Network) -> String {
    let architecture = &network.architecture;
    let million = network.parameters as f64 / 1e6;
    let bottleneck = if architecture.bottleneck.is_some() { ", bottlenecks" } else { "" };
    format!("growth rate {}{bottleneck}, {million:.2} M parameters", architecture.growth_rate)
}

/// The names of the maps.
struct Names<'a> {
    network: &'a Network,
    view: &'a View,
    kind: Kind,
}

impl Names<'_> {
    fn of(&self, map: usize) -> String {
        match self.kind {
            Kind::Classes => self.network.label(map).to_string(),
            _ => format!("Channel {map}"),
        }
    }
}

/// The chosen map, large, with its range.
fn large(ui: &mut Ui, atlas: &Atlas, texture: &TextureHandle, map: usize, names: &Names<'_>) {
    ui.horizontal(|ui| {
        let side = LARGE.min(ui.available_width() * 0.4);
        let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, names.of(map)));
        ui.painter().image(texture.id(), fitted(rect, atlas), atlas.place(map), Color32::WHITE);
        ui.vertical(|ui| {
            ui.add(egui::Label::new(RichText::new(names.of(map)).strong()).truncate());
            let range = atlas.ranges[map];
            let [height, width] = atlas.size;
            ui.add(egui::Label::new(format!("{:.3} to {:.3}, mean {:.3}", range.least, range.most, range.mean)).wrap());
            if ui.available_width() < 180.0 {
                return;
            }
            let text = format!("{height}×{width}; dark is the minimum, light the maximum");
            ui.add(egui::Label::new(RichText::new(text).weak()).wrap());
            ui.add(egui::Label::new(RichText::new(&names.view.tap).monospace().weak()).truncate());
        });
    });
}

fn fitted(rect: Rect, atlas: &Atlas) -> Rect {
    let [height, width] = atlas.size.map(|n| n as f32);
    let scale = (rect.width() / width).min(rect.height() / height);
    Rect::from_center_size(rect.center(), vec2(width, height) * scale)
}

/// The side of a map in points: the largest at which all maps fit into `space`, but at least `least`.
fn cell(count: usize, space: egui::Vec2, least: f32) -> f32 {
    let fits = |cell: f32| {
        let rows = count.div_ceil(columns(space.x, cell));
        rows as f32 * (cell + GAP) <= space.y
    };
    let largest = (least as usize..=MAX_CELL).rev().step_by(4).map(|cell| cell as f32).find(|&cell| fits(cell));
    largest.unwrap_or(least)
}

fn columns(width: f32, cell: f32) -> usize {
    ((width + GAP) / (cell + GAP)).floor().max(1.0) as usize
}

fn grid(ui: &mut Ui, atlas: &Atlas, texture: &TextureHandle, state: &mut State, names: &Names<'_>) {
    let count = atlas.ranges.len();
    let space = vec2(ui.available_width() - 12.0, ui.available_height());
    let cell = cell(count, space, state.settings.cell);
    let columns = columns(space.x, cell);
    let rows = count.div_ceil(columns);
    let step = cell + GAP;
    ScrollArea::vertical().id_salt("maps").auto_shrink([false, false]).show_viewport(ui, |ui, viewport| {
        ui.set_height(rows as f32 * step + 4.0);
        ui.set_width(ui.available_width());
        let corner = ui.min_rect().min + vec2(2.0, 2.0);
        // One row beyond each edge, so that arrow keys can move there.
        let first = ((viewport.top() / step) as usize).saturating_sub(1);
        let last = ((viewport.bottom() / step).ceil() as usize + 1).min(rows);
        for map in first * columns..(last * columns).min(count) {
            let place = vec2((map % columns) as f32, (map / columns) as f32) * step;
            let rect = Rect::from_min_size(corner + place, vec2(cell, cell));
            let response = ui.interact(rect, ui.scope_id().with(("map", map)), Sense::click());
            let chosen = map == state.map;
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, names.of(map)));
            ui.painter().image(texture.id(), fitted(rect, atlas), atlas.place(map), Color32::WHITE);
            if response.clicked() {
                response.request_focus();
            }
            if response.clicked() || (response.has_focus() && !chosen) {
                response.scroll_to_me(None);
                state.map = map;
                if names.kind == Kind::Classes {
                    state.class = Some(map);
                }
            }
            if chosen || response.hovered() || response.has_focus() {
                let stroke = Stroke::new(2.0, ui.visuals().selection.stroke.color);
                ui.painter().rect_stroke(rect, 1.0, stroke, StrokeKind::Outside);
            }
            response.on_hover_ui(|ui| {
                let range = atlas.ranges[map];
                ui.label(names.of(map));
                ui.label(format!("{:.3} to {:.3}", range.least, range.most));
            });
        }
    });
}
