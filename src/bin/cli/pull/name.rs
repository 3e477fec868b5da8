//! Names of published weights.

use std::fmt;
use std::str::FromStr;

use super::super::scheme::Scheme;
use super::table::{PUBLISHED, Published, REPOSITORIES};

/// The hub's own word for the newest revision.
const NEWEST: &str = "main";
/// The hub allows 96 characters for owner and name.
const MAX_PART: usize = 96;

/// What can be fetched.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// A file of the table.
    File(&'static Published),
    /// A repository of the Hugging Face Hub.
    Hub { owner: String, name: String, revision: String },
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::File(published) => f.write_str(published.name),
            Name::Hub { owner, name, revision } if revision == NEWEST => write!(f, "hf:{owner}/{name}"),
            Name::Hub { owner, name, revision } => write!(f, "hf:{owner}/{name}@{revision}"),
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        match Scheme::split(text) {
            Some((Scheme::Torchvision | Scheme::Keras, _)) => {
                let published = PUBLISHED.iter().find(|published| published.name == text);
                published.map(Name::File).ok_or_else(|| unknown(text))
            }
            Some((Scheme::Hub, repository)) => hub(repository).ok_or_else(|| {
                format!(
                    "'{}' names no repository: hf:OWNER/NAME or hf:OWNER/NAME@REVISION is expected, of letters, digits, \
                     '-', '_' and '.'",
                    printable(text)
                )
            }),
            None => Err(unknown(text)),
        }
    }
}

fn hub(repository: &str) -> Option<Name> {
    let (repository, revision) = repository.split_once('@').unwrap_or((repository, NEWEST));
    let (owner, name) = repository.split_once('/')?;
    let parts = [owner, name, revision];
    parts.iter().all(|part| is_plain(part)).then(|| {
        let [owner, name, revision] = parts.map(str::to_string);
        Name::Hub { owner, name, revision }
    })
}

/// Whether a part of a name may become a folder's name and a part of an address as it is.
fn is_plain(part: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    // Windows drops a dot at the end of a name, and knows devices by theirs.
    let devices = ["con", "prn", "aux", "nul"];
    let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = devices.contains(&stem.as_str())
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(char::is_numeric));
    (1..=MAX_PART).contains(&part.len())
        && part.bytes().all(letters)
        && !part.starts_with('.')
        && !part.ends_with('.')
        && !part.contains("..")
        && !is_device
}

fn unknown(text: &str) -> String {
    let text = printable(text);
    let meant = nearest(&text).map_or(String::new(), |name| format!("did you mean {name}? "));
    format!(
        "no published weights are called '{text}': {meant}`densenet pull --list` shows the names, and hf:OWNER/NAME is any repository of the Hugging Face Hub"
    )
}

/// Every name that is listed.
fn listed() -> impl Iterator<Item = &'static str> {
    PUBLISHED.iter().map(|published| published.name).chain(REPOSITORIES)
}

/// What stands behind the colon.
fn bare(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, bare)| bare)
}

/// The listed name of the least changes, if these are less than half of the text.
pub(crate) fn nearest(text: &str) -> Option<&'static str> {
    let distance = |name: &str| match Scheme::split(text) {
        Some(_) => strsim::levenshtein(text, name),
        None => strsim::levenshtein(bare(text), bare(name)),
    };
    let (name, distance) = listed().map(|name| (name, distance(name))).min_by_key(|&(_, distance)| distance)?;
    (2 * distance < bare(text).chars().count()).then_some(name)
}

/// The listed name that a text without a scheme, or with another one, means exactly.
pub(crate) fn meant(text: &str) -> Option<&'static str> {
    listed().find(|name| bare(name) == bare(text))
}

/// A text for an error: short, and without control characters.
fn printable(text: &str) -> String {
    text.chars().take(120).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Name>().unwrap_err()
    }

    #[test]
    fn names_are_read_and_written() {
        for name in listed().chain(["hf:a/b@v1.0", "hf:torchxrayvision/densenet121-res224-all"]) {
            assert_eq!(name.parse::<Name>().unwrap().to_string(), name);
        }
        assert_eq!("hf:a/b@main".parse::<Name>().unwrap().to_string(), "hf:a/b");
    }

    #[test]
    fn what_could_leave_the_cache_is_no_name() {
        for bad in [
            "hf:",
            "hf:a",
            "hf:/b",
            "hf:a/",
            "hf:../b",
            "hf:a/..",
            "hf:a/b/c",
            "hf:a/.b",
            "hf:a/b.",
            "hf:a/b@",
            "hf:a/b@..",
            "hf:a/b@refs/pr/1",
            "hf:a\\b/c",
            "hf:a/b c",
            "hf:a/b?x=1",
            "hf:a/b#c",
            "hf:a/%2e",
            "hf:a/bü",
            "hf://a/b",
            "hf:a/nul",
            "hf:COM1/b",
            "hf:a/b\n",
            "hf:a/b@c@d",
        ] {
            let error = error(bad);
            assert!(error.contains("hf:OWNER/NAME@REVISION is expected") && !error.contains('\n'), "{bad}: {error}");
        }
        assert!(error(&format!("hf:a/{}", "b".repeat(97))).contains("is expected"));
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        for (wrong, meant) in [
            ("torchvision:densenet12", "torchvision:densenet121"),
            ("torchvision:densnet169", "torchvision:densenet169"),
            ("keras:densenet161", "keras:densenet121"),
            ("densenet201", "torchvision:densenet201"),
            ("timm/densenet121.ra_in1k", "hf:timm/densenet121.ra_in1k"),
        ] {
            assert!(error(wrong).contains(&format!("did you mean {meant}?")), "{}", error(wrong));
        }
        let far = error("torchvision:resnet50");
        assert!(!far.contains("did you mean") && far.contains("densenet pull --list"), "{far}");
    }

    #[test]
    fn a_name_without_its_beginning_is_known() {
        assert_eq!(meant("densenet121"), Some("torchvision:densenet121"));
        assert_eq!(meant("timm/densenet121.ra_in1k"), Some("hf:timm/densenet121.ra_in1k"));
        assert_eq!(meant("timm:densenet121"), Some("torchvision:densenet121"));
        assert_eq!(meant("densenet121.pth"), None);
    }
}
