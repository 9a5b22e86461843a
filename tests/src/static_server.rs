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
        let address = listener.local_addr().expect("a bound socket has an address");
        listener.set_nonblocking(true).expect("a fresh socket can be set not to block");
        let files = ServeDir::new(directory).append_index_html_on_directories(false);
        let routes = Router::new().fallback_service(files);
        let serving = async move {
            let server = axum_server::from_tcp(listener).expect("the listener does not block");
            let served = server.serve(routes.into_make_service()).await;
            served.expect("a listener on loopback goes on accepting");
        };
        StaticServer { base_url: format!("http://{address}"), _served: Served::start("static-server", serving) }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_file_is_served_and_a_missing_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.txt"), b"0123456789").unwrap();
        let server = StaticServer::serve(directory.path());

        assert_eq!(ask(&server, "a.txt", "bytes=4-"), (206, "456789".to_owned()));
        assert_eq!(ask(&server, "a.txt", "bytes=0-1"), (206, "01".to_owned()));
        assert_eq!(ask(&server, "b.txt", "bytes=0-1").0, 404);
    }

    fn ask(server: &StaticServer, name: &str, range: &str) -> (u16, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = client.get(format!("{}/{name}", server.base_url()));
            let answer = request.header("range", range).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }
}
