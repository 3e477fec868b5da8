use super::*;

/// A 7 with a bar through it, one unit high, as line segments (x, y).
const STROKES: [[(f32, f32); 2]; 3] = [[(0.0, 0.0), (0.7, 0.0)], [(0.7, 0.0), (0.2, 1.0)], [(0.2, 0.5), (0.65, 0.55)]];

/// White strokes on black: the digit `scale` pixels high at (left, top), with antialiased edges.
fn draw(size: InputSize, scale: f32, left: f32, top: f32) -> Vec<u8> {
    pen(size, scale, left, top, 0.06)
}

/// The same with strokes of half the width `half`, in parts of the digit's height.
fn pen(size: InputSize, scale: f32, left: f32, top: f32, half: f32) -> Vec<u8> {
    let distance = |x: f32, y: f32, [a, b]: [(f32, f32); 2]| {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let t = (((x - a.0) * dx + (y - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        (x - a.0 - t * dx).hypot(y - a.1 - t * dy)
    };
    (0..size.height * size.width)
        .map(|i| {
            let (x, y) = ((i % size.width) as f32 + 0.5, (i / size.width) as f32 + 0.5);
            let (x, y) = ((x - left) / scale, (y - top) / scale);
            let near = STROKES.iter().map(|&s| distance(x, y, s)).fold(f32::MAX, f32::min);
            (((half - near) * scale + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8
        })
        .collect()
}

fn found(grey: &[u8], from: InputSize) -> Digit {
    lay_out(grey, from, InputSize::square(FIELD)).unwrap().expect("a digit")
}

fn canvas(height: usize, width: usize) -> InputSize {
    InputSize { height, width }
}

/// Mean distance in levels.
fn apart(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum::<f64>() / a.len() as f64
}

fn plain() -> Vec<u8> {
    found(&draw(InputSize::square(200), 140.0, 50.0, 30.0), InputSize::square(200)).pixels
}

fn grain(i: usize) -> f32 {
    // Six of the bits of a multiplicative hash: about -8 to 8.
    ((i as u32).wrapping_mul(2_654_435_761) >> 26) as f32 / 4.0 - 8.0
}

#[test]
fn the_digit_is_laid_out_as_in_mnist() {
    let pixels = plain();
    assert!(is_mnist(&pixels, InputSize::square(FIELD)));
    assert_eq!(pixels.iter().max(), Some(&255));
    let light = pixels.iter().filter(|&&x| x > 0).count();
    assert!((80..220).contains(&light), "{light}");
}

#[test]
fn size_place_and_polarity_do_not_matter() {
    let plain = plain();
    for (size, scale, left, top) in [
        (canvas(400, 300), 330.0, 30.0, 30.0),
        (canvas(120, 300), 60.0, 210.0, 12.0),
        (canvas(300, 90), 50.0, 8.0, 200.0),
    ] {
        let light = draw(size, scale, left, top);
        let dark: Vec<u8> = light.iter().map(|x| 255 - x).collect();
        let grey_on_grey: Vec<u8> = light.iter().map(|&x| 150 - x / 4).collect();
        for picture in [light, dark, grey_on_grey] {
            let digit = found(&picture, size);
            assert!(apart(&digit.pixels, &plain) < 4.0, "{size}: {}", apart(&digit.pixels, &plain));
            assert_eq!(digit.warnings, [""; 0]);
        }
    }
    // The measure does tell a digit that is out of place.
    let mut shifted = plain.clone();
    shifted.rotate_right(1);
    assert!(apart(&shifted, &plain) > 8.0);
}

#[test]
fn paper_and_specks_are_taken_away() {
    let size = canvas(180, 240);
    let ink = draw(size, 110.0, 120.0, 30.0);
    let page: Vec<u8> = ink
        .iter()
        .enumerate()
        .map(|(i, &ink)| {
            let light = 235.0 - 40.0 * (i % 240) as f32 / 240.0 - 20.0 * (i / 240) as f32 / 180.0;
            let cover = f32::from(ink) / 255.0;
            let speck = if [20 * 240 + 15, 160 * 240 + 30].contains(&i) { -120.0 } else { 0.0 };
            ((light + grain(i) + speck) * (1.0 - cover) + 50.0 * cover).round() as u8
        })
        .collect();
    let digit = found(&page, size);
    assert!(apart(&digit.pixels, &plain()) < 6.0, "{}", apart(&digit.pixels, &plain()));
    let corners = [0, 27, 27 * 28, 28 * 28 - 1];
    assert!(corners.iter().all(|&i| digit.pixels[i] == 0));
}

#[test]
fn mnist_pictures_and_their_negatives_come_through_untouched() {
    let mut original = plain();
    // Grey values that a second round of normalising would stretch.
    original.iter_mut().for_each(|x| *x = (f32::from(*x) * 0.8) as u8);
    let negative: Vec<u8> = original.iter().map(|x| 255 - x).collect();
    assert_eq!(found(&original, InputSize::square(FIELD)).pixels, original);
    assert_eq!(found(&negative, InputSize::square(FIELD)).pixels, original);
    // Out of the middle, it is not in MNIST's form: it is moved there.
    let mut moved = original.clone();
    moved.rotate_left(2 * FIELD + 2);
    let moved = found(&moved, InputSize::square(FIELD)).pixels;
    assert!(apart(&moved, &plain()) < 4.0);
}

#[test]
fn thin_strokes_become_white() {
    let size = canvas(400, 400);
    let pixels = found(&pen(size, 300.0, 80.0, 50.0, 0.006), size).pixels;
    assert!(is_mnist(&pixels, InputSize::square(FIELD)));
    assert!(pixels.iter().filter(|&&x| x > 200).count() >= 10);
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let size = canvas(40, 30);
    let noise: Vec<u8> = (0..1200).map(|i| (200.0 + grain(i)) as u8).collect();
    for picture in [vec![0; 1200], vec![255; 1200], vec![77; 1200], noise] {
        assert!(lay_out(&picture, size, InputSize::square(FIELD)).unwrap().is_none());
    }
    let one = InputSize::square(1);
    assert!(lay_out(&[9], one, InputSize::square(FIELD)).unwrap().is_none());
}

#[test]
fn doubtful_digits_are_told_of() {
    let size = canvas(100, 100);
    let cut = found(&draw(size, 80.0, -10.0, 10.0), size);
    assert!(cut.warnings[0].contains("touches the picture's edge"), "{:?}", cut.warnings);
    let mut block = vec![0; 10_000];
    (20..80).for_each(|row| block[row * 100 + 20..row * 100 + 80].fill(200));
    let block = found(&block, size);
    assert!(block.warnings.iter().any(|w| w.contains("does not look like one digit")), "{:?}", block.warnings);
}

#[test]
fn another_field_keeps_the_proportions() {
    let size = canvas(200, 200);
    let digit = lay_out(&draw(size, 140.0, 50.0, 30.0), size, canvas(56, 64)).unwrap().expect("a digit");
    let rows: Vec<usize> = (0..56).filter(|r| digit.pixels[r * 64..][..64].iter().any(|&x| x > 0)).collect();
    assert_eq!(rows.last().unwrap() - rows[0] + 1, 40);
    // One pixel is the smallest field.
    assert!(lay_out(&draw(size, 140.0, 50.0, 30.0), size, InputSize::square(1)).unwrap().is_some());
}

#[test]
fn no_picture_whatever_is_too_odd() {
    let mut state = 7u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut digits = 0;
    for _ in 0..2000 {
        let size = canvas(1 + random(12) as usize, 1 + random(40) as usize);
        let (level, grain, ink) = (random(256), 1 + random(80), random(6));
        let picture: Vec<u8> = (0..size.height * size.width)
            .map(|_| if random(12) < ink { random(256) as u8 } else { (level + random(grain)).min(255) as u8 })
            .collect();
        let field = canvas(1 + random(40) as usize, 1 + random(40) as usize);
        if let Some(digit) = lay_out(&picture, size, field).unwrap() {
            assert_eq!(digit.pixels.len(), field.height * field.width);
            assert!(digit.pixels.iter().any(|&x| x > 0), "{size} {field}");
            digits += 1;
        }
    }
    assert!(digits > 200, "{digits}");
}
