//! `densenet pull`, and names in place of paths. No test leaves this machine.
#![cfg(feature = "pull")]

mod cli;
mod pull;

use std::path::PathBuf;
use std::time::Duration;

use cli::{DIGITS, json, names, text};
use predicates::prelude::*;
use predicates::str::contains;
use pull::{Answer, HUB, MODEL, Server, Setting, TORCHVISION, hub, like_torchvision, sha256};

#[test]
fn a_file_is_fetched_once_and_checked() {
    let setting = Setting::new(Server::start(|request, _| match request.path.as_str() {
        TORCHVISION => Answer::file(request, &like_torchvision(), "\"1\""),
        _ => Answer::missing(),
    }));
    let file = setting.path("torchvision/densenet121-a639ec97.pth");
    let pull = || setting.command(&["pull", "torchvision:densenet121"]);
    let place = format!("{}\n", file.display());
    let fetching = contains("fetching torchvision:densenet121 from 127.0.0.1 into ");
    pull().assert().success().stdout(place.clone()).stderr(fetching.and(contains("sha256 a639ec97.., as published")));
    assert_eq!(std::fs::read(&file).unwrap(), like_torchvision());
    let folder = file.parent().unwrap();
    let wanted = ["densenet121-a639ec97.pth", "densenet121-a639ec97.pth.lock", "densenet121-a639ec97.pth.sha256"];
    assert_eq!(names(folder), wanted.map(PathBuf::from));
    let record = std::fs::read_to_string(folder.join(wanted[2])).unwrap();
    assert_eq!(record, format!("{}  {}\n", sha256(&like_torchvision()), wanted[0]));

    pull().assert().success().stdout(place.clone()).stderr(contains("in the cache").and(contains("fetching").not()));
    assert_eq!(setting.server.paths(), [TORCHVISION]);
    let document = json(&mut setting.command(&["pull", "torchvision:densenet121", "--json", "--offline"]));
    let weights = &document["weights"][0];
    assert_eq!((&weights["fetched"], &weights["bytes"]), (&false.into(), &like_torchvision().len().into()));
    assert_eq!(weights["sha256"], sha256(&like_torchvision()));

    setting.command(&["pull", "torchvision:densenet121", "--again"]).assert().success().stderr(contains("fetching"));
    assert_eq!(setting.server.paths().len(), 2);

    std::fs::write(&file, "rotten").unwrap();
    let damage = contains("was damaged, and is deleted: it had sha256 ").and(contains("fetched; sha256 "));
    pull().assert().success().stdout(place).stderr(damage);
    assert_eq!(std::fs::read(&file).unwrap(), like_torchvision());
}

#[test]
fn weights_of_the_hub_stand_in_for_a_file() {
    let setting = Setting::new(Server::start(|request, _| hub(request, MODEL)));
    let picture = format!("{DIGITS}/7-paper.png");
    let classify = ["classify", "--adapter", "cpu", "--weights", "hf:someone/digits", "--top", "1", &picture];
    let offline = setting.error(1, &[&classify[..], &["--offline"]].concat());
    assert!(
        offline.contains("hf:someone/digits is not in the cache")
            && offline.contains("run `densenet pull hf:someone/digits`")
    );
    assert!(setting.server.requests().is_empty());

    let answer = contains("7-paper.png: 7 (");
    let said = contains("fetching hf:someone/digits from 127.0.0.1 into ");
    setting.command(&classify).assert().success().stdout(answer.clone()).stderr(said.clone());
    // There is no config.json: it is asked for at the commit that the weights belong to.
    let config = "/huggingface.co/someone/digits/resolve/0123456789012345678901234567890123456789/config.json";
    assert_eq!(setting.server.paths(), [HUB, "/cdn/blob?signature=a%2Fb", config]);
    let agent = setting.server.requests()[0].header("user-agent").unwrap().to_string();
    assert!(agent.starts_with("densenet-wgpu/"), "{agent}");

    setting.command(&[&classify[..], &["--offline"]].concat()).assert().success().stdout(answer).stderr(said.not());
    setting.command(&classify).env("DENSENET_OFFLINE", "1").assert().success();
    let mut again = setting.command(&["pull", "hf:someone/digits", "--again"]);
    again.env("DENSENET_OFFLINE", "yes").assert().code(2).stderr(contains("DENSENET_OFFLINE forbids it"));
    let inspected = json(&mut setting.command(&["inspect", "hf:someone/digits", "--json"]));
    assert_eq!(inspected["parameters"], 64_945);
    let out = setting.path("out.safetensors");
    setting.command(&["convert", "hf:someone/digits", text(&out)]).assert().success();
    assert!(out.is_file());
    assert_eq!(setting.server.requests().len(), 3, "once is enough");
}

#[test]
fn the_benchmark_does_not_time_the_download() {
    let setting = Setting::new(Server::start(|request, _| match request.path.as_str() {
        HUB => Answer::new(200, MODEL).slow(Duration::from_secs(10)),
        _ => Answer::missing(),
    }));
    let document = json(&mut setting.bench(&["--weights", "hf:someone/digits", "--runs", "1", "--json"]));
    let first = document["results"][0]["first_ms"].as_f64().unwrap();
    assert!(first < 10_000.0, "{first}");
}

