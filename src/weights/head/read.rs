//! From the tensors outside of a DenseNet to its head.

use std::collections::BTreeMap;

use super::super::extras;
use super::super::known::Known;
use super::before::before;
use super::fit::{Fitted, fit};
use super::layout::Layout;
use super::modules::{Foreign, gather, named};
use super::pieces::{Arrangement, Kind, Module};
use super::place::place;
use super::question::{Found, Question, part_of};
use super::spec::HeadSpec;
use super::tree;

/// More layers than the head of a person has.
const MAX_MODULES: usize = 64;

/// The head of a file. None where the file has no last batch norm, which others refuse.
pub(in crate::weights) fn read(question: &Question) -> Result<Option<Found>, String> {
    let Some(last_norm) = question.last_norm() else { return Ok(None) };
    let mut warnings = before(question)?;
    let outside = question.outside();
    let mut modules = gather(question.entries, &outside).map_err(|foreign| refused(&foreign, last_norm))?;
    let features = last_norm.rsplit_once('.').map_or("", |(features, _)| features);
    let kinds: BTreeMap<&str, &Known> = question.known.iter().map(|(path, known)| (path.as_str(), known)).collect();
    for module in &mut modules {
        if let (Kind::Norm { eps, .. }, Some(Known::BatchNorm(stated))) = (&mut module.kind, kinds.get(module.name)) {
            *eps = Some(*stated);
        }
    }
    let (plain, unknown) = named(question.known, &modules, features);
    modules.extend(plain);
    if modules.len() > MAX_MODULES {
        let (count, part) = (modules.len(), part_of(last_norm));
        return Err(format!(
            "{count} layers beside the DenseNet in '{part}': --part {part} reads it alone, for features"
        ));
    }
    let stated = tree::stated(question.known);
    let layout = Layout { question, modules: &modules, last_norm, stated, unknown };
    let found = layout.read()?;
    warnings.extend(found.warnings);
    Ok(Some(Found { warnings, ..found }))
}

fn refused(foreign: &Foreign, last_norm: &str) -> String {
    let (what, part) = (&foreign.what, part_of(last_norm));
    let beside = if part.is_empty() { "the DenseNet".into() } else { format!("the DenseNet in '{part}'") };
    let alone =
        if part.is_empty() { String::new() } else { format!("; --part {part} reads the DenseNet alone, for features") };
    match foreign.on_maps {
        true => format!("part of a larger network: beside {beside}, {what}{alone}"),
        false => format!(
            "a head that is not understood: {what}, where linear layers and batch norms are expected ('{}'){alone}",
            foreign.module
        ),
    }
}

impl Layout<'_, '_> {
    fn read(&self) -> Result<Found, String> {
        let question = self.question;
        let arrangements = self.arrangements().into_iter().map(|arrangement| self.in_files_order(arrangement));
        let arrangements: Vec<Arrangement> = arrangements.collect();
        if let Some(spec) = question.stated {
            let (arrangement, fitted) = self.fitted(spec, &arrangements).ok_or_else(|| self.mismatch(spec))?;
            let activation = spec.activation;
            return Ok(Found { activation, ..self.found(fitted, arrangement, "option", None)? });
        }
        let given = question.given.filter(|head| !head.is_bare()).map(HeadSpec::from);
        if let Some((arrangement, fitted)) = given.and_then(|spec| self.fitted(&spec, &arrangements)) {
            return self.found(fitted, arrangement, "the architecture given", None);
        }
        let Some(arrangement) = arrangements.first() else { return Err(self.unfit()) };
        let unclear = arrangement.unclear.clone().map_or(Ok(()), Err);
        let likeliest = unclear.and_then(|()| self.likeliest(arrangement));
        let (fitted, assumed) = likeliest.map_err(|reason| {
            let example = self.example(arrangement);
            format!("its head can be read in several ways: {reason}; state it, as in --head \"{example}\"")
        })?;
        let warning = (!assumed.is_empty()).then(|| {
            format!(
                "a file of parameters does not say all about its head. Assumed: {}. --head \"{}\" states this; write what is \
                 right if it is not",
                assumed.join("; "),
                fitted.head
            )
        });
        let from = if warning.is_some() { "names and shapes, in part assumed" } else { "names and shapes" };
        self.found(fitted, arrangement, from, warning)
    }

    fn fitted<'r>(&self, spec: &HeadSpec, all: &'r [Arrangement]) -> Option<(&'r Arrangement, Fitted)> {
        let channels = self.question.trunk.last_channels();
        let fits = |arrangement: &'r Arrangement| {
            let fitted = fit(spec, arrangement, self.modules, channels, self.defaults())?;
            Some((arrangement, fitted))
        };
        // Where several fit, one that leaves nothing over.
        let mut fitting: Vec<_> = all.iter().filter_map(fits).collect();
        fitting.sort_by_key(|(arrangement, _)| arrangement.unused.len());
        fitting.into_iter().next()
    }

    fn found(
        &self,
        fitted: Fitted,
        arrangement: &Arrangement,
        from: &'static str,
        warning: Option<String>,
    ) -> Result<Found, String> {
        let modules: Vec<&Module> = fitted.modules.iter().map(|&module| &self.modules[module]).collect();
        let placed = place(self.question.trunk, &fitted.head, &modules)?;
        let entries = |module: usize| self.modules[module].tensors.iter().map(|(entry, _)| *entry);
        let unused = arrangement.unused.iter().flat_map(|&module| entries(module)).collect();
        // A slope is a number of the head now.
        let slopes = (0..self.modules.len()).filter(|&at| matches!(self.modules[at].kind, Kind::Slope { .. }));
        let spent = slopes.flat_map(entries).collect();
        Ok(Found {
            head: fitted.head,
            activation: None,
            placed,
            unused,
            spent,
            from,
            warnings: warning.into_iter().collect(),
        })
    }

    /// The layers that the file has, as a list.
    fn listed(&self) -> String {
        let all: Vec<String> = self.modules.iter().map(Module::text).collect();
        if all.is_empty() { "none".into() } else { extras::listed(&all) }
    }

    fn mismatch(&self, spec: &HeadSpec) -> String {
        format!(
            "the head stated, '{spec}', is not the file's: its layers are {}, behind {} channels",
            self.listed(),
            self.question.trunk.last_channels()
        )
    }

    fn unfit(&self) -> String {
        let part = part_of(self.last_norm);
        let alone = if part.is_empty() {
            String::new()
        } else {
            format!("; --part {part} reads the DenseNet alone, for features")
        };
        format!(
            "a head that is not understood: behind {} channels, {} do not follow each other{alone}",
            self.question.trunk.last_channels(),
            self.listed()
        )
    }
}
