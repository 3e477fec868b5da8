//! The picture, or the sheet to draw on, under the class-activation map.

use densenet_wgpu::picture::Region;
use eframe::egui::{
    self, Color32, ColorImage, Event, EventFilter, Key, PointerButton, Pos2, Rect, Response, Role, Sense, Stroke,
    StrokeKind, TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::canvas::{self, Canvas};
use crate::state::State;

/// Maximum height, in points.
const MAX_HEIGHT: f32 = 330.0;
/// Side of the class-activation map's texture, in pixels.
const HEAT: usize = 96;
/// Shown on the sheet with the example.
const HINT: &str = "Draw a digit here, or drop a picture";

/// The textures, each with the version of what it shows.
#[derive(Default)]
pub(crate) struct Sheet {
    shown: Option<(u64, TextureHandle)>,
    heat: Option<((u64, usize), TextureHandle)>,
    /// The picture's place in the last frame.
    pub(crate) place: Option<Rect>,
}

impl Sheet {
    pub(crate) fn show(&mut self, ui: &mut Ui, state: &mut State) {
        let drawing = state.is_drawing();
        let Some(size) = shown_size(state) else {
            self.place = None;
            return empty(ui);
        };
        let scale = (ui.available_width() / size.x).min(MAX_HEIGHT / size.y);
        let sense = if drawing { Sense::click_and_drag() } else { Sense::hover() };
        let (space, response) = ui.allocate_exact_size(vec2(ui.available_width(), size.y * scale), sense);
        let rect = Rect::from_center_size(space.center(), size * scale);
        self.place = Some(rect);
        if drawing {
            response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Sheet to draw a digit on"));
            if draw(ui, &response, rect, &mut state.canvas) {
                state.changed();
            }
        } else {
            let name = state.picture.as_ref().map_or("", |picture| picture.name.as_str());
            response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
        }
        self.paint(ui, state, rect);
        if drawing && state.canvas.is_example() {
            hint(ui, rect);
        }
        if drawing && response.has_focus() && state.canvas.keyboard {
            pen(ui, &state.canvas, rect);
        }
        let edge = if response.has_focus() { ui.visuals().selection.stroke } else { ui.visuals().window_stroke };
        ui.painter().rect_stroke(rect, 2.0, edge, StrokeKind::Outside);
    }

    fn paint(&mut self, ui: &Ui, state: &State, rect: Rect) {
        let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let texture = self.shown(ui, state);
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        painter.image(texture.id(), rect, all, Color32::WHITE);
        let Some(answer) = &state.answer else { return };
        let Some((class, heat)) = state.heat() else { return };
        let place = placed(&answer.region, picture_pixels(state), rect);
        let key = (answer.number, class);
        if self.heat.as_ref().is_none_or(|(known, _)| *known != key) {
            let image = ColorImage::from_rgba_unmultiplied([HEAT, HEAT], &heat.picture(HEAT, HEAT));
            let texture = ui.ctx().load_texture("heat", image, TextureOptions::LINEAR);
            self.heat = Some((key, texture));
        }
        let Some((_, texture)) = &self.heat else { return };
        let alpha = (state.settings.opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        painter.image(texture.id(), place, all, Color32::from_white_alpha(alpha));
        if !rect.expand(1.0).contains_rect(place) || place.size().x < 0.98 * rect.size().x {
            let stroke = Stroke::new(1.0, ui.visuals().selection.bg_fill);
            painter.rect_stroke(place, 0.0, stroke, StrokeKind::Inside);
        }
    }

    fn shown(&mut self, ui: &Ui, state: &State) -> TextureHandle {
        if let Some((_, texture)) = self.shown.as_ref().filter(|(version, _)| *version == state.version) {
            return texture.clone();
        }
        let image = match &state.picture {
            Some(picture) if !state.is_drawing() => picture.shown.clone(),
            _ => ColorImage::from_gray([canvas::SIDE; 2], state.canvas.pixels()),
        };
        let small = image.size.iter().all(|&side| side < 100);
        let options = if small { TextureOptions::NEAREST } else { TextureOptions::LINEAR };
        let texture = ui.ctx().load_texture("picture", image, options);
        self.shown = Some((state.version, texture.clone()));
        texture
    }
}

/// The size of the network's input, in its own pixels.
fn picture_pixels(state: &State) -> Vec2 {
    match &state.picture {
        Some(picture) if !state.is_drawing() => vec2(picture.decoded.width() as f32, picture.decoded.height() as f32),
        _ => Vec2::splat(canvas::SIDE as f32),
    }
}

fn shown_size(state: &State) -> Option<Vec2> {
    (state.is_drawing() || state.picture.is_some()).then(|| picture_pixels(state))
}

/// The place of a region of the picture on the screen.
fn placed(region: &Region, pixels: Vec2, rect: Rect) -> Rect {
    let scale = rect.size() / pixels;
    let corner = rect.min + vec2(region.left as f32, region.top as f32) * scale;
    Rect::from_min_size(corner, vec2(region.width as f32, region.height as f32) * scale)
}

/// Weak text at the foot of the sheet. Paper is white in every theme, and the theme's weak text may be light.
fn hint(ui: &Ui, rect: Rect) {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let place = rect.center_bottom() - vec2(0.0, 6.0);
    ui.painter().text(place, egui::Align2::CENTER_BOTTOM, HINT, font, Color32::from_gray(100));
}

fn empty(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 160.0), Sense::hover());
    let visuals = ui.visuals();
    ui.painter().rect_stroke(rect, 4.0, visuals.window_stroke, StrokeKind::Inside);
    let text = "Drop a picture here,\nor open or paste one";
    let font = egui::TextStyle::Body.resolve(ui.style());
    let galley = ui.painter().layout(text.into(), font, visuals.weak_text_color(), rect.width());
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, visuals.weak_text_color());
}

