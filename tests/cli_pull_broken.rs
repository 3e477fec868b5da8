//! `densenet pull` where the connection breaks, or the server sends something else. No test leaves this machine.
#![cfg(feature = "pull")]

mod cli;
mod pull;

use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cli::{DIGITS, names};
use predicates::str::contains;
use pull::{Answer, HUB, MODEL, Request, Server, Setting, TORCHVISION, like_torchvision, sha256};

#[test]
fn a_connection_that_breaks_is_taken_up_again() {
    // Within one run.
    let setting = Setting::new(Server::start(|request, before| {
        let answer = Answer::file(request, &like_torchvision(), "\"1\"");
        if before == 0 { answer.cut(100_000) } else { answer }
    }));
    setting.command(&["pull", "torchvision:densenet121"]).assert().success();
    let requests = setting.server.requests();
    let asked: Vec<_> = requests.iter().map(|request| (request.header("range"), request.header("if-range"))).collect();
    assert_eq!(asked, [(None, None), (Some("bytes=100000-"), Some("\"1\""))]);

    // By the next run.
    let is_well = Arc::new(AtomicBool::new(false));
    let setting = Setting::new(Server::start({
        let is_well = Arc::clone(&is_well);
        move |request, _| {
            let answer = Answer::file(request, &like_torchvision(), "\"1\"");
            if is_well.load(Ordering::SeqCst) { answer } else { answer.cut(1_000) }
        }
    }));
    let error = setting.error(1, &["pull", "torchvision:densenet121"]);
    assert!(error.contains("broke off after 3.91 KiB of 256.02 KiB: the same command goes on from there"), "{error}");
    let part = setting.path("torchvision/densenet121-a639ec97.pth.part");
    assert_eq!(std::fs::read(&part).unwrap(), like_torchvision()[..4_000]);
    assert!(!setting.path("torchvision/densenet121-a639ec97.pth").exists());
    is_well.store(true, Ordering::SeqCst);
    setting.command(&["pull", "torchvision:densenet121"]).assert().success();
    assert_eq!(setting.server.requests().last().unwrap().header("range"), Some("bytes=4000-"));
    assert!(!part.exists());
}

/// Begins a download of which 100,000 bytes come, ends the process, and begins again.
fn end_and_begin_again(arguments: &[&str], end: impl Fn(&mut Child)) {
    let setting = Setting::new(Server::start(|request, before| {
        let answer = Answer::file(request, &like_torchvision(), "\"1\"");
        if before == 0 { answer.cut(100_000).held(Duration::from_secs(60)) } else { answer }
    }));
    let mut process = setting.process(arguments).spawn().unwrap();
    let part = setting.path("torchvision/densenet121-a639ec97.pth.part");
    let came = || std::fs::metadata(&part).is_ok_and(|metadata| metadata.len() == 100_000);
    let start = Instant::now();
    while !came() {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing comes");
        std::thread::sleep(Duration::from_millis(20));
    }
    end(&mut process);
    assert!(!process.wait().unwrap().success());
    assert_eq!(setting.server.requests().len(), 1, "it did not end at once");
    setting.command(&["pull", "torchvision:densenet121"]).assert().success();
    assert_eq!(setting.server.requests().last().unwrap().header("range"), Some("bytes=100000-"));
}

#[test]
fn a_process_that_is_killed_leaves_what_came() {
    end_and_begin_again(&["pull", "torchvision:densenet121"], |process| process.kill().unwrap());
}

#[test]
#[cfg(unix)]
fn an_interruption_ends_a_download_at_once() {
    // Where weights are here, it would wait for the step at hand.
    end_and_begin_again(&["classify", "--weights", "torchvision:densenet121", DIGITS], |process| {
        assert!(std::process::Command::new("kill").arg(process.id().to_string()).status().unwrap().success());
    });
}

#[test]
fn what_cannot_be_continued_starts_anew() {
    // A server without ranges, one whose file has changed, one that sends another part, one without a validator.
    type Second = fn(&Request) -> Answer;
    let file = |request: &Request| Answer::file(request, &like_torchvision(), "\"1\"");
    let seconds: [Second; 3] = [
        |_| Answer::new(200, &like_torchvision()),
        |request| Answer::file(request, &like_torchvision(), "\"2\""),
        |request| match request.header("range") {
            Some(_) => Answer::new(206, b"xyz").header("Content-Range", "bytes 7-9/10"),
            None => Answer::new(200, &like_torchvision()),
        },
    ];
    for second in seconds {
        let setting = Setting::new(Server::start(move |request, before| match before {
            0 => file(request).cut(50_000),
            _ => second(request),
        }));
        setting.command(&["pull", "torchvision:densenet121"]).assert().success();
        let cached = std::fs::read(setting.path("torchvision/densenet121-a639ec97.pth")).unwrap();
        assert_eq!(cached, like_torchvision());
    }
    let setting = Setting::new(Server::start(|_, before| {
        let answer = Answer::new(200, &like_torchvision());
        if before == 0 { answer.cut(50_000) } else { answer }
    }));
    setting.command(&["pull", "torchvision:densenet121"]).assert().success();
    assert!(setting.server.requests().iter().all(|request| request.header("range").is_none()));
}

