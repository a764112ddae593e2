//! What the server says to a stem: the confined process that waits for its program, and either becomes it or starts
//! several and stands over them. Plain data and its frames; knows neither side.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use bytes::Bytes;

use crate::frame::{FrameWriter, Garbage, take_bytes, take_text, take_u8, take_u32};

const BECOME: u8 = 48;
const START: u8 = 49;
const SIGNAL: u8 = 50;

/// Longest frame to a stem: a program's variables are limited to 4 KiB by AWS, ours are few.
pub(crate) const STEM_BYTES_MAX: usize = 256 * 1024;

/// The runtime among the programs of a stem; extensions are counted from 1.
pub(crate) const RUNTIME: u32 = 0;

/// One program to run, with all that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// Where it starts.
    pub(crate) folder: PathBuf,
    /// Whether it gets a socket to speak frames on, its number as the last argument: the stem's own when the stem
    /// becomes it, else the one that came with the frame.
    pub(crate) speaks_frames: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToStem {
    Become(Program),
    Start { index: u32, program: Program },
    Signal { index: u32, signal: u32 },
}

impl ToStem {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Become(program) => write_program(&mut FrameWriter::new(out, BECOME), program),
            Self::Start { index, program } => {
                write_program(FrameWriter::new(out, START).u32(*index), program);
            }
            Self::Signal { index, signal } => {
                FrameWriter::new(out, SIGNAL).u32(*index).u32(*signal);
            }
        }
    }

    /// `body`: what follows the length and the kind.
    pub(crate) fn parse(kind: u8, mut body: Bytes) -> Result<Self, Garbage> {
        let body = &mut body;
        match kind {
            BECOME => Ok(Self::Become(read_program(body)?)),
            START => Ok(Self::Start { index: take_u32(body)?, program: read_program(body)? }),
            SIGNAL => Ok(Self::Signal { index: take_u32(body)?, signal: take_u32(body)? }),
            _ => Err(Garbage),
        }
    }
}

fn write_program(w: &mut FrameWriter<'_>, program: &Program) {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    w.u8(u8::from(program.speaks_frames)).bytes(program.path.as_os_str().as_bytes());
    w.bytes(program.folder.as_os_str().as_bytes()).u32(count(program.args.len()));
    for arg in &program.args {
        w.text(arg);
    }
    w.u32(count(program.env.len()));
    for (name, value) in &program.env {
        w.text(name).text(value);
    }
}

fn read_program(body: &mut Bytes) -> Result<Program, Garbage> {
    let path = |body: &mut Bytes| Ok(PathBuf::from(OsStr::from_bytes(&take_bytes(body)?)));
    Ok(Program {
        speaks_frames: take_u8(body)? != 0,
        path: path(body)?,
        folder: path(body)?,
        args: (0..take_u32(body)?).map(|_| take_text(body)).collect::<Result<_, _>>()?,
        env: (0..take_u32(body)?)
            .map(|_| Ok((take_text(body)?, take_text(body)?)))
            .collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let program = Program {
            path: "/var/task/bootstrap".into(),
            args: vec!["a".into()],
            env: vec![("A".into(), "1".into())],
            folder: "/var/task".into(),
            speaks_frames: true,
        };
        for said in [
            ToStem::Become(program.clone()),
            ToStem::Start { index: 3, program },
            ToStem::Signal { index: 1, signal: 15 },
        ] {
            let mut out = Vec::new();
            said.write(&mut out);
            assert_eq!(ToStem::parse(out[4], Bytes::copy_from_slice(&out[5..])), Ok(said));
        }
        assert_eq!(ToStem::parse(9, Bytes::new()), Err(Garbage));
    }
}
