//! An object of JSON lines that is being written: compressed as it grows, with its checksum.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use ports::{ObjectError, ObjectWriter, Objects};

use crate::job::Written;

/// What is compressed before it is handed on.
const PIECE_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct LinesWriter {
    key: String,
    object: Box<dyn ObjectWriter>,
    gzip: GzEncoder<Vec<u8>>,
    md5: Md5,
    items: i64,
    /// Uncompressed.
    pub(crate) bytes: usize,
}

impl LinesWriter {
    pub(crate) async fn create(
        objects: &dyn Objects,
        bucket: &str,
        key: String,
    ) -> Result<Self, ObjectError> {
        let object = objects.create(bucket, &key).await?;
        let gzip = GzEncoder::new(Vec::new(), Compression::fast());
        Ok(Self { key, object, gzip, md5: Md5::new(), items: 0, bytes: 0 })
    }

    pub(crate) async fn line(&mut self, json: &[u8]) -> Result<(), ObjectError> {
        let told = |error: std::io::Error| ObjectError::Failed(error.to_string());
        self.gzip.write_all(json).map_err(told)?;
        self.gzip.write_all(b"\n").map_err(told)?;
        self.items += 1;
        self.bytes += json.len() + 1;
        if self.gzip.get_ref().len() >= PIECE_BYTES {
            let piece = std::mem::take(self.gzip.get_mut());
            self.md5.update(&piece);
            self.object.write(piece.into()).await?;
        }
        Ok(())
    }

    pub(crate) async fn finish(mut self) -> Result<Written, ObjectError> {
        let piece = self.gzip.finish().map_err(|error| ObjectError::Failed(error.to_string()))?;
        self.md5.update(&piece);
        self.object.write(piece.into()).await?;
        self.object.finish().await?;
        Ok(Written { key: self.key, items: self.items, md5: self.md5.finalize().to_vec() })
    }
}

/// Writes a small object whole.
pub(crate) async fn put(
    objects: &dyn Objects,
    bucket: &str,
    key: &str,
    content: impl Into<Bytes>,
) -> Result<(), ObjectError> {
    let content = content.into();
    let mut object = objects.create(bucket, key).await?;
    if !content.is_empty() {
        object.write(content).await?;
    }
    object.finish().await
}

/// The key of an object below the prefix of a request, which is taken as it is.
pub(crate) fn key_below(prefix: Option<&str>, rest: &str) -> String {
    match prefix.map(|prefix| prefix.trim_matches('/')).filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => format!("{prefix}/{rest}"),
        None => rest.to_owned(),
    }
}
