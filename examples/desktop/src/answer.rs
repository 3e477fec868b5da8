//! The best classes as bars; a click shows the class's map.

use eframe::egui::{
    self, Align, FontId, Rect, Response, Role, Sense, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, text::LayoutJob,
    vec2,
};

use crate::state::State;

/// Height of a bar, in points.
const HEIGHT: f32 = 26.0;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let Some(network) = state.network.clone() else { return };
    ui.horizontal(|ui| {
        ui.heading("Answer");
        ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
            let most = network.labels.len().clamp(1, 20);
            ui.add(egui::DragValue::new(&mut state.settings.top).range(1..=most).prefix("top "))
                .on_hover_text("How many classes are shown");
        });
    });
    let ranking = state.ranking();
    if ranking.is_empty() {
        if state.is_busy() && state.is_running() {
            ui.add(egui::Spinner::new());
            return;
        }
        let text = match (&state.answer, network.architecture.classes()) {
            (_, None) => "This network has no classifier: it ends with its features.",
            (None, _) if state.is_drawing() => "Draw a digit on the sheet above.",
            _ => "No picture yet.",
        };
        ui.label(egui::RichText::new(text).weak());
        return;
    }
    let best = ranking.first().map_or(1.0, |&(_, score)| score.abs()).max(f32::MIN_POSITIVE);
    let shown = state.class.unwrap_or(ranking[0].0);
    for &(class, score) in &ranking {
        let share = if network.has_probabilities() { score } else { score.max(0.0) / best };
        let value = if network.has_probabilities() { percent(score) } else { format!("{score:.3}") };
        if bar(ui, network.label(class), &value, share, class == shown).clicked() {
            state.class = Some(class);
        }
    }
    if let Some(class) = state.class.filter(|class| !ranking.iter().any(|(shown, _)| shown == class)) {
        ui.label(egui::RichText::new(format!("Map of “{}”", network.label(class))).weak());
    }
    let warnings = state.answer.iter().flat_map(|answer| &answer.warnings);
    for warning in warnings.chain(&network.warnings) {
        ui.label(egui::RichText::new(format!("Note: {warning}")).color(ui.visuals().warn_fg_color));
    }
}

/// `97.31 %`.
fn percent(share: f32) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A bar that can be chosen, filled to a share from 0 to 1: the name on the left, the number on the right.
fn bar(ui: &mut Ui, name: &str, value: &str, share: f32, chosen: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
    let label = format!("{name}, {value}");
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, &label));
    let visuals = ui.style().interact_selectable(&response, chosen);
    let painter = ui.painter();
    painter.rect_filled(rect, 4.0, ui.visuals().extreme_bg_color);
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * share.clamp(0.0, 1.0), rect.height()));
    let fill = ui.visuals().selection.bg_fill.gamma_multiply(if chosen { 0.85 } else { 0.45 });
    painter.rect_filled(filled, 4.0, fill);
    if chosen || response.hovered() || response.has_focus() {
        painter.rect_stroke(rect, 4.0, visuals.fg_stroke, StrokeKind::Inside);
    }
    let colour = ui.visuals().strong_text_color();
    let font: FontId = TextStyle::Body.resolve(ui.style());
    let number = painter.layout_no_wrap(value.to_string(), font.clone(), colour);
    let middle = |height: f32| rect.center().y - height / 2.0;
    let right = rect.right() - 8.0 - number.size().x;
    let mut job = LayoutJob::simple_singleline(name.to_string(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width((right - rect.left() - 16.0).max(10.0));
    let text = painter.layout_job(job);
    painter.galley(pos2(rect.left() + 8.0, middle(text.size().y)), text, colour);
    painter.galley(pos2(right, middle(number.size().y)), number, colour);
    response.on_hover_text(label)
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
