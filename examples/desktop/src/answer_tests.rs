use eframe::egui::accesskit::Toggled;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use crate::samples;
use crate::state::State;

fn harness(state: State) -> Harness<'static, State> {
    let mut harness = Harness::new_ui_state(super::show, state);
    harness.run();
    harness
}

#[test]
fn the_best_class_comes_first_and_is_chosen() {
    let harness = harness(samples::answered());
    let [seven, three] = ["7, 95.00 %", "3, 4.00 %"].map(|label| harness.get_by_label(label));
    assert!(seven.rect().bottom() <= three.rect().top());
    assert_eq!(seven.accesskit_node().toggled(), Some(Toggled::True));
    assert_eq!(three.accesskit_node().toggled(), Some(Toggled::False));
    assert_eq!(harness.query_all_by_label_contains(" %").count(), 10);
}

#[test]
fn a_click_or_the_keyboard_chooses_a_class() {
    let mut harness = harness(samples::answered());
    harness.get_by_label("3, 4.00 %").click();
    harness.run();
    assert_eq!(harness.state().class, Some(3));
    harness.get_by_label("7, 95.00 %").focus();
    harness.run();
    harness.key_press(eframe::egui::Key::Space);
    harness.run();
    assert_eq!(harness.state().class, Some(7));
}

#[test]
fn without_an_answer_something_is_said() {
    let harness = harness(samples::loaded());
    assert!(harness.query_by_label("Draw a digit on the sheet above.").is_some());
}
