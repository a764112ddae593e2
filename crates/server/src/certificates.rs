//! What the port is encrypted with, by the names that clients ask for: read from a folder, and again when its files change.
//! Knows no connection.
//!
//! The folder has, for each name, `NAME.pem` (the certificate and those that signed it) and `NAME.key`; `_.example.com`
//! stands for all names directly below `example.com`, `default` for clients that ask for any other name or none. Where
//! there is a `NAME.truststore.pem`, clients must show a certificate that one of those in it signed.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

const DEFAULT: &str = "default";

/// What connections are encrypted with.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
    by_name: RwLock<HashMap<String, Known>>,
}

/// A file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateError {
    pub file: PathBuf,
    pub why: String,
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot use {}: {}", self.file.display(), self.why)
    }
}

impl std::error::Error for CertificateError {}

/// What is in use for a name.
#[derive(Debug, Clone)]
struct Known {
    /// Tells its files' bytes from others.
    read: u64,
    /// Clients must show a certificate.
    mutual: bool,
    config: Arc<rustls::ServerConfig>,
}

/// The bytes of a name's files.
#[derive(Debug, Hash)]
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    truststore: Option<Vec<u8>>,
}

impl Certificates {
    /// Fails on the first file that cannot be used.
    pub fn read(folder: &Path) -> Result<Self, CertificateError> {
        let read = Self { folder: folder.to_owned(), by_name: RwLock::default() };
        if let Some(error) = read.refresh().into_iter().next() {
            return Err(error);
        }
        if read.by_name.read().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return Err(error(folder, &"it has no certificate (NAME.pem with NAME.key)"));
        }
        Ok(read)
    }

    /// Takes up what has changed. What cannot be used is told, and what was in use for its name stays so.
    pub fn refresh(&self) -> Vec<CertificateError> {
        let names = match names_in(&self.folder) {
            Ok(names) => names,
            Err(why) => return vec![error(&self.folder, &why)],
        };
        let before = self.by_name.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut after, mut errors) = (HashMap::new(), Vec::new());
        for (name, mutual) in names {
            let key = name.to_ascii_lowercase();
            let known = before.get(&key);
            match take(&self.folder, (&name, mutual), known) {
                Ok(read) => {
                    after.insert(key, read);
                }
                Err(error) => {
                    errors.push(error);
                    after.extend(known.map(|known| (key, known.clone())));
                }
            }
        }
        *self.by_name.write().unwrap_or_else(PoisonError::into_inner) = after;
        errors
    }

    /// The names of certificates as hosts are written, `*.example.com` among them; not the default's. Sorted.
    pub fn names(&self) -> Vec<String> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let names = by_name.keys().filter(|name| *name != DEFAULT);
        let mut names: Vec<_> = names.map(|name| name.replacen('_', "*", 1)).collect();
        names.sort_unstable();
        names
    }

    /// Whether clients that ask for another name, or none, are served.
    pub fn has_default(&self) -> bool {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).contains_key(DEFAULT)
    }

    /// What a connection is encrypted with whose client asks for `name`.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<Arc<rustls::ServerConfig>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let found = name.and_then(|name| own(&by_name, name)).or_else(|| by_name.get(DEFAULT))?;
        Some(Arc::clone(&found.config))
    }

    /// Whether who calls `name` must have shown a certificate there: by a truststore of its own, not the default's.
    pub(crate) fn demands_of(&self, name: &str) -> bool {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        own(&by_name, name).is_some_and(|known| known.mutual)
    }
}

/// By the name itself, else by the wildcard above it.
fn own<'a>(by_name: &'a HashMap<String, Known>, name: &str) -> Option<&'a Known> {
    let name = name.to_ascii_lowercase();
    let wildcard = || by_name.get(&format!("_.{}", name.split_once('.')?.1));
    by_name.get(&name).filter(|_| name != DEFAULT).or_else(wildcard)
}

fn error(file: &Path, why: &dyn std::fmt::Display) -> CertificateError {
    CertificateError { file: file.to_owned(), why: why.to_string() }
}

/// What a folder has certificates or truststores of; those with a truststore are true, whether it can be read or not.
fn names_in(folder: &Path) -> io::Result<BTreeMap<String, bool>> {
    let mut names = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.file_name();
        let Some(name) = file.to_str().and_then(|file| file.strip_suffix(".pem")) else { continue };
        match name.strip_suffix(".truststore") {
            Some(name) => *names.entry(name.to_owned()).or_default() = true,
            None => _ = names.entry(name.to_owned()).or_default(),
        }
    }
    Ok(names)
}

/// What the files of a name are to be used as: what is known already unless they have changed.
fn take(
    folder: &Path,
    (name, mutual): (&str, bool),
    known: Option<&Known>,
) -> Result<Known, CertificateError> {
    let path = |suffix: &str| folder.join(format!("{name}{suffix}"));
    let read = |suffix: &str| std::fs::read(path(suffix)).map_err(|why| error(&path(suffix), &why));
    let truststore = mutual.then(|| read(".truststore.pem")).transpose()?;
    let files = Files { certificate: read(".pem")?, key: read(".key")?, truststore };
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    let read = hasher.finish();
    if let Some(known) = known.filter(|known| known.read == read) {
        return Ok(known.clone());
    }
    // Its file may be away for the moment in which it is replaced, and nobody shall come in meanwhile.
    if !mutual && known.is_some_and(|known| known.mutual) {
        let why = "it is gone; clients must show a certificate until the server is started without it";
        return Err(error(&path(".truststore.pem"), &why));
    }
    let config = config(files).map_err(|(suffix, why)| error(&path(suffix), &why))?;
    Ok(Known { read, mutual, config: Arc::new(config) })
}

/// The error is of the file with this suffix.
fn config(files: Files) -> Result<rustls::ServerConfig, (&'static str, String)> {
    let in_pem = |error: &dyn std::fmt::Display| (".pem", error.to_string());
    let chain = certificates(&files.certificate).map_err(|why| (".pem", why))?;
    let key = PrivateKeyDer::from_pem_slice(&files.key)
        .map_err(|error| (".key", format!("no private key that is not encrypted can be read: {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| in_pem(&error))?;
    let builder = if let Some(truststore) = files.truststore {
        let in_store = |error: &dyn std::fmt::Display| (".truststore.pem", error.to_string());
        let mut roots = RootCertStore::empty();
        for root in certificates(&truststore).map_err(|why| (".truststore.pem", why))? {
            roots.add(root).map_err(|error| in_store(&error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().map_err(|error| in_store(&error))?)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| in_pem(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|error| error.to_string())?;
    if read.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(read) }
}
