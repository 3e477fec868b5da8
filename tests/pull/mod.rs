//! What the tests of `densenet pull` share: a server in place of all others, a cache, and files to publish.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part")]

mod server;
mod setting;

pub(crate) use server::{Answer, Request, Server};
pub(crate) use setting::{HUB, MODEL, Setting, TORCHVISION, hub, like_torchvision, sha256};
