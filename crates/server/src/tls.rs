//! The demonstration's certificates: a CA of its own, and a server certificate for loopback.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::files::{Readers, make_private_folder, replace};

/// Files of a server's TLS identity.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// PEM of the CA that clients trust.
    pub(crate) ca: PathBuf,
    /// PEM of the server's certificate chain.
    pub(crate) certificate: PathBuf,
    /// PEM of its private key, mode 0600.
    pub(crate) key: PathBuf,
}

/// The identity in `folder`, made if it is not there. The CA's own key is not kept.
pub(crate) fn create_or_open(folder: &Path) -> Result<Identity> {
    let identity = Identity {
        ca: folder.join("ca.pem"),
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
    };
    if identity.key.exists() && identity.certificate.exists() && identity.ca.exists() {
        return Ok(identity);
    }
    make_private_folder(folder)?;
    let ca_key = KeyPair::generate().context("make the CA's key")?;
    let mut ca = CertificateParams::new(Vec::new()).context("describe the CA")?;
    ca.distinguished_name.push(DnType::CommonName, "Sekisho demonstration CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key).context("sign the CA")?;
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().context("make the server's key")?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let mut server = CertificateParams::new(names).context("describe the server")?;
    server.distinguished_name.push(DnType::CommonName, "sekishod");
    server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = server.signed_by(&key, &issuer).context("sign the server's certificate")?;
    replace(&identity.ca, ca_certificate.pem().as_bytes(), Readers::All)?;
    replace(&identity.certificate, certificate.pem().as_bytes(), Readers::All)?;
    replace(&identity.key, key.serialize_pem().as_bytes(), Readers::Owner)?;
    Ok(identity)
}

/// The identity for the gRPC server.
pub(crate) fn load(certificate: &Path, key: &Path) -> Result<tonic::transport::Identity> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    Ok(tonic::transport::Identity::from_pem(read(certificate)?, read(key)?))
}
