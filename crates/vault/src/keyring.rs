//! The master key and what is derived from it: which key seals what.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{hkdf, hmac};
use sekisho_model::DatasetId;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Bytes of the master key and of every derived key.
const KEY_LEN: usize = 32;

/// Salt of the extraction step; a change of it makes every vault unreadable.
const SALT: &[u8] = b"sekisho keyring 1";

/// The master key of an enclave, from a file that only its owner may read.
///
/// Every use has a key of its own, derived with HKDF-SHA-256 (RFC 5869); the master key itself
/// encrypts nothing.
pub struct Keyring {
    master: Zeroizing<[u8; KEY_LEN]>,
}

impl Keyring {
    /// Makes a new master key and writes it, durably and with mode 0600, to a file that must not
    /// exist yet.
    ///
    /// # Errors
    ///
    /// [`Error::KeyFile`] when the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let problem = |problem: String| Error::KeyFile { file: path.to_owned(), problem };
        let master = random_key()?;
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(master.as_ref())?;
            file.sync_all()?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        };
        match write() {
            Ok(()) => Ok(Self { master }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(problem("exists already; use it, or name another file".into()))
            }
            Err(error) => Err(problem(format!("cannot be written: {}", error.kind()))),
        }
    }

    /// Reads the master key.
    ///
    /// # Errors
    ///
    /// [`Error::KeyFile`] when the file cannot be read, is not a key, or may be read by others.
    pub fn open(path: &Path) -> Result<Self> {
        let problem = |problem: String| Error::KeyFile { file: path.to_owned(), problem };
        let unreadable = |error: std::io::Error| problem(format!("cannot be read: {}", error.kind()));
        let mut file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(problem(format!(
                "has mode {mode:04o}, so others may read it; run `chmod 600 {path}`"
            )));
        }
        let mut master = Zeroizing::new([0; KEY_LEN]);
        let wrong_length = || problem(format!("is not a master key: it must hold exactly {KEY_LEN} bytes"));
        file.read_exact(master.as_mut()).map_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof { wrong_length() } else { unreadable(error) }
        })?;
        if file.read(&mut [0]).map_err(unreadable)? != 0 {
            return Err(wrong_length());
        }
        Ok(Self { master })
    }

    /// The key for a purpose outside of the vault, such as the sealing of results.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY_LEN]> {
        self.expand("use", purpose)
    }

    /// Names the master key without telling anything of it.
    pub(crate) fn id(&self) -> String {
        let id = self.expand("vault", "id");
        hex::encode(id.get(..8).unwrap_or_default())
    }

    /// The key that turns a dataset's identifiers of one role into pseudonyms.
    pub(crate) fn pseudonym_key(&self, dataset: &DatasetId, role: &str) -> hmac::Key {
        let key = self.expand("vault", &format!("pseudonym/{dataset}/{role}"));
        hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())
    }

    /// Encrypts the data key of an object; only at that object's path can it be unwrapped.
    pub(crate) fn wrap(&self, key: &[u8; KEY_LEN], path: &str) -> Result<String> {
        Ok(BASE64.encode(self.seal_with("wrap", key, path)?))
    }

    /// The data key of an object, from its wrapped form.
    pub(crate) fn unwrap(&self, wrapped: &str, path: &str) -> Result<Zeroizing<Vec<u8>>> {
        let sealed = BASE64.decode(wrapped).map_err(|_| Error::Altered { object: path.to_owned() })?;
        self.open_with("wrap", &sealed, path)
    }

    /// Encrypts a small object; only under its own path can it be opened.
    pub(crate) fn seal(&self, plain: &[u8], path: &str) -> Result<String> {
        Ok(BASE64.encode(self.seal_with("seal", plain, path)?))
    }

    /// A small object, from its sealed form.
    pub(crate) fn unseal(&self, sealed: &str, path: &str) -> Result<Zeroizing<Vec<u8>>> {
        let sealed = BASE64.decode(sealed).map_err(|_| Error::Altered { object: path.to_owned() })?;
        self.open_with("seal", &sealed, path)
    }

    fn seal_with(&self, purpose: &str, plain: &[u8], path: &str) -> Result<Vec<u8>> {
        let key = self.cipher(purpose)?;
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        let mut body = plain.to_vec();
        let failed = |_| Error::Internal { what: "sealing failed" };
        let aad = Aad::from(path.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body).map_err(failed)?;
        Ok([nonce.as_slice(), &body].concat())
    }

    fn open_with(&self, purpose: &str, sealed: &[u8], path: &str) -> Result<Zeroizing<Vec<u8>>> {
        let altered = || Error::Altered { object: path.to_owned() };
        let key = self.cipher(purpose)?;
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(altered)?;
        let mut body = Zeroizing::new(body.to_vec());
        let aad = Aad::from(path.as_bytes());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key.open_in_place(nonce, aad, &mut body).map_err(|_| altered())?.len();
        body.truncate(plain);
        Ok(body)
    }

    fn cipher(&self, purpose: &str) -> Result<LessSafeKey> {
        let key = self.expand("vault", purpose);
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref());
        Ok(LessSafeKey::new(key.map_err(|_| Error::Internal { what: "a derived key has the wrong length" })?))
    }

    #[expect(clippy::expect_used, reason = "one block of output: HKDF allows 255")]
    fn expand(&self, domain: &str, purpose: &str) -> Zeroizing<[u8; KEY_LEN]> {
        let info = [domain.as_bytes(), b"/", purpose.as_bytes()];
        let mut key = Zeroizing::new([0; KEY_LEN]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, SALT)
            .extract(self.master.as_ref())
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|output| output.fill(key.as_mut()))
            .expect("one block of output");
        key
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

