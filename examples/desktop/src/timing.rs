//! Where the time goes: a bar for each step, and the total.

use densenet_wgpu::gpu::StepTime;
use eframe::egui::{self, Align2, Color32, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use crate::state::State;

/// Height of a step, in points.
const STEP: f32 = 17.0;

pub(crate) fn show(ui: &mut Ui, state: &State) {
    let Some(network) = state.network.clone() else { return };
    ui.heading("Time");
    egui::Grid::new("facts").num_columns(2).spacing([24.0, 3.0]).show(ui, |ui| {
        let mut row = |name: &str, value: String| {
            ui.label(RichText::new(name).weak());
            ui.add(egui::Label::new(value).truncate());
            ui.end_row();
        };
        match network.family {
            Some(family) => {
                row("Adapter", network.engine_facts.clone());
                let device = if network.shared { "the window's device" } else { "a device of its own" };
                row("Runs on", format!("{device}, with {family} kernels"));
            }
            None => row("Runs on", network.engine_facts.clone()),
        }
        if let (Some(answer), Some(ms)) = (&state.answer, state.median_ms()) {
            row("One picture", format!("{ms:.2} ms: {:.1} images/s", 1e3 / ms));
            let (all, weights) = (answer.device_bytes as f64 / MIB, network.weight_bytes as f64 / MIB);
            row("Memory", format!("{all:.2} MiB, of which weights {weights:.2} MiB"));
        }
        row("Weights", format!("{} ({})", network.name, network.format));
        row("Preprocessing", network.preprocessing.clone());
    });
    ui.add_space(8.0);
    match &state.times {
        None => {
            let running = "Timing every step …";
            let idle = "The steps are timed once there is a picture.";
            ui.label(RichText::new(if state.is_running() { running } else { idle }).weak());
        }
        Some(Err(reason)) => {
            ui.label(format!("The steps are not timed: {reason}"));
        }
        Some(Ok(times)) => bars(ui, times, network.family.is_some()),
    }
}

const MIB: f64 = 1024.0 * 1024.0;

fn bars(ui: &mut Ui, times: &[StepTime], on_adapter: bool) {
    let ms = |step: &StepTime| step.time.as_secs_f64() * 1e3;
    let all: f64 = times.iter().map(ms).sum();
    let most = times.iter().map(ms).fold(f64::MIN_POSITIVE, f64::max);
    let kernels = kernels(times);
    let how = if on_adapter { "; each in a pass of its own, by the adapter's timestamps" } else { "" };
    ui.label(format!("{} steps, {all:.2} ms{how}.", times.len()));
    ui.horizontal_wrapped(|ui| {
        for (kernel, time) in &kernels {
            let share = time / all.max(f64::MIN_POSITIVE) * 100.0;
            let text = format!("{kernel} {share:.0} %");
            let font = egui::TextStyle::Body.resolve(ui.style());
            let galley = ui.painter().layout_no_wrap(text.clone(), font, ui.visuals().text_color());
            // One widget, so that no line breaks between a colour and its name.
            let size = vec2(galley.size().x + 28.0, galley.size().y);
            let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
            let square = Rect::from_center_size(rect.left_center() + vec2(5.0, 0.0), vec2(10.0, 10.0));
            ui.painter().rect_filled(square, 2.0, colour(ui, &kernels, kernel));
            ui.painter().galley(rect.min + vec2(16.0, 0.0), galley, ui.visuals().text_color());
        }
    });
    ui.add_space(4.0);
    let names = (ui.available_width() * 0.3).clamp(110.0, 180.0);
    ScrollArea::vertical().id_salt("times").auto_shrink([false, false]).show_rows(ui, STEP, times.len(), |ui, rows| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for step in &times[rows] {
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), STEP), Sense::hover());
            let text = format!("{:.3} ms", ms(step));
            let name =
                step.name.trim_start_matches("features.").replace("denseblock", "block").replace("denselayer", "layer");
            let label = format!("{name}, {text}");
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &label));
            let font = egui::TextStyle::Small.resolve(ui.style());
            let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
            let visuals = ui.visuals();
            painter.text(rect.left_center(), Align2::LEFT_CENTER, &name, font.clone(), visuals.text_color());
            let space = rect.width() - names - 70.0;
            let width = (ms(step) / most) as f32 * space.max(1.0);
            let bar = Rect::from_min_size(rect.min + vec2(names, 3.0), vec2(width.max(1.0), STEP - 6.0));
            painter.rect_filled(bar, 2.0, colour(ui, &kernels, kernel_of(step)));
            painter.text(bar.right_center() + vec2(6.0, 0.0), Align2::LEFT_CENTER, &text, font, visuals.text_color());
            let seconds = step.time.as_secs_f64();
            let rate = if seconds > 0.0 { 2e-9 * step.macs as f64 / seconds } else { 0.0 };
            response.on_hover_text(format!("{}\n{}\n{text}, {rate:.2} GFLOP/s", step.name, step.kernel));
        }
    });
}

/// `conv3x3` of `texture/conv3x3+subgroup/8`.
fn kernel_of(step: &StepTime) -> &str {
    let variant = step.kernel.split_once('/').map_or(step.kernel.as_str(), |(_, variant)| variant);
    variant.split(['+', '/']).next().unwrap_or(variant)
}

/// Kernels and their milliseconds, the longest first.
fn kernels(times: &[StepTime]) -> Vec<(String, f64)> {
    let mut kernels: Vec<(String, f64)> = Vec::new();
    for step in times {
        let (name, ms) = (kernel_of(step), step.time.as_secs_f64() * 1e3);
        match kernels.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += ms,
            None => kernels.push((name.to_string(), ms)),
        }
    }
    kernels.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    kernels
}

fn colour(ui: &Ui, kernels: &[(String, f64)], kernel: &str) -> Color32 {
    // By name, so that a kernel keeps its colour when times change.
    let mut names: Vec<&str> = kernels.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let index = names.iter().position(|name| *name == kernel).unwrap_or(0);
    let (saturation, value) = if ui.visuals().dark_mode { (0.55, 0.85) } else { (0.6, 0.75) };
    let hue = (0.58 + index as f32 * 0.381_966) % 1.0;
    egui::ecolor::Hsva::new(hue, saturation, value, 1.0).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn kernels_are_summed_and_the_longest_comes_first() {
        let step = |kernel: &str, ms: u64| StepTime {
            name: "x".into(),
            kernel: kernel.into(),
            time: Duration::from_millis(ms),
            macs: 1,
        };
        let times = [step("buffer/a/8", 1), step("buffer/b+subgroup/8", 5), step("buffer/a/64", 7)];
        assert_eq!(kernels(&times), [("a".to_string(), 8.0), ("b".to_string(), 5.0)]);
    }
}
