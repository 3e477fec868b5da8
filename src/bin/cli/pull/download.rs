//! One file: asked for, continued where it broke off, until all of it is in `FILE.part`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{HumanBytes, ProgressBar};
use ureq::http::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE, TRANSFER_ENCODING,
};
use ureq::http::{HeaderName, Uri};

use super::super::progress;
use super::address::host;
use super::client::{Answer, Client, text};
use super::part::{Part, State};

/// Ten times the largest DenseNet that is published.
const MAX_BYTES: u64 = 4 << 30;
/// Requests for one file, the first included.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What a request led to.
pub(crate) enum Outcome {
    /// All of it is there.
    Complete(State),
    /// The server has no such file, and may say why.
    Missing(Option<String>),
}

/// What one request led to.
enum Attempt {
    Ended(Outcome),
    /// What is here is of no use to this server.
    Useless,
    Cut(State, io::Error),
}

/// Fetches what is at `address`. `is_known` says that there is a checksum to compare it with.
pub(crate) fn download(client: &Client, address: &Uri, part: &Part, is_known: bool) -> anyhow::Result<Outcome> {
    let mut cut = None;
    for attempt in 0..ATTEMPTS {
        match request(client, address, part, is_known)? {
            Attempt::Ended(outcome) => return Ok(outcome),
            Attempt::Useless => part.remove().with_context(|| writing(part))?,
            Attempt::Cut(state, error) => {
                sleep(FIRST_PAUSE * 2_u32.pow(attempt));
                cut = Some((state, error));
            }
        }
    }
    let Some((state, error)) = cut else { bail!("{} does not send the file from its beginning", host(address)) };
    let have = std::fs::metadata(&part.path).map_or(0, |metadata| metadata.len());
    let whole = state.length.map_or(String::new(), |length| format!(" of {}", HumanBytes(length)));
    let next = if state.validator.is_some() { "the same command goes on from there" } else { "try again" };
    let what = format!("the connection to {} broke off after {}{whole}: {next}", host(address), HumanBytes(have));
    Err(error).context(what)
}

fn request(client: &Client, address: &Uri, part: &Part, is_known: bool) -> anyhow::Result<Attempt> {
    let beginning = part.beginning(&address.to_string());
    let mut headers = Vec::new();
    if let Some((have, state)) = &beginning {
        if state.length == Some(*have) {
            return Ok(Attempt::Ended(Outcome::Complete(state.clone())));
        }
        headers.push((RANGE, format!("bytes={have}-")));
        headers.extend(state.validator.clone().map(|validator| (IF_RANGE, validator)));
    }
    let answer = client.get(address, &headers)?;
    let (mut file, state, have) = match (answer.status, beginning) {
        (206, Some((have, state))) if continues(&answer, have, &state) => {
            (part.append().with_context(|| writing(part))?, state, have)
        }
        // Some servers answer so where the whole is here already, others where it has changed.
        (206 | 416, Some(_)) => return Ok(Attempt::Useless),
        (200, _) => {
            let state = described(address, &answer, is_known)?;
            (part.create(&state).with_context(|| writing(part))?, state, 0)
        }
        (404, _) => return Ok(Attempt::Ended(Outcome::Missing(answer.hub.error))),
        (status, _) => return Err(refused(address, status, answer.hub.error)),
    };
    let bar = progress::download(have, state.length);
    let received = receive(answer, &mut file, state.length.unwrap_or(MAX_BYTES) - have, &bar);
    bar.finish_and_clear();
    // Also of a file that broke off: what is continued must be on the disk as it is counted.
    file.sync_all().with_context(|| writing(part))?;
    match received {
        Ok(count) if state.length.is_none_or(|length| have + count == length) => {
            Ok(Attempt::Ended(Outcome::Complete(state)))
        }
        Ok(_) => Ok(Attempt::Cut(state, io::Error::new(io::ErrorKind::UnexpectedEof, "the file ended too early"))),
        Err(Failure::Reading(error)) => Ok(Attempt::Cut(state, error)),
        Err(Failure::Writing(error)) => Err(error).with_context(|| writing(part)),
        Err(Failure::TooLong) => {
            part.remove().with_context(|| writing(part))?;
            bail!("{} sends more than {}", host(address), HumanBytes(state.length.unwrap_or(MAX_BYTES)))
        }
    }
}

