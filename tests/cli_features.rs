//! `densenet features`.

mod cli;

use cli::{DIGITS, densenet, errors, json, read_npy, text};
use densenet_wgpu::weights;
use predicates::str::contains;

#[test]
fn the_classifier_on_the_features_gives_the_scores_of_classify() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("features.npy");
    let arguments = ["features", DIGITS, "--batch", "3", "--output", text(&output), "--no-clobber", "--json"];
    let document = json(&mut densenet(&arguments));
    assert_eq!(document["output"]["replaced"], false);
    let (shape, rows) = read_npy(&output);
    let model = weights::embedded().unwrap();
    let channels = model.architecture().feature_channels();
    assert_eq!(shape, [10, channels as u64]);
    assert_eq!(document["output"]["shape"], serde_json::json!([10, channels]));
    let classified = json(&mut densenet(&["classify", DIGITS, "--top", "1", "--json"]));
    let (kernel, bias) = (model.tensor("classifier.weight").unwrap(), model.tensor("classifier.bias").unwrap());
    for (row, features) in rows.chunks(channels).enumerate() {
        let image = &classified["images"][row];
        assert_eq!((&document["images"][row]["path"], &document["images"][row]["row"]), (&image["path"], &row.into()));
        let product = |weights: &[f32]| weights.iter().zip(features).map(|(w, x)| w * x).sum::<f32>();
        let logits: Vec<f32> = kernel.data.chunks(channels).zip(&bias.data).map(|(w, b)| product(w) + b).collect();
        let scores = model.architecture().activation.scores(&logits);
        let top = &image["top"][0];
        let score = scores[top["class"].as_u64().unwrap() as usize];
        assert!((f64::from(score) - top["probability"].as_f64().unwrap()).abs() < 1e-5, "{score}: {image}");
    }
}

#[test]
fn safetensors_hold_the_same_rows_and_their_paths() {
    let folder = tempfile::tempdir().unwrap();
    let (npy, output) = (folder.path().join("features.npy"), folder.path().join("features.safetensors"));
    densenet(&["features", DIGITS, "--adapter", "reference", "--output", text(&npy)]).assert().success();
    densenet(&["features", DIGITS, "--output", text(&output)])
        .assert()
        .success()
        .stdout(contains("0 tests/images/digits/0-plain.png\n1 tests/images/digits/1-offcentre.png\n"));
    let bytes = std::fs::read(&output).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor("features").unwrap();
    let (shape, expected) = read_npy(&npy);
    assert_eq!(tensor.shape().iter().map(|&n| n as u64).collect::<Vec<_>>(), shape);
    let rows: Vec<f32> = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let largest = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let error = rows.iter().zip(&expected).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(largest > 0.1 && error < 1e-5 * largest, "{error} of {largest}");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let paths: Vec<String> = serde_json::from_str(&header.metadata().as_ref().unwrap()["paths"]).unwrap();
    assert!(paths.len() == 10 && paths[9].starts_with("tests/images/digits/9"), "{paths:?}");
}

#[test]
fn bad_pictures_have_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let (pictures, output) = (folder.path().join("pictures"), folder.path().join("features.npy"));
    std::fs::create_dir(&pictures).unwrap();
    std::fs::write(pictures.join("a.png"), "not a picture").unwrap();
    let arguments = ["features", text(&pictures), "--output", text(&output)];
    let (status, lines) = errors(&mut densenet(&arguments));
    assert!(status == 1 && lines.len() == 2 && lines[1].contains("no picture could be read"), "{lines:?}");
    assert!(!output.exists());
    std::fs::copy(format!("{DIGITS}/0-plain.png"), pictures.join("b.png")).unwrap();
    let document = json(&mut densenet(&[&arguments[..], &["--json"]].concat()));
    let rows: Vec<_> = document["images"].as_array().unwrap().iter().map(|image| image["row"].clone()).collect();
    assert_eq!(rows, [serde_json::Value::Null, 0.into()]);
    assert_eq!((read_npy(&output).0[0], errors(&mut densenet(&arguments)).0), (1, 1));
    let (status, lines) = errors(densenet(&arguments).arg("--no-clobber"));
    assert!(status == 1 && lines.len() == 1 && lines[0].contains("exists and may not be replaced"), "{lines:?}");
    let document = json(&mut densenet(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(document["output"]["replaced"], true);
    let (status, lines) = errors(&mut densenet(&["features", DIGITS, "--output", "features.csv"]));
    assert!(status == 2 && lines[0].contains(".npy or .safetensors is expected"), "{lines:?}");
}
