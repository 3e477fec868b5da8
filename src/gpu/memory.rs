//! What was found out about a device, written down: for the next time on the same adapter, driver, library and shaders.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::device::Gpu;
use super::verdicts::Verdict;
use crate::kernels::{AdapterFacts, Kernel, Variant};

/// Of the form in which it is written.
const FORMAT: u32 = 1;
/// Every number of invocations that kernels which do not fix theirs may have.
const WORKGROUP_SIZES: &[u32] = &[8, 32, 64, 128, 256];

#[derive(Serialize, Deserialize)]
struct Memory {
    about: About,
    /// Variants that answered the self-test.
    right: Vec<String>,
    /// Variants that did not, and what was wrong. What could not be built is tried again.
    wrong: BTreeMap<String, String>,
    /// Variants that were about to be asked when a program ended, and how often.
    unfinished: BTreeMap<String, u32>,
    /// Layers, and the variants that were the fastest.
    choices: BTreeMap<String, String>,
}

/// What it holds for, and for nothing else.
#[derive(Serialize, Deserialize, PartialEq)]
struct About {
    format: u32,
    version: String,
    shaders: String,
    adapter: String,
    backend: String,
    driver: String,
    subgroups: [u32; 2],
    /// When it expires: the first day, in days since 1970, on which it does not count.
    until: u64,
}

/// Days for which a memory counts. Drivers below Metal and browsers change without a word.
const DAYS: u64 = 30;
const DAYS_WITHOUT_DRIVER: u64 = 7;

fn today() -> u64 {
    let now = web_time::SystemTime::now().duration_since(web_time::UNIX_EPOCH).unwrap_or_default();
    now.as_secs() / (24 * 60 * 60)
}

impl About {
    fn of(facts: &AdapterFacts) -> About {
        let mut hasher = DefaultHasher::new();
        for kernel in Kernel::all() {
            (kernel.text().wgsl, kernel.tilings()).hash(&mut hasher);
            kernel.imports().iter().for_each(|import| import.wgsl.hash(&mut hasher));
        }
        About {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            shaders: format!("{:016x}", hasher.finish()),
            adapter: facts.name.clone(),
            backend: facts.backend.clone(),
            driver: facts.driver.clone(),
            subgroups: [facts.subgroup_min, facts.subgroup_max],
            until: today() + if facts.driver.is_empty() { DAYS_WITHOUT_DRIVER } else { DAYS },
        }
    }
}

impl Gpu {
    /// What its self-test and tuning found, as a JSON document for [`Gpu::recall`].
    pub fn memory(&self) -> String {
        let mut memory = Memory {
            about: About::of(self.adapter()),
            right: Vec::new(),
            wrong: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            choices: BTreeMap::new(),
        };
        for (variant, verdict) in self.self_test() {
            match verdict {
                Verdict::Right => memory.right.push(variant.to_string()),
                Verdict::Wrong(reason) => drop(memory.wrong.insert(variant.to_string(), reason)),
                Verdict::Failed(_) => {}
            }
        }
        let unfinished = self.verdicts().unfinished().into_iter();
        memory.unfinished = unfinished.map(|(variant, times)| (variant.to_string(), times)).collect();
        let choices = self.experience();
        memory.choices = choices.choices().map(|(layer, variant)| (layer.to_string(), variant.to_string())).collect();
        serde_json::to_string_pretty(&memory).unwrap_or_default()
    }

    /// Recalls what [`Gpu::memory`] wrote down. Returns whether it was about this adapter, driver, version and these shaders; if it
    /// was not, or is damaged, nothing is recalled.
    pub fn recall(&self, memory: &str) -> bool {
        let Ok(memory) = serde_json::from_str::<Memory>(memory) else { return false };
        let now = About::of(self.adapter());
        // It may have been written today, and not later.
        if !(today() + 1..=now.until).contains(&memory.about.until)
            || (About { until: now.until, ..memory.about }) != now
        {
            return false;
        }
        let variants: BTreeMap<String, Variant> = Kernel::all()
            .flat_map(|kernel| kernel.variants(WORKGROUP_SIZES))
            .map(|variant| (variant.to_string(), variant))
            .collect();
        let known = |name: &String| variants.get(name).copied();
        memory.right.iter().filter_map(known).for_each(|variant| self.verdicts().add(variant, Verdict::Right));
        for (variant, reason) in &memory.wrong {
            if let Some(variant) = known(variant) {
                self.verdicts().add(variant, Verdict::Wrong(reason.clone()));
            }
        }
        for (variant, times) in &memory.unfinished {
            if let Some(variant) = known(variant) {
                self.verdicts().recall_unfinished(variant, *times);
            }
        }
        self.change_choices(|experience| {
            for (layer, variant) in &memory.choices {
                if let Some(variant) = known(variant) {
                    experience.recall(layer, variant);
                }
            }
        });
        true
    }

    /// Forgets which variants were fast. What its self-test found stays.
    pub fn forget_choices(&self) {
        self.change_choices(crate::kernels::Experience::forget_choices);
    }
}
