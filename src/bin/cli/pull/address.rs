//! Addresses on the network: what may be asked for, and where a redirect may lead.

use anyhow::Context as _;
use ureq::http::Uri;
use ureq::http::uri::Scheme;

use super::cache::Entry;
use super::name::Name;

/// For tests: the address of a server on the loopback interface that stands in for all others. A path on it begins with
/// the name of the host that it stands in for.
const TEST_SERVER: &str = "DENSENET_PULL_TEST_SERVER";
const HUB: &str = "https://huggingface.co";

/// The address of `file`, which is kept as `entry`.
pub(crate) fn of(name: &Name, entry: &Entry) -> anyhow::Result<Uri> {
    match name {
        Name::File(published) => parse(published.address),
        Name::Hub { revision, .. } => hub(name, revision, entry.file()),
    }
}

/// The address of a file of a repository, at a revision or commit.
pub(crate) fn hub(name: &Name, revision: &str, file: &str) -> anyhow::Result<Uri> {
    let Name::Hub { owner, name, .. } = name else { anyhow::bail!("{name} is no repository of the hub") };
    parse(&format!("{HUB}/{owner}/{name}/resolve/{revision}/{file}"))
}

fn parse(address: &str) -> anyhow::Result<Uri> {
    let address = match std::env::var(TEST_SERVER) {
        Ok(server) => format!("{}/{}", loopback(&server)?, address.trim_start_matches("https://")),
        Err(_) => address.to_string(),
    };
    address.parse().with_context(|| format!("'{address}' is no address"))
}

/// A variable that could lead downloads anywhere would be a way in.
fn loopback(server: &str) -> anyhow::Result<&str> {
    let port = server.strip_prefix("http://127.0.0.1:").and_then(|port| port.parse::<u16>().ok());
    port.map(|_| server).with_context(|| format!("{TEST_SERVER} must be http://127.0.0.1:PORT"))
}

/// The host, for people.
pub(crate) fn host(address: &Uri) -> &str {
    address.host().unwrap_or_default()
}

/// Where a redirect from `from` leads; refused where it leaves the encrypted web, or the web.
pub(crate) fn redirect(from: &Uri, location: &str) -> Result<Uri, String> {
    let shown: String = location.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let scheme = from.scheme_str().unwrap_or("https");
    let target = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority().map_or("", |authority| authority.as_str()))
    } else {
        location.to_string()
    };
    // What stands behind a '#' is not sent.
    let target = target.split('#').next().unwrap_or_default();
    let is_tls = |address: &Uri| address.scheme() == Some(&Scheme::HTTPS);
    let target: Option<Uri> = target.parse().ok();
    let target = target.filter(|target| target.scheme() == Some(&Scheme::HTTP) || is_tls(target));
    let target =
        target.ok_or_else(|| format!("it redirects to '{shown}': only https and http addresses are followed"))?;
    if is_tls(from) && !is_tls(&target) {
        return Err(format!("it redirects to '{shown}', which is not encrypted"));
    }
    match target.authority() {
        Some(authority) if !authority.host().is_empty() && !authority.as_str().contains('@') => Ok(target),
        _ => Err(format!("it redirects to '{shown}', which names no plain host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_on_the_encrypted_web() {
        let (tls, plain): (Uri, Uri) = ("https://a.org/x/y".parse().unwrap(), "http://a.org:80/x".parse().unwrap());
        for (from, location, wanted) in [
            (&tls, "https://b.org/z?key=1%2F", "https://b.org/z?key=1%2F"),
            (&tls, "/z", "https://a.org/z"),
            (&tls, "//c.org/z", "https://c.org/z"),
            (&tls, "https://b.org/z#part", "https://b.org/z"),
            (&plain, "https://b.org/", "https://b.org/"),
            (&plain, "/z", "http://a.org:80/z"),
            (&plain, "http://b.org/", "http://b.org/"),
        ] {
            assert_eq!(redirect(from, location).map(|target| target.to_string()), Ok(wanted.into()));
        }
        for (location, reason) in [
            ("http://b.org/z", "not encrypted"),
            ("file:///etc/passwd", "only https and http"),
            ("ftp://b.org/z", "only https and http"),
            ("z", "only https and http"),
            ("", "only https and http"),
            ("https://", "only https and http"),
            ("https://user:secret@b.org/z", "no plain host"),
            ("https://b.org/a b", "only https and http"),
        ] {
            let error = redirect(&tls, location).unwrap_err();
            assert!(error.contains(reason), "{location}: {error}");
        }
    }

    #[test]
    fn a_stand_in_must_be_on_this_machine() {
        assert!(loopback("http://127.0.0.1:8080").is_ok());
        for elsewhere in
            ["http://example.org:80", "http://127.0.0.1:80@b.org", "http://127.0.0.1", "https://127.0.0.1:1"]
        {
            assert!(loopback(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