#[test]
fn another_content_than_the_published_one_is_refused() {
    let setting = Setting::new(Server::start(|request, _| match request.path.as_str() {
        HUB => Answer::new(200, MODEL).header("X-Linked-ETag", &format!("\"{}\"", sha256(b"another"))),
        TORCHVISION => Answer::new(200, MODEL),
        path if path.contains("keras-applications") => Answer::new(200, MODEL),
        _ => Answer::missing(),
    }));
    let found = format!("what came has sha256 {}", sha256(MODEL));
    for (name, wanted, published) in [
        ("torchvision:densenet121", found.as_str(), "sha256 a639ec97..".to_string()),
        ("hf:someone/digits", &found, format!("sha256 {}", sha256(b"another"))),
        ("keras:densenet121", "what came has md5 ", "md5 9d60b8095a5708f2dcce2bca79d332c7".into()),
    ] {
        let error = setting.error(1, &["classify", "--weights", name, DIGITS]);
        assert!(error.contains(wanted) && error.contains(&format!("but {published} was published")), "{error}");
        assert!(error.contains(&format!("{name}: ")) && error.contains("it was deleted"), "{error}");
    }
    for folder in ["torchvision", "keras", "hf/someone/digits/main"] {
        let left = names(&setting.path(folder));
        assert!(left.len() == 1 && left[0].extension().unwrap() == "lock", "{left:?}");
    }
}

#[test]
fn without_a_published_checksum_the_first_content_counts() {
    let setting = Setting::new(Server::start(|request, before| match request.path.as_str() {
        HUB if before < 2 => Answer::new(200, MODEL),
        HUB => Answer::new(200, &MODEL[1..]),
        _ => Answer::missing(),
    }));
    let warning = format!("warning: hf:someone/digits: no checksum is published; sha256 {} is noted", sha256(MODEL));
    setting.command(&["pull", "hf:someone/digits"]).assert().success().stderr(contains(warning));
    let again = ["pull", "hf:someone/digits", "--again"];
    let error = setting.error(1, &again);
    assert!(error.contains(&sha256(MODEL)) && error.contains(&sha256(&MODEL[1..])), "{error}");
    let record = setting.path("hf/someone/digits/main/model.safetensors.sha256");
    assert!(error.contains(&format!("delete {}", record.display())), "{error}");
    assert_eq!(std::fs::read(setting.path("hf/someone/digits/main/model.safetensors")).unwrap(), MODEL);
    std::fs::remove_file(record).unwrap();
    setting.command(&again).assert().success();
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let setting = Setting::new(Server::start(|_, _| Answer::missing().header("X-Error-Code", "RepoNotFound")));
    let error = setting.error(1, &["pull", "hf:timm/densenet121.ra_in1"]);
    assert!(error.contains("has no model.safetensors, nor pytorch_model.bin there (404, RepoNotFound)"), "{error}");
    assert!(error.contains("did you mean hf:timm/densenet121.ra_in1k?"), "{error}");
    let error = setting.error(1, &["pull", "torchvision:densenet161"]);
    assert!(error.contains("has no densenet161-8d451a50.pth there (404"), "{error}");

    let before = setting.server.requests().len();
    for command in [&["pull", "torchvision:densnet121"][..], &["inspect", "torchvision:densnet121"]] {
        let error = setting.error(2, command);
        assert!(error.contains("did you mean torchvision:densenet121?"), "{error}");
    }
    for name in ["hf:../../etc", "hf:a/b/c", "hf:a/b@../c", "resnet50"] {
        setting.error(2, &["pull", name]);
    }
    let error = setting.error(2, &["classify", "--weights", "timm/densenet121.ra_in1k", DIGITS]);
    assert!(
        error.contains("'timm/densenet121.ra_in1k' is no file: did you mean hf:timm/densenet121.ra_in1k?"),
        "{error}"
    );
    assert_eq!(setting.server.requests().len(), before);
    assert_eq!(names(setting.cache.path()), ["hf", "torchvision"].map(PathBuf::from));
}

#[test]
fn answers_that_are_no_file_are_errors() {
    type Handler = fn() -> Answer;
    let cases: [(Handler, &str); 9] = [
        (|| Answer::new(401, b""), "answers 401: no such file, or only for those who sign in"),
        (|| Answer::new(503, b""), "answers 503: try again later"),
        (|| Answer::new(204, b""), "answers 204: a file was expected"),
        (|| Answer::redirect("file:///etc/passwd"), "only https and http addresses are followed"),
        (|| Answer::redirect("/huggingface.co/elsewhere"), "redirects more than 5 times"),
        (|| Answer::new(200, b"").header("Content-Length", "5000000000"), "at most 4.00 GiB are fetched"),
        (|| Answer::new(200, b"abc").without_length(), "states neither length nor checksum"),
        (|| Answer::new(200, b"abc").header("Content-Encoding", "gzip"), "sends the file encoded (gzip)"),
        (|| Answer::new(200, b"abc").header("Content-Length", "9"), "broke off after 3 B of 9 B: try again"),
    ];
    for (answer, reason) in cases {
        let setting = Setting::new(Server::start(move |_, _| answer()));
        let error = setting.error(1, &["pull", "hf:someone/digits"]);
        assert!(error.contains(reason), "{error}");
        assert!(!setting.path("hf/someone/digits/main/model.safetensors").exists());
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let setting = Setting::new(Server::start(|_, _| Answer::missing()));
    let mut command = setting.command(&["pull", "torchvision:densenet121"]);
    // Nothing listens at the discard port.
    let (status, errors) = cli::errors(command.env("DENSENET_PULL_TEST_SERVER", "http://127.0.0.1:9"));
    assert!(status == 1 && errors[0].contains("127.0.0.1 could not be reached: "), "{errors:?}");
}
