//! The sheet to draw a digit on, as pixels.

/// Pixels of a side.
pub(crate) const SIDE: usize = 280;
/// How far an arrow key moves the pen, as a fraction of the side.
pub(crate) const STEP: f32 = 1.0 / 28.0;

const PAPER: u8 = 255;

/// The stroke of the example, a three.
const EXAMPLE: [[f32; 2]; 16] = [
    [0.30, 0.24],
    [0.38, 0.17],
    [0.49, 0.14],
    [0.60, 0.17],
    [0.66, 0.25],
    [0.65, 0.35],
    [0.57, 0.42],
    [0.45, 0.45],
    [0.58, 0.48],
    [0.67, 0.55],
    [0.70, 0.64],
    [0.66, 0.74],
    [0.57, 0.80],
    [0.46, 0.81],
    [0.36, 0.78],
    [0.28, 0.71],
];

/// Ink on paper. Places are fractions of the side, from the upper left corner.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    pixels: Vec<u8>,
    /// Radius of the pen, in pixels.
    pub(crate) pen: f32,
    last: Option<[f32; 2]>,
    /// The place of the keyboard's pen.
    pub(crate) cursor: [f32; 2],
    /// Whether the keyboard's pen touches the paper.
    pub(crate) down: bool,
    /// Whether the keyboard was used last, not the mouse.
    pub(crate) keyboard: bool,
    empty: bool,
    /// Whether the ink is the example's.
    example: bool,
}

impl Default for Canvas {
    fn default() -> Self {
        Canvas {
            pixels: vec![PAPER; SIDE * SIDE],
            pen: 11.0,
            last: None,
            cursor: [0.5, 0.5],
            down: false,
            keyboard: false,
            empty: true,
            example: false,
        }
    }
}

impl Canvas {
    /// A sheet with an example digit, which goes when somebody draws.
    pub(crate) fn example() -> Canvas {
        let mut canvas = Canvas::default();
        EXAMPLE.into_iter().for_each(|place| canvas.draw_to(place));
        canvas.lift();
        Canvas { example: true, ..canvas }
    }

    /// Whether the sheet shows the example.
    pub(crate) fn is_example(&self) -> bool {
        self.example
    }

    /// Grey pixels, row by row.
    pub(crate) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Whether the sheet is blank.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    /// A new sheet.
    pub(crate) fn clear(&mut self) {
        *self = Canvas { pen: self.pen, cursor: self.cursor, keyboard: self.keyboard, ..Canvas::default() };
    }

    /// Draws from the last place to this one, or a dot if the pen was up.
    pub(crate) fn draw_to(&mut self, place: [f32; 2]) {
        if std::mem::take(&mut self.example) {
            self.pixels.fill(PAPER);
        }
        let to = place.map(|x| x * SIDE as f32);
        let from = self.last.unwrap_or(to);
        self.last = Some(to);
        self.empty = false;
        self.line(from, to);
    }

    /// Whether the pen is down.
    pub(crate) fn is_drawing(&self) -> bool {
        self.last.is_some()
    }

    /// Lifts the pen: the next stroke does not join this one.
    pub(crate) fn lift(&mut self) {
        self.last = None;
    }

    /// Moves the keyboard's pen by steps; draws if it is down.
    pub(crate) fn step(&mut self, across: f32, down: f32) {
        self.keyboard = true;
        let moved = [self.cursor[0] + across * STEP, self.cursor[1] + down * STEP];
        self.cursor = moved.map(|x| x.clamp(0.0, 1.0));
        if self.down {
            self.draw_to(self.cursor);
        }
    }

    /// Puts the keyboard's pen down, or lifts it.
    pub(crate) fn toggle(&mut self) {
        self.keyboard = true;
        self.down = !self.down;
        self.lift();
        if self.down {
            self.draw_to(self.cursor);
        }
    }

