//! Ring 4: class-activation maps on the adapter that is there, against plain loops over the reference's last feature map.
//! Every activation is NaN before each run.

mod adapter;
mod compare;

use adapter::CHOICES;
use compare::{assert_close, tolerances};
use densenet_wgpu::architecture::{Recipe, Stem};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::picture::{self, Heat, Picture};
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{
    Architecture, CLASS_MAPS, FeatureMaps, Gpu, InputSize, LoadOptions, Model, SessionOptions, reference,
};

fn load(gpu: &Gpu, weights: &Weights, options: LoadOptions) -> Model {
    Model::load_blocking(gpu, weights, options.class_maps(true)).unwrap()
}

/// `map[n][k][p] = sum over c of weight[k][c] * x[n][c][p]` with x after norm5 and ReLU.
fn plain_loops(weights: &Weights, relu5: &FeatureMaps, batch: usize) -> Vec<f32> {
    let weight = weights.tensor("classifier.weight").unwrap();
    let (classes, channels, pixels) = (weight.shape[0], relu5.channels, relu5.height * relu5.width);
    let mut maps = vec![0.0; batch * classes * pixels];
    for n in 0..batch {
        for k in 0..classes {
            for p in 0..pixels {
                let mut sum = 0.0;
                for c in 0..channels {
                    let x = relu5.data[(n * channels + c) * pixels + p];
                    sum += f64::from(weight.data[k * channels + c]) * f64::from(x);
                }
                maps[(n * classes + k) * pixels + p] = sum as f32;
            }
        }
    }
    maps
}

/// Checks the maps of `choices` against the loops, and that the means of the maps plus the bias are the logits.
fn check(weights: &Weights, input: &[f32], size: InputSize, batch: usize, choices: &[adapter::Choice]) {
    let _turn = adapter::turn();
    let name = &weights.architecture().name;
    let kept = |name: &str| name == "features.relu5" || name == CLASS_MAPS;
    let wanted = reference::forward_keeping(weights, input, batch, size, kept).unwrap();
    let relu5 = wanted.get("features.relu5").unwrap();
    let maps = plain_loops(weights, relu5, batch);
    let (of_maps, of_logits) = (tolerances(&wanted, CLASS_MAPS), tolerances(&wanted, wanted.logits_name()));
    // Both sides sum in f64, one of them over maps that were rounded to f32.
    let tenth: Vec<f64> = of_maps.iter().map(|tolerance| tolerance / 10.0).collect();
    assert_close(&format!("{name} reference"), &wanted.get(CLASS_MAPS).unwrap().data, &maps, &tenth);
    let bias = &weights.tensor("classifier.bias").unwrap().data;
    for choice in choices {
        let model = load(&choice.on(&adapter::gpu()), weights, choice.options());
        let options = SessionOptions::new(size).max_batch(batch).taps([CLASS_MAPS]);
        let mut session = model.session_blocking(options).unwrap();
        pollster::block_on(session.fill_activations(f32::NAN)).unwrap();
        let output = session.run_blocking(input).unwrap();
        let tap = output.tap(CLASS_MAPS).unwrap();
        assert_eq!((tap.channels, tap.height, tap.width), (bias.len(), relu5.height, relu5.width));
        assert_close(&format!("{name} {choice:?}"), &tap.data, &maps, &of_maps);
        let means = tap.data.chunks(tap.height * tap.width).enumerate().map(|(i, map)| {
            let sum: f64 = map.iter().map(|&x| f64::from(x)).sum();
            (sum / map.len() as f64 + f64::from(bias[i % bias.len()])) as f32
        });
        assert_close(&format!("{name} {choice:?} means"), &means.collect::<Vec<_>>(), output.logits(), &of_logits);
        assert_close(&format!("{name} {choice:?} logits"), output.logits(), wanted.logits(), &of_logits);
    }
}

#[test]
fn an_imagenet_preset_a_cifar_one_and_the_embedded_model_agree() {
    for (preset, size, batch) in [
        ("densenet121", InputSize { height: 129, width: 97 }, 2),
        ("densenet-40-12", InputSize::square(32), 2),
        ("densenet-bc-100-12", InputSize::square(32), 1),
    ] {
        let architecture = Architecture::preset(preset).unwrap();
        let weights = Weights::random(&architecture, 3).unwrap();
        let input = weights::random::input(4, batch * 3 * size.height * size.width);
        check(&weights, &input, size, batch, &[CHOICES[0], CHOICES[3]]);
    }
    let embedded = weights::embedded().unwrap();
    let input = weights::random::input(5, 3 * 28 * 28);
    check(&embedded, &input, InputSize::square(28), 3, &CHOICES);
}

