//! A plain web server over a directory: what any vendor has who does not use GitHub.
//!
//! HTTP without TLS on loopback, `Range` and `If-Modified-Since` honoured, no listing of directories.

use std::net::TcpListener;
use std::path::Path;

use axum::Router;
use tower_http::services::ServeDir;

use crate::served::Served;

/// A running web server; dropping it ends it.
pub struct StaticServer {
    base_url: String,
    _served: Served,
}

impl StaticServer {
    /// Serves `directory` on a free port of 127.0.0.1. Files may come and go meanwhile.
    ///
    /// # Panics
    /// If no port can be bound on loopback.
    #[must_use]
    pub fn serve(directory: &Path) -> StaticServer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("port 0 is always free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        listener
            .set_nonblocking(true)
            .expect("a fresh socket can be set not to block");
        let files = ServeDir::new(directory).append_index_html_on_directories(false);
        let routes = Router::new().fallback_service(files);
        let serving = async move {
            let server = axum_server::from_tcp(listener).expect("the listener does not block");
            let served = server.serve(routes.into_make_service()).await;
            served.expect("a listener on loopback goes on accepting");
        };
        StaticServer {
            base_url: format!("http://{address}"),
            _served: Served::start("static-server", serving),
        }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}
