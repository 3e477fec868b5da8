//! The comparison on which every numerical test rests, and the tests that it can fail. Tolerances come from the reference
//! (`Outputs::tolerances`), which derives them from the sums that make a value up.
#![allow(dead_code, reason = "each test binary uses a part")]

use densenet_wgpu::Precision;
use densenet_wgpu::reference::{self, Outputs};

/// Requires that every value of `got` is within its tolerance of `want`, and returns the largest error as a share of its
/// tolerance.
#[track_caller]
pub(crate) fn assert_close(name: &str, got: &[f32], want: &[f32], tolerances: &[f64]) -> f64 {
    compare(got, want, tolerances).unwrap_or_else(|reason| panic!("{name}: {reason}"))
}

/// As [`assert_close`], with the reason as an error.
pub(crate) fn compare(got: &[f32], want: &[f32], tolerances: &[f64]) -> Result<f64, String> {
    if got.len() != want.len() || want.is_empty() {
        return Err(format!("{} values where {} are wanted", got.len(), want.len()));
    }
    if let Some(at) = want.iter().chain(got).position(|x| !x.is_finite()) {
        let (whose, at) = if at < want.len() { ("wanted", at) } else { ("got", at - want.len()) };
        return Err(format!("element {at} of the {whose} values is not finite"));
    }
    let worst = reference::compare(got, want, tolerances);
    if !worst.agrees() {
        let at = worst.element;
        return Err(format!(
            "element {at} is {} and should be {}: off by {:.3e}, and {:.3e} is allowed",
            got[at], want[at], worst.error, worst.tolerance
        ));
    }
    Ok(worst.share())
}

/// What f32 rounding explains of the values of `tap`.
pub(crate) fn tolerances(outputs: &Outputs, tap: &str) -> Vec<f64> {
    outputs.tolerances(tap, Precision::F32).unwrap_or_else(|| panic!("the reference kept no {tap}"))
}

/// A share of what f32 rounding explains of the logits.
pub(crate) fn logit_tolerances(outputs: &Outputs, share: f64) -> Vec<f64> {
    tolerances(outputs, outputs.logits_name()).iter().map(|tolerance| share * tolerance).collect()
}

/// Compares another framework's logits with the reference's, within a share of what f32 rounding explains.
pub(crate) fn compare_logits(outputs: &Outputs, theirs: &[f32], share: f64) -> Result<f64, String> {
    compare(outputs.logits(), theirs, &logit_tolerances(outputs, share))
}

#[cfg(test)]
mod tests {
    use super::{assert_close, compare};

    const WANT: [f32; 6] = [0.0, 1.0, -2.0, 3.0, 0.5, -1.0];
    const TOLERANCES: [f64; 6] = [0.05; 6];

    #[test]
    fn what_is_close_passes_and_is_measured() {
        assert_eq!(assert_close("equal", &WANT, &WANT, &[0.0; 6]), 0.0);
        let mut got = WANT;
        got[2] += 0.025;
        let share = assert_close("near", &got, &WANT, &TOLERANCES);
        assert!((share - 0.5).abs() < 1e-5, "{share}");
    }

    #[test]
    fn a_wrong_value_fails_wherever_it_is() {
        for at in 0..WANT.len() {
            for wrong in [-0.051, 0.051] {
                let mut got = WANT;
                got[at] += wrong;
                let reason = compare(&got, &WANT, &TOLERANCES).unwrap_err();
                assert!(reason.contains(&format!("element {at} ")), "{reason}");
            }
        }
    }

    #[test]
    fn each_value_has_its_own_tolerance() {
        let mut tolerances = TOLERANCES;
        tolerances[4] = 1e-3;
        let mut got = WANT;
        got[1] += 0.04;
        compare(&got, &WANT, &tolerances).unwrap();
        got[4] += 0.002;
        assert!(compare(&got, &WANT, &tolerances).unwrap_err().contains("element 4 "));
    }

    #[test]
    fn what_is_not_finite_fails() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut other = WANT;
            other[5] = bad;
            assert!(compare(&other, &WANT, &[1e9; 6]).unwrap_err().contains("element 5 of the got"));
            assert!(compare(&WANT, &other, &[1e9; 6]).unwrap_err().contains("element 5 of the wanted"));
            assert!(compare(&other, &other, &[f64::INFINITY; 6]).is_err());
        }
    }

    #[test]
    fn a_transposed_output_fails() {
        // [2, 3] handed out as [3, 2].
        let transposed: Vec<f32> = (0..3).flat_map(|column| [WANT[column], WANT[3 + column]]).collect();
        assert!(compare(&transposed, &WANT, &[0.5; 6]).is_err());
    }

    #[test]
    fn another_length_fails() {
        assert!(compare(&WANT[..5], &WANT, &[1e9; 6]).is_err());
        assert!(compare(&[WANT, WANT].concat(), &WANT, &[1e9; 6]).is_err());
        assert!(compare(&WANT, &WANT, &[1e9; 5]).is_err());
        assert!(compare(&[], &[], &[]).is_err());
    }

    #[test]
    fn a_single_value_is_judged_like_any_other() {
        assert_eq!(compare(&[2.0], &[2.0], &[0.0]), Ok(0.0));
        assert!(compare(&[2.0 + 1e-6], &[2.0], &[1e-5]).is_ok());
        assert!(compare(&[2.001], &[2.0], &[1e-5]).is_err());
        assert!(compare(&[2.001], &[2.0], &[f64::NAN]).is_err());
    }

    #[test]
    #[should_panic(expected = "logits: element 0 ")]
    fn a_failure_names_what_was_compared() {
        assert_close("logits", &[1.0, 1.0], &[0.0, 1.0], &[1e-5; 2]);
    }
}