    /// Ink on every pixel within the pen's radius of a line, with a soft edge.
    fn line(&mut self, from: [f32; 2], to: [f32; 2]) {
        let reach = self.pen + 1.0;
        let span = |a: f32, b: f32| {
            let low = (a.min(b) - reach).floor().clamp(0.0, SIDE as f32) as usize;
            let high = (a.max(b) + reach).ceil().clamp(0.0, SIDE as f32) as usize;
            low..high
        };
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = (dx * dx + dy * dy).max(1e-6);
        for row in span(from[1], to[1]) {
            for column in span(from[0], to[0]) {
                let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
                let along = (((x - from[0]) * dx + (y - from[1]) * dy) / length).clamp(0.0, 1.0);
                let distance = (x - from[0] - along * dx).hypot(y - from[1] - along * dy);
                let ink = (self.pen - distance + 0.5).clamp(0.0, 1.0);
                let pixel = &mut self.pixels[row * SIDE + column];
                *pixel = (*pixel).min(((1.0 - ink) * f32::from(PAPER)).round() as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(canvas: &Canvas, x: f32, y: f32) -> u8 {
        canvas.pixels()[(y * SIDE as f32) as usize * SIDE + (x * SIDE as f32) as usize]
    }

    #[test]
    fn strokes_join_until_the_pen_is_lifted() {
        let mut canvas = Canvas::default();
        assert!(canvas.is_empty());
        canvas.draw_to([0.2, 0.5]);
        canvas.draw_to([0.8, 0.5]);
        assert_eq!((at(&canvas, 0.5, 0.5), at(&canvas, 0.5, 0.7)), (0, 255));
        canvas.lift();
        canvas.draw_to([0.5, 0.9]);
        assert_eq!((at(&canvas, 0.5, 0.9), at(&canvas, 0.5, 0.7)), (0, 255));
        canvas.clear();
        assert!(canvas.is_empty() && canvas.pixels().iter().all(|&x| x == 255));
    }

    #[test]
    fn the_example_goes_at_the_first_stroke() {
        let mut canvas = Canvas::example();
        assert!(canvas.is_example() && !canvas.is_empty() && !canvas.is_drawing());
        assert_eq!((at(&canvas, 0.49, 0.14), at(&canvas, 0.1, 0.9)), (0, 255));
        canvas.draw_to([0.1, 0.9]);
        assert!(!canvas.is_example());
        assert_eq!((at(&canvas, 0.49, 0.14), at(&canvas, 0.1, 0.9)), (255, 0));
        // Moving the keyboard's pen draws nothing; putting it down does.
        let mut canvas = Canvas::example();
        canvas.step(1.0, 0.0);
        assert!(canvas.is_example());
        canvas.toggle();
        assert!(!canvas.is_example() && !canvas.is_empty());
        let mut canvas = Canvas::example();
        canvas.clear();
        assert!(!canvas.is_example() && canvas.is_empty());
    }

    /// The first start is no place for a wrong answer.
    #[test]
    fn the_embedded_model_reads_the_example() {
        use densenet_wgpu::{Classifier, ClassifierOptions, Picture};
        let pixels = Canvas::example().pixels().to_vec();
        let picture = Picture::from_pixels(SIDE, SIDE, 1, pixels, "the example").expect("a picture");
        let options = ClassifierOptions::default().engine("reference");
        let classifier = Classifier::embedded_blocking(options).expect("the embedded model");
        let best = classifier.classify_blocking(picture).expect("an answer").top(1).remove(0);
        assert_eq!(best.label, "3");
        assert!(best.score > 0.9, "{best:?}");
    }

    #[test]
    fn a_stroke_beyond_the_edges_is_cut_off() {
        let mut canvas = Canvas::default();
        canvas.draw_to([-3.0, 0.5]);
        canvas.draw_to([4.0, 0.5]);
        assert_eq!((at(&canvas, 0.0, 0.5), at(&canvas, 0.99, 0.5)), (0, 0));
    }

    #[test]
    fn the_keyboard_draws_too() {
        let mut canvas = Canvas::default();
        canvas.step(-5.0, 0.0);
        assert!(canvas.is_empty());
        canvas.toggle();
        (0..10).for_each(|_| canvas.step(1.0, 0.0));
        canvas.toggle();
        canvas.step(0.0, 8.0);
        assert_eq!((at(&canvas, 0.5, 0.5), at(&canvas, 0.5, 0.78)), (0, 255));
        (0..99).for_each(|_| canvas.step(1.0, 1.0));
        assert_eq!(canvas.cursor, [1.0, 1.0]);
    }
}
