//! The widgets under mouse and keyboard, without a window.

use eframe::egui::{self, Key, Modifiers, Pos2, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use crate::inside::Inside;
use crate::messages::{Event, Source};
use crate::samples;
use crate::settings::Tab;
use crate::sheet::{self, Sheet};
use crate::state::{Action, State};
use crate::toolbar::Toolbar;
use crate::{reuse_view, timing};

fn harness<W: Default + 'static>(
    state: State,
    show: impl Fn(&mut egui::Ui, &mut W, &mut State) + 'static,
) -> Harness<'static, (W, State)> {
    let draw = move |ui: &mut egui::Ui, (widget, state): &mut (W, State)| show(ui, widget, state);
    let mut harness = Harness::builder().with_size(vec2(900.0, 700.0)).build_ui_state(draw, (W::default(), state));
    harness.run_steps(3);
    harness
}

fn sheet() -> Harness<'static, (Sheet, State)> {
    harness::<Sheet>(samples::loaded(), |ui, widget, state| {
        widget.show(ui, state);
        sheet::controls(ui, state);
    })
}

fn ink(state: &State) -> usize {
    state.canvas.pixels().iter().filter(|&&x| x < 128).count()
}

#[test]
fn the_mouse_draws_and_a_button_clears() {
    let mut harness = sheet();
    let place = harness.state().0.place.expect("the sheet is shown");
    let at = |x: f32, y: f32| -> Pos2 { place.min + vec2(x, y) * place.size() };
    harness.drag_at(at(0.2, 0.2));
    harness.step();
    harness.hover_at(at(0.8, 0.2));
    harness.step();
    harness.drop_at(at(0.8, 0.2));
    harness.step();
    let state = &harness.state().1;
    assert!(ink(state) > 1000, "{}", ink(state));
    assert!(harness.state_mut().1.job().is_some());
    harness.get_by_label("New sheet").click();
    harness.run_steps(2);
    assert_eq!(ink(&harness.state().1), 0);
}

#[test]
fn the_example_goes_at_the_first_stroke() {
    let mut state = samples::loaded();
    state.show_example();
    let mut harness = harness::<Sheet>(state, |ui, widget, state| widget.show(ui, state));
    let before = ink(&harness.state().1);
    let place = harness.state().0.place.expect("the sheet is shown");
    harness.drag_at(place.min + vec2(0.1, 0.9) * place.size());
    harness.run_steps(2);
    let canvas = &harness.state().1.canvas;
    assert!(!canvas.is_example() && ink(&harness.state().1) < before / 4, "a dot is left");
    assert!(harness.state_mut().1.job().is_some());
}

#[test]
fn a_stroke_within_one_frame_is_drawn_whole() {
    let mut harness = sheet();
    let place = harness.state().0.place.expect("the sheet is shown");
    let at = |x: f32, y: f32| -> Pos2 { place.min + vec2(x, y) * place.size() };
    let button = |pos, pressed| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    harness.event(egui::Event::PointerMoved(at(0.2, 0.2)));
    harness.step();
    harness.event(button(at(0.2, 0.2), true));
    harness.step();
    // Within one frame the pointer reaches the end, is lifted, and moves on without drawing.
    harness.event(egui::Event::PointerMoved(at(0.8, 0.2)));
    harness.event(button(at(0.8, 0.2), false));
    harness.event(egui::Event::PointerMoved(at(0.8, 0.8)));
    harness.step();
    harness.step();
    let canvas = &harness.state().1.canvas;
    let grey = |x: f32, y: f32| {
        let side = crate::canvas::SIDE as f32;
        canvas.pixels()[(y * side) as usize * crate::canvas::SIDE + (x * side) as usize]
    };
    assert_eq!((grey(0.5, 0.2), grey(0.78, 0.2), grey(0.8, 0.5)), (0, 0, 255));
}

#[test]
fn the_keyboard_draws_on_the_sheet() {
    let mut harness = sheet();
    harness.get_by_label("Sheet to draw a digit on").focus();
    harness.run_steps(2);
    harness.key_press(Key::Space);
    harness.step();
    for _ in 0..6 {
        harness.key_press(Key::ArrowDown);
        harness.step();
    }
    harness.run_steps(2);
    let canvas = &harness.state().1.canvas;
    assert!(canvas.cursor[1] > 0.6 && canvas.down, "{:?}", canvas.cursor);
    assert!(ink(&harness.state().1) > 1000);
}

#[test]
fn a_strip_is_chosen_by_mouse_and_by_arrow_keys() {
    let mut harness = harness::<Inside>(samples::answered(), |ui, widget, state| widget.show(ui, state));
    harness.get_by_label("Block 2, layer 1: 27 + 10 = 37 channels of 7×7").click();
    harness.run_steps(3);
    let chosen = harness.state().1.strip;
    let strips = &harness.state().1.network.as_ref().expect("a network").strips;
    assert_eq!(strips[chosen].title, "Block 2, layer 1");
    harness.key_press(Key::ArrowDown);
    harness.run_steps(3);
    assert_eq!(harness.state().1.strip, chosen + 1);
}

