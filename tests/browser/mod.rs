//! Chromium, steered through its WebDriver, and the server whose pages it opens.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

#[path = "../../web/tools/src/server.rs"]
#[allow(unreachable_pub, reason = "it belongs to another crate, where it is public")]
mod server;

/// How long a script may take. A machine that compiles beside it is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// What Chromium needs to run in a container, and what it is better without in a test.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--window-size=1280,900",
];

/// WebGPU on SwiftShader, Chromium's software adapter.
const WEBGPU: [&str; 2] = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/// A browser with one page. It ends with this.
pub(crate) struct Browser {
    driver: Child,
    /// The session's address.
    session: String,
    agent: ureq::Agent,
}

/// Whether a browser has WebGPU.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum WebGpu {
    SwiftShader,
    None,
}

impl Browser {
    /// Starts Chromium and opens an empty page of [`address`].
    ///
    /// # Panics
    /// Where there is none: `cargo xtask test web` installs it on Debian and Ubuntu.
    pub(crate) fn start(webgpu: WebGpu) -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("chromedriver: {e}: `cargo xtask test web` installs it"));
        let port = port_of(&mut driver);
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(2 * PATIENCE));
        let mut browser = Browser { driver, session: format!("http://127.0.0.1:{port}"), agent: config.build().into() };
        let mut arguments = ARGUMENTS.to_vec();
        match webgpu {
            WebGpu::SwiftShader => arguments.extend(WEBGPU),
            WebGpu::None => arguments.push("--disable-features=WebGPU"),
        }
        let capabilities = json!({
            "capabilities": { "alwaysMatch": {
                "goog:chromeOptions": { "args": arguments },
                "goog:loggingPrefs": { "browser": "ALL" },
                "timeouts": { "script": PATIENCE.as_millis() as u64 },
            }}
        });
        let answer = browser.ask("/session", Some(&capabilities));
        let id = answer["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}"));
        browser.session = format!("{}/session/{id}", browser.session);
        browser.open(&format!("{}/tests/browser/empty.html", address()));
        browser
    }

    pub(crate) fn open(&self, url: &str) {
        self.ask("/url", Some(&json!({ "url": url })));
    }

    /// Runs the body of an async function and returns what it returns. `arguments` are its `args`.
    ///
    /// # Panics
    /// Where it throws.
    pub(crate) fn run(&self, body: &str, arguments: &[Value]) -> Value {
        let answer = self.attempt(body, arguments);
        answer.unwrap_or_else(|reason| panic!("the script failed: {reason}\nlog: {}", self.log()))
    }

    /// [`Browser::run`] with what it throws, as `name: message`.
    pub(crate) fn attempt(&self, body: &str, arguments: &[Value]) -> Result<Value, String> {
        let script = format!(
            "const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);
             (async () => {{ {body} }})().then(
                 value => done({{ value: value === undefined ? null : value }}),
                 error => done({{ thrown: `${{error?.name}}: ${{error?.message ?? error}}` }}));"
        );
        let answer = self.ask("/execute/async", Some(&json!({ "script": script, "args": arguments })));
        match answer["thrown"].as_str() {
            Some(thrown) => Err(thrown.into()),
            None => Ok(answer["value"].clone()),
        }
    }

    /// Presses keys together, as WebDriver writes them, and lets them go.
    pub(crate) fn press(&self, keys: &[&str]) {
        let of = |kind: &str, keys: &mut dyn Iterator<Item = &&str>| -> Vec<Value> {
            keys.map(|key| json!({ "type": kind, "value": key })).collect()
        };
        let actions = [of("keyDown", &mut keys.iter()), of("keyUp", &mut keys.iter().rev())].concat();
        self.ask("/actions", Some(&json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] })));
    }

    /// Chooses a file for an input.
    pub(crate) fn choose(&self, id: &str, path: &str) {
        let found = self.ask("/element", Some(&json!({ "using": "css selector", "value": format!("#{id}") })));
        let element = found.as_object().and_then(|found| found.values().next()?.as_str()).expect("an element");
        self.ask(&format!("/element/{element}/value"), Some(&json!({ "text": path })));
    }

    /// The screen's size in CSS pixels, narrow as a phone's if need be, and the colour scheme: `light` or `dark`.
    pub(crate) fn emulate(&self, width: u32, height: u32, scheme: &str) {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", &screen);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", &scheme);
    }

    fn command(&self, name: &str, parameters: &Value) {
        self.ask("/goog/cdp/execute", Some(&json!({ "cmd": name, "params": parameters })));
    }

    /// A picture of the window, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let answer = self.ask("/screenshot", None);
        base64(answer.as_str().expect("a picture"))
    }

    /// Cuts the network off.
    pub(crate) fn offline(&self) {
        let conditions = json!({ "offline": true, "latency": 0, "throughput": 0 });
        self.ask("/chromium/network_conditions", Some(&json!({ "network_conditions": conditions })));
    }

    /// What the page wrote to its console.
    pub(crate) fn log(&self) -> Value {
        self.ask("/se/log", Some(&json!({ "type": "browser" })))
    }

    fn ask(&self, path: &str, body: Option<&Value>) -> Value {
        let url = format!("{}{path}", self.session);
        let response = match body {
            Some(body) => {
                self.agent.post(&url).header("content-type", "application/json").send(body.to_string().as_str())
            }
            None => self.agent.get(&url).call(),
        };
        let mut response = response.unwrap_or_else(|e| panic!("{path}: {e}"));
        // Pictures of the page and feature maps are large.
        let text = response.body_mut().with_config().limit(256 << 20).read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"));
        assert!(response.status().is_success(), "{path}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium; the driver would leave it behind.
        drop(self.agent.delete(&self.session).call());
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

/// Bytes from text.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0usize, 0);
    for digit in digits {
        held = (held << 6 | digit) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    bytes
}

/// The port that the driver chose, which it prints.
fn port_of(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_suffix('.')?.split_once("started successfully on port ")?.1.parse().ok());
    // It must be able to go on printing.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver names its port")
}

/// Where the pages are: `/` is the web page, `/pkg/` the package, `/tests/` and `/models/` the repository's folders, `/made/` what
/// [`made`] returns.
pub(crate) fn address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let web = root.join("target/web");
        let mut mounts: Vec<(String, PathBuf)> =
            ["tests", "models"].iter().map(|name| (format!("/{name}/"), root.join(name))).collect();
        mounts.push(("/made/".into(), made()));
        mounts.push(("/".into(), web));
        let listener: TcpListener = server::listen(0).unwrap();
        let address = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        std::thread::spawn(move || server::run(&listener, &mounts));
        address
    })
}

/// A folder for files that tests make.
pub(crate) fn made() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
