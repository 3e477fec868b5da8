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

/// A function of the values at one place of several runs.
pub(super) trait Pointwise<const N: usize> {
    fn at<S: Simd>(&self, simd: S, x: [S::f32s; N], held: S::f32s) -> S::f32s;
}

/// `target[i] = f(sources[..][i], target[i])`.
#[inline(always)]
pub(super) fn map<S: Simd, const N: usize>(simd: S, f: &impl Pointwise<N>, sources: [&[f32]; N], target: &mut [f32]) {
    let length = target.len();
    let sources = sources.map(|source| &source[..length]);
    let (target, rest) = S::as_mut_simd_f32s(target);
    let heads = sources.map(|source| &S::as_simd_f32s(source).0[..target.len()]);
    for (i, value) in target.iter_mut().enumerate() {
        *value = f.at(simd, heads.map(|source| source[i]), *value);
    }
    let tails = sources.map(|source| &source[length - rest.len()..]);
    for (i, value) in rest.iter_mut().enumerate() {
        *value = f.at(Scalar::new(), tails.map(|source| source[i]), *value);
    }
}

/// ReLU of `x * scale + shift`: a pre-activation.
pub(super) struct Activate;

impl Pointwise<3> for Activate {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, [x, scale, shift]: [S::f32s; 3], _: S::f32s) -> S::f32s {
        relu(simd, simd.add_f32s(simd.mul_f32s(x, scale), shift))
    }
}

/// `x * scale + shift`.
pub(super) struct Affine;

impl Pointwise<3> for Affine {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, [x, scale, shift]: [S::f32s; 3], _: S::f32s) -> S::f32s {
        simd.add_f32s(simd.mul_f32s(x, scale), shift)
    }
}

/// ReLU of what is there.
pub(super) struct Relu;

impl Pointwise<0> for Relu {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, _: [S::f32s; 0], held: S::f32s) -> S::f32s {
        relu(simd, held)
    }
}

/// The larger of what is there and `x`; NaN wins.
pub(super) struct Maximum;

impl Pointwise<1> for Maximum {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, [x]: [S::f32s; 1], held: S::f32s) -> S::f32s {
        let larger = simd.select_f32s(simd.greater_than_or_equal_f32s(held, x), held, x);
        simd.select_f32s(simd.equal_f32s(held, held), larger, held)
    }
}

/// What is there and `x`.
pub(super) struct Sum;

impl Pointwise<1> for Sum {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, [x]: [S::f32s; 1], held: S::f32s) -> S::f32s {
        simd.add_f32s(held, x)
    }
}

/// What is there, scaled.
pub(super) struct Scale(pub(super) f32);

impl Pointwise<0> for Scale {
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, _: [S::f32s; 0], held: S::f32s) -> S::f32s {
        simd.mul_f32s(held, simd.splat_f32s(self.0))
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Run<'a, F, const N: usize>(F, [&'a [f32]; N], &'a mut [f32]);

    impl<F: Pointwise<N>, const N: usize> WithSimd for Run<'_, F, N> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            map(simd, &self.0, self.1, self.2);
        }
    }

    #[test]
    fn not_a_number_stays_not_a_number_at_every_place() {
        for length in 1..40 {
            for at in 0..length {
                let mut values = vec![-1.0; length];
                values[at] = f32::NAN;
                let ones = vec![1.0; length];
                let mut sum = vec![0.0; length];
                Arch::new().dispatch(Run(Activate, [&values, &ones, &ones], &mut sum));
                let mut rectified = values.clone();
                Arch::new().dispatch(Run(Relu, [], &mut rectified));
                let mut larger = values.clone();
                Arch::new().dispatch(Run(Maximum, [&ones], &mut larger));
                let mut other = ones.clone();
                Arch::new().dispatch(Run(Maximum, [&values], &mut other));
                for (result, rest) in [(sum, 0.0), (rectified, 0.0), (larger, 1.0), (other, 1.0)] {
                    for (i, value) in result.iter().enumerate() {
                        assert!(if i == at { value.is_nan() } else { *value == rest }, "{length}, {at}: {result:?}");
                    }
                }
            }
        }
    }
}