/// Draws the input since the last frame by mouse, pen and keyboard; whether there was any.
fn draw(ui: &Ui, response: &Response, rect: Rect, canvas: &mut Canvas) -> bool {
    let events = ui.input(|input| input.events.clone());
    let on_sheet = |place: Pos2| {
        response.enabled()
            && response.interact_rect.contains(place)
            && ui.ctx().layer_id_at(place) == Some(response.layer_id)
    };
    let mut drawn = strokes(&events, rect, on_sheet, canvas);
    // A release outside of the window, or the end of a touch, may send no event.
    if !canvas.down && !ui.input(|input| input.pointer.primary_down()) {
        canvas.lift();
    }
    if drawn || response.clicked() {
        response.request_focus();
    }
    if response.gained_focus() {
        canvas.keyboard = !ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
    }
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        drawn |= keyboard(ui, canvas);
    }
    drawn
}

/// Draws the pointer's strokes that begin `on_sheet`, through every reported place; whether there were any.
///
/// It reads the frame's events, not egui's response: to egui, a press, moves and a release in one frame are no drag.
fn strokes(events: &[Event], rect: Rect, on_sheet: impl Fn(Pos2) -> bool, canvas: &mut Canvas) -> bool {
    let mut drawn = false;
    for event in events {
        let place = match *event {
            Event::PointerButton { pos, pressed: true, button: PointerButton::Primary, .. } if on_sheet(pos) => {
                canvas.lift();
                canvas.keyboard = false;
                pos
            }
            // Not while the keyboard's pen is down.
            Event::PointerMoved(place) if canvas.is_drawing() && !canvas.keyboard => place,
            Event::PointerButton { pressed: false, button: PointerButton::Primary, .. } | Event::PointerGone => {
                canvas.lift();
                continue;
            }
            _ => continue,
        };
        let part = (place - rect.min) / rect.size();
        canvas.draw_to([part.x, part.y]);
        drawn = true;
    }
    drawn
}

fn keyboard(ui: &Ui, canvas: &mut Canvas) -> bool {
    let before = (canvas.cursor, canvas.down);
    let count = |key: Key| ui.input(|input| input.num_presses(key)) as f32;
    let across = count(Key::ArrowRight) - count(Key::ArrowLeft);
    let down = count(Key::ArrowDown) - count(Key::ArrowUp);
    if across != 0.0 || down != 0.0 {
        canvas.step(across, down);
    }
    if ui.input(|input| input.key_pressed(Key::Space)) {
        canvas.toggle();
    }
    before != (canvas.cursor, canvas.down) && (canvas.down || before.1)
}

/// Marks the place of the keyboard's pen.
fn pen(ui: &Ui, canvas: &Canvas, rect: Rect) {
    let place = rect.min + Vec2::from(canvas.cursor) * rect.size();
    let colour = ui.visuals().selection.bg_fill;
    let radius = canvas.pen * rect.width() / canvas::SIDE as f32;
    match canvas.down {
        true => ui.painter().circle_filled(place, radius.max(3.0), colour),
        false => ui.painter().circle_stroke(place, radius.max(3.0), Stroke::new(2.0, colour)),
    };
}

