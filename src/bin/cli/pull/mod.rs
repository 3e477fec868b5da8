//! Published weights: their names, where they are fetched from, and the folder that keeps them.
//!
//! Everything that touches the network is in this folder, and only the binaries have it. From the bottom up: what is
//! published (`sum`, `table`, `name`), where it is kept (`cache`, `part`, `record`), how it comes (`address`, `client`,
//! `download`), and the order of it all (`repository`, `fetch`).

mod address;
mod cache;
mod client;
mod download;
mod fetch;
mod name;
mod part;
mod record;
mod repository;
mod sum;
mod table;

pub(crate) use cache::Cache;
pub(crate) use fetch::{fetch, renew};
pub(crate) use name::{Name, meant};
pub(crate) use table::{PUBLISHED, REPOSITORIES};
