//! The files of the console, embedded in the program. Knows no account and no store.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Method;
use rust_embed::RustEmbed;
use wire::{Request, Response};

use crate::CONSOLE_PATH;

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
struct Dist;

/// No script but the console's own, nothing of another host, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = "index.html";

/// Files with a digest in their name never change.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// What has been asked for, compressed.
#[derive(Debug, Default)]
pub(crate) struct Assets {
    packed: Mutex<HashMap<String, Bytes>>,
}

impl Assets {
    pub(crate) fn answer(&self, request: &Request) -> Response {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return plain(405, "Only GET and HEAD are served here.");
        }
        let Some(name) = request.path.strip_prefix(CONSOLE_PATH) else {
            let mut response = Response::new(308, Bytes::new());
            response.set("location", CONSOLE_PATH);
            return response;
        };
        let name = if name.is_empty() { INDEX } else { name };
        let Some(file) = Dist::get(name) else { return plain(404, "The console has no such file.") };
        let tag = tag(&file.metadata.sha256_hash());
        let mut response = Response::new(200, Bytes::new());
        response.set("content-type", content_type(name));
        response.set("cache-control", if name.starts_with("assets/") { FOREVER } else { "no-cache" });
        response.set("etag", &tag);
        response.set("vary", "accept-encoding");
        response.set("content-security-policy", POLICY);
        response.set("x-content-type-options", "nosniff");
        response.set("referrer-policy", "no-referrer");
        response.set("cross-origin-opener-policy", "same-origin");
        if request.header("if-none-match") == Some(&tag) {
            response.status = 304;
        } else if request.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")) {
            response.set("content-encoding", "gzip");
            response.body = self.packed(name, &file.data);
        } else {
            response.body = Bytes::from(file.data.into_owned());
        }
        response
    }

    fn packed(&self, name: &str, data: &[u8]) -> Bytes {
        let mut all = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packed) = all.get(name) {
            return packed.clone();
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let packed = encoder.write_all(data).and_then(|()| encoder.finish());
        let packed = Bytes::from(packed.expect("writing to memory does not fail"));
        all.insert(name.to_owned(), packed.clone());
        packed
    }
}

fn tag(digest: &[u8]) -> String {
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

fn plain(status: u16, text: &'static str) -> Response {
    let mut response = Response::new(status, text);
    response.set("content-type", "text/plain; charset=utf-8");
    response
}
