//! Runs over many pictures: results come one by one, and what is finished when they are interrupted is kept.
#![cfg(unix)]

mod cli;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cli::{DIGITS, densenet, errors, json, read_npy, text};
use serde_json::Value;
use tempfile::TempDir;

/// A folder of so many pictures, `0000.png` and so on.
fn pictures(count: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("0000.png");
    fs::copy(format!("{DIGITS}/0-plain.png"), &first).unwrap();
    for number in 1..count {
        fs::hard_link(&first, folder.path().join(format!("{number:04}.png"))).unwrap();
    }
    folder
}

/// A run whose output goes to files, and whose standard input stays open.
struct Run {
    child: Child,
    _stdin: Option<ChildStdin>,
    folder: TempDir,
}

/// How a run ended, and what it had written.
struct End {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Run {
    fn start(arguments: &[&str]) -> Run {
        Run::of(Command::new(env!("CARGO_BIN_EXE_densenet")).args(arguments))
    }

    fn of(command: &mut Command) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let command = command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_LOG");
        let mut child = command.stdin(Stdio::piped()).stdout(file("out")).stderr(file("err")).spawn().unwrap();
        Run { _stdin: child.stdin.take(), child, folder }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Waits until so many lines are there, or the end.
    fn wait_for_lines(&mut self, count: usize) {
        let start = Instant::now();
        while self.text("out").lines().count() < count && self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(300), "no {count} lines: {}", self.text("err"));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn end(mut self) -> End {
        let status = self.child.wait().unwrap();
        End { status, out: self.text("out"), err: self.text("err") }
    }

    fn interrupt(self) -> End {
        self.signal("-INT");
        self.end()
    }
}

impl End {
    /// Pictures that were done of `all`, as the line on stderr has it.
    fn done(&self, all: usize) -> usize {
        assert_eq!(self.status.code(), Some(130), "{}", self.err);
        let said: Vec<&str> = self.err.lines().filter(|line| line.starts_with("interrupted")).collect();
        let [line] = said[..] else { panic!("one line says how much is left: {}", self.err) };
        let plain = line.replace(',', "");
        let numbers: Vec<usize> = plain.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [done, of, left] = numbers[..] else { panic!("{line}") };
        assert_eq!((of, done + left), (all, all), "{line}");
        done
    }

    /// Every line as JSON, of the pictures in their order.
    fn lines(&self) -> Vec<Value> {
        assert!(self.out.is_empty() || self.out.ends_with('\n'));
        let lines: Vec<Value> = self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (number, line) in lines.iter().enumerate() {
            let path = line["path"].as_str().unwrap();
            assert!(path.ends_with(&format!("{number:04}.png")) && line["error"].is_null(), "{line}");
        }
        lines
    }
}

#[test]
fn what_is_finished_at_any_time_is_there_and_valid() {
    const ALL: usize = 3000;
    let folder = pictures(ALL);
    let arguments = ["classify", text(folder.path()), "--top", "1", "--jsonl"];
    let mut seen = Vec::new();
    for (engine, counts) in [
        (&["--adapter", "reference"][..], &[1, 7, 391][..]),
        (&["--adapter", "0", "--batch", "1"], &[1, 160]),
        (&["--adapter", "0", "--batch", "16"], &[40]),
    ] {
        for &after in counts {
            let mut run = Run::start(&[&arguments[..], engine].concat());
            run.wait_for_lines(after);
            let end = run.interrupt();
            let lines = end.lines();
            assert_eq!(lines.len(), end.done(ALL), "{engine:?}");
            assert!(lines.len() >= after && lines.iter().all(|line| line["top"][0]["class"].is_u64()));
            seen.push(lines.len());
        }
    }
    assert!(seen.iter().all(|&done| done < ALL), "a run ended before it was interrupted: {seen:?}");
    // While it starts, lists and loads.
    for milliseconds in [60, 90, 140, 210, 330, 500] {
        let run = Run::start(&arguments);
        std::thread::sleep(Duration::from_millis(milliseconds));
        let end = run.interrupt();
        // Before the first instruction a signal does what it always did.
        if end.status.code().is_some() {
            assert_eq!(end.status.code(), Some(130), "{}", end.err);
            let lines = end.lines();
            assert!(end.err.contains("all pictures are left") || lines.len() == end.done(ALL), "{}", end.err);
        }
    }
}

#[test]
fn a_request_to_terminate_is_an_interruption_and_an_ignored_hangup_is_none() {
    let folder = pictures(1000);
    let arguments = ["classify", text(folder.path()), "--adapter", "reference", "--jsonl"];
    let mut run = Run::start(&arguments);
    run.wait_for_lines(3);
    run.signal("-TERM");
    let end = run.end();
    assert_eq!(end.lines().len(), end.done(1000));
    // As nohup starts it.
    let ignoring = "trap '' HUP; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_densenet");
    let mut run = Run::of(Command::new("sh").args(["-c", ignoring, "sh", program]).args(arguments));
    run.wait_for_lines(3);
    run.signal("-HUP");
    let before = run.text("out").lines().count();
    run.wait_for_lines(before + 40);
    assert!(run.text("out").lines().count() >= before + 40, "{}", run.text("err"));
    let end = run.interrupt();
    assert_eq!(end.lines().len(), end.done(1000));
}

