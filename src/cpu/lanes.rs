//! Small operations on runs of channels, several at a time.
//!
//! Products and sums are separate instructions: fused ones would round differently from machine to machine.

use pulp::{Scalar, Simd};

/// `max(x, 0)`, but NaN stays NaN: an overflow must be seen in the result.
#[inline(always)]
pub(super) fn relu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    match size_of::<S::f32s>() > size_of::<f32>() {
        // x86's maximum yields its second operand where one is NaN, those of other machines NaN.
        true => simd.max_f32s(zero, x),
        // `f32::max` yields the number.
        false => simd.select_f32s(simd.greater_than_or_equal_f32s(zero, x), zero, x),
    }
}

/// `target[i] = f(target[i])`.
#[inline(always)]
pub(super) fn change<S: Simd>(simd: S, f: &impl Change, target: &mut [f32]) {
    let (target, rest) = S::as_mut_simd_f32s(target);
    for value in target {
        *value = f.at(simd, *value);
    }
    for value in rest {
        *value = f.at(Scalar::new(), *value);
    }
}

/// A function of each value on its own. Operations are types, not closures: a closure would be compiled for the narrowest
/// instructions.
pub(super) trait Change {
    fn at<S: Simd>(&self, simd: S, held: S::f32s) -> S::f32s;
}

/// `target[i] = f(target[i], source[i])`.
#[inline(always)]
pub(super) fn merge<S: Simd>(simd: S, f: &impl Merge, source: &[f32], target: &mut [f32]) {
    let source = S::as_simd_f32s(&source[..target.len()]);
    let target = S::as_mut_simd_f32s(target);
    for (value, x) in target.0.iter_mut().zip(source.0) {
        *value = f.at(simd, *value, *x);
    }
    for (value, x) in target.1.iter_mut().zip(source.1) {
        *value = f.at(Scalar::new(), *value, *x);
    }
}

/// A function of what is there and one more value.
pub(super) trait Merge {
    fn at<S: Simd>(&self, simd: S, held: S::f32s, x: S::f32s) -> S::f32s;
}

/// `target[i] = f(source[i] * scale[i] + shift[i])`, where `f` is ReLU or nothing.
#[inline(always)]
pub(super) fn normalise<S: Simd>(simd: S, rectified: bool, source: &[f32], norm: [&[f32]; 2], target: &mut [f32]) {
    let length = target.len();
    let source = S::as_simd_f32s(&source[..length]);
    let scale = S::as_simd_f32s(&norm[0][..length]);
    let shift = S::as_simd_f32s(&norm[1][..length]);
    let target = S::as_mut_simd_f32s(target);
    let factors = source.0.iter().zip(scale.0).zip(shift.0);
    for (value, ((x, scale), shift)) in target.0.iter_mut().zip(factors) {
        let y = simd.add_f32s(simd.mul_f32s(*x, *scale), *shift);
        *value = if rectified { relu(simd, y) } else { y };
    }
    let simd = Scalar::new();
    let factors = source.1.iter().zip(scale.1).zip(shift.1);
    for (value, ((x, scale), shift)) in target.1.iter_mut().zip(factors) {
        let y = x * scale + shift;
        *value = if rectified { relu(simd, y) } else { y };
    }
}

/// ReLU of what is there.
pub(super) struct Relu;

impl Change for Relu {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, held: S::f32s) -> S::f32s {
        relu(simd, held)
    }
}

/// The larger of what is there and `x`; NaN wins.
pub(super) struct Maximum;

impl Merge for Maximum {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, held: S::f32s, x: S::f32s) -> S::f32s {
        let larger = simd.select_f32s(simd.greater_than_or_equal_f32s(held, x), held, x);
        simd.select_f32s(simd.equal_f32s(held, held), larger, held)
    }
}

/// What is there and `x`.
pub(super) struct Sum;

impl Merge for Sum {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, held: S::f32s, x: S::f32s) -> S::f32s {
        simd.add_f32s(held, x)
    }
}

/// What is there, scaled.
pub(super) struct Scale(pub(super) f32);

impl Change for Scale {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, held: S::f32s) -> S::f32s {
        simd.mul_f32s(held, simd.splat_f32s(self.0))
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    /// The four operations that must keep NaN, of the same values.
    struct Run<'a>(&'a [f32], &'a [f32], [&'a mut [f32]; 4]);

    impl WithSimd for Run<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Run(values, ones, [normalised, rectified, larger, other]) = self;
            normalise(simd, true, values, [ones, ones], normalised);
            change(simd, &Relu, rectified);
            merge(simd, &Maximum, ones, larger);
            merge(simd, &Maximum, values, other);
        }
    }

    #[test]
    fn not_a_number_stays_not_a_number_at_every_place() {
        for length in 1..40 {
            for at in 0..length {
                let mut values = vec![-1.0; length];
                values[at] = f32::NAN;
                let ones = vec![1.0; length];
                let (mut normalised, mut rectified) = (vec![0.0; length], values.clone());
                let (mut larger, mut other) = (values.clone(), ones.clone());
                let targets = [&mut normalised[..], &mut rectified, &mut larger, &mut other];
                Arch::new().dispatch(Run(&values, &ones, targets));
                for (result, rest) in [(normalised, 0.0), (rectified, 0.0), (larger, 1.0), (other, 1.0)] {
                    for (i, value) in result.iter().enumerate() {
                        assert!(if i == at { value.is_nan() } else { *value == rest }, "{length}, {at}: {result:?}");
                    }
                }
            }
        }
    }
}
