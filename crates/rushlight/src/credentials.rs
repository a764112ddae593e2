//! The file of key pairs: those that may sign requests to the server, and the one that its own commands sign with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sigv4::{KeyPair, Keys};

use crate::config::{Auth, Config, Origin};

/// The keys that the settings name: none, if nobody made a file of them. Where signatures are required, a file is made.
pub(crate) fn keys(config: &Config) -> Result<Keys> {
    let path = &config.credentials;
    if !is_given(config) && (config.memory || !path.exists()) {
        if config.auth != Auth::Required {
            return Ok(Keys::default());
        }
        if config.memory || config.store.is_some() {
            bail!(
                "auth = required needs --credentials FILE, with the key pairs that may sign (the same for every node)"
            );
        }
        make(path).with_context(|| format!("cannot make {}", path.display()))?;
    }
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("cannot read {} (credentials, from {})", path.display(), config.origin("credentials"))
    })?;
    Keys::parse(&text).with_context(|| format!("{} is no file of credentials", path.display()))
}

/// The pair that a command signs with: of AWS's variables if the server knows it, or knows none at all; else the first one.
pub(crate) fn own_pair(config: &Config) -> KeyPair {
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let access_key = named("AWS_ACCESS_KEY_ID");
    if let Some(keys) = read(config) {
        let pair = access_key.and_then(|access_key| keys.pair(&access_key)).or_else(|| keys.first());
        return pair.unwrap_or_else(unproven);
    }
    KeyPair { access_key: access_key.unwrap_or_else(|| unproven().access_key), ..unproven() }
}

/// The pair that clients are told to use. Without keys it is no secret: it keeps real ones from being used by mistake.
pub(crate) fn shown_pair(config: &Config) -> KeyPair {
    read(config).and_then(|keys| keys.first()).unwrap_or_else(unproven)
}

/// The keys of a server that runs already, if they can be read.
fn read(config: &Config) -> Option<Keys> {
    if config.memory && !is_given(config) {
        return None;
    }
    Keys::parse(&std::fs::read_to_string(&config.credentials).ok()?).ok()
}

fn is_given(config: &Config) -> bool {
    *config.origin("credentials") != Origin::Default
}

/// For servers that believe every claim.
fn unproven() -> KeyPair {
    KeyPair { access_key: "rushlight".to_owned(), secret: "rushlight".to_owned(), session_token: None }
}

/// One pair, for nobody else of this machine to read.
fn make(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let access_key = base::random_hex(16).to_uppercase();
    let text = format!(
        "# Whoever has this pair may call this server. AWS's clients read it: AWS_SHARED_CREDENTIALS_FILE names the file.\n\
         [default]\naws_access_key_id = AKIA{access_key}\naws_secret_access_key = {}\n",
        base::random_hex(40)
    );
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    tracing::info!("a key pair was made: AWS_SHARED_CREDENTIALS_FILE={}", path.display());
    Ok(())
}
