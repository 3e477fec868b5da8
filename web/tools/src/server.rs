//! A server of static files on 127.0.0.1, for trying the page and for tests. 127.0.0.1 is a secure context, in which browsers have
//! WebGPU.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// The longest request line or header that is read.
const MAX_LINE: u64 = 8 << 10;
const MAX_HEADERS: usize = 100;

/// Listens on a port; 0 is any that is free.
///
/// # Errors
/// Where the port is taken.
pub fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|e| format!("port {port} of 127.0.0.1: {e}: name another port"))
}

/// Answers requests for ever, each connection on a thread of its own. Each mount is the beginning of a path, with `/` at its end, and
/// the folder it stands for; the first that fits counts.
pub fn run(listener: &TcpListener, mounts: &[(String, PathBuf)]) {
    for stream in listener.incoming().flatten() {
        let mounts = mounts.to_vec();
        // A browser that goes away in the middle is no failure.
        std::thread::spawn(move || drop(answer(stream, &mounts)));
    }
}

fn answer(mut stream: TcpStream, mounts: &[(String, PathBuf)]) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let request = line(&mut reader)?;
    for _ in 0..MAX_HEADERS {
        if line(&mut reader)?.is_empty() {
            break;
        }
    }
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method != "GET" && method != "HEAD" {
        return head(&mut stream, "405 Method Not Allowed", "text/plain", 0, "");
    }
    let found = file(path, mounts).and_then(|path| Some((fs::read(&path).ok()?, kind(&path), tag(&path)?)));
    match found {
        Some((content, kind, tag)) => {
            head(&mut stream, "200 OK", kind, content.len(), &tag)?;
            if method == "GET" { stream.write_all(&content) } else { Ok(()) }
        }
        None => {
            let text = "There is no such file.\n";
            head(&mut stream, "404 Not Found", "text/plain", text.len(), "")?;
            if method == "GET" { stream.write_all(text.as_bytes()) } else { Ok(()) }
        }
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    io::Read::take(reader, MAX_LINE).read_line(&mut line)?;
    Ok(line.trim_end().to_string())
}

/// `more` are headers, each with its line's end.
fn head(stream: &mut impl Write, status: &str, kind: &str, length: usize, more: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{more}cache-control: no-cache\r\n\
         connection: close\r\nx-content-type-options: nosniff\r\n\r\n"
    )
}

/// The file that a path stands for. Nothing above a mount's folder is.
fn file(path: &str, mounts: &[(String, PathBuf)]) -> Option<PathBuf> {
    let path = path.split(['?', '#']).next()?;
    let path = percent_decoded(path)?;
    let (start, folder) = mounts.iter().find(|(start, _)| path.starts_with(start.as_str()))?;
    let inner = Path::new(&path[start.len()..]);
    if !inner.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = folder.join(inner);
    Some(if file.is_dir() { file.join("index.html") } else { file })
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let (digits, behind) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = behind;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The header that says which version of a file this is.
fn tag(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some(format!("etag: \"{changed:x}-{:x}\"\r\n", metadata.len()))
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "md" | "txt" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_for_a_file_below_its_folder() {
        let mounts = [("/pkg/".to_string(), PathBuf::from("/a/pkg")), ("/".to_string(), PathBuf::from("/a/page"))];
        let of = |path: &str| file(path, &mounts).map(|path| path.display().to_string());
        assert_eq!(of("/pkg/x.js?v=1").unwrap(), "/a/pkg/x.js");
        assert_eq!(of("/a%20b.html").unwrap(), "/a/page/a b.html");
        for wrong in ["/../secret", "/pkg/../../x", "/%2e%2e/x", "/%2", "no-slash", "//etc/passwd"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
