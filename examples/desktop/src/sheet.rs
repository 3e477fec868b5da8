//! The picture, or the sheet to draw on, with the class-activation map over it.

use densenet_wgpu::picture::Region;
use eframe::egui::{
    self, Color32, ColorImage, EventFilter, Key, PointerButton, Rect, Response, Role, Sense, Stroke, StrokeKind,
    TextureHandle, TextureOptions, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::canvas::{self, Canvas};
use crate::state::State;

/// Most points from top to bottom.
const MAX_HEIGHT: f32 = 330.0;
/// Pixels of a side of the map as it is laid over the picture.
const HEAT: usize = 96;

/// Textures, made anew when what they show has changed.
#[derive(Default)]
pub(crate) struct Sheet {
    shown: Option<(u64, TextureHandle)>,
    heat: Option<((u64, usize), TextureHandle)>,
    /// Where the picture was drawn last.
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

/// The pixels of what the network got.
fn picture_pixels(state: &State) -> Vec2 {
    match &state.picture {
        Some(picture) if !state.is_drawing() => vec2(picture.decoded.width() as f32, picture.decoded.height() as f32),
        _ => Vec2::splat(canvas::SIDE as f32),
    }
}

fn shown_size(state: &State) -> Option<Vec2> {
    (state.is_drawing() || state.picture.is_some()).then(|| picture_pixels(state))
}

/// A region of the picture on the screen.
fn placed(region: &Region, pixels: Vec2, rect: Rect) -> Rect {
    let scale = rect.size() / pixels;
    let corner = rect.min + vec2(region.left as f32, region.top as f32) * scale;
    Rect::from_min_size(corner, vec2(region.width as f32, region.height as f32) * scale)
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

/// Mouse, pen and keyboard on the sheet; whether anything was drawn.
fn draw(ui: &Ui, response: &Response, rect: Rect, canvas: &mut Canvas) -> bool {
    if response.clicked() || response.drag_started() {
        response.request_focus();
    }
    if response.gained_focus() {
        canvas.keyboard = !ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
    }
    let mut drawn = false;
    if response.is_pointer_button_down_on() || response.drag_stopped() || response.clicked() {
        // Every place that the pointer was at since the last frame, up to where it was lifted: quick strokes are whole.
        let events = ui.input(|input| input.events.clone());
        for event in events {
            let place = match event {
                egui::Event::PointerButton { pos, pressed: true, button: PointerButton::Primary, .. } => {
                    canvas.lift();
                    Some(pos)
                }
                egui::Event::PointerMoved(place) if canvas.is_drawing() => Some(place),
                egui::Event::PointerButton { pressed: false, .. } => {
                    canvas.lift();
                    None
                }
                _ => None,
            };
            if let Some(place) = place {
                let part = (place - rect.min) / rect.size();
                canvas.draw_to([part.x, part.y]);
                (canvas.keyboard, drawn) = (false, true);
            }
        }
    } else if !canvas.down {
        canvas.lift();
    }
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        drawn |= keyboard(ui, canvas);
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

/// Where the keyboard's pen is.
fn pen(ui: &Ui, canvas: &Canvas, rect: Rect) {
    let place = rect.min + Vec2::from(canvas.cursor) * rect.size();
    let colour = ui.visuals().selection.bg_fill;
    let radius = canvas.pen * rect.width() / canvas::SIDE as f32;
    match canvas.down {
        true => ui.painter().circle_filled(place, radius.max(3.0), colour),
        false => ui.painter().circle_stroke(place, radius.max(3.0), Stroke::new(2.0, colour)),
    };
}

/// The row below: the sheet's, and how strongly the map shows.
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
        ui.add(slider).on_hover_text("How strongly the class-activation map is laid over the picture");
    });
    if let (Some((class, _)), Some(network)) = (heat, &state.network) {
        let label = network.label(class);
        ui.add(egui::Label::new(egui::RichText::new(format!("Light is what speaks for “{label}”")).weak()).truncate());
    }
}
