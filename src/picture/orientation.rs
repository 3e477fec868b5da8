//! Which way up pictures are read.

use std::fmt;
use std::str::FromStr;

/// Which way up a picture is read. A camera stores the sensor's rows as they come, and notes in the EXIF data how the
/// picture is to be turned or mirrored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// As a person sees it: turned and mirrored as the EXIF data says. Without such data, as it is stored.
    #[default]
    Exif,
    /// As the file stores it, whatever the EXIF data says. Pillow and torchvision read pictures so unless they are told
    /// otherwise: it is for comparing with a training pipeline.
    Stored,
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Orientation::Exif => "exif",
            Orientation::Stored => "stored",
        })
    }
}

impl FromStr for Orientation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Orientation::Exif, Orientation::Stored]
            .into_iter()
            .find(|orientation| text.eq_ignore_ascii_case(&orientation.to_string()))
            .ok_or_else(|| "`exif` (turned as the EXIF data says) or `stored` (as the file lies) is expected".into())
    }
}
