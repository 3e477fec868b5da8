//! A command, the cache it uses, and the server it asks.

use std::path::PathBuf;

use assert_cmd::Command;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::server::{Answer, Request, Server};
use crate::cli;

pub(crate) const TORCHVISION: &str = "/download.pytorch.org/models/densenet121-a639ec97.pth";
pub(crate) const HUB: &str = "/huggingface.co/someone/digits/resolve/main/model.safetensors";
pub(crate) const MODEL: &[u8] = include_bytes!("../../models/mnist.safetensors");

/// A cache of its own, and a server that stands in for all others.
pub(crate) struct Setting {
    pub(crate) cache: TempDir,
    pub(crate) server: Server,
}

impl Setting {
    pub(crate) fn new(server: Server) -> Setting {
        Setting { cache: tempfile::tempdir().unwrap(), server }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.environment(cli::densenet(arguments))
    }

    pub(crate) fn bench(&self, arguments: &[&str]) -> Command {
        self.environment(cli::bench(arguments))
    }

    /// The same for a process that is watched while it runs.
    pub(crate) fn process(&self, arguments: &[&str]) -> std::process::Command {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_densenet"));
        process.args(arguments);
        for (name, value) in self.command(arguments).get_envs() {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        process
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.cache.path().join(file)
    }

    /// The error of a command that fails.
    pub(crate) fn error(&self, status: i32, arguments: &[&str]) -> String {
        let (code, mut errors) = cli::errors(&mut self.command(arguments));
        assert!(code == status && errors.len() == 1, "{code}: {errors:?}");
        errors.remove(0)
    }

    fn environment(&self, mut command: Command) -> Command {
        for variable in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "DENSENET_OFFLINE"] {
            command.env_remove(variable).env_remove(variable.to_lowercase());
        }
        command.env("DENSENET_CACHE", self.cache.path()).env("DENSENET_PULL_TEST_SERVER", self.server.address());
        command
    }
}

/// Bytes that have torchvision's checksum of DenseNet-121, as far as it is known: its first eight digits. The end was
/// found by search.
pub(crate) fn like_torchvision() -> Vec<u8> {
    let bytes = (0..262_144_usize).map(|index| (index % 251) as u8);
    bytes.chain(*b"00000000f12a969e").collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hub with one repository: it states checksum and commit, and redirects to where the bytes are.
pub(crate) fn hub(request: &Request, model: &[u8]) -> Answer {
    match request.path.as_str() {
        HUB => Answer::redirect("/cdn/blob?signature=a%2Fb")
            .header("X-Linked-ETag", &format!("\"{}\"", sha256(model)))
            .header("X-Linked-Size", &model.len().to_string())
            .header("X-Repo-Commit", "0123456789012345678901234567890123456789"),
        "/cdn/blob?signature=a%2Fb" => Answer::file(request, model, "\"blob\""),
        _ => Answer::missing().header("X-Error-Code", "EntryNotFound"),
    }
}
