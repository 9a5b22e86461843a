//! The four hosts of a stand-in: bound, given their routes, and served until the stand-in ends.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;

use super::log::Host;
use super::world::{Door, Links, World};
use super::{api, door, downloads, graphql, storage, uploads};

/// Bound listeners. Each host has an address of its own, since `gh` and others compare host names
/// without ports when they decide whether a token may go along with a redirect.
pub(crate) struct Listeners {
    web: TcpListener,
    api: TcpListener,
    uploads: TcpListener,
    storage: TcpListener,
}

/// The loopback addresses that the hosts listen on.
pub(crate) const ADDRESSES: [IpAddr; 4] = [loopback(1), loopback(2), loopback(3), loopback(4)];

const fn loopback(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

impl Listeners {
    pub(crate) fn bind() -> Listeners {
        let bound = ADDRESSES.map(|address| {
            let listener = TcpListener::bind((address, 0))
                .expect("Linux answers on all of 127.0.0.0/8, and port 0 is always free");
            listener.set_nonblocking(true).expect("a fresh socket can be set not to block");
            listener
        });
        let [web, api, uploads, storage] = bound;
        Listeners { web, api, uploads, storage }
    }

    pub(crate) fn web(&self) -> SocketAddr {
        address(&self.web)
    }

    pub(crate) fn api(&self) -> SocketAddr {
        address(&self.api)
    }

    pub(crate) fn uploads(&self) -> SocketAddr {
        address(&self.uploads)
    }

    pub(crate) fn storage(&self) -> SocketAddr {
        address(&self.storage)
    }

    /// Serves all hosts. The future ends with the runtime that it runs on.
    pub(crate) async fn serve(self, world: Arc<World>, tls: Arc<ServerConfig>) {
        let dotcom = Links { api: origin(self.api()), uploads: origin(self.uploads()), web: origin(self.web()) };
        let enterprise = Links {
            api: format!("{}/api/v3", dotcom.web),
            uploads: format!("{}/api/uploads", dotcom.web),
            web: dotcom.web.clone(),
        };
        let dotcom = Door { world: world.clone(), links: Arc::new(dotcom) };
        let enterprise = Door { world, links: Arc::new(enterprise) };
        tokio::join!(
            listen(self.web, recorded(web(&enterprise), Host::Web, &enterprise), &tls),
            listen(self.api, recorded(github_api(&dotcom), Host::Api, &dotcom), &tls),
            listen(self.uploads, recorded(mannered(uploads::routes(), &dotcom), Host::Uploads, &dotcom), &tls),
            listen(self.storage, recorded(storage::routes(), Host::Storage, &dotcom), &tls),
        );
    }
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a bound socket has an address")
}

/// `https://ADDRESS:PORT`
pub(crate) fn origin(address: SocketAddr) -> String {
    format!("https://{address}")
}

/// Pages and downloads, and below `/api` everything of an Enterprise server.
fn web(door: &Door) -> Router<Door> {
    downloads::routes()
        .nest("/api/v3", mannered(api::routes(), door))
        .nest("/api/uploads", mannered(uploads::routes(), door))
        .route("/api/graphql", post(graphql::answer))
}

fn github_api(door: &Door) -> Router<Door> {
    mannered(api::routes(), door).route("/graphql", post(graphql::answer)).route("/", get(|| async { "the stand-in" }))
}

fn mannered(routes: Router<Door>, door: &Door) -> Router<Door> {
    routes.layer(from_fn_with_state(door.clone(), door::api))
}

fn recorded(routes: Router<Door>, host: Host, door: &Door) -> Router {
    let recording = from_fn_with_state((door.clone(), host), door::record);
    routes.layer(recording).with_state(door.clone())
}

async fn listen(listener: TcpListener, routes: Router, tls: &Arc<ServerConfig>) {
    let config = RustlsConfig::from_config(tls.clone());
    let server = axum_server::from_tcp_rustls(listener, config).expect("the listener does not block");
    let served = server.serve(routes.into_make_service()).await;
    served.expect("a listener on loopback goes on accepting");
}
