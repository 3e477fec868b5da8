//! What was found out about a device: which variants it computes right.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::kernels::{Experience, Variant};

/// How a variant answered the self-test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Right,
    /// With wrong values: which, and where.
    Wrong(String),
    /// Not at all: the driver's reason.
    Failed(String),
}

/// Verdicts so far.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    verdicts: Mutex<BTreeMap<Variant, Verdict>>,
    marks: Mutex<BTreeMap<Variant, Mark>>,
}

/// That a variant was about to be asked.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// In so many programs, the ends of which left no verdict.
    times: u32,
    /// In this program, too.
    now: bool,
}

/// Programs that ended while they asked a variant, which say that it takes the device or the driver with it.
const ENDS: u32 = 3;

impl Verdicts {
    /// Adds a verdict. What was wrong once stays so.
    pub(super) fn add(&self, variant: Variant, verdict: Verdict) {
        if let Ok(mut verdicts) = self.verdicts.lock() {
            let known = verdicts.entry(variant).or_insert_with(|| verdict.clone());
            if *known == Verdict::Right {
                *known = verdict;
            }
        }
    }

    /// That of a variant, if there is one.
    pub(super) fn of(&self, variant: Variant) -> Option<Verdict> {
        self.verdicts.lock().ok()?.get(&variant).cloned()
    }

    /// Every verdict.
    pub(super) fn all(&self) -> Vec<(Variant, Verdict)> {
        self.verdicts.lock().map(|verdicts| verdicts.clone().into_iter().collect()).unwrap_or_default()
    }

    /// Marks a variant that is about to be asked. Returns whether that is new, and worth writing down: it may take this program with it.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn begin(&self, variant: Variant) -> bool {
        let Ok(mut marks) = self.marks.lock() else { return false };
        let mark = marks.entry(variant).or_default();
        let is_new = !mark.now;
        if is_new {
            *mark = Mark { times: mark.times + 1, now: true };
        }
        is_new
    }

    /// Takes back the marks of this program: it did not end.
    pub(super) fn lived(&self) {
        if let Ok(mut marks) = self.marks.lock() {
            for mark in marks.values_mut().filter(|mark| mark.now) {
                *mark = Mark { times: mark.times - 1, now: false };
            }
            marks.retain(|_, mark| mark.times > 0);
        }
    }

    /// The marks of variants without a verdict, and of those that failed by their marks.
    pub(super) fn unfinished(&self) -> Vec<(Variant, u32)> {
        let marks = self.marks.lock().map(|marks| marks.clone()).unwrap_or_default();
        let open = |variant: &Variant| matches!(self.of(*variant), None | Some(Verdict::Failed(_)));
        marks.into_iter().filter(|(variant, _)| open(variant)).map(|(variant, mark)| (variant, mark.times)).collect()
    }

    /// Recalls that programs ended while they asked a variant.
    pub(super) fn recall_unfinished(&self, variant: Variant, times: u32) {
        if let Ok(mut marks) = self.marks.lock() {
            marks.insert(variant, Mark { times, now: false });
        }
        if times >= ENDS {
            self.add(variant, Verdict::Failed(format!("{times} programs ended while they asked it")));
        }
    }

    /// Adds to what is known which variants are wrong.
    pub(super) fn refuse_in(&self, experience: &mut Experience) {
        let wrong = self.all().into_iter().filter(|(_, verdict)| *verdict != Verdict::Right);
        wrong.for_each(|(variant, _)| experience.refuse(variant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Kernel;

    fn variant() -> Variant {
        Variant::plain(Kernel::named("buffer/pointwise_split").unwrap(), 64)
    }

    fn admits(verdicts: &Verdicts) -> bool {
        let mut experience = Experience::default();
        verdicts.refuse_in(&mut experience);
        experience.admits(variant())
    }

    #[test]
    fn what_was_wrong_once_stays_so() {
        let verdicts = Verdicts::default();
        assert!(admits(&verdicts));
        verdicts.add(variant(), Verdict::Right);
        assert!(admits(&verdicts));
        verdicts.add(variant(), Verdict::Wrong("1 is 2".into()));
        verdicts.add(variant(), Verdict::Right);
        assert!(!admits(&verdicts));
    }

    #[test]
    fn what_ends_programs_is_not_asked_for_ever() {
        let mut times = 0;
        for program in 1..=4 {
            let verdicts = Verdicts::default();
            verdicts.recall_unfinished(variant(), times);
            assert_eq!(admits(&verdicts), program < 4, "program {program}");
            if !admits(&verdicts) {
                assert_eq!(verdicts.unfinished(), [(variant(), 3)], "it is kept");
                break;
            }
            assert!(verdicts.begin(variant()) && !verdicts.begin(variant()));
            // Here it ends. What was written down:
            times = verdicts.unfinished()[0].1;
        }
        // A program that lives on takes its mark back.
        let verdicts = Verdicts::default();
        assert!(verdicts.begin(variant()));
        verdicts.lived();
        assert_eq!(verdicts.unfinished(), []);
    }
}
