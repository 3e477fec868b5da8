//! Checksums: those that publishers state, and those of files.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

/// What a publisher states about a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// The Hugging Face Hub states it with every large file.
    Sha256(String),
    /// torchvision puts the first eight digits into the name of the file.
    Sha256Beginning(&'static str),
    /// Keras' source code has these. They tell damage, not malice.
    Md5(&'static str),
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sum::Sha256(digits) => write!(f, "sha256 {digits}"),
            Sum::Sha256Beginning(digits) => write!(f, "sha256 {digits}.."),
            Sum::Md5(digits) => write!(f, "md5 {digits}"),
        }
    }
}

impl Sum {
    /// A sha256 as a server states it: 64 digits, in quotes or not.
    pub(crate) fn sha256(text: &str) -> Option<Sum> {
        let digits = text.trim_matches('"').to_ascii_lowercase();
        (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(Sum::Sha256(digits))
    }

    /// The digits that are stated.
    pub(crate) fn digits(&self) -> &str {
        match self {
            Sum::Sha256(digits) => digits,
            Sum::Sha256Beginning(digits) | Sum::Md5(digits) => digits,
        }
    }

    /// Whether a file with these digests is the one that was published.
    pub(crate) fn agrees(&self, found: &Digests) -> bool {
        match self {
            Sum::Sha256(digits) => *digits == found.sha256,
            Sum::Sha256Beginning(digits) => found.sha256.starts_with(digits),
            Sum::Md5(digits) => *digits == found.md5,
        }
    }
}

/// The digests of a file, as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) sha256: String,
    pub(crate) md5: String,
}

impl Digests {
    /// Reads the whole file.
    pub(crate) fn of(path: &Path) -> io::Result<Digests> {
        let mut file = File::open(path)?;
        let (mut sha256, mut md5) = (Sha256::new(), Md5::new());
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(Digests { sha256: hexadecimal(&sha256.finalize()), md5: hexadecimal(&md5.finalize()) });
            }
            sha256.update(&buffer[..count]);
            md5.update(&buffer[..count]);
        }
    }

    /// The digest of the kind that `sum` is, for an error.
    pub(crate) fn like(&self, sum: &Sum) -> String {
        match sum {
            Sum::Sha256(_) | Sum::Sha256Beginning(_) => format!("sha256 {}", self.sha256),
            Sum::Md5(_) => format!("md5 {}", self.md5),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let digests = Digests::of(&path).unwrap();
        // FIPS 180-4 and RFC 1321.
        assert_eq!(digests.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digests.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert!(Sum::Sha256(digests.sha256.clone()).agrees(&digests));
        assert!(Sum::Sha256Beginning("ba7816bf").agrees(&digests));
        assert!(Sum::Md5("900150983cd24fb0d6963f7d28e17f72").agrees(&digests));
        for wrong in [Sum::Sha256("0".repeat(64)), Sum::Sha256Beginning("a7816bf8"), Sum::Md5("ba7816bf")] {
            assert!(!wrong.agrees(&digests), "{wrong}");
        }
    }

    #[test]
    fn only_sixty_four_digits_are_a_sha256() {
        let digits = "0A".repeat(32);
        assert_eq!(Sum::sha256(&format!("\"{digits}\"")), Some(Sum::Sha256(digits.to_lowercase())));
        for other in ["", "\"\"", "abc", &"0g".repeat(32), &"0".repeat(65), &format!("W/\"{digits}\"")] {
            assert_eq!(Sum::sha256(other), None, "{other}");
        }
    }
}
