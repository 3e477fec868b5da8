//! The comparison on which every numerical test rests, and the tests that it can fail.

/// Requires that every element of `got` is within `tolerance` times the range (maximum - minimum) of `want`, and
/// returns the largest error as a fraction of that range. A constant `want` has no range and must be met exactly.
#[track_caller]
pub(crate) fn assert_close(name: &str, got: &[f32], want: &[f32], tolerance: f64) -> f64 {
    compare(got, want, tolerance).unwrap_or_else(|reason| panic!("{name}: {reason}"))
}

/// As [`assert_close`], with the reason as an error.
pub(crate) fn compare(got: &[f32], want: &[f32], tolerance: f64) -> Result<f64, String> {
    if got.len() != want.len() || want.is_empty() {
        return Err(format!("{} values where {} are wanted", got.len(), want.len()));
    }
    if let Some(at) = want.iter().chain(got).position(|x| !x.is_finite()) {
        let (whose, at) = if at < want.len() { ("wanted", at) } else { ("got", at - want.len()) };
        return Err(format!("element {at} of the {whose} values is not finite"));
    }
    let lowest = want.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = want.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = f64::from(highest) - f64::from(lowest);
    let errors = got.iter().zip(want).map(|(&g, &w)| (f64::from(g) - f64::from(w)).abs());
    let (at, worst) = errors.enumerate().fold((0, 0.0), |most, next| if next.1 > most.1 { next } else { most });
    if worst > tolerance * range {
        return Err(format!(
            "element {at} is {} and should be {}: off by {worst:.3e}, {:.3e} of the range {range:.4}; {tolerance:.1e} \
             is allowed",
            got[at],
            want[at],
            worst / range
        ));
    }
    Ok(if worst == 0.0 { 0.0 } else { worst / range })
}

#[cfg(test)]
mod tests {
    use super::{assert_close, compare};

    const WANT: [f32; 6] = [0.0, 1.0, -2.0, 3.0, 0.5, -1.0]; // range 5

    #[test]
    fn what_is_close_passes_and_is_measured() {
        assert_eq!(assert_close("equal", &WANT, &WANT, 0.0), 0.0);
        let mut got = WANT;
        got[2] += 0.05;
        let error = assert_close("near", &got, &WANT, 0.02);
        assert!((error - 0.01).abs() < 1e-6, "{error}");
    }

    #[test]
    fn a_wrong_value_fails_wherever_it_is() {
        for at in 0..WANT.len() {
            for wrong in [-0.051, 0.051] {
                let mut got = WANT;
                got[at] += wrong;
                let reason = compare(&got, &WANT, 0.01).unwrap_err();
                assert!(reason.contains(&format!("element {at} ")), "{reason}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_fails() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut other = WANT;
            other[5] = bad;
            assert!(compare(&other, &WANT, 1e9).unwrap_err().contains("element 5 of the got"));
            assert!(compare(&WANT, &other, 1e9).unwrap_err().contains("element 5 of the wanted"));
            assert!(compare(&other, &other, 1e9).is_err());
        }
    }

    #[test]
    fn a_transposed_output_fails() {
        // [2, 3] handed out as [3, 2].
        let transposed: Vec<f32> = (0..3).flat_map(|column| [WANT[column], WANT[3 + column]]).collect();
        assert!(compare(&transposed, &WANT, 0.1).is_err());
    }

    #[test]
    fn another_length_fails() {
        assert!(compare(&WANT[..5], &WANT, 1e9).is_err());
        assert!(compare(&[WANT, WANT].concat(), &WANT, 1e9).is_err());
        assert!(compare(&[], &[], 1e9).is_err());
    }

    #[test]
    fn a_constant_is_met_exactly_or_not_at_all() {
        assert_eq!(compare(&[2.0, 2.0], &[2.0, 2.0], 1e-5), Ok(0.0));
        assert!(compare(&[2.0, 2.001], &[2.0, 2.0], 1e-5).is_err());
    }

    #[test]
    #[should_panic(expected = "logits: element 0 ")]
    fn a_failure_names_what_was_compared() {
        assert_close("logits", &[1.0, 1.0], &[0.0, 1.0], 1e-5);
    }
}
