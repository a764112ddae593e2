//! The running server: the file in which it says where it is, and how a verb finds it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::config::{Config, Origin};
use crate::credentials;

/// What a server writes into its data folder while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) pid: u32,
    pub(crate) listen: SocketAddr,
}

/// The file, removed when the server ends. One that is left by a crash is replaced by the next server.
#[derive(Debug)]
pub(crate) struct InstanceFile(PathBuf);

fn path(data: &Path) -> PathBuf {
    data.join("server.json")
}

impl Instance {
    pub(crate) fn write(&self, data: &Path) -> Result<InstanceFile> {
        let path = path(data);
        let text = serde_json::to_string(self)?;
        std::fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(InstanceFile(path))
    }

    pub(crate) fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path(data)).ok()?).ok()
    }
}

impl Drop for InstanceFile {
    fn drop(&mut self) {
        // It may be gone with its folder, and there is nothing left to do about it.
        _ = std::fs::remove_file(&self.0);
    }
}

/// The address of the server that the settings mean: the one given, else the one that the data folder names.
pub(crate) fn address(config: &Config) -> SocketAddr {
    let given = *config.origin("listen") != Origin::Default;
    let noted = if given { None } else { Instance::read(&config.data).map(|instance| instance.listen) };
    let mut address = noted.unwrap_or(config.listen);
    // A server on all addresses is reached by the loopback one.
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

pub(crate) fn client(config: &Config) -> Client {
    Client::new(address(config), credentials::own_pair(config))
}
