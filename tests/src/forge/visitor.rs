//! A reader of the stand-in who follows redirects, as any HTTP client does.

use reqwest::header::AUTHORIZATION;
use reqwest::{Certificate, Client};

use super::Forge;

impl Forge {
    /// Gets `url` without a token: the status of the last answer, and its body.
    ///
    /// # Panics
    /// If no answer comes.
    #[must_use]
    pub fn visit(&self, url: &str) -> (u16, Vec<u8>) {
        self.visit_as(url, None)
    }

    /// The same with a token.
    ///
    /// # Panics
    /// If no answer comes.
    #[must_use]
    pub fn visit_as(&self, url: &str, token: Option<&str>) -> (u16, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime needs only memory and a few descriptors");
        runtime.block_on(async {
            let mut request = self.client().get(url);
            if let Some(token) = token {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            let answer = request.send().await.expect("the stand-in answers");
            let status = answer.status().as_u16();
            let body = answer.bytes().await.expect("the answer has a body");
            (status, body.to_vec())
        })
    }

    fn client(&self) -> Client {
        // Fails only if a provider is installed already, and then that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = std::fs::read(self.ca_pem()).expect("the stand-in wrote it");
        let authority = Certificate::from_pem(&pem).expect("the stand-in writes PEM");
        let client = Client::builder().tls_certs_only([authority]).no_proxy().build();
        client.expect("the certificate is sound")
    }
}
