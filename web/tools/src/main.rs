//! `densenet-web-tools bind MODULE.wasm FOLDER`: writes the JavaScript and the types of the web package.
//! `densenet-web-tools serve FOLDER [PORT]`: serves a folder on 127.0.0.1.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person who typed it")]

use std::path::PathBuf;
use std::process::ExitCode;

use densenet_web_tools::{bind, server};

/// Where `serve` listens unless it is told.
const PORT: u16 = 8080;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["bind", module, folder] => bind::bind(module.as_ref(), folder.as_ref()),
        ["serve", folder] => serve(folder.into(), PORT),
        ["serve", folder, port] => match port.parse() {
            Ok(port) => serve(folder.into(), port),
            Err(_) => Err(format!("'{port}' is no port: a number up to 65535 is expected")),
        },
        _ => Err("expected: bind MODULE.wasm FOLDER, or serve FOLDER [PORT]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve(folder: PathBuf, port: u16) -> Result<(), String> {
    let listener = server::listen(port)?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    println!("http://127.0.0.1:{port}/  (Ctrl-C ends it)");
    server::run(&listener, &[("/".into(), folder)]);
    Ok(())
}
