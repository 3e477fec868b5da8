//! Finds the pictures that look most like one, by the pooled features of a network:
//! `cargo run --release --example search -- tests/images/digits tests/images/digits/7-paper.png`.

use std::path::PathBuf;

use densenet_wgpu::{Classifier, ClassifierOptions, Wanted};

#[allow(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "tests/images/digits".into());
    let query = arguments.next().unwrap_or_else(|| "tests/images/digits/7-paper.png".into());

    let classifier = Classifier::embedded_blocking(ClassifierOptions::default().outputs([Wanted::Features]))?;
    let wanted = classifier.classify_blocking(query)?;
    let wanted = wanted.features().unwrap_or_default();

    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    let mut found: Vec<(f32, PathBuf)> = Vec::new();
    for (path, prediction) in paths.iter().zip(classifier.classify_many_blocking(paths.clone())) {
        // Files that are not pictures are skipped.
        if let Ok(prediction) = prediction {
            found.push((cosine(wanted, prediction.features().unwrap_or_default()), path.clone()));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (similarity, path) in found.iter().take(5) {
        println!("{similarity:.3}  {}", path.display());
    }
    Ok(())
}

/// The cosine of the angle between two vectors: 1 for the same direction.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
