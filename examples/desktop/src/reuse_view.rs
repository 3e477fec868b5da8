//! Feature reuse as a grid for each block: sources down, targets across.

use densenet_wgpu::picture;
use eframe::egui::{self, Align2, Color32, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use crate::network::Network;
use crate::reuse::Reuse;

pub(crate) fn show(ui: &mut Ui, network: &Network) {
    ui.heading("Feature reuse");
    ui.label(
        RichText::new(
            "How much each layer (across) uses what came before it (down): the mean absolute weight of its convolution for \
             each source, from 0 (dark) to the block's largest (light).",
        )
        .weak(),
    );
    ui.add_space(8.0);
    ScrollArea::vertical().id_salt("reuse").auto_shrink([false, false]).show(ui, |ui| {
        let per_row = ((ui.available_width() + 24.0) / (WIDEST + 24.0)).floor().max(1.0) as usize;
        let blocks: Vec<(usize, &Reuse)> = network.reuse.iter().enumerate().collect();
        for row in blocks.chunks(per_row) {
            ui.horizontal_top(|ui| {
                for (block, reuse) in row {
                    ui.vertical(|ui| square(ui, *block, reuse));
                    ui.add_space(16.0);
                }
            });
            ui.add_space(12.0);
        }
    });
}

/// Maximum width of a block's grid with its labels, in points.
const WIDEST: f32 = 390.0;

fn square(ui: &mut Ui, block: usize, reuse: &Reuse) {
    let targets = reuse.weights.len();
    let sources = reuse.weights.iter().map(Vec::len).max().unwrap_or(0);
    let cell = ((WIDEST - 40.0) / targets.max(1) as f32).clamp(5.0, 26.0);
    let margin = vec2(40.0, 24.0);
    ui.strong(format!("Block {}", block + 1));
    let size = vec2(targets as f32, sources as f32) * cell + margin;
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Feature reuse of block {}", block + 1)));
    let most = reuse.weights.iter().flatten().copied().fold(f32::MIN_POSITIVE, f32::max);
    let corner = rect.min + vec2(margin.x, 0.0);
    let font = egui::TextStyle::Small.resolve(ui.style());
    let weak = ui.visuals().weak_text_color();
    let painter = ui.painter();
    for (target, weights) in reuse.weights.iter().enumerate() {
        for (source, &weight) in weights.iter().enumerate() {
            let place = corner + vec2(target as f32, source as f32) * cell;
            let [red, green, blue] = picture::heat_colour(0.08 + 0.92 * weight / most);
            let space = if cell > 10.0 { 1.0 } else { 0.0 };
            painter.rect_filled(
                Rect::from_min_size(place, vec2(cell - space, cell - space)),
                0.0,
                Color32::from_rgb(red, green, blue),
            );
        }
    }
    // Every label if there is room, else every second, and so on.
    let every = (12.0 / cell).ceil() as usize;
    for source in (0..sources).step_by(every) {
        let place = corner + vec2(-6.0, (source as f32 + 0.5) * cell);
        painter.text(place, Align2::RIGHT_CENTER, name(source), font.clone(), weak);
    }
    let every = (18.0 / cell).ceil() as usize;
    for target in (0..targets).step_by(every) {
        let place = corner + vec2((target as f32 + 0.5) * cell, sources as f32 * cell + 4.0);
        painter.text(place, Align2::CENTER_TOP, target_name(reuse, target, sources), font.clone(), weak);
    }
    if let Some(place) = response.hover_pos() {
        let at = (place - corner) / cell;
        let (target, source) = (at.x.floor() as isize, at.y.floor() as isize);
        let weight = usize::try_from(target).ok().and_then(|target| reuse.weights.get(target));
        let weight = weight.zip(usize::try_from(source).ok()).and_then(|(weights, source)| weights.get(source));
        if let Some(weight) = weight {
            let target = target_name(reuse, target as usize, sources);
            response.on_hover_text(format!("{target} from {}: {weight:.4}", name(source as usize)));
        }
    }
}

fn name(source: usize) -> String {
    if source == 0 { "input".into() } else { source.to_string() }
}

fn target_name(reuse: &Reuse, target: usize, sources: usize) -> String {
    match (target + 1 == sources, reuse.ends_in_transition) {
        (false, _) => (target + 1).to_string(),
        (true, true) => "tr".into(),
        (true, false) => "cl".into(),
    }
}
