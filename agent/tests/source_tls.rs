//! Certificates that are not to be believed, names that do not resolve, and redirects out of TLS.

mod source_world;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use source_world::{Server, ask, fetcher, fetcher_in, ok, open_directory, question_url, status};
use surefoot::source::SourceError;
use tempfile::{NamedTempFile, TempDir};

/// A certificate authority, and its certificate where the fetch process can read it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
    _directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        let directory = open_directory();
        let readable = std::fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(&directory).expect("a file");
        file.write_all(issuer.pem().as_bytes()).expect("written");
        Self { issuer, file, _directory: directory }
    }

    fn path(&self) -> &Path {
        self.file.path()
    }

    fn server(&self, name: &str, alter: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        alter(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        config(certificate.der().clone(), &key)
    }
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).expect("a configuration"))
}

fn refused(server: &Server, authority: &Authority) -> String {
    let mut fetcher = fetcher_in(&[("SSL_CERT_FILE", authority.path())]);
    let error = ask(&mut fetcher, &question_url(server.url("/a"))).1.expect_err("not to be believed");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 0, "nothing may be said to it");
    error.to_string()
}

#[test]
fn the_certificate_of_a_known_authority_is_believed() {
    let authority = Authority::new();
    let server = Server::start_tls(authority.server("127.0.0.1", |_| ()), |_, wire| {
        ok(wire, b"secret");
    });
    let mut fetcher = fetcher_in(&[("SSL_CERT_FILE", authority.path())]);
    let (got, outcome) = ask(&mut fetcher, &question_url(server.url("/a")));
    outcome.expect("it is there");
    assert_eq!(got, b"secret");
}

#[test]
fn a_self_signed_certificate_is_not_believed() {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    let server = Server::start_tls(config(certificate.der().clone(), &key), |_, wire| {
        ok(wire, b"");
    });
    let said = refused(&server, &Authority::new());
    assert!(said.contains("certificate"), "{said}");
}