#[test]
fn a_picture_that_does_not_come_is_not_waited_for() {
    let run = Run::start(&["classify", "-", "--adapter", "reference"]);
    // It reads standard input, which stays open, or is about to.
    std::thread::sleep(Duration::from_millis(1500));
    let start = Instant::now();
    let end = run.interrupt();
    assert_eq!(end.done(1), 0);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_interrupted_document_is_whole() {
    let folder = pictures(1500);
    let arguments = ["classify", text(folder.path()), "--adapter", "reference", "--cam", "maps", "--json"];
    let maps = tempfile::tempdir().unwrap();
    let mut run = Run::of(
        Command::new(env!("CARGO_BIN_EXE_densenet"))
            .args(arguments.map(|word| if word == "maps" { text(maps.path()) } else { word })),
    );
    while cli::names(maps.path()).len() < 5 && run.child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let end = run.interrupt();
    let document: Value = serde_json::from_str(&end.out).unwrap();
    let images = document["images"].as_array().unwrap().len();
    assert_eq!((images, &document["left"]), (end.done(1500), &(1500 - images).into()));
}

#[test]
fn rows_of_a_table_come_one_by_one() {
    let folder = pictures(1000);
    let arguments = ["classify", text(folder.path()), "--adapter", "reference", "--csv", "--top", "2"];
    let mut run = Run::start(&arguments);
    run.wait_for_lines(20);
    let end = run.interrupt();
    let mut table = csv::Reader::from_reader(end.out.as_bytes());
    let header = "path,error,class_1,label_1,probability_1,class_2,label_2,probability_2";
    assert_eq!(table.headers().unwrap().iter().collect::<Vec<_>>().join(","), header);
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert!(rows.len() >= 19 && rows.len() == end.done(1000), "{}", rows.len());
    assert!(rows.iter().all(|row| row.len() == 8 && &row[2] == "0" && row[4].parse::<f32>().unwrap() > 0.5));
}

/// The shape of the file, and that its rows are those of one picture.
fn assert_rows(path: &Path, count: usize) {
    let (shape, data) = read_npy(path);
    assert_eq!(shape[0], count as u64);
    let row = data.len() / count;
    assert!(data.chunks(row).all(|features| features == &data[..row]));
}

#[test]
fn features_keep_the_rows_that_are_finished() {
    const ALL: usize = 1500;
    let (folder, out) = (pictures(ALL), tempfile::tempdir().unwrap());
    let output: PathBuf = out.path().join("features.npy");
    let arguments = ["features", text(folder.path()), "--adapter", "reference", "--output", text(&output)];
    let mut run = Run::start(&[&arguments[..], &["--jsonl"]].concat());
    run.wait_for_lines(30);
    let end = run.interrupt();
    let lines = end.lines();
    assert_eq!(lines.len(), end.done(ALL));
    assert_rows(&output, lines.len());
    let (_, data) = read_npy(&output);
    for (row, line) in lines.iter().enumerate() {
        let features: Vec<f32> = serde_json::from_value(line["features"].clone()).unwrap();
        assert_eq!((&line["row"], &features[..]), (&row.into(), &data[row * features.len()..][..features.len()]));
    }
    assert_eq!(cli::names(out.path()), [PathBuf::from("features.npy")]);
    // Nothing is finished: the file stays as it was.
    let before = fs::read(&output).unwrap();
    let run = Run::start(&["features", "-", "--adapter", "reference", "--output", text(&output)]);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(run.interrupt().done(1), 0);
    assert_eq!(fs::read(&output).unwrap(), before);
    assert_eq!(cli::names(out.path()), [PathBuf::from("features.npy")]);
}

#[test]
fn lines_are_the_images_of_the_document() {
    let arguments = ["classify", DIGITS, "tests/pictures/float.tiff", "--adapter", "reference", "--top", "3"];
    let document = json(&mut densenet(&[&arguments[..], &["--json"]].concat()));
    let output = densenet(&[&arguments[..], &["--jsonl"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> =
        output.stdout.split_inclusive(|&b| b == b'\n').map(|l| serde_json::from_slice(l).unwrap()).collect();
    assert_eq!(Value::Array(lines), document["images"]);
    let output = densenet(&[&arguments[..], &["--csv"]].concat()).output().unwrap();
    let mut table = csv::Reader::from_reader(&output.stdout[..]);
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 11);
    for (row, image) in rows.iter().zip(document["images"].as_array().unwrap()) {
        assert_eq!(row[0], *image["path"].as_str().unwrap());
        assert_eq!(row[1], *image["error"].as_str().unwrap_or_default());
        assert_eq!(row[3], *image["top"][0]["label"].as_str().unwrap_or_default());
    }
    for forms in [["--json", "--jsonl"], ["--json", "--csv"], ["--jsonl", "--csv"]] {
        assert_eq!(errors(&mut densenet(&[&arguments[..], &forms].concat())).0, 2, "{forms:?}");
    }
    assert_eq!(errors(&mut densenet(&["features", DIGITS, "--output", "f.npy", "--json", "--jsonl"])).0, 2);
    assert_eq!(errors(&mut densenet(&["features", DIGITS])).0, 2, "neither a file nor lines");
}
