//! A virtual screen, and the app on it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What to do about a missing program.
const HINT: &str = "`cargo xtask test` installs what these tests need: xvfb, xdotool, imagemagick";

/// The title of the app's window, as xdotool searches for it.
const TITLE: &str = "^DenseNet$";

/// Maximum time from a closed window to the end of the process.
///
/// Closing cancels the load or the run, which ends with the step at hand: 2.4 s at most in ten closings with nothing else
/// running. The network's thread has a low priority (nice 10). Beside tests that keep every core busy it gets a tenth of one
/// or less, and 15 s were not always enough.
const MAX_END: Duration = Duration::from_secs(60);

/// An X server of its own.
pub(crate) struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    pub(crate) fn start(width: u32, height: u32) -> Screen {
        let size = format!("{width}x{height}x24");
        // It chooses a free display number and prints it.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &size, "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("Xvfb: {e}; {HINT}"));
        let mut number = String::new();
        let stdout = server.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut number).expect("Xvfb says its number");
        assert!(!number.trim().is_empty(), "Xvfb did not start; {HINT}");
        Screen { server, display: format!(":{}", number.trim()) }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY");
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        // Without a window, xdotool would wait forever.
        let mut command = self.command("timeout");
        let output = command.args(["30", program]).args(arguments).output().expect("coreutils are there");
        assert_ne!(output.status.code(), Some(127), "{program} is not there; {HINT}");
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether the app's window is visible.
    fn shows_the_app(&self) -> bool {
        let mut command = self.command("timeout");
        command.args(["30", "xdotool", "search", "--onlyvisible", "--name", TITLE]);
        command.output().expect("coreutils are there").status.success()
    }

    /// The colour of a pixel, such as `#1B1B1B`.
    pub(crate) fn pixel(&self, x: u32, y: u32) -> String {
        let crop = format!("1x1+{x}+{y}");
        let text = self.run("import", &["-window", "root", "-crop", &crop, "-depth", "8", "txt:-"]);
        let colour = text.split_whitespace().find(|word| word.starts_with('#') && word.len() > 1);
        colour.unwrap_or_else(|| panic!("no colour in {text}")).to_string()
    }

    /// Saves a screenshot.
    pub(crate) fn shot(&self, name: &str) {
        // A frame is reported before it is shown.
        std::thread::sleep(Duration::from_millis(400));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("desktop");
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        let path = folder.join(format!("{name}.png"));
        self.run("import", &["-window", "root", path.to_str().expect("a plain name")]);
        println!("screenshot: {}", path.display());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Threads that keep cores busy until this is dropped.
pub(crate) struct Busy(Arc<AtomicBool>);

impl Busy {
    pub(crate) fn start(threads: usize) -> Busy {
        let done = Arc::new(AtomicBool::new(false));
        for _ in 0..threads {
            let done = done.clone();
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Busy(done)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The app in its window.
pub(crate) struct App<'a> {
    screen: &'a Screen,
    process: Child,
    report: PathBuf,
}

impl<'a> App<'a> {
    pub(crate) fn start(screen: &'a Screen, home: &Path, arguments: &[&OsStr]) -> App<'a> {
        App::start_with(screen, home, arguments, &[])
    }

    /// With additional environment variables.
    pub(crate) fn start_with(
        screen: &'a Screen,
        home: &Path,
        arguments: &[&OsStr],
        environment: &[(&str, &str)],
    ) -> App<'a> {
        let report = home.join("report.json");
        let _ = std::fs::remove_file(&report);
        let process = screen
            .command(env!("CARGO_BIN_EXE_densenet-desktop"))
            .env("XDG_DATA_HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("WINIT_X11_SCALE_FACTOR", "1")
            .env("DENSENET_DESKTOP_LOG", "off")
            .envs(environment.iter().copied())
            .arg("--report")
            .arg(&report)
            .args(arguments)
            .spawn()
            .expect("the app starts");
        App { screen, process, report }
    }

    fn read(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.report).ok()?).ok()
    }

    /// Waits for a report that is `wanted`.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let report = self.read();
            if let Some(report) = report.as_ref().filter(|report| wanted(report)) {
                return report.clone();
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("{what} did not come: the app ended with {status}");
            }
            if start.elapsed() > patience {
                self.screen.shot("timeout");
                panic!("{what} did not come: {:#}", report.unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the report stays the same.
    pub(crate) fn settled(&self, mut report: Value) -> Value {
        loop {
            std::thread::sleep(Duration::from_millis(700));
            match self.read() {
                Some(next) if next != report => report = next,
                _ => return report,
            }
        }
    }

    fn xdotool(&self, arguments: &[&str]) {
        self.screen.run("xdotool", arguments);
    }

    /// Focuses the window: there is no window manager to do so.
    pub(crate) fn focus(&self) {
        self.xdotool(&["search", "--sync", "--onlyvisible", "--name", TITLE, "windowfocus", "--sync"]);
    }

    /// Resizes the window again and again, every 4 milliseconds. Sizes are in pixels.
    pub(crate) fn resize(&self, sizes: impl Iterator<Item = [u32; 2]>) {
        let sizes: Vec<String> =
            sizes.map(|[width, height]| format!("windowsize %1 {width} {height} sleep 0.004")).collect();
        let search = ["search", "--sync", "--onlyvisible", "--name", TITLE];
        let rest = sizes.iter().flat_map(|size| size.split(' '));
        self.xdotool(&search.into_iter().chain(rest).collect::<Vec<_>>());
    }

    pub(crate) fn key(&self, key: &str) {
        self.xdotool(&["key", key]);
    }

    /// Types a path into the field for paths.
    pub(crate) fn open(&self, path: &Path) {
        self.focus();
        self.key("ctrl+l");
        std::thread::sleep(Duration::from_millis(200));
        self.xdotool(&["type", "--delay", "10", path.to_str().expect("a plain name")]);
        self.key("Return");
    }

    /// Draws a stroke on the sheet. Places are fractions of its sides.
    pub(crate) fn draw(&mut self, places: &[[f64; 2]]) {
        let [left, top, width, height] = self.place("picture");
        let mut begun = false;
        for [x, y] in places {
            let (x, y) = (left + x * width, top + y * height);
            self.xdotool(&["mousemove", &format!("{x:.0}"), &format!("{y:.0}")]);
            if !begun {
                self.xdotool(&["mousedown", "1"]);
            }
            begun = true;
            std::thread::sleep(Duration::from_millis(40));
        }
        self.xdotool(&["mouseup", "1"]);
    }

    /// Clicks the chosen strip to focus it.
    pub(crate) fn click_strip(&mut self) {
        let [left, top, _, height] = self.place("strip");
        self.focus();
        let (x, y) = (format!("{:.0}", left + 5.0), format!("{:.0}", top + height / 2.0));
        self.xdotool(&["mousemove", &x, &y, "click", "1"]);
        std::thread::sleep(Duration::from_millis(200));
    }

    /// The place of a widget, in pixels: left, top, width, height.
    fn place(&mut self, name: &str) -> [f64; 4] {
        let report = self.wait(name, Duration::from_secs(10), |report| report["places"][name][2].as_f64() > Some(0.0));
        let scale = report["places"]["pixels_per_point"].as_f64().unwrap_or(1.0);
        [0, 1, 2, 3].map(|i| report["places"][name][i].as_f64().unwrap_or(0.0) * scale)
    }

    /// Closes the window from the keyboard, and waits until the process has ended. Returns how long that took after the
    /// window was gone.
    pub(crate) fn close(mut self) -> Duration {
        self.focus();
        self.key("ctrl+q");
        let start = Instant::now();
        while self.screen.shows_the_app() {
            assert!(start.elapsed() < Duration::from_secs(10), "the window does not close");
            std::thread::sleep(Duration::from_millis(20));
        }
        let closed = Instant::now();
        while closed.elapsed() < MAX_END {
            if let Ok(Some(status)) = self.process.try_wait() {
                assert!(status.success(), "the app ended with {status}");
                return closed.elapsed();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the app does not end");
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        // After a failed test; else it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
