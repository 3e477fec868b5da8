//! A web server on the loopback interface that answers as a test says, and remembers what it was asked.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Begins with the name of the host that the server stands in for.
    pub(crate) path: String,
    headers: HashMap<String, String>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The byte that a Range begins with.
    fn first(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What it gets.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    sent: usize,
    pause: Duration,
    hold: Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &[u8]) -> Answer {
        let headers = vec![("Content-Length".to_string(), body.len().to_string())];
        Answer { status, headers, body: body.to_vec(), sent: body.len(), pause: Duration::ZERO, hold: Duration::ZERO }
    }

    pub(crate) fn missing() -> Answer {
        Answer::new(404, b"no such file")
    }

    pub(crate) fn redirect(location: &str) -> Answer {
        Answer::new(302, b"elsewhere").header("Location", location)
    }

    /// A file, or the part of it that a Range asks for if it is still the same.
    pub(crate) fn file(request: &Request, body: &[u8], etag: &str) -> Answer {
        let first = request.first().filter(|_| request.header("if-range").is_none_or(|known| known == etag));
        let answer = match first {
            None => Answer::new(200, body),
            Some(first) if first < body.len() => Answer::new(206, &body[first..])
                .header("Content-Range", &format!("bytes {first}-{}/{}", body.len() - 1, body.len())),
            Some(_) => Answer::new(416, b"").header("Content-Range", &format!("bytes */{}", body.len())),
        };
        answer.header("ETag", etag)
    }

    /// Adds a header, or replaces it.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn without_length(mut self) -> Answer {
        self.headers.retain(|(name, _)| name != "Content-Length");
        self
    }

    /// The connection breaks after so many bytes of the body.
    pub(crate) fn cut(mut self, sent: usize) -> Answer {
        self.sent = self.sent.min(sent);
        self
    }

    /// The connection stays open after the last byte that is sent.
    pub(crate) fn held(mut self, hold: Duration) -> Answer {
        self.hold = hold;
        self
    }

    /// The body comes later than the head.
    pub(crate) fn slow(mut self, pause: Duration) -> Answer {
        self.pause = pause;
        self
    }
}

pub(crate) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers every request as `handler` says; it also gets the number of requests before.
    pub(crate) fn start(handler: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, handler) = (Arc::clone(&requests), Arc::new(handler));
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (Arc::clone(&log), Arc::clone(&handler));
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    let before = {
                        let mut log = log.lock().expect("no panic");
                        log.push(request.clone());
                        log.len() - 1
                    };
                    // A client that has seen enough hangs up.
                    let _ = write(&stream, &handler(&request, before));
                });
            }
        });
        Server { port, requests }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ').map(str::to_string);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    Some(Request { method, path, headers })
}

fn write(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{head}\r\n")?;
    stream.flush()?;
    thread::sleep(answer.pause);
    stream.write_all(&answer.body[..answer.sent])?;
    thread::sleep(answer.hold);
    Ok(())
}
