use super::*;
use crate::architecture::{Architecture, InputSize, PRESETS};

fn plan(name: &str, side: usize) -> Plan {
    Plan::new(&Architecture::preset(name).unwrap(), InputSize::square(side), 1).unwrap()
}

/// The size that a preset was published for.
fn published_side(name: &str) -> usize {
    if name.contains('-') && !name.contains("k48") { 32 } else { 224 }
}

#[test]
fn every_preset_has_the_plan_that_was_looked_at() {
    for name in PRESETS {
        insta::assert_snapshot!(*name, plan(name, published_side(name)).to_string());
    }
}

fn with_class_maps(name: &str) -> Plan {
    let size = InputSize::square(published_side(name));
    Plan::with_class_maps(&Architecture::preset(name).unwrap(), size, 1).unwrap()
}

#[test]
fn class_maps_are_one_step_behind_all_others() {
    for name in PRESETS {
        let (plain, with_maps) = (plan(name, published_side(name)), with_class_maps(name));
        let (maps, before) = with_maps.steps.split_last().unwrap();
        assert_eq!(maps.name, crate::maps::CLASS_MAPS);
        let names = |steps: &[Step]| steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(before), names(&plain.steps));
        assert_eq!(with_maps.tensor(with_maps.output()).name, "classifier");
        assert!(plain.tap(crate::maps::CLASS_MAPS).is_err());
        let block = with_maps.tensor(maps.input.tensor);
        let classes = Architecture::preset(name).unwrap().classes().unwrap();
        let channels: usize = block.slots.iter().map(|slot| slot.channels).sum();
        assert_eq!(maps.macs, (classes * channels * block.height * block.width) as u64);
    }
}

#[test]
fn live_tensors_never_share_a_memory() {
    for plan in PRESETS.iter().flat_map(|name| [plan(name, published_side(name)), with_class_maps(name)]) {
        let name = &plan.network;
        for (i, a) in plan.tensors.iter().enumerate() {
            for b in &plan.tensors[..i] {
                let meet = a.lifetime.0 <= b.lifetime.1 && b.lifetime.0 <= a.lifetime.1;
                assert!(!(meet && a.memory == b.memory), "{name}: {} and {} overlap", a.name, b.name);
            }
        }
        for step in &plan.steps {
            assert_ne!(plan.tensor(step.input.tensor).memory, plan.tensor(step.output.tensor).memory, "{}", step.name);
        }
    }
}

#[test]
fn every_slot_is_written_before_it_is_read() {
    for name in PRESETS {
        let plan = plan(name, published_side(name));
        let mut written = std::collections::HashSet::new();
        written.insert((plan.input(), 0));
        for step in &plan.steps {
            for slot in step.input.slots.clone() {
                assert!(written.contains(&(step.input.tensor, slot)), "{name}: {} reads what is not there", step.name);
            }
            for slot in step.output.slots.clone() {
                assert!(written.insert((step.output.tensor, slot)), "{name}: {} writes twice", step.name);
            }
        }
    }
}

#[test]
fn densenet121_needs_ten_mebibytes_for_activations_and_126_steps() {
    let plan = plan("densenet121", 224);
    assert!(plan.activation_bytes() < 10 << 20, "{}", plan.activation_bytes());
    assert!(plan.steps.len() <= 126, "{}", plan.steps.len());
    // 2.834 G less three quarters of the transitions' 1x1 convolutions, which run behind their pooling.
    let walk = Architecture::preset("densenet121").unwrap().walk(InputSize::square(224)).unwrap();
    let counted: u64 = walk.iter().map(|layer| layer.macs).sum();
    let transitions: u64 = walk.iter().filter(|l| l.name.contains("transition")).map(|l| l.macs).sum();
    let executed: u64 = plan.steps.iter().map(|step| step.macs).sum();
    assert_eq!(executed, counted - transitions / 4 * 3);
}

#[test]
fn slots_are_padded_to_four() {
    let mut architecture = Architecture::preset("densenet-bc-100-12").unwrap();
    architecture.growth_rate = 5;
    architecture.layers = vec![2, 2, 2];
    let plan = Plan::new(&architecture, InputSize::square(32), 1).unwrap();
    let block = plan.tensors.iter().find(|t| t.name == "features.denseblock3").unwrap();
    assert_eq!(block.slots.iter().map(|s| (s.start, s.channels)).collect::<Vec<_>>(), [(0, 150), (152, 5), (160, 5)]);
    let view = View { tensor: TensorId(plan.tensors.iter().position(|t| t == block).unwrap()), slots: 0..2 };
    let map = plan.channel_map(&view);
    assert_eq!(
        &map[148..],
        [Some(148), Some(149), None, None, Some(150), Some(151), Some(152), Some(153), Some(154), None, None, None]
    );
    assert_eq!(plan.channels(&view), 155);
}

#[test]
fn a_fused_name_is_refused_with_the_nearest_tap() {
    let error = plan("densenet121", 224).tap("features.denseblock1.denselayer1.norm1").unwrap_err().to_string();
    assert!(error.contains("nearest: features.denseblock1.denselayer1"), "{error}");
}
