//! The report's content, taken from the state.

use std::sync::Arc;

use crate::atlas::Atlas;
use crate::report::{Content, Shown, ShownHeat, ShownMaps};
use crate::settings::Tab;
use crate::state::State;

/// The number of distinct maps of the last atlas, which takes a while to count.
pub(crate) type Counted = Option<(Arc<Atlas>, usize)>;

/// Describes what the window shows.
pub(crate) fn describe(state: &State, counted: &mut Counted, content: &mut Content) {
    let network = state.network.as_ref();
    content.model = network.map(|network| network.name.clone());
    content.adapter = network.map(|network| network.engine.clone());
    content.shared = network.is_some_and(|network| network.shared);
    content.loading = state.loading.is_some();
    content.picture = match &state.picture {
        _ if state.is_drawing() && state.canvas.is_example() => Some("example".into()),
        _ if state.is_drawing() => Some("drawing".into()),
        picture => picture.as_ref().map(|picture| picture.name.clone()),
    };
    let label = |class| network.map_or_else(String::new, |network| network.label(class).to_string());
    let shown = |(class, probability)| Shown { class, label: label(class), probability };
    content.top = state.ranking().into_iter().map(shown).collect();
    content.heat = state.answer.as_ref().zip(state.heat()).map(|(answer, (class, heat))| {
        let [height, width] = heat.size();
        let region = &answer.region;
        let region = [region.left, region.top, region.width, region.height];
        ShownHeat { class, height, width, values: heat.values().to_vec(), region }
    });
    let maps = state.features.as_ref().filter(|_| state.settings.tab == Tab::Inside && state.answer.is_some());
    content.maps = maps.map(|(view, atlas)| {
        let known = counted.as_ref().filter(|(known, _)| Arc::ptr_eq(known, atlas)).map(|(_, distinct)| *distinct);
        let distinct = known.unwrap_or_else(|| atlas.distinct());
        *counted = Some((atlas.clone(), distinct));
        ShownMaps { tap: view.tap.clone(), maps: atlas.ranges.len(), distinct }
    });
    content.times = state.times.as_ref().map(|times| times.as_ref().map(Vec::len).map_err(Clone::clone));
    content.pictures_of_folder = state.folder.as_ref().map_or(0, |folder| folder.pictures.len());
    content.errors = state.messages.clone();
}