#[test]
fn the_map_of_a_seven_lights_up_its_strokes() {
    let _turn = adapter::turn();
    let weights = weights::embedded().unwrap();
    let picture = Picture::open("tests/images/digits/7-paper.png").unwrap();
    let prepared = picture::prepare(&picture, &weights.preprocessing().unwrap(), 1, None).unwrap();
    let model = load(&adapter::gpu(), &weights, LoadOptions::default());
    let options = SessionOptions::new(prepared.size).taps([CLASS_MAPS]);
    let output = model.session_blocking(options).unwrap().run_blocking(&prepared.data).unwrap();
    let maps = output.tap(CLASS_MAPS).unwrap();
    let heat = Heat::of_class(&maps.data, [maps.channels, maps.height, maps.width], 7).unwrap();
    // Ink is dark in this picture; the network looked at `region` of it.
    let (grey, region) = (picture.pixels(1).unwrap(), prepared.region);
    let (mut on, mut off) = (Vec::new(), Vec::new());
    for (i, &level) in grey.iter().enumerate() {
        let (row, column) = (i / picture.width(), i % picture.width());
        let x = (column as f64 + 0.5 - region.left) / region.width;
        let y = (row as f64 + 0.5 - region.top) / region.height;
        if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) {
            if level < 120 { on.push(heat.at(x, y)) } else { off.push(heat.at(x, y)) }
        }
    }
    let mean = |heat: &[f32]| heat.iter().sum::<f32>() / heat.len() as f32;
    assert!(on.len() > 100 && mean(&on) > 1.2 * mean(&off), "{} on the strokes, {} beside", mean(&on), mean(&off));
}

#[test]
fn every_form_agrees_for_odd_counts_of_channels_and_classes() {
    let recipe = Recipe { stem: Stem::cifar(9), classes: Some(67), ..Recipe::imagenet(5, &[2, 3]) };
    let weights = Weights::random(&recipe.build("odd"), 6).unwrap();
    // 40x56 pixels by 67 classes: enough for tiled workgroups.
    let size = InputSize { height: 80, width: 113 };
    let input = weights::random::input(7, 3 * size.height * size.width);
    check(&weights, &input, size, 1, &CHOICES);
}

#[test]
fn a_session_without_maps_runs_an_unchanged_program() {
    let _turn = adapter::turn();
    let weights = Weights::random(&Architecture::preset("densenet121").unwrap(), 0).unwrap();
    let size = InputSize::square(224);
    for choice in [CHOICES[0], CHOICES[3]] {
        let gpu = choice.on(&adapter::gpu());
        let plain = Model::load_blocking(&gpu, &weights, choice.options()).unwrap();
        let with_maps = load(&gpu, &weights, choice.options());
        let [a, b] = [&plain, &with_maps].map(|model| model.session_blocking(SessionOptions::new(size)).unwrap());
        assert_eq!((a.dispatches(), a.program()), (126, b.program()));
        assert!(!plain.has_class_maps() && with_maps.has_class_maps());
        let options = SessionOptions::new(size).taps([CLASS_MAPS]);
        let session = with_maps.session_blocking(options.clone());
        assert_eq!(session.unwrap().dispatches(), 127);
        let refused = plain.session_blocking(options).unwrap_err();
        assert!(refused.to_string().contains("LoadOptions::class_maps"), "{refused}");
    }
}

#[test]
fn a_network_without_a_classifier_has_no_maps() {
    let _turn = adapter::turn();
    let bare = Recipe { classes: None, ..Recipe::imagenet(8, &[1, 1]) }.build("bare");
    let weights = Weights::random(&bare, 0).unwrap();
    let options = LoadOptions::default().class_maps(true);
    let refused = Model::load_blocking(&adapter::gpu(), &weights, options).unwrap_err().to_string();
    assert!(refused.contains("without a classifier"), "{refused}");
    assert!(Plan::with_class_maps(&bare, InputSize::square(32), 1).is_err());
}
