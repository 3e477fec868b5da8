//! Where a device's pipelines are kept: one for each variant, shared by all its models.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::kernels::Variant;

/// What a shader is replaced with.
pub(super) type Edit = Arc<dyn Fn(&Variant, String) -> String + Send + Sync>;

/// What was built so far.
#[derive(Default)]
pub(super) struct Pipelines {
    built: Mutex<HashMap<Variant, wgpu::ComputePipeline>>,
    /// For tests of what happens where a driver is wrong, and where the pipelines are that it does not change.
    edit: Option<(Edit, Arc<Pipelines>)>,
}

impl Pipelines {
    pub(super) fn edited(edit: Edit, others: Arc<Pipelines>) -> Pipelines {
        Pipelines { edit: Some((edit, others)), ..Pipelines::default() }
    }

    /// The variants that were built.
    pub(super) fn names(&self) -> BTreeSet<Variant> {
        self.built.lock().map(|built| built.keys().copied().collect()).unwrap_or_default()
    }

    /// Lets go of pipelines that are not worth keeping. Sessions keep theirs.
    pub(super) fn keep(&self, is_worth: impl Fn(&Variant) -> bool) {
        if let Ok(mut built) = self.built.lock() {
            built.retain(|variant, _| is_worth(variant));
        }
    }

    /// The pipeline of a variant, if it was built.
    pub(super) fn of(&self, variant: &Variant) -> Option<wgpu::ComputePipeline> {
        self.built.lock().ok()?.get(variant).cloned()
    }

    /// Keeps a pipeline.
    pub(super) fn add(&self, variant: Variant, pipeline: &wgpu::ComputePipeline) {
        if let Ok(mut built) = self.built.lock() {
            built.insert(variant, pipeline.clone());
        }
    }

    /// The text of a variant, and where its pipeline belongs.
    pub(super) fn source(&self, variant: &Variant) -> (String, &Pipelines) {
        let source = if cfg!(target_arch = "wasm32") { variant.browser_source() } else { variant.source() };
        let Some((edit, others)) = &self.edit else { return (source, self) };
        let edited = edit(variant, source.clone());
        if edited == source { (source, others) } else { (edited, self) }
    }
}

impl fmt::Debug for Pipelines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipelines").finish_non_exhaustive()
    }
}
