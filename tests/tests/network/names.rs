//! Names that do not resolve, and certificates that are not to be believed.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Outcome, refuses, then_it_goes_in, world};

/// RFC 6761, §6.4: `.invalid` is nobody's.
#[test]
fn a_source_whose_name_does_not_exist() -> Outcome {
    let (mut world, server) = world()?;
    // Where no name server answers at all, this is not to take minutes.
    world.client.set_environment("RES_OPTIONS", "timeout:1 attempts:1");
    world.client.stop()?;
    world.client.start()?;
    world.configure("https://releases.invalid", "")?;
    refuses(&world, &["update"], 4, "unreachable", "releases.invalid")?;
    world.configure(&server.base_url(), "")?;
    then_it_goes_in(&world)
}

#[test]
fn a_certificate_that_has_expired_is_for_another_host_or_is_nobody_s_is_not_believed() -> Outcome {
    let (mut world, server) = world()?;
    let authority = Authority::new(&world.directory().join("ca.pem"))?;
    world.client.set_environment("SSL_CERT_FILE", world.directory().join("ca.pem").display().to_string());
    world.client.stop()?;
    world.client.start()?;
    let good = |_: &mut CertificateParams| ();
    let expired = |params: &mut CertificateParams| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    };
    let cases = [
        (authority.signs("127.0.0.1", expired)?, "expired"),
        (authority.signs("releases.example", good)?, "not valid for"),
        (signs_itself("127.0.0.1")?, "certificate"),
    ];
    for (config, words) in cases {
        world.configure(&serve(config)?, "")?;
        refuses(&world, &["update"], 4, "unreachable", words)?;
    }
    // Nothing was wrong but the certificates: a good one is spoken to, and has nothing.
    world.configure(&serve(authority.signs("127.0.0.1", good)?)?, "")?;
    refuses(&world, &["update"], 4, "unreachable", "timestamp.json")?;
    world.configure(&server.base_url(), "")?;
    then_it_goes_in(&world)
}

struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// Its certificate is written to `path`, where everybody can read it.
    fn new(path: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        std::fs::write(path, params.self_signed(&key)?.pem())?;
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        Ok(Self(Issuer::new(params, key)))
    }

    fn signs(&self, name: &str, alter: impl FnOnce(&mut CertificateParams)) -> anyhow::Result<Arc<ServerConfig>> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        alter(&mut params);
        let key = KeyPair::generate()?;
        config(params.signed_by(&key, &self.0)?, &key)
    }
}

fn signs_itself(name: &str) -> anyhow::Result<Arc<ServerConfig>> {
    let key = KeyPair::generate()?;
    config(CertificateParams::new([name.to_owned()])?.self_signed(&key)?, &key)
}

fn config(certificate: rcgen::Certificate, key: &KeyPair) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(Arc::new(config))
}

/// A server that has nothing, until the test ends; its address.
fn serve(config: Arc<ServerConfig>) -> anyhow::Result<String> {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("https://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(session) = ServerConnection::new(config.clone()) else { return };
            let mut tls = StreamOwned::new(session, stream);
            // Whoever does not believe the certificate goes away in the middle.
            let head = BufReader::new(&mut tls).lines();
            if head.map_while(Result::ok).any(|line| line.is_empty()) {
                let _ = tls.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        }
    });
    Ok(url)
}
