//! A certificate authority that lives as long as one stand-in, and its server certificate.
//!
//! Clients are given the authority's certificate as a file (`SSL_CERT_FILE`), so that they
//! verify TLS exactly as they do against the real service. Knows nothing of HTTP.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a TLS listener needs, and where the certificate that vouches for it was written.
pub(crate) struct Identity {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) ca_pem: PathBuf,
}

impl Identity {
    /// Makes an authority and a certificate for `addresses`, and writes `ca.pem` into `directory`.
    pub(crate) fn make(directory: &Path, addresses: &[IpAddr]) -> Identity {
        let issuer_key = KeyPair::generate().expect("ring makes P-256 keys");
        let issuer = Issuer::new(authority(), issuer_key);
        let ca = authority().self_signed(issuer.key()).expect("the parameters of the authority are sound");
        let ca_pem = directory.join("ca.pem");
        std::fs::write(&ca_pem, ca.pem()).expect("the stand-in's own directory is writable");
        Identity { server: server(&issuer, addresses), ca_pem }
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(rcgen::DnType::CommonName, "Surefoot test authority");
    params
}

fn server(issuer: &Issuer<'_, KeyPair>, addresses: &[IpAddr]) -> Arc<ServerConfig> {
    let names = addresses.iter().map(ToString::to_string);
    let key = KeyPair::generate().expect("ring makes P-256 keys");
    let certificate = CertificateParams::new(names.collect::<Vec<_>>())
        .and_then(|params| params.signed_by(&key, issuer))
        .expect("IP addresses are legal certificate names");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key))
        .expect("certificate and key were made for each other");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
