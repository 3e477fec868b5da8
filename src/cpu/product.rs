//! Matrix products: the only place that names the crate gemm, and the only one with `unsafe`.

/// A matrix `[inputs, outputs]` of weights, packed so that the outputs of one input lie together.
#[derive(Clone, Copy)]
pub(super) struct Factors<'a> {
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Rows of values that lie `step` apart.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) step: usize,
    pub(super) count: usize,
}

/// What becomes of what the target holds already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// It is overwritten, whatever it is.
    Replaced,
    /// The product is added to it.
    Kept,
}

/// `target[n][o] (+)= sum over i of rows[n][i] * factors[i][o]`; rows of the target lie `step` apart. The sum runs over `i` in
/// ascending order, whatever the number of rows.
///
/// # Panics
/// Where a slice is shorter than what is read of it or written to it. That is what makes the call below sound.
pub(super) fn product(factors: Factors<'_>, rows: Rows<'_>, target: &mut [f32], step: usize, before: Target) {
    let Factors { inputs, outputs, .. } = factors;
    let count = rows.count;
    if count == 0 || outputs == 0 {
        return;
    }
    let end = |step: usize, width: usize| (count - 1).checked_mul(step).and_then(|start| start.checked_add(width));
    assert!(inputs.checked_mul(outputs).is_some_and(|need| need <= factors.values.len()), "factors");
    assert!(end(rows.step, inputs).is_some_and(|need| need <= rows.values.len()), "rows");
    assert!(step >= outputs && end(step, outputs).is_some_and(|need| need <= target.len()), "target");
    // Strides are `isize` in gemm; no slice is longer than that.
    let [factor_step, row_step, target_step] = [outputs, rows.step, step].map(|step| step as isize);
    // SAFETY: gemm reads `factors[i * outputs + o]`, `rows[n * rows.step + i]`, and reads and writes `target[n * step + o]` for
    // `i < inputs`, `o < outputs`, `n < count`, and nothing else. The assertions above show that each of these is within its
    // slice. All bits are initialised, since they are slices of f32. `target` is borrowed exclusively, so it overlaps neither
    // of the others, and its elements are distinct, since `step >= outputs`.
    unsafe {
        gemm::gemm(
            outputs,
            count,
            inputs,
            target.as_mut_ptr(),
            target_step,
            1,
            before == Target::Kept,
            factors.values.as_ptr(),
            factor_step,
            1,
            rows.values.as_ptr(),
            row_step,
            1,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Inputs of one call: gemm adds up at most so many before it goes to memory, whatever the other sizes.
pub(super) const MOST_INPUTS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers, whose products are exact.
    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7 + seed * 13 + i * i % 11) % 9) as f32 - 4.0).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (outputs, count, inputs) in [
            (1, 1, 1),
            (4, 1, 7),
            (1, 5, 9),
            (16, 6, 3),
            (33, 7, 65),
            (128, 49, 20),
            (12, 3, 2),
            (20, 13, 1),
            (3, 2, 512),
        ] {
            for (row_gap, gap) in [(0, 0), (3, 5)] {
                let (row_step, step) = (inputs + row_gap, outputs + gap);
                let factors = values(inputs * outputs, 1);
                let rows = values((count - 1) * row_step + inputs, 2);
                let start = values((count - 1) * step + outputs, 3);
                for before in [Target::Replaced, Target::Kept] {
                    let mut target = start.clone();
                    let read = Rows { values: &rows, step: row_step, count };
                    product(Factors { values: &factors, inputs, outputs }, read, &mut target, step, before);
                    for (at, (got, held)) in target.iter().zip(&start).enumerate() {
                        let (n, o) = (at / step, at % step);
                        let sum =
                            || -> f32 { (0..inputs).map(|i| rows[n * row_step + i] * factors[i * outputs + o]).sum() };
                        let want = match before {
                            _ if o >= outputs => *held,
                            Target::Replaced => sum(),
                            Target::Kept => sum() + held,
                        };
                        assert_eq!(*got, want, "{outputs} x {count} x {inputs}, row {n}, output {o}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_overwritten_does_not_matter() {
        let mut target = [f32::NAN; 6];
        let rows = Rows { values: &[1.0, 2.0], step: 1, count: 2 };
        product(Factors { values: &[3.0, 4.0, 5.0], inputs: 1, outputs: 3 }, rows, &mut target, 3, Target::Replaced);
        assert_eq!(target, [3.0, 4.0, 5.0, 6.0, 8.0, 10.0]);
    }

    #[test]
    fn short_slices_are_refused() {
        let refused = |factors: usize, rows: usize, target: usize, step: usize| {
            std::panic::catch_unwind(move || {
                let (factors, rows, mut target) = (vec![0.0; factors], vec![0.0; rows], vec![0.0; target]);
                let factors = Factors { values: &factors, inputs: 3, outputs: 4 };
                product(factors, Rows { values: &rows, step: 5, count: 2 }, &mut target, step, Target::Replaced);
            })
            .is_err()
        };
        assert!(!refused(12, 8, 8, 4));
        assert!(refused(11, 8, 8, 4) && refused(12, 7, 8, 4) && refused(12, 8, 7, 4) && refused(12, 8, 8, 3));
    }
}
