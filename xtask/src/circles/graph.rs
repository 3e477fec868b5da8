//! The circles of a graph of files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From a file to the files that it needs, and what it names of each.
pub(super) type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// Groups of two and more files of which each needs all others, directly or through others (the strongly connected
/// components).
pub(super) fn circles(arrows: &Arrows) -> Vec<BTreeSet<&Path>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        arrows.keys().map(|file| (file.as_path(), reachable(arrows, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        let circle: BTreeSet<&Path> = others
            .iter()
            .copied()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
            .chain([*file])
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// Every file that a file needs, directly or through others.
pub(super) fn reachable<'a>(arrows: &'a Arrows, file: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Path> = vec![file];
    while let Some(file) = open.pop() {
        for next in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(next.as_path()) {
                open.push(next);
            }
        }
    }
    reached
}
