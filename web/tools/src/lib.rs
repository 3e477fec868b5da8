//! What builds, serves and tests the web package.

pub mod bind;
pub mod server;
