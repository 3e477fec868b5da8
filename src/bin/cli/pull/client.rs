//! HTTP: one request, with its redirects.

use std::time::Duration;

use anyhow::{Context as _, bail};
use ureq::http::header::{CONTENT_ENCODING, HeaderMap, LOCATION};
use ureq::http::{HeaderName, Uri};
use ureq::{Agent, Body};

use super::address;
use super::sum::Sum;

const MAX_REDIRECTS: usize = 5;
/// For a name to be resolved, a connection to be made, a request to be sent.
const CONNECTING: Duration = Duration::from_secs(30);
/// For an answer to begin, and between two pieces of it.
const WAITING: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    agent: Agent,
}

/// A final answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) hub: HubFacts,
    pub(crate) body: Body,
}

/// What the hub says about a file itself, before it redirects to where the bytes are.
#[derive(Clone, Debug, Default)]
pub(crate) struct HubFacts {
    pub(crate) sum: Option<Sum>,
    pub(crate) size: Option<u64>,
    pub(crate) commit: Option<String>,
    /// Why there is no file, such as `RepoNotFound`.
    pub(crate) error: Option<String>,
}

impl Client {
    /// Proxies come from the usual variables: `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub(crate) fn new() -> Client {
        let config = Agent::config_builder()
            .user_agent(concat!("densenet-wgpu/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            // They are followed here: each is looked at first.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding("identity")
            .timeout_resolve(Some(CONNECTING))
            .timeout_connect(Some(CONNECTING))
            .timeout_send_request(Some(CONNECTING))
            .timeout_recv_response(Some(WAITING))
            .timeout_per_read(Some(WAITING));
        Client { agent: config.build().new_agent() }
    }

    /// Asks for `address`, with `headers` on every hop.
    pub(crate) fn get(&self, address: &Uri, headers: &[(HeaderName, String)]) -> anyhow::Result<Answer> {
        let (mut at, mut hub) = (address.clone(), HubFacts::default());
        for _ in 0..=MAX_REDIRECTS {
            let request =
                headers.iter().fold(self.agent.get(&at), |request, (name, value)| request.header(name, value));
            let host = address::host(&at);
            let (parts, body) = request.call().with_context(|| format!("{host} could not be reached"))?.into_parts();
            if at.authority() == address.authority() {
                hub.read(&parts.headers);
            }
            let status = parts.status.as_u16();
            let location =
                matches!(status, 301 | 302 | 303 | 307 | 308).then(|| text(&parts.headers, LOCATION)).flatten();
            if let Some(location) = location {
                let next = address::redirect(&at, &location).map_err(|reason| anyhow::anyhow!("{host}: {reason}"))?;
                at = next;
                continue;
            }
            if let Some(encoding) = text(&parts.headers, CONTENT_ENCODING).filter(|encoding| encoding != "identity") {
                bail!("{host} sends the file encoded ({encoding}), which was not asked for");
            }
            return Ok(Answer { status, headers: parts.headers, hub, body });
        }
        bail!("{} redirects more than {MAX_REDIRECTS} times", address::host(address))
    }
}

impl HubFacts {
    /// Adds what an answer says. Other servers have no such headers.
    fn read(&mut self, headers: &HeaderMap) {
        let plain = |value: &String| value.len() <= 40 && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let header = |name: &'static str| text(headers, HeaderName::from_static(name));
        let sum = header("x-linked-etag").and_then(|value| Sum::sha256(&value));
        let size = header("x-linked-size").and_then(|value| value.parse().ok());
        self.sum = self.sum.take().or(sum);
        self.size = self.size.or(size);
        self.commit = self.commit.take().or(header("x-repo-commit").filter(plain));
        self.error = self.error.take().or(header("x-error-code").filter(plain));
    }
}

/// A header that is text.
pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string)
}