/// What the server says about the file that it begins to send.
fn described(address: &Uri, answer: &Answer, is_known: bool) -> anyhow::Result<State> {
    let (headers, hub) = (&answer.headers, &answer.hub);
    let length = text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()).or(hub.size);
    if length.is_some_and(|length| length > MAX_BYTES) {
        let length = HumanBytes(length.unwrap_or_default());
        bail!("{} sends a file of {length}: at most {} are fetched", host(address), HumanBytes(MAX_BYTES));
    }
    let is_chunked = text(headers, TRANSFER_ENCODING).is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    if length.is_none() && !is_chunked && !is_known && hub.sum.is_none() {
        bail!("{} states neither length nor checksum: half of the file would look like the whole", host(address));
    }
    // A weak ETag means that the content is alike, not that the bytes are the same.
    let etag = text(headers, ETAG).filter(|etag| etag.starts_with('"'));
    Ok(State {
        address: address.to_string(),
        validator: etag.or_else(|| text(headers, LAST_MODIFIED)),
        length,
        sha256: hub.sum.as_ref().map(|sum| sum.digits().to_string()),
        commit: hub.commit.clone(),
    })
}

/// Whether an answer goes on with the file that `state` describes, from byte `have` on.
fn continues(answer: &Answer, have: u64, state: &State) -> bool {
    let Some((first, whole)) = content_range(&answer.headers) else { return false };
    let is_same = |sum: &super::sum::Sum| state.sha256.as_deref().is_none_or(|digits| digits == sum.digits());
    first == have
        && (whole.is_none() || state.length.is_none() || whole == state.length)
        && answer.hub.sum.as_ref().is_none_or(is_same)
}

/// The first byte of a part and the length of the whole, from such as `bytes 100-199/200`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let range = text(headers, CONTENT_RANGE)?;
    let (bytes, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
    let first = bytes.split_once('-')?.0.parse().ok()?;
    Some((first, whole.parse().ok()))
}

/// Why an answer is no file.
fn refused(address: &Uri, status: u16, why: Option<String>) -> anyhow::Error {
    let why = why.map_or(String::new(), |why| format!(", {why}"));
    let meaning = match status {
        401 | 403 => {
            "no such file, or only for those who sign in, which is not supported: download it by hand and give its path"
        }
        407 => "the proxy wants a user and a password: write them into HTTPS_PROXY",
        408 | 429 | 500..=599 => "try again later",
        _ => "a file was expected",
    };
    anyhow::anyhow!("{} answers {status}{why}: {meaning}", host(address))
}

fn writing(part: &Part) -> String {
    format!("writing {} failed", part.path.display())
}

enum Failure {
    Reading(io::Error),
    Writing(io::Error),
    TooLong,
}

/// Copies at most `limit` bytes of the answer to `file`, and counts them.
fn receive(answer: Answer, file: &mut File, limit: u64, bar: &ProgressBar) -> Result<u64, Failure> {
    let mut body = answer.body.into_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Reading(error)),
        };
        total += count as u64;
        if total > limit {
            return Err(Failure::TooLong);
        }
        file.write_all(&buffer[..count]).map_err(Failure::Writing)?;
        bar.inc(count as u64);
    }
}

/// A small text file, whole or not at all; none where there is none.
pub(crate) fn small(client: &Client, address: &Uri, limit: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let no_headers: [(HeaderName, String); 0] = [];
    let answer = client.get(address, &no_headers)?;
    match answer.status {
        200 => {}
        404 => return Ok(None),
        status => return Err(refused(address, status, answer.hub.error)),
    }
    let length = text(&answer.headers, CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    let mut bytes = Vec::new();
    answer.body.into_reader().take(limit + 1).read_to_end(&mut bytes).with_context(|| {
        format!("the connection to {} broke off after {} bytes: try again", host(address), bytes.len())
    })?;
    if bytes.len() as u64 > limit {
        bail!("{} sends more than {}", host(address), HumanBytes(limit));
    }
    if length.is_some_and(|length| length != bytes.len()) {
        bail!("the connection to {} broke off after {} bytes: try again", host(address), bytes.len());
    }
    Ok(Some(bytes))
}
