//! Content codings: bodies that come compressed are unpacked before anything looks at them, and answers are compressed for who
//! asks for it, where the API wants that. Knows no integration.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html>

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Decompress, FlushDecompress, Status};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};

use crate::rest::fault::Fault;
use crate::rest::heavy;
use crate::{StageRequest, StageResponse};

/// What is compressed within a fraction of a millisecond.
const BYTES_AT_ONCE: usize = 16 << 10;

/// A coding that AWS knows besides `identity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    /// In zlib's format.
    Deflate,
}

/// Why a body is not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnpackError {
    Damaged,
    TooLong,
}

impl Coding {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            _ if name.eq_ignore_ascii_case("gzip") => Some(Self::Gzip),
            _ if name.eq_ignore_ascii_case("deflate") => Some(Self::Deflate),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    pub(crate) fn pack(self, body: &[u8]) -> std::io::Result<Vec<u8>> {
        let packed = Vec::with_capacity(body.len() / 2);
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(packed, Compression::fast());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(packed, Compression::fast());
                encoder.write_all(body)?;
                encoder.finish()
            }
        }
    }

    /// What was packed, if it is whole and no more than `bytes_max`.
    pub(crate) fn unpack(self, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, UnpackError> {
        let plain = match self {
            Self::Gzip => {
                let mut plain = Vec::new();
                let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
                let read = MultiGzDecoder::new(body).take(bound).read_to_end(&mut plain);
                read.map(|_| plain).map_err(|_| UnpackError::Damaged)?
            }
            Self::Deflate => inflate(body, bytes_max)?,
        };
        if plain.len() > bytes_max { Err(UnpackError::TooLong) } else { Ok(plain) }
    }
}

