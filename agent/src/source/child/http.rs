//! Fetches a URL: follows redirects as far as they may lead, and pours the body into the pipe.

use std::io::{self, Write};
use std::ops::Deref;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, RANGE};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::client::{Clients, Kind, innermost, unreachable};
use super::output::Output;
use super::redirect::{HOPS, Zone};
use super::verdict::{Readable, judge};
use crate::source::spec::is_loopback;
use crate::source::wire::{Api, Failure, Get, Tail, Wants};

/// An answer whose body is about to be read.
pub(super) struct Opened {
    response: Response,
    pub(super) readable: Readable,
    begun: Instant,
}

/// Asks for `url` until something other than a redirect answers, and judges that by its head.
pub(super) async fn open(clients: &mut Clients, url: &str, get: &Get) -> Result<Opened, Failure> {
    let origin = parse(url)?;
    let begun = Instant::now();
    let head = begun + get.timeouts.total().min(get.timeouts.head());
    let Ok(answered) = timeout_at(head, follow(clients, origin, get)).await else {
        return Err(Failure::Unreachable { reason: "no answer in time".to_owned() });
    };
    let Answered { response, redirected } = answered?;
    let tag = get.if_none_match.clone().filter(|_| !redirected);
    let asked = Get { if_none_match: tag, ..get.clone() };
    let mut readable = judge(response.status(), response.headers(), &asked, Timestamp::now())?;
    if redirected {
        // It would be shown to the first host the next time.
        readable.body.etag = None;
    }
    Ok(Opened { response, readable, begun })
}

/// Sends what the body has, no more than was asked for, and how it ended.
pub(super) async fn pour<W: Write>(opened: Opened, get: &Get, output: &mut Output<W>) -> io::Result<()> {
    output.head(opened.readable.body.clone())?;
    let tail = drain(opened, get, |bytes| output.bytes(bytes)).await?;
    output.tail(&tail)
}

/// Gives what the body has to `give`, no more than was asked for, and says how it ended.
pub(super) async fn drain(
    opened: Opened,
    get: &Get,
    mut give: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Tail> {
    let Opened { mut response, readable, begun } = opened;
    let mut flow = Flow { skip: readable.skip, left: readable.rest.unwrap_or(get.cap), given: 0, received: 0 };
    loop {
        if flow.left == 0 && readable.rest.is_some() && !readable.delimited {
            return Ok(Tail::Complete);
        }
        let deadline = begun + get.timeouts.pace(flow.received);
        let chunk = match next(&mut response, get.timeouts.stall(), deadline).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(flow.end(&readable)),
            Err(failure) => return Ok(Tail::Failed(failure)),
        };
        if !flow.give(&chunk, &mut give)? {
            return Ok(Tail::Failed(Failure::TooLarge { cap: get.cap }));
        }
    }
}

/// How far a body has been read.
struct Flow {
    skip: u64,
    left: u64,
    given: u64,
    received: u64,
}

impl Flow {
    /// Whether all of `chunk` was wanted. What was not wanted is not given.
    fn give(&mut self, chunk: &[u8], give: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
        self.received += chunk.len() as u64;
        let skipped = self.skip.min(chunk.len() as u64);
        self.skip -= skipped;
        let wanted = &chunk[skipped as usize..];
        let taken = &wanted[..self.left.min(wanted.len() as u64) as usize];
        self.left -= taken.len() as u64;
        self.given += taken.len() as u64;
        give(taken)?;
        Ok(taken.len() == wanted.len())
    }

    fn end(&self, readable: &Readable) -> Tail {
        match readable.rest {
            Some(rest) if self.given < rest => {
                let reason = format!("it ended {} bytes early", rest - self.given);
                Tail::Failed(Failure::Broken { reason })
            }
            Some(_) | None => Tail::Complete,
        }
    }
}

/// What the last host on the way said.
struct Answered {
    response: Response,
    redirected: bool,
}