#[test]
fn all_channels_or_the_new_ones_are_asked_for() {
    let mut harness = harness::<Inside>(samples::answered(), |ui, widget, state| widget.show(ui, state));
    assert!(harness.query_by_label("Channel 9").is_some(), "the ten new ones are shown");
    harness.get_by_label("all 34").click();
    harness.run_steps(3);
    let job = harness.state_mut().1.job().expect("other maps are wanted");
    assert_eq!(job.view.as_ref().map(|view| view.channels), Some(34));
    let answer = samples::answer(&job);
    harness.state_mut().1.hear(Event::Answer(Box::new(answer)));
    harness.run_steps(3);
    assert!(harness.query_by_label("Channel 33").is_some());
    harness.get_by_label("Channel 33").click();
    harness.run_steps(2);
    assert_eq!(harness.state().1.map, 33);
}

/// The toolbar, and its actions.
#[derive(Default)]
struct Bar {
    toolbar: Toolbar,
    actions: Vec<Action>,
}

#[test]
fn a_path_is_typed_into_the_toolbar() {
    let mut harness = harness::<Bar>(samples::loaded(), |ui, bar, state| bar.toolbar.show(ui, state, &mut bar.actions));
    harness.state_mut().0.toolbar.wants_path = true;
    harness.run_steps(3);
    harness.event(egui::Event::Text("d121.safetensors".into()));
    harness.step();
    harness.key_press_modifiers(Modifiers::NONE, Key::Enter);
    harness.run_steps(3);
    let source = Source { path: Some("d121.safetensors".into()), adapter: None };
    assert_eq!(harness.state().0.actions, [Action::Load(source)]);
}

#[test]
fn adapters_and_weights_are_chosen_from_lists() {
    let mut harness = harness::<Bar>(samples::loaded(), |ui, bar, state| bar.toolbar.show(ui, state, &mut bar.actions));
    harness.get_by_label("Adapter").click();
    harness.run_steps(3);
    harness.get_by_label("Imaginary (rev 1) (discrete, vulkan)").click();
    harness.run_steps(3);
    let source = Source { path: None, adapter: Some("0".into()) };
    assert_eq!(harness.state().0.actions, [Action::Load(source)]);
    harness.get_by_label("Adapter").click();
    harness.run_steps(3);
    harness.get_by_label("CPU engine").click();
    harness.run_steps(3);
    let source = Source { path: None, adapter: Some("cpu".into()) };
    assert_eq!(harness.state().0.actions.last(), Some(&Action::Load(source)));
}

#[test]
fn times_are_shown_or_the_reason_why_there_are_none() {
    let (mut state, _) = samples::drawing();
    state.settings.tab = Tab::Time;
    state.times = Some(Err("'Imaginary' takes no timestamps: steps cannot be timed".into()));
    let mut harness = harness::<()>(state, |ui, (), state| timing::show(ui, state));
    assert!(harness.query_by_label_contains("takes no timestamps").is_some());
    let step = |name: &str, ms| densenet_wgpu::gpu::StepTime {
        name: name.into(),
        kernel: "buffer/pointwise/8".into(),
        time: std::time::Duration::from_millis(ms),
        macs: 1_000_000,
    };
    harness.state_mut().1.times = Some(Ok(vec![step("features.conv0", 3), step("classifier", 1)]));
    harness.run_steps(3);
    assert!(harness.query_by_label("conv0, 3.000 ms").is_some());
    assert!(harness.query_by_label_contains("2 steps, 4.00 ms").is_some());
}

#[test]
fn every_block_has_its_square_of_reuse() {
    let harness = harness::<()>(samples::loaded(), |ui, (), state| {
        if let Some(network) = &state.network {
            reuse_view::show(ui, network);
        }
    });
    for block in 1..=3 {
        assert!(harness.query_by_label(&format!("Feature reuse of block {block}")).is_some());
    }
}

#[test]
fn nothing_is_too_wide_for_a_small_window_with_large_letters() {
    // 200 % of a window of 1280x800.
    let mut harness = harness::<Bar>(samples::answered(), |ui, bar, state| {
        let width = ui.available_width();
        bar.toolbar.show(ui, state, &mut bar.actions);
        assert!(ui.min_rect().width() <= width + 1.0, "the toolbar is {} wide of {width}", ui.min_rect().width());
    });
    harness.set_size(vec2(640.0, 400.0));
    harness.run_steps(3);
    let theme = harness.get_by_label("Theme").rect();
    assert!(theme.right() < 640.0 && theme.max != pos2(0.0, 0.0), "{theme:?}");
}