/// Stops soon after `bytes_max`. Not by a reader of flate2: to it the end of the input is the end of the stream.
fn inflate(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, UnpackError> {
    let mut stream = Decompress::new(true);
    let mut plain = Vec::with_capacity(body.len().saturating_mul(4).clamp(64, bytes_max.max(64)));
    loop {
        let read = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = body.get(read..).unwrap_or_default();
        let status = stream.decompress_vec(rest, &mut plain, FlushDecompress::None);
        match status.map_err(|_| UnpackError::Damaged)? {
            Status::StreamEnd if stream.total_in() == body.len() as u64 => return Ok(plain),
            Status::StreamEnd => return Err(UnpackError::Damaged),
            Status::Ok | Status::BufError if plain.len() > bytes_max => return Err(UnpackError::TooLong),
            Status::Ok | Status::BufError if plain.len() == plain.capacity() => plain.reserve(plain.len()),
            // There was room, and there is nothing more.
            Status::Ok | Status::BufError if stream.total_in() == body.len() as u64 => {
                return Err(UnpackError::Damaged);
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

/// Puts what was packed in the place of a body that came compressed, and drops the header that said so.
pub(crate) fn unpack(request: &mut StageRequest, bytes_max: usize) -> Result<(), Fault> {
    let mut named = request.headers.get_all(CONTENT_ENCODING).iter();
    let (Some(name), false) = (named.next(), request.body.is_empty()) else { return Ok(()) };
    let name = name.to_str().ok().filter(|_| named.next().is_none()).map(str::trim);
    if name.is_some_and(|name| name.is_empty() || name.eq_ignore_ascii_case("identity")) {
        return Ok(());
    }
    let coding = name.and_then(Coding::parse).ok_or(Fault::UnsupportedMediaType)?;
    let plain = heavy::apart(|| coding.unpack(&request.body, bytes_max)).map_err(|error| match error {
        UnpackError::Damaged => Fault::UnsupportedMediaType,
        UnpackError::TooLong => {
            Fault::EventTooLarge(format!("the body is longer than {bytes_max} bytes when unpacked"))
        }
    })?;
    request.body = Bytes::from(plain);
    request.headers.remove(CONTENT_ENCODING);
    if request.headers.contains_key(CONTENT_LENGTH) {
        request.headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    Ok(())
}

/// Compresses an answer of at least `bytes_min` as its caller asks for, unless its integration has done so or it streams.
pub(crate) fn pack(request: &StageRequest, response: &mut StageResponse, bytes_min: usize) {
    let is_whole = response.stream.is_none() && !response.headers.contains_key(CONTENT_ENCODING);
    if !is_whole || response.body.is_empty() || response.body.len() < bytes_min {
        return;
    }
    let Some(coding) = wanted(&request.headers) else { return };
    let work = || coding.pack(&response.body);
    let packed = if response.body.len() > BYTES_AT_ONCE { heavy::apart(work) } else { work() };
    if let Ok(packed) = packed {
        response.body = packed.into();
        response.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
}

/// The coding that the caller prefers; none if AWS does not know that one, whatever else is asked for.
fn wanted(headers: &HeaderMap) -> Option<Coding> {
    preferred(headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok()))
}

pub(crate) fn preferred<'h>(lists: impl Iterator<Item = &'h str>) -> Option<Coding> {
    let mut best = ("", 0.0);
    for one in lists.flat_map(|list| list.split(',')) {
        let (name, parameter) = one.split_once(';').unwrap_or((one, ""));
        let quality = match parameter.trim().strip_prefix("q=") {
            Some(quality) => quality.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)),
            None => Some(1.0),
        };
        // Of equals the first.
        if let Some(quality) = quality.filter(|quality| *quality > best.1) {
            best = (name.trim(), quality);
        }
    }
    Coding::parse(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_answered_in_which_coding() {
        let table: [(&[&str], Option<Coding>); 14] = [
            (&[], None),
            (&[""], None),
            (&["*"], None),
            (&["identity"], None),
            (&["gzip"], Some(Coding::Gzip)),
            (&["GZIP"], Some(Coding::Gzip)),
            (&["gzip, deflate, br"], Some(Coding::Gzip)),
            (&["deflate,gzip"], Some(Coding::Deflate)),
            (&["deflate;q=0.5, gzip;q=1.0"], Some(Coding::Gzip)),
            (&["br", "gzip"], None),
            (&["gzip;q=0"], None),
            (&["gzip;q=NaN, gzip;q=2, gzip;q=-1"], None),
            (&["gzip;q=0.2, identity;q=0.5, *;q=0"], None),
            (&["identity;q=0.5", "deflate"], Some(Coding::Deflate)),
        ];
        for (lists, expected) in table {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(ACCEPT_ENCODING, list.parse().unwrap());
            }
            assert_eq!(wanted(&headers), expected, "{lists:?}");
        }
    }

    #[test]
    fn only_what_is_whole_and_within_bounds_is_unpacked() {
        let text = "hello, hello, hello, hello".repeat(40);
        for coding in [Coding::Gzip, Coding::Deflate] {
            let packed = coding.pack(text.as_bytes()).unwrap();
            assert_eq!(coding.unpack(&packed, text.len()).as_deref(), Ok(text.as_bytes()));
            assert_eq!(coding.unpack(&packed, text.len() - 1), Err(UnpackError::TooLong));
            for end in 0..packed.len() {
                assert_eq!(coding.unpack(&packed[..end], text.len()), Err(UnpackError::Damaged), "{end}");
            }
            for more in [&b"x"[..], &[0; 64]] {
                let longer = [&packed, more].concat();
                assert_eq!(coding.unpack(&longer, text.len()), Err(UnpackError::Damaged), "{coding:?}");
            }
            // A thousand times as much as was sent.
            let bomb = coding.pack(&vec![0; 20 << 20]).unwrap();
            assert!(bomb.len() < 200 << 10);
            assert_eq!(coding.unpack(&bomb, 10 << 20), Err(UnpackError::TooLong));
        }
    }
}