async fn follow(clients: &mut Clients, origin: Url, get: &Get) -> Result<Answered, Failure> {
    clients.guard.open();
    let mut url = origin;
    let home = url.origin();
    let mut farthest = Zone::Loopback;
    let mut api = get.api.as_ref();
    for hop in 0..=HOPS {
        let tag = get.if_none_match.as_ref().filter(|_| hop == 0);
        // Once the way has left the API it is a stranger's, also where it leads back.
        api = api.filter(|_| url.origin() == home);
        let response = ask(clients, &url, get, tag, api).await?;
        let Some(target) = redirect_target(&url, &response)? else {
            return Ok(Answered { response, redirected: hop > 0 });
        };
        farthest = farthest.min(clients.guard.zone_of(&url));
        let allowed = clients.guard.follow(farthest, &url, &target);
        allowed.map_err(|reason| Failure::Unsafe { reason })?;
        url = target;
    }
    Err(Failure::Unsafe { reason: format!("it redirects more than {HOPS} times") })
}

async fn ask(
    clients: &mut Clients,
    url: &Url,
    get: &Get,
    tag: Option<&String>,
    api: Option<&Api>,
) -> Result<Response, Failure> {
    let client = clients.pick(Kind::to_fetch(url), get.timeouts.connect())?;
    let mut request = client.get(url.clone());
    if get.from > 0 {
        request = request.header(RANGE, format!("bytes={}-", get.from));
    }
    if let Some(tag) = tag {
        request = request.header(IF_NONE_MATCH, tag);
    }
    if let Some(api) = api {
        request = request.headers(for_api(api)?);
    }
    request.send().await.map_err(|error| unreachable(&error))
}

/// What GitHub's API is told, and nobody else.
fn for_api(api: &Api) -> Result<HeaderMap, Failure> {
    let illegal = |_| Failure::Local { reason: "the token cannot be sent".to_owned() };
    let mut token = HeaderValue::from_str(&format!("Bearer {}", api.token.reveal())).map_err(illegal)?;
    token.set_sensitive(true);
    let accept = match api.wants {
        Wants::Bytes => "application/octet-stream",
        Wants::Listing => "application/vnd.github+json",
    };
    Ok(HeaderMap::from_iter([
        (AUTHORIZATION, token),
        (ACCEPT, HeaderValue::from_static(accept)),
        (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28")),
    ]))
}

fn redirect_target(url: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    match response.status().as_u16() {
        301 | 302 | 303 | 307 | 308 => {}
        _ => return Ok(None),
    }
    let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    match target.and_then(|target| url.join(target).ok()) {
        Some(target) => Ok(Some(target)),
        None => Err(Failure::Unusable { reason: "it redirects to nowhere".to_owned() }),
    }
}

/// The next bytes. The stall is counted from now, not from the last byte: how long the engine took for that one is
/// not the server's fault.
async fn next(
    response: &mut Response,
    stall: Duration,
    deadline: Instant,
) -> Result<Option<impl Deref<Target = [u8]> + use<>>, Failure> {
    let patience = deadline.min(Instant::now() + stall);
    match timeout_at(patience, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(error)) => Err(Failure::Broken { reason: innermost(&error) }),
        Err(_) if patience == deadline => Err(Failure::Broken { reason: "it took too long altogether".to_owned() }),
        Err(_) => Err(Failure::Broken { reason: format!("nothing came for {} s", stall.as_secs_f32()) }),
    }
}

/// The spec has checked this already; it is checked where it is used, because a plain connection to a stranger
/// cannot be taken back.
fn parse(url: &str) -> Result<Url, Failure> {
    let refuse = |reason: &str| Err(Failure::Unsafe { reason: reason.to_owned() });
    let Ok(url) = Url::parse(url) else {
        return refuse("it is not a URL");
    };
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(&host) => Ok(url),
        (_, _) => refuse("it is not encrypted"),
    }
}
