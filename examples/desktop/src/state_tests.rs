use super::*;
use crate::samples;

#[test]
fn one_job_is_under_way_and_the_last_change_is_always_run() {
    let (mut state, job) = samples::drawing();
    assert!(state.is_running());
    state.canvas.draw_to([0.8, 0.9]);
    state.changed();
    state.changed();
    assert!(state.job().is_none(), "the first is still under way");
    state.hear(Event::Answer(Box::new(samples::answer(&job))));
    let second = state.job().expect("the changes since");
    assert_eq!(second.number, job.number + 1);
    state.hear(Event::Answer(Box::new(samples::answer(&second))));
    assert!(state.job().is_none() && !state.is_running());
}

#[test]
fn an_empty_sheet_is_no_picture_and_a_new_one_takes_the_answer_away() {
    let mut state = samples::loaded();
    assert!(state.job().is_none() && !state.is_running());
    let mut state = samples::answered();
    assert_eq!(state.ranking()[0], (7, 0.95));
    state.canvas.clear();
    state.changed();
    assert!(state.job().is_none());
    assert!(state.ranking().is_empty() && state.heat().is_none());
}

#[test]
fn the_map_is_that_of_the_best_class_until_another_is_chosen() {
    let mut state = samples::answered();
    let (class, heat) = state.heat().expect("a map");
    assert_eq!((class, heat.values()[7]), (7, 1.0));
    state.class = Some(3);
    let (class, heat) = state.heat().expect("a map");
    assert_eq!((class, heat.values()[3]), (3, 1.0));
}

#[test]
fn what_is_looked_at_goes_along_with_the_job() {
    let (mut state, job) = samples::drawing();
    let view = job.view.clone().expect("maps are wanted");
    assert_eq!((view.tap.as_str(), view.channels, job.timed), ("features.denseblock1.denselayer1", 10, false));
    state.hear(Event::Answer(Box::new(samples::answer(&job))));
    state.settings.whole = true;
    state.choose(2);
    let job = state.job().expect("another strip");
    assert_eq!(job.view, Some(View { tap: "features.denseblock1".into(), channels: 24 + 2 * 10 }));
    state.hear(Event::Answer(Box::new(samples::answer(&job))));
    state.settings.tab = Tab::Time;
    state.look();
    let job = state.job().expect("times");
    assert!(job.timed && job.view.is_none());
}

#[test]
fn weights_that_cannot_be_had_leave_everything_as_it_was() {
    let mut state = samples::answered();
    state.load(Source { path: Some("broken.pth".into()), adapter: None });
    assert!(state.loading.is_some());
    state.hear(Event::Refused { what: Refused::Weights, reason: "broken.pth: damaged".into() });
    assert_eq!(state.messages, ["broken.pth: damaged"]);
    assert!(state.loading.is_none() && state.network.is_some() && state.settings.weights.is_none());
    assert_eq!(state.ranking()[0].0, 7);
    // The same message is not said twice, and only so many are kept.
    (0..9).for_each(|i| state.say(format!("message {}", i / 2)));
    assert_eq!(state.messages.len(), 4);
}

#[test]
fn a_picture_that_cannot_be_run_lets_the_next_one_be() {
    let (mut state, _) = samples::drawing();
    state.hear(Event::Refused { what: Refused::Picture, reason: "too small".into() });
    assert!(!state.is_running() && state.answer.is_none());
    state.changed();
    assert!(state.job().is_some());
}

#[test]
fn a_new_network_looks_at_the_picture_again() {
    let mut state = samples::answered();
    state.choose(5);
    state.load(Source::default());
    state.hear(Event::Loaded(samples::digits()));
    assert_eq!((state.strip, state.loading.is_none()), (5, true), "the same network keeps its strip");
    assert!(state.answer.is_none() && state.job().is_some());
}