/// A new random key.
pub(crate) fn random_key() -> Result<Zeroizing<[u8; KEY_LEN]>> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    fill_random(key.as_mut())?;
    Ok(key)
}

/// Fills a buffer from the system's source of randomness.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<()> {
    let failed = |_| Error::Internal { what: "the system gives no random bytes" };
    SystemRandom::new().fill(bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn keyring() -> Keyring {
        Keyring { master: Zeroizing::new([7; KEY_LEN]) }
    }

    #[test]
    fn a_key_file_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let made = Keyring::create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Keyring::open(&path).unwrap().id(), made.id());
        for mode in [0o640, 0o604, 0o644, 0o660, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let text = Keyring::open(&path).unwrap_err().to_string();
            assert!(text.contains("chmod 600"), "{text}");
        }
    }

    #[test]
    fn a_key_file_is_never_overwritten_and_has_exactly_32_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let first = Keyring::create(&path).unwrap();
        assert!(Keyring::create(&path).is_err());
        assert_eq!(Keyring::open(&path).unwrap().id(), first.id());
        for length in [0, 31, 33] {
            std::fs::write(&path, vec![1; length]).unwrap();
            assert!(Keyring::open(&path).unwrap_err().to_string().contains("exactly 32 bytes"));
        }
        let text = Keyring::open(&dir.path().join("none")).unwrap_err().to_string();
        assert!(text.contains("not found"), "{text}");
    }

    #[test]
    fn every_purpose_has_a_key_of_its_own() {
        let ring = keyring();
        assert_eq!(ring.derive("seal"), ring.derive("seal"));
        assert_ne!(ring.derive("seal"), ring.derive("seals"));
        assert_ne!(ring.derive("seal"), ring.expand("vault", "seal"));
        let tag = |dataset: &str, role| {
            let key = ring.pseudonym_key(&dataset.parse().unwrap(), role);
            hmac::sign(&key, b"P1").as_ref().to_vec()
        };
        assert_ne!(tag("a", "subject"), tag("b", "subject"));
        assert_ne!(tag("a", "subject"), tag("a", "identifier"));
        assert_eq!(format!("{ring:?}"), "Keyring { .. }");
    }

    #[test]
    fn a_sealed_object_opens_only_under_its_own_path_and_unaltered() {
        let ring = keyring();
        let sealed = ring.seal(b"text", "a/1").unwrap();
        assert_eq!(ring.unseal(&sealed, "a/1").unwrap().as_slice(), b"text");
        assert_ne!(sealed, ring.seal(b"text", "a/1").unwrap());
        assert!(ring.unseal(&sealed, "a/2").is_err());
        assert!(ring.unwrap(&sealed, "a/1").is_err());
        for at in 0..sealed.len() {
            let mut other = sealed.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(ring.unseal(std::str::from_utf8(&other).unwrap(), "a/1").is_err(), "{at}");
        }
        assert!(ring.unseal("", "a/1").is_err());
        assert!(ring.unseal("é", "a/1").is_err());
    }
}
