//! The network's strips: one for each layer, as wide as its channels and coloured by their sources.

use eframe::egui::{
    self, Color32, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::network::Network;
use crate::strips::{Kind, Strip};

/// Height of a strip with the gap below, in points.
const STEPS: std::ops::RangeInclusive<f32> = 14.0..=33.0;
/// Gap between strips, in points.
const GAP: f32 = 3.0;
/// Height of the line above a block, in points.
const TITLE: f32 = 22.0;

/// Shows all strips. Returns the strip picked in this frame, if any, and the place of the `chosen` one.
pub(crate) fn show(ui: &mut Ui, network: &Network, chosen: usize) -> (Option<usize>, Option<Rect>) {
    let mut picked = None;
    let mut place = None;
    ScrollArea::vertical().id_salt("strips").auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let most = network.strips.iter().map(Strip::channels).max().unwrap_or(1);
        let scale = (ui.available_width() - 12.0) / most as f32;
        let titles = network.architecture.layers.len() as f32 * TITLE;
        let step = (ui.clip_rect().height() - titles - 24.0) / network.strips.len() as f32;
        let size = vec2(scale, step.clamp(*STEPS.start(), *STEPS.end()));
        let mut block = None;
        for (index, strip) in network.strips.iter().enumerate() {
            if strip.block.is_some() && strip.block != block {
                title(ui, network, strip);
            }
            block = strip.block.or(block);
            if strip.block.is_none() {
                ui.add_space(3.0);
            }
            let (rect, clicked) = one(ui, strip, size, index == chosen);
            if clicked {
                picked = Some(index);
            }
            if index == chosen {
                place = Some(rect);
            }
        }
        ui.add_space(8.0);
    });
    (picked, place)
}

fn title(ui: &mut Ui, network: &Network, first: &Strip) {
    let Some(block) = first.block else { return };
    let layers = network.architecture.layers.get(block).copied().unwrap_or(0);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), TITLE), Sense::hover());
    let text = format!(
        "Block {}: {layers} layers of +{}, {}×{}",
        block + 1,
        network.architecture.growth_rate,
        first.height,
        first.width
    );
    let font = egui::TextStyle::Small.resolve(ui.style());
    let colour = ui.visuals().weak_text_color();
    ui.painter().text(rect.left_bottom() - vec2(0.0, 3.0), egui::Align2::LEFT_BOTTOM, text, font, colour);
}

/// Shows a strip. `size` is the width of a channel and the height of the strip, in points. Returns the strip's place, and
/// whether it was picked.
fn one(ui: &mut Ui, strip: &Strip, size: Vec2, chosen: bool) -> (Rect, bool) {
    let (scale, step) = (size.x, size.y);
    let (row, response) = ui.allocate_exact_size(vec2(ui.available_width(), step), Sense::click());
    let label = format!("{}: {}", strip.title, strip.sum());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, &label));
    let width = (strip.channels() as f32 * scale).max(4.0);
    let rect = Rect::from_min_size(row.min + vec2(2.0, GAP / 2.0), vec2(width, step - GAP));
    let dark = ui.visuals().dark_mode;
    let mut left = rect.left();
    for (source, &channels) in strip.parts.iter().enumerate() {
        let right = left + channels as f32 * scale;
        let part = Rect::from_min_max(pos2(left, rect.top()), pos2(right.max(left + 1.0), rect.bottom()));
        ui.painter().rect_filled(part, 0.0, colour(strip, source, dark));
        left = right;
    }
    if chosen || response.hovered() || response.has_focus() {
        let colour = if chosen { ui.visuals().strong_text_color() } else { ui.visuals().text_color() };
        ui.painter().rect_stroke(rect.expand(1.0), 2.0, Stroke::new(1.5, colour), StrokeKind::Outside);
    }
    if response.clicked() {
        response.request_focus();
    }
    // Arrow keys move from strip to strip: the focused one is chosen.
    let picked = response.clicked() || (response.has_focus() && !chosen);
    if picked {
        response.scroll_to_me(None);
    }
    response.on_hover_text(label);
    (rect, picked)
}

/// A block's input is grey. Its layers go round the colour wheel: neighbours differ, and a layer has one colour wherever its
/// channels are read again.
fn colour(strip: &Strip, source: usize, dark: bool) -> Color32 {
    let grey = if dark { 120 } else { 150 };
    match (strip.kind, source) {
        (Kind::Layer, 0) => Color32::from_gray(grey),
        (Kind::Layer, source) => wheel(source - 1, dark),
        (Kind::Classes, _) => wheel(2, dark),
        _ => Color32::from_gray(grey),
    }
}

fn wheel(index: usize, dark: bool) -> Color32 {
    // The golden angle keeps neighbours apart.
    let hue = (0.58 + index as f32 * 0.381_966) % 1.0;
    let (saturation, value) = if dark { (0.55, 0.85) } else { (0.6, 0.78) };
    egui::ecolor::Hsva::new(hue, saturation, value, 1.0).into()
}