#[test]
fn labels_and_preprocessing_come_along() {
    let config = br#"{"architecture": "densenet121", "num_classes": 10}"#;
    let setting = Setting::new(Server::start(move |request, _| match request.path.as_str() {
        path if path.ends_with("/config.json") => Answer::new(200, config),
        _ => hub(request, MODEL),
    }));
    setting.command(&["pull", "hf:someone/digits"]).assert().success();
    let beside = setting.path("hf/someone/digits/main/config.json");
    assert_eq!(std::fs::read(&beside).unwrap(), config);

    // A configuration that cannot be had would silently change what is answered: nothing is kept without it.
    for (answer, reason) in [(Answer::new(503, b""), "answers 503"), (Answer::new(200, b"<html>"), "is no JSON")] {
        let answer = std::sync::Mutex::new(Some(answer));
        let setting = Setting::new(Server::start(move |request, _| match request.path.as_str() {
            path if path.ends_with("/config.json") => answer.lock().unwrap().take().unwrap_or_else(Answer::missing),
            _ => hub(request, MODEL),
        }));
        let error = setting.error(1, &["pull", "hf:someone/digits"]);
        assert!(error.contains("config.json") && error.contains(reason), "{error}");
        assert!(!setting.path("hf/someone/digits/main/model.safetensors").exists());
        // What came is not fetched again.
        setting.command(&["pull", "hf:someone/digits"]).assert().success();
        assert_eq!(setting.server.paths().iter().filter(|path| path.starts_with("/cdn")).count(), 1);
    }
}

#[test]
fn older_repositories_have_a_pytorch_file() {
    let setting = Setting::new(Server::start(|request, _| {
        if request.path == HUB.replace("model.safetensors", "pytorch_model.bin") {
            return Answer::new(200, MODEL).header("X-Linked-ETag", &sha256(MODEL));
        }
        Answer::missing()
    }));
    let place = format!("{}\n", setting.path("hf/someone/digits/main/pytorch_model.bin").display());
    setting.command(&["pull", "hf:someone/digits"]).assert().success().stdout(place.clone());
    setting.command(&["pull", "hf:someone/digits", "--offline"]).assert().success().stdout(place);
}

#[test]
fn processes_that_want_the_same_file_fetch_it_once() {
    let setting = Setting::new(Server::start(|request, _| match request.path.as_str() {
        TORCHVISION => Answer::file(request, &like_torchvision(), "\"1\"").slow(Duration::from_millis(500)),
        _ => Answer::missing(),
    }));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let mut command = setting.command(&["pull", "torchvision:densenet121"]);
            scope.spawn(move || command.assert().success().stdout(contains("densenet121-a639ec97.pth")));
        }
    });
    assert_eq!(setting.server.paths(), [TORCHVISION]);
    let cached = std::fs::read(setting.path("torchvision/densenet121-a639ec97.pth")).unwrap();
    assert_eq!(cached, like_torchvision());
}

#[test]
fn a_proxy_of_the_environment_is_asked() {
    let setting = Setting::new(Server::start(|_, _| Answer::missing()));
    let proxy = Server::start(|_, _| Answer::new(403, b""));
    let mut command = setting.command(&["pull", "torchvision:densenet121"]);
    let (status, errors) = cli::errors(command.env("HTTPS_PROXY", proxy.address()));
    assert!(status == 1 && errors[0].contains("could not be reached"), "{errors:?}");
    let asked = &proxy.requests()[0];
    assert_eq!(
        (asked.method.as_str(), &asked.path),
        ("CONNECT", &setting.server.address()["http://".len()..].to_string())
    );
    assert!(setting.server.requests().is_empty());
    setting.error(1, &["pull", "torchvision:densenet121"]);
    assert_eq!(setting.server.paths(), [TORCHVISION]);
}

#[test]
fn the_list_says_what_is_published_and_what_is_here() {
    let setting = Setting::new(Server::start(|request, _| hub(request, MODEL)));
    setting.command(&["pull", "hf:someone/digits"]).assert().success();
    let lines = [
        "torchvision:densenet121",
        "keras:densenet201-notop",
        "hf:timm/densenet121.ra_in1k",
        "sha256 a639ec97..",
        "32 MB",
        "hf:someone/digits",
        "model.safetensors",
        text(setting.cache.path()),
    ];
    for arguments in [&["pull"][..], &["pull", "--list"]] {
        let mut assert = setting.command(arguments).assert().success();
        for line in lines {
            assert = assert.stdout(contains(line));
        }
    }
    let document = json(&mut setting.command(&["pull", "--list", "--json"]));
    let weights = document["weights"].as_array().unwrap();
    let here: Vec<_> = weights.iter().filter(|row| !row["path"].is_null()).collect();
    assert!(weights.len() == 16 && here.len() == 1, "{document}");
    assert_eq!((&here[0]["name"], &here[0]["bytes"]), (&"hf:someone/digits".into(), &MODEL.len().into()));
}