#[test]
fn page_keys_go_through_the_folder() {
    let mut state = samples::loaded();
    assert_eq!(state.neighbour(1), None);
    let pictures: Vec<PathBuf> = ["a.png", "b.png"].map(PathBuf::from).into();
    state.open(News::Folder { path: "digits".into(), pictures: pictures.clone() });
    assert_eq!(state.neighbour(1), Some(pictures[0].clone()), "nothing of it is shown yet");
    let decoded = Picture::from_pixels(1, 1, 1, vec![0], "b.png").expect("a pixel");
    let shown = eframe::egui::ColorImage::filled([1, 1], eframe::egui::Color32::BLACK);
    let picture = OpenPicture { name: "b.png".into(), path: Some("b.png".into()), decoded: Arc::new(decoded), shown };
    state.open(News::Opened(Box::new(picture)));
    assert!(!state.is_drawing());
    assert_eq!((state.neighbour(-1), state.neighbour(1)), (Some(pictures[0].clone()), None));
    assert_eq!(state.settings.picture, Some("b.png".into()));
}

#[test]
fn a_folder_shows_its_first_picture_unless_one_of_it_was_open() {
    let mut state = samples::loaded();
    let pictures: Vec<PathBuf> = ["a.png", "b.png"].map(PathBuf::from).into();
    assert_eq!(state.first_of(&pictures), Some(pictures[0].clone()));
    assert_eq!(state.first_of(&[]), None);
    state.settings.picture = Some("b.png".into());
    assert_eq!(state.first_of(&pictures), None);
}

#[test]
fn without_a_network_the_embedded_one_is_loaded_once() {
    let mut state = State::new(Settings::default());
    state.load(Source { path: Some("gone.pth".into()), adapter: Some("7".into()) });
    state.hear(Event::Refused { what: Refused::Weights, reason: "gone.pth: reading failed".into() });
    let Some(Action::Load(source)) = state.instead() else { panic!("nothing is loaded instead") };
    assert_eq!(source, Source::default());
    state.load(source);
    state.hear(Event::Refused { what: Refused::Weights, reason: "no usable GPU adapter".into() });
    assert_eq!(state.instead(), None, "that cannot be had either");
    let mut state = samples::loaded();
    state.load(Source { path: Some("gone.pth".into()), adapter: None });
    state.hear(Event::Refused { what: Refused::Weights, reason: "gone.pth: reading failed".into() });
    assert_eq!(state.instead(), None, "the network that is there stays");
}

#[test]
fn paths_become_what_they_are() {
    let state = samples::loaded();
    assert_eq!(state.action_for("cat.jpg".into()), Action::OpenPicture("cat.jpg".into()));
    assert_eq!(state.action_for("..".into()), Action::OpenFolder("..".into()));
    let source = Source { path: Some("d.pth".into()), adapter: None };
    assert_eq!(state.action_for("d.pth".into()), Action::Load(source));
}

#[test]
fn the_middle_of_the_last_runs_is_shown() {
    let mut state = samples::answered();
    assert_eq!(state.median_ms(), Some(4.0));
    for ms in [100.0, 5.0] {
        state.changed();
        let job = state.job().expect("a job");
        let answer = Answer { run_ms: ms, ..samples::answer(&job) };
        state.hear(Event::Answer(Box::new(answer)));
    }
    assert_eq!(state.median_ms(), Some(5.0));
}

#[test]
fn the_example_is_run_like_a_drawing_until_somebody_draws() {
    let mut state = State::new(Settings::default());
    state.show_example();
    assert!(state.is_drawing() && state.job().is_none(), "it is shown before there is a network");
    state.hear(Event::Loaded(samples::digits()));
    let job = state.job().expect("the example is answered");
    state.hear(Event::Answer(Box::new(samples::answer(&job))));
    assert!(!state.ranking().is_empty() && state.canvas.is_example());
    state.canvas.draw_to([0.5, 0.5]);
    state.changed();
    assert!(!state.canvas.is_example() && state.job().is_some());
}