/// The controls below: the sheet's, and the opacity of the class-activation map.
pub(crate) fn controls(ui: &mut Ui, state: &mut State) {
    if state.is_drawing() {
        ui.horizontal(|ui| {
            if ui.button("New sheet").on_hover_text("Delete").clicked() {
                state.canvas.clear();
                state.changed();
            }
            ui.add(egui::Slider::new(&mut state.canvas.pen, 5.0..=20.0).text("pen").show_value(false));
        });
    }
    let heat = state.heat();
    ui.add_enabled_ui(heat.is_some(), |ui| {
        let slider = egui::Slider::new(&mut state.settings.opacity, 0.0..=1.0).show_value(false).text("class map");
        ui.add(slider).on_hover_text("Opacity of the class-activation map");
    });
    if let (Some((class, _)), Some(network)) = (heat, &state.network) {
        let label = network.label(class);
        ui.add(
            egui::Label::new(egui::RichText::new(format!("Light areas are evidence for “{label}”")).weak()).truncate(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: Rect = Rect { min: Pos2 { x: 100.0, y: 50.0 }, max: Pos2 { x: 300.0, y: 250.0 } };

    /// A place on the sheet, as fractions of its sides.
    fn at(x: f32, y: f32) -> Pos2 {
        SHEET.min + vec2(x, y) * SHEET.size()
    }

    fn button(place: Pos2, pressed: bool) -> Event {
        let modifiers = egui::Modifiers::NONE;
        Event::PointerButton { pos: place, button: PointerButton::Primary, pressed, modifiers }
    }

    fn frame(canvas: &mut Canvas, events: &[Event]) -> bool {
        strokes(events, SHEET, |place| SHEET.contains(place), canvas)
    }

    fn inked(canvas: &Canvas, x: f32, y: f32) -> bool {
        let pixel = |part: f32| (part * canvas::SIDE as f32) as usize;
        canvas.pixels()[pixel(y) * canvas::SIDE + pixel(x)] == 0
    }

    #[test]
    fn every_move_of_a_frame_is_drawn() {
        let mut canvas = Canvas::default();
        let corner = [Event::PointerMoved(at(0.8, 0.2)), Event::PointerMoved(at(0.8, 0.8))];
        let [across, down] = corner;
        let events = [button(at(0.2, 0.2), true), across, down, button(at(0.8, 0.8), false)];
        assert!(frame(&mut canvas, &events));
        assert!(inked(&canvas, 0.5, 0.2) && inked(&canvas, 0.8, 0.5) && !inked(&canvas, 0.5, 0.5));
        assert!(!canvas.is_drawing());
        // Two strokes of one frame do not join.
        let dots = [(0.1, 0.9), (0.5, 0.9)].map(|(x, y)| [button(at(x, y), true), button(at(x, y), false)]);
        frame(&mut canvas, &dots.concat());
        assert!(inked(&canvas, 0.1, 0.9) && inked(&canvas, 0.5, 0.9) && !inked(&canvas, 0.3, 0.9));
    }

    #[test]
    fn a_stroke_goes_on_in_the_next_frame_and_over_the_edge() {
        let mut canvas = Canvas::default();
        frame(&mut canvas, &[button(at(0.2, 0.2), true)]);
        frame(&mut canvas, &[Event::PointerMoved(at(0.5, 0.2)), Event::PointerMoved(at(1.5, 0.2))]);
        assert!(inked(&canvas, 0.3, 0.2) && inked(&canvas, 0.9, 0.2));
        assert!(canvas.is_drawing());
        frame(&mut canvas, &[Event::PointerGone]);
        assert!(!canvas.is_drawing());
    }

    #[test]
    fn only_what_begins_on_the_sheet_is_drawn() {
        let mut canvas = Canvas::default();
        let beside = [button(at(-0.5, 0.5), true), Event::PointerMoved(at(0.5, 0.5)), button(at(0.5, 0.5), false)];
        assert!(!frame(&mut canvas, &beside) && canvas.is_empty());
        // The keyboard's pen is down, and the mouse passes over.
        canvas.toggle();
        assert!(!frame(&mut canvas, &[Event::PointerMoved(at(0.9, 0.9))]));
        assert!(!inked(&canvas, 0.7, 0.7));
    }
}
