//! An issuer of tokens for demonstrations and tests: one Ed25519 key in a folder.
//!
//! Not an identity provider: it asks nobody who they are. Whoever can read its folder can be
//! anybody, so the private key's file must belong to the operator alone (mode 0600).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sekisho_model::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto;
use crate::error::Error;

/// File of the private key (PKCS#8, PEM), in the issuer's folder.
const PRIVATE_FILE: &str = "issuer.pem";
/// File of the public keys, in the issuer's folder.
const PUBLIC_FILE: &str = "jwks.json";
/// The program that tokens are issued to.
const CLIENT_ID: &str = "sekisho";

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The person.
    pub subject: String,
    /// The organisation that the person works for.
    pub organisation: Option<String>,
    /// What the person is to the enclave.
    pub roles: Vec<String>,
    /// How long the token is valid.
    pub lifetime: Duration,
}

/// The embedded issuer.
#[derive(Debug)]
pub struct Issuer {
    folder: PathBuf,
    issuer: String,
    audience: String,
    signing: SigningKey,
}

#[derive(Debug)]
struct SigningKey {
    encoding: EncodingKey,
    public: PublicKey,
}

/// A public key as `jwks.json` holds it (RFC 7517, RFC 8037).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct PublicKey {
    kty: String,
    crv: String,
    x: String,
    kid: String,
    alg: String,
    #[serde(rename = "use")]
    usage: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct PublicKeys {
    keys: Vec<PublicKey>,
}

#[derive(Serialize)]
struct IssuedClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    roles: &'a [String],
}

impl Issuer {
    /// Opens the issuer of a folder; makes the folder and a key where there is none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Issuer`] if a file cannot be read or written, is not what it should be, or if
    /// others than its owner may read the private key.
    pub fn create_or_open(folder: &Path, issuer: &str, audience: &str) -> Result<Self, Error> {
        crypto::install();
        fs::create_dir_all(folder).map_err(|error| problem(folder, error))?;
        let signing = match read_private(&folder.join(PRIVATE_FILE))? {
            Some(der) => SigningKey::from_der(&der, folder)?,
            None => new_key(folder)?,
        };
        let opened = Self {
            folder: folder.to_owned(),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            signing,
        };
        // A crash may have come between the two files.
        publish(folder, &opened.signing.public)?;
        Ok(opened)
    }

    /// Makes a new key and signs with it from now on. The old public key stays published, so that
    /// tokens that are out stay valid; take it out of `jwks.json` to end them.
    ///
    /// # Errors
    ///
    /// [`Error::Issuer`] if a file cannot be written.
    pub fn rotate(&mut self) -> Result<(), Error> {
        self.signing = new_key(&self.folder)?;
        Ok(())
    }

    /// A signed access token (RFC 9068), valid from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Bug`] if it cannot be signed.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<String, Error> {
        let claims = IssuedClaims {
            iss: &self.issuer,
            sub: &grant.subject,
            aud: &self.audience,
            exp: now.seconds().saturating_add(grant.lifetime.as_secs()),
            nbf: now.seconds(),
            iat: now.seconds(),
            jti: random_id()?,
            client_id: CLIENT_ID,
            org: grant.organisation.as_deref(),
            roles: &grant.roles,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.signing.public.kid.clone());
        jsonwebtoken::encode(&header, &claims, &self.signing.encoding)
            .map_err(|_| Error::Bug("the key does not sign"))
    }

    /// Id of the key that signs now.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.signing.public.kid
    }

    /// The file of the public keys, for [`crate::KeySource::File`].
    #[must_use]
    pub fn key_set(&self) -> PathBuf {
        self.folder.join(PUBLIC_FILE)
    }
}

impl SigningKey {
    fn from_der(der: &[u8], folder: &Path) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_pkcs8(der)
            .map_err(|_| problem(&folder.join(PRIVATE_FILE), "it is not an Ed25519 key; move it away"))?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        // RFC 7638: the digest of the required members, in the order of their names.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()));
        let public = PublicKey {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x,
            kid,
            alg: "EdDSA".to_owned(),
            usage: "sig".to_owned(),
        };
        Ok(Self { encoding: EncodingKey::from_ed_der(der), public })
    }
}

/// Makes a key and writes it: the public part first, so that no token is out before its key is.
fn new_key(folder: &Path) -> Result<SigningKey, Error> {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| Error::Bug("the system gives no randomness"))?;
    let key = SigningKey::from_der(der.as_ref(), folder)?;
    publish(folder, &key.public)?;
    let text = Zeroizing::new(pem::encode(&pem::Pem::new("PRIVATE KEY", der.as_ref())));
    write(&folder.join(PRIVATE_FILE), text.as_bytes(), 0o600)?;
    Ok(key)
}

/// Adds a key to the published ones unless it is there.
fn publish(folder: &Path, key: &PublicKey) -> Result<(), Error> {
    let path = folder.join(PUBLIC_FILE);
    let mut set: PublicKeys = match fs::read(&path) {
        Ok(json) => serde_json::from_slice(&json).map_err(|error| {
            problem(&path, format!("line {}: not a key set of this issuer", error.line()))
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => PublicKeys::default(),
        Err(error) => return Err(problem(&path, error)),
    };
    if set.keys.contains(key) {
        return Ok(());
    }
    set.keys.push(key.clone());
    let json = serde_json::to_vec_pretty(&set).map_err(|_| Error::Bug("the key set is not JSON"))?;
    write(&path, &json, 0o644)
}

/// The private key's DER, if the file is there.
fn read_private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(path, error)),
    };
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(problem(path, "others than its owner may read it; run `chmod 600` on it"));
    }
    let text = Zeroizing::new(fs::read(path).map_err(|error| problem(path, error))?);
    let pem = pem::parse(text.as_slice()).map_err(|_| problem(path, "it is not PEM; move it away"))?;
    if pem.tag() != "PRIVATE KEY" {
        return Err(problem(path, "it is not a PKCS#8 private key; move it away"));
    }
    Ok(Some(Zeroizing::new(pem.into_contents())))
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = (|| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        fs::File::open(folder)?.sync_all()
    })();
    written.map_err(|error| problem(path, error))
}

fn random_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Bug("the system gives no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn problem(path: &Path, problem: impl ToString) -> Error {
    Error::Issuer { path: path.display().to_string(), problem: problem.to_string() }
}
