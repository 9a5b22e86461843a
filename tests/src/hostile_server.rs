//! A web server over a directory that can turn against who asks it: what a mirror does that is broken, or that somebody owns.
//!
//! Plain HTTP on loopback, one request a connection. It knows `Range` and `If-None-Match`, until it is told to behave
//! otherwise.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What it does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conduct {
    /// Takes the request and never answers.
    Silence,
    /// Begins an answer and goes on for ever.
    Endless,
    /// The same in chunks of one byte.
    EndlessChunks,
    /// Answers with these bytes, head and all, and closes.
    Says(Vec<u8>),
    /// Gives this many hundredths of the file, and then nothing more.
    Stall(usize),
    /// Gives half of the file, and resets the connection (RST, tcp(7)).
    Reset,
    /// Gives the file without saying how long it is.
    NoLength,
    /// Answers with half of the file under the length of the whole, and closes.
    Half,
    /// Flips a bit in the middle of what it gives.
    Lie,
    /// Gives the whole file, whatever part was asked for.
    NoRanges,
    /// Gives another part than was asked for.
    WrongRange,
    /// Says that the file is compressed.
    Encoded,
    /// Answers with this status line and these header lines, each ended by CR and LF.
    Status(&'static str, String),
    /// Answers with something else, under status 200.
    Instead(Vec<u8>),
}

/// A rule: requests whose path holds `at`, so many more of them.
struct Rule {
    at: String,
    conduct: Conduct,
    left: usize,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    asked: Vec<String>,
    unchanged: usize,
}

/// A running server; dropping it ends it.
pub struct HostileServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    closing: Arc<AtomicBool>,
}

impl HostileServer {
    /// Serves `directory` on a free port of 127.0.0.1, well at first.
    ///
    /// # Panics
    /// If no port can be bound on loopback.
    #[must_use]
    pub fn serve(directory: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("port 0 is always free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let server = Self { address, state: Arc::default(), closing: Arc::default() };
        let (state, closing, directory) = (server.state.clone(), server.closing.clone(), directory.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if closing.load(Ordering::SeqCst) {
                    return;
                }
                let (state, directory) = (state.clone(), directory.clone());
                std::thread::spawn(move || converse(stream, &state, &directory));
            }
        });
        server
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on does this with each request whose path holds `at`.
    pub fn turn(&self, at: &str, conduct: Conduct) {
        self.turn_for(at, conduct, usize::MAX);
    }

    /// Does this with the next `times` requests whose path holds `at`.
    pub fn turn_for(&self, at: &str, conduct: Conduct, times: usize) {
        locked(&self.state).rules.push(Rule { at: at.to_owned(), conduct, left: times });
    }

    /// Serves well again, and forgets what was asked.
    pub fn behave(&self) {
        *locked(&self.state) = State::default();
    }

    /// The paths that were asked for, in their order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        locked(&self.state).asked.clone()
    }

    /// How often it answered that a file is still the same.
    #[must_use]
    pub fn unchanged(&self) -> usize {
        locked(&self.state).unchanged
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// A test that panicked with the lock held has failed already.
fn locked(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was asked for.
struct Question {
    path: String,
    from: usize,
    known: Option<String>,
}

fn converse(mut stream: TcpStream, state: &Mutex<State>, directory: &Path) {
    let Some(question) = read_question(&stream) else { return };
    let conduct = {
        let mut state = locked(state);
        state.asked.push(question.path.clone());
        let rule = state.rules.iter_mut().find(|rule| rule.left > 0 && question.path.contains(&rule.at));
        rule.map(|rule| {
            rule.left -= 1;
            rule.conduct.clone()
        })
    };
    let file = file(directory, &question.path);
    // Whoever asked may have gone: then there is nobody to tell.
    let _ = match (conduct, file) {
        (Some(conduct), file) => misbehave(&mut stream, &conduct, &question, &file.unwrap_or_default()),
        (None, Some(file)) if question.known == Some(tag(&file)) => {
            locked(state).unchanged += 1;
            stream.write_all(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        }
        (None, Some(file)) => give(&mut stream, &question, &file, &format!("ETag: {}\r\n", tag(&file))),
        (None, None) => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    };
}

fn read_question(stream: &TcpStream) -> Option<Question> {
    let mut lines = BufReader::new(stream.take(64 * 1024)).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| {
        let mut pairs = head.iter().filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let from = header("range").and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok());
    Some(Question { path, from: from.unwrap_or(0), known: header("if-none-match") })
}

fn tag(file: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    format!("\"{}\"", hex::encode(Sha256::digest(file)))
}

fn file(directory: &Path, path: &str) -> Option<Vec<u8>> {
    let path: PathBuf = path.split('/').filter(|part| !part.is_empty() && *part != "..").collect();
    std::fs::read(directory.join(path)).ok()
}

fn give(stream: &mut TcpStream, question: &Question, file: &[u8], more: &str) -> std::io::Result<()> {
    let rest = file.get(question.from..).unwrap_or_default();
    let mut head = match question.from {
        0 => "HTTP/1.1 200 OK\r\n".to_owned(),
        from => format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{}\r\n",
            file.len().saturating_sub(1),
            file.len()
        ),
    };
    let _ = write!(head, "{more}Content-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(rest)
}

/// The head of the whole file, and so many hundredths of its bytes.
fn begin(stream: &mut TcpStream, file: &[u8], hundredths: usize) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&file[..file.len() * hundredths / 100])
}

/// A client that reads no more is given up, too.
fn repeat(stream: &mut TcpStream, header: &str, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{header}\r\n").as_bytes())?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    loop {
        stream.write_all(bytes)?;
    }
}

fn misbehave(stream: &mut TcpStream, conduct: &Conduct, question: &Question, file: &[u8]) -> std::io::Result<()> {
    let whole = Question { path: String::new(), from: 0, known: None };
    match conduct {
        Conduct::Silence => stream.read(&mut [0; 64]).map(drop),
        Conduct::Endless => repeat(stream, "", &[b' '; 65536]),
        Conduct::EndlessChunks => repeat(stream, "Transfer-Encoding: chunked\r\n", &b"1\r\n \r\n".repeat(10_000)),
        Conduct::Says(bytes) => stream.write_all(bytes),
        Conduct::Half => begin(stream, file, 50),
        Conduct::Stall(hundredths) => {
            begin(stream, file, *hundredths)?;
            stream.read(&mut [0; 64]).map(drop)
        }
        Conduct::Reset => {
            begin(stream, file, 50)?;
            // To close without lingering is to reset (socket(7), SO_LINGER).
            Ok(rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO))?)
        }
        Conduct::NoLength => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            stream.write_all(file)
        }
        Conduct::Lie => {
            let mut lie = file.to_vec();
            let middle = lie.len() / 2;
            lie[middle] ^= 1;
            give(stream, question, &lie, "")
        }
        Conduct::NoRanges => give(stream, &whole, file, ""),
        Conduct::WrongRange => give(stream, &Question { from: question.from + 1, ..whole }, file, ""),
        Conduct::Encoded => give(stream, question, file, "Content-Encoding: gzip\r\n"),
        Conduct::Status(line, headers) => {
            stream.write_all(format!("HTTP/1.1 {line}\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes())
        }
        Conduct::Instead(bytes) => give(stream, &whole, bytes, ""),
    }
}
