//! `src/cpu/product.rs` with its tests, and a sweep of sizes over allocations of exactly the right length. Built with
//! AddressSanitizer, a read or write outside of a slice ends the test.
#![allow(dead_code, reason = "a part of another crate")]

#[path = "../../../src/cpu/product.rs"]
mod product;

#[cfg(test)]
mod tests {
    use crate::product::{Factors, Rows, Target, product};

    #[test]
    fn nothing_outside_of_the_slices_is_touched() {
        let sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 63, 64, 65, 97];
        for outputs in sizes {
            for count in sizes {
                for inputs in [1, 2, 3, 8, 21, 64, 147, 513] {
                    for gap in [0, 3] {
                        let (row, step) = (inputs + gap, outputs + gap);
                        let factors = vec![1.0; inputs * outputs].into_boxed_slice();
                        let values = vec![1.0; (count - 1) * row + inputs].into_boxed_slice();
                        let mut target = vec![0.5; (count - 1) * step + outputs].into_boxed_slice();
                        for before in [Target::Replaced, Target::Kept] {
                            let factors = Factors { values: &factors, inputs, outputs };
                            product(factors, Rows { values: &values, step: row, count }, &mut target, step, before);
                        }
                        for (at, value) in target.iter().enumerate() {
                            let written = at % step < outputs;
                            assert_eq!(*value, if written { 2.0 * inputs as f32 } else { 0.5 });
                        }
                    }
                }
            }
        }
    }
}
