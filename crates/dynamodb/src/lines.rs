//! The records of an object, one after another, however large the object is: pieces, decompressed, cut at line ends.
//! Knows not what the records mean.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use ports::{ObjectError, ObjectReader};

/// The longest record: an item of 400 KB in its most verbose form is shorter.
const RECORD_BYTES_MAX: usize = 4 << 20;
/// What is decompressed at once: at most a thousand times as much comes of it.
const SLICE_BYTES: usize = 8 << 10;

#[derive(Debug)]
pub(crate) struct Lines {
    reader: Box<dyn ObjectReader>,
    /// None: as it is.
    gzip: Option<MultiGzDecoder<Vec<u8>>>,
    /// Read and not decompressed.
    piece: Bytes,
    /// Decompressed and not answered, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Without a line end before here.
    scanned: usize,
    /// A line end between quotes is a part of the record.
    quoted: Option<bool>,
    ended: bool,
    empty: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("a record is longer than 4 MB")]
    TooLong,
    #[error("the object cannot be decompressed: {0}")]
    Compression(std::io::Error),
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl Lines {
    pub(crate) fn new(reader: Box<dyn ObjectReader>, gzip: bool, csv: bool) -> Self {
        Self {
            reader,
            gzip: gzip.then(|| MultiGzDecoder::new(Vec::new())),
            piece: Bytes::new(),
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            quoted: csv.then_some(false),
            ended: false,
            empty: true,
        }
    }

    /// The next record without its line end; none at the end. Nothing follows an error.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        loop {
            if let Some(end) = self.line_end() {
                let mut line = self.buffer[self.start..end].to_vec();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                self.start = end + 1;
                self.scanned = self.start;
                return Ok(Some(line));
            }
            if self.buffer.len() - self.start > RECORD_BYTES_MAX {
                return Err(LineError::TooLong);
            }
            if self.ended {
                let rest = self.buffer.split_off(self.start);
                self.start = self.buffer.len();
                self.scanned = self.start;
                return Ok((!rest.is_empty()).then_some(rest));
            }
            self.fill().await?;
        }
    }

    fn line_end(&mut self) -> Option<usize> {
        for at in self.scanned..self.buffer.len() {
            match (self.buffer[at], self.quoted) {
                (b'"', Some(quoted)) => self.quoted = Some(!quoted),
                (b'\n', None | Some(false)) => {
                    self.scanned = at;
                    return Some(at);
                }
                _ => {}
            }
        }
        self.scanned = self.buffer.len();
        None
    }

    async fn fill(&mut self) -> Result<(), LineError> {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        if self.piece.is_empty() {
            match self.reader.read().await? {
                Some(piece) => {
                    self.piece = piece;
                    self.empty = false;
                }
                None => return self.finish(),
            }
        }
        let Some(gzip) = &mut self.gzip else {
            self.buffer.extend_from_slice(&std::mem::take(&mut self.piece));
            return Ok(());
        };
        let slice = self.piece.split_to(SLICE_BYTES.min(self.piece.len()));
        gzip.write_all(&slice).map_err(LineError::Compression)?;
        self.buffer.append(gzip.get_mut());
        Ok(())
    }

    fn finish(&mut self) -> Result<(), LineError> {
        self.ended = true;
        // An empty object holds nothing, compressed or not.
        if let Some(gzip) = self.gzip.as_mut().filter(|_| !self.empty) {
            gzip.try_finish().map_err(LineError::Compression)?;
            self.buffer.append(gzip.get_mut());
        }
        Ok(())
    }
}
