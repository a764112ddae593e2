//! gzip of bodies, both ways, and the checksum of what is sent. Knows no protocol.

use std::io::{Read, Write};

use base::Limits;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::{Failure, Request, Response};

/// Below this an answer is sent as it is, although the caller takes gzip.
const GZIP_BYTES_MIN: usize = 1024;

/// The body as it was before a Content-Encoding. A body that grows beyond the limit is refused, not unpacked.
pub(crate) fn plain_body(request: &Request) -> Result<Bytes, Failure> {
    match request.header("content-encoding").map(str::trim) {
        None | Some("" | "identity") => Ok(request.body.clone()),
        Some(name) if name.eq_ignore_ascii_case("gzip") => {
            unzip(&request.body, Limits::default().body_bytes_max)
        }
        Some(other) => {
            let message = format!("Content-Encoding {other} is not supported; send gzip or none");
            Err(Failure::client("UnsupportedMediaTypeException", 415, message))
        }
    }
}

fn unzip(body: &[u8], bytes_max: usize) -> Result<Bytes, Failure> {
    let mut plain = Vec::new();
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(body).take(bound).read_to_end(&mut plain);
    if read.is_err() {
        return Err(Failure::client("SerializationException", 400, "The request's body is not gzip"));
    }
    if plain.len() > bytes_max {
        let message = format!("The request's body is larger than {bytes_max} bytes when unpacked");
        return Err(Failure::client("RequestEntityTooLargeException", 413, message));
    }
    Ok(plain.into())
}

/// Compresses the answer if the caller takes gzip and it is worth it.
pub(crate) fn zip_answer(request: &Request, response: &mut Response) {
    if response.body.len() < GZIP_BYTES_MIN || !request.header("accept-encoding").is_some_and(takes_gzip) {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(response.body.len() / 2), Compression::fast());
    let packed = encoder.write_all(&response.body).and_then(|()| encoder.finish());
    if let Ok(packed) = packed {
        response.body = packed.into();
        response.set("content-encoding", "gzip");
    }
}

fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, quality) = one.split_once(';').unwrap_or((one, ""));
        let refused = quality.trim().strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// The body's CRC32, as it is sent.
pub(crate) fn sign(response: &mut Response) {
    let crc = crc32fast::hash(&response.body);
    response.set("x-amz-crc32", &crc.to_string());
}
