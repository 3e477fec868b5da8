//! Top-k.

/// The `k` best classes with their scores, best first; of equal scores the lower class first. NaN ranks last.
pub fn top_k(scores: &[f32], k: usize) -> Vec<(usize, f32)> {
    let mut order: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    let key = |score: f32| if score.is_nan() { f32::NEG_INFINITY } else { score };
    order.sort_by(|a, b| key(b.1).total_cmp(&key(a.1)).then(a.0.cmp(&b.0)));
    order.truncate(k);
    order
}

#[cfg(test)]
mod tests {
    use super::top_k;

    #[test]
    fn the_best_come_first_and_equals_in_the_order_of_their_numbers() {
        assert_eq!(top_k(&[0.1, 0.4, 0.4, 0.1], 3), [(1, 0.4), (2, 0.4), (0, 0.1)]);
        assert_eq!(top_k(&[0.1], 5), [(0, 0.1)]);
        assert_eq!(top_k(&[], 5), []);
        assert_eq!(top_k(&[f32::NAN, -1.0], 1), [(1, -1.0)]);
    }
}