#[test]
fn an_expired_certificate_and_one_for_another_host_are_not_believed() {
    let authority = Authority::new();
    let expired = authority.server("127.0.0.1", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let said = refused(&Server::start_tls(expired, |_, wire| ok(wire, b"")), &authority);
    assert!(said.contains("expired"), "{said}");
    let other = authority.server("releases.example", |_| ());
    let said = refused(&Server::start_tls(other, |_, wire| ok(wire, b"")), &authority);
    assert!(said.contains("not valid for"), "{said}");
}

#[test]
fn a_redirect_out_of_tls_is_not_followed() {
    let authority = Authority::new();
    let plain = Server::start(|_, wire| ok(wire, b"in the clear"));
    let target = format!("Location: {}\r\n", plain.url("/a"));
    let server = Server::start_tls(authority.server("127.0.0.1", |_| ()), move |_, wire| {
        status(wire, "302 Found", &target);
    });
    let mut fetcher = fetcher_in(&[("SSL_CERT_FILE", authority.path())]);
    let error = ask(&mut fetcher, &question_url(server.url("/a"))).1.expect_err("refused");
    assert!(matches!(error, SourceError::Unsafe { .. }), "{error:?}");
    assert_eq!(plain.asked().len(), 0);
}

/// A source without a token has no credentials, and takes none: what one host says is not carried to another.
#[test]
fn nothing_that_one_host_says_is_carried_to_the_next() {
    let authority = Authority::new();
    let second = Server::start_tls(authority.server("127.0.0.1", |_| ()), |_, wire| ok(wire, b"here"));
    let says = format!(
        "Set-Cookie: session=canary; Domain=127.0.0.1; Path=/\r\nAuthorization: Bearer canary\r\n\
         WWW-Authenticate: Basic realm=\"canary\"\r\nLocation: {}\r\n",
        second.url("/b")
    );
    let first =
        Server::start_tls(authority.server("127.0.0.1", |_| ()), move |_, wire| status(wire, "307 Moved", &says));
    let mut fetcher = fetcher_in(&[("SSL_CERT_FILE", authority.path())]);
    for _ in 0..2 {
        assert_eq!(ask(&mut fetcher, &question_url(first.url("/a"))).0, b"here");
    }
    for asked in [first.asked(), second.asked()].concat() {
        assert!(!asked.head.contains("canary"), "{}", asked.head);
        for name in ["authorization", "proxy-authorization", "cookie", "referer", "origin"] {
            assert_eq!(asked.header(name), None, "{}", asked.head);
        }
    }
}

#[test]
fn a_server_that_speaks_only_http_2_is_unreachable() {
    let authority = Authority::new();
    let mut only = Arc::unwrap_or_clone(authority.server("127.0.0.1", |_| ()));
    only.alpn_protocols = vec![b"h2".to_vec()];
    let server = Server::start_tls(Arc::new(only), |_, wire| {
        let _ = wire.write_all(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00");
    });
    let mut fetcher = fetcher_in(&[("SSL_CERT_FILE", authority.path())]);
    let error = ask(&mut fetcher, &question_url(server.url("/a"))).1.expect_err("another protocol");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

/// The stranger is reached through a proxy on loopback, the only way to have a public host on a test machine.
#[test]
fn a_public_host_does_not_lead_to_this_machine() {
    let authority = Authority::new();
    let inside = Server::start_tls(authority.server("127.0.0.1", |_| ()), |_, wire| {
        ok(wire, b"inside");
    });
    let target = format!("Location: {}\r\n", inside.url("/a"));
    let public = Server::start_tls(authority.server("releases.example", |_| ()), move |_, wire| {
        status(wire, "302 Found", &target);
    });
    let proxy_url = proxy(public.address());
    let environment = [("SSL_CERT_FILE", authority.path()), ("HTTPS_PROXY", Path::new(&proxy_url))];
    let error = ask(&mut fetcher_in(&environment), &question_url("https://releases.example/a")).1.expect_err("refused");
    assert!(matches!(error, SourceError::Unsafe { .. }), "{error:?}");
    assert!(error.to_string().contains("inside this network"), "{error}");
    assert_eq!((public.asked().len(), inside.asked().len()), (1, 0));
}

#[test]
fn a_name_that_does_not_exist_is_unreachable() {
    let authority = Authority::new();
    let mut fetcher = fetcher_in(&[("SSL_CERT_FILE", authority.path())]);
    let mut get = question_url("https://releases.invalid/a");
    (get.timeouts.connect_ms, get.timeouts.stall_ms) = (1500, 1500);
    let error = ask(&mut fetcher, &get).1.expect_err("no such name");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

#[test]
fn without_ca_certificates_tls_says_what_to_install_and_plain_loopback_works() {
    let nowhere = Path::new("/nonexistent/ca.pem");
    let mut fetcher = fetcher_in(&[("SSL_CERT_FILE", nowhere)]);
    let error = ask(&mut fetcher, &question_url("https://127.0.0.1:1/a")).1.expect_err("no certificates");
    assert!(matches!(error, SourceError::Local { .. }), "{error:?}");
    assert!(error.to_string().contains("ca-certificates"), "{error}");
    let server = Server::start(|_, wire| ok(wire, b"works"));
    assert_eq!(ask(&mut fetcher, &question_url(server.url("/a"))).0, b"works");
}

#[test]
fn a_plain_server_behind_an_https_address_is_unreachable() {
    let server = Server::start(|_, wire| ok(wire, b""));
    let authority = Authority::new();
    let url = server.url("/a").replacen("http:", "https:", 1);
    let mut get = question_url(url);
    get.timeouts.connect_ms = 300;
    let error = ask(&mut fetcher_in(&[("SSL_CERT_FILE", authority.path())]), &get).1.expect_err("no TLS");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert!(fetcher().probe(&server.url("/a"), std::time::Duration::from_secs(2), 10).is_ok());
}

/// A proxy for one connection, which leads to `to` whatever it is asked for.
fn proxy(to: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let (near, _) = listener.accept().expect("a connection");
        let mut head = BufReader::new(&near).lines();
        while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        (&near).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("written");
        let far = TcpStream::connect(to).expect("the server");
        thread::scope(|both| {
            both.spawn(|| pass(&near, &far));
            both.spawn(|| pass(&far, &near));
        });
    });
    url
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
