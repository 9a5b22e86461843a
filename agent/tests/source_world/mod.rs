//! A hostile web server on loopback, and the fetch process as the agent starts it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this world")]

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use surefoot::source::{Fetched, Fetcher, Get, Location, SourceError, Timeouts};

/// The connection as the server's script sees it, in the clear or not.
pub trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// What one request is answered with: writes whatever bytes it likes.
pub type Script = dyn Fn(&Asked, &mut dyn Wire) + Send + Sync;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which request of this server it is, from 0.
    pub number: usize,
    /// Request line and headers.
    pub head: String,
}

impl Asked {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.to_owned())
    }

    /// The path asked for.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).expect("a request line has a path")
    }

    /// First byte of the range asked for.
    pub fn from(&self) -> usize {
        let range = self.header("range");
        let from = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        from.map_or(0, |from| from.parse().expect("a number"))
    }
}

/// A server that answers each connection's first request with its script, then closes.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    closing: Arc<AtomicBool>,
    scheme: &'static str,
}

impl Server {
    /// In the clear.
    pub fn start(script: impl Fn(&Asked, &mut dyn Wire) + Send + Sync + 'static) -> Self {
        Self::listen("http", move |stream, asked| {
            let mut stream = stream;
            converse(&mut stream, asked, &script);
        })
    }

    /// Behind TLS.
    pub fn start_tls(
        config: Arc<rustls::ServerConfig>,
        script: impl Fn(&Asked, &mut dyn Wire) + Send + Sync + 'static,
    ) -> Self {
        Self::listen("https", move |stream, asked| {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).expect("a TLS session");
            converse(&mut rustls::StreamOwned::new(session, stream), asked, &script);
        })
    }

    fn listen(scheme: &'static str, serve: impl Fn(TcpStream, &Mutex<Vec<Asked>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, closing) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let server = Self { address, asked: Arc::clone(&asked), closing: Arc::clone(&closing), scheme };
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if closing.load(Ordering::SeqCst) {
                    return;
                }
                let (serve, asked) = (Arc::clone(&serve), Arc::clone(&asked));
                thread::spawn(move || serve(stream.expect("a connection"), &asked));
            }
        });
        server
    }

    /// The URL of `path` here.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test thread panicked").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn converse<S: Read + Write>(stream: &mut S, asked: &Mutex<Vec<Asked>>, script: &dyn Fn(&Asked, &mut dyn Wire)) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) | Err(_) => return,
        }
    }
    let request = {
        let mut asked = asked.lock().expect("no test thread panicked");
        let request = Asked { number: asked.len(), head: String::from_utf8_lossy(&head).into_owned() };
        asked.push(request.clone());
        request
    };
    script(&request, stream);
    let _ = stream.flush();
}

/// Writes, and does not mind a client that has gone.
pub fn say(wire: &mut dyn Wire, bytes: impl AsRef<[u8]>) {
    let _ = wire.write_all(bytes.as_ref());
    let _ = wire.flush();
}

/// Stands still until the client goes away.
pub fn stall(wire: &mut dyn Wire) {
    let _ = wire.read(&mut [0; 64]);
}

/// An ordinary answer.
pub fn ok(wire: &mut dyn Wire, body: &[u8]) {
    say(wire, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
    say(wire, body);
}

/// The answer of a server that knows ranges.
pub fn ok_range(asked: &Asked, wire: &mut dyn Wire, body: &[u8]) {
    match asked.from() {
        0 => ok(wire, body),
        from => {
            let (last, total, rest) = (body.len() - 1, body.len(), &body[from..]);
            say(wire, format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{last}/{total}\r\n"));
            say(wire, format!("Content-Length: {}\r\n\r\n", rest.len()));
            say(wire, rest);
        }
    }
}

/// An answer without a body.
pub fn status(wire: &mut dyn Wire, line: &str, headers: &str) {
    say(wire, format!("HTTP/1.1 {line}\r\n{headers}Content-Length: 0\r\n\r\n"));
}

/// The fetch process with an empty environment.
pub fn fetcher() -> Fetcher {
    fetcher_in(&[])
}

/// The fetch process with these variables.
pub fn fetcher_in(environment: &[(&str, &Path)]) -> Fetcher {
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Fetcher::start_in(Path::new(env!("CARGO_BIN_EXE_surefoot")), user(), environment.collect())
        .expect("the fetch process starts")
}

/// `nobody` where the test is root: the fetch process refuses to be root.
pub fn user() -> Option<(u32, u32)> {
    rustix::process::geteuid().is_root().then_some((65534, 65534))
}

/// A question with patience enough for a machine under load; tests of impatience set less.
pub fn question(location: Location) -> Get {
    let timeouts = Timeouts { connect_ms: 10_000, stall_ms: 10_000, slow_ms: 30_000, total_ms: 30_000 };
    Get { location, from: 0, cap: 1 << 20, expect_length: None, if_none_match: None, api: None, timeouts }
}

/// The question for a URL.
pub fn question_url(url: impl Into<String>) -> Get {
    question(Location::Url(url.into()))
}

/// Asks, and gives back also what came before a failure.
pub fn ask(fetcher: &mut Fetcher, get: &Get) -> (Vec<u8>, Result<Fetched, SourceError>) {
    let mut bytes = Vec::new();
    let outcome = fetcher.get(get, &mut |more| {
        bytes.extend_from_slice(more);
        Ok(())
    });
    (bytes, outcome)
}

/// `length` bytes that differ from place to place.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + index / 251) as u8).collect()
}

/// A directory and files that other users can read too.
pub fn open_directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().permissions(permissions).tempdir().expect("a temporary directory")
}
