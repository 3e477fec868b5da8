//! Warnings about pixels and preprocessings that a network cannot make sense of.

use super::preprocessing::Preprocessing;

/// What looks wrong with the pixels themselves.
pub(super) fn of_pixels(pixels: &[u8]) -> Option<String> {
    let low = pixels.iter().copied().min()?;
    let high = pixels.iter().copied().max()?;
    if low == high {
        return Some(format!("every pixel is {low}: the picture is blank"));
    }
    if high < 24 {
        return Some(format!(
            "all pixels lie between {low} and {high} of 255, nearly black: is it 10- or 12-bit data in a 16-bit file?"
        ));
    }
    if high - low < 16 {
        return Some(format!("all pixels lie between {low} and {high} of 255: there is hardly any contrast"));
    }
    None
}

/// What looks wrong with the values that the preprocessing produces: networks are trained on inputs near zero, a few units
/// wide. The usual mistake is a `mean` and `std` for another `scale`.
pub(super) fn of_preprocessing(preprocessing: &Preprocessing) -> Option<String> {
    preprocessing.mean.iter().zip(&preprocessing.std).find_map(|(mean, std)| {
        let (black, white) = (-mean / std, (255.0 * preprocessing.scale - mean) / std);
        let (width, centre) = (white - black, (white + black) / 2.0);
        let usual = (0.5..=32.0).contains(&width) && centre.abs() <= 2.0 * width;
        (!usual).then(|| {
            format!(
                "the preprocessing turns pixels of 0 to 255 into {black:.3} to {white:.3}; about -2 to 2 is usual: do its \
                 scale, mean and std belong together?"
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::preprocessing::NAMES;

    #[test]
    fn blank_and_dark_pixels_are_noticed() {
        assert!(of_pixels(&[7; 9]).unwrap().contains("blank"));
        assert!(of_pixels(&[0, 3, 15]).unwrap().contains("nearly black"));
        assert!(of_pixels(&[200, 210]).unwrap().contains("contrast"));
        assert_eq!(of_pixels(&[0, 128, 255]), None);
    }

    #[test]
    fn named_preprocessings_are_usual_and_mixed_up_scales_are_not() {
        for name in NAMES {
            assert_eq!(of_preprocessing(&Preprocessing::named(name).unwrap()), None, "{name}");
        }
        for text in ["mean=123.68:116.78:103.94,std=58", "scale=1", "scale=1,mean=0.485,std=0.229"] {
            assert!(
                of_preprocessing(&Preprocessing::parse(text).unwrap()).unwrap().contains("belong together"),
                "{text}"
            );
        }
    }
}
