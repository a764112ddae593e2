//! What the server and the launcher say to each other on the control socket: [`Setup`] (with the runtime's socket
//! beside it), [`Hello`] (with the Runtime API's listener beside it), [`Assign`], [`Assigned`]. Plain data and its frames; knows neither side.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bytes::{Buf as _, Bytes, BytesMut};

use crate::config::FunctionNetwork;
use crate::frame::{FrameWriter, Garbage, take_bytes, take_text, take_u8, take_u32};
use crate::report::Layer;

const SETUP: u8 = 1;
const ASSIGN: u8 = 2;
const FREEZE: u8 = 3;
const THAW: u8 = 4;
const HELLO: u8 = 32;
const ASSIGNED: u8 = 33;
const ENDED: u8 = 34;

/// Longest frame on the control socket.
pub(crate) const CONTROL_BYTES_MAX: usize = 60 * 1024;

/// What the launcher makes before there is a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setup {
    /// Layers to put in force; what fails is said in [`Hello`].
    pub(crate) jail: bool,
    /// An empty folder, over which the new root is mounted (in the launcher's own mount namespace only).
    pub(crate) root: PathBuf,
    /// Read-only views: source outside, target inside.
    pub(crate) binds: Vec<(PathBuf, PathBuf)>,
    /// Links inside: target, name.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// The user of the process on the host, when the server is root.
    pub(crate) host_uid: u32,
    /// Files of control groups to which the launcher writes itself, before anything else.
    pub(crate) groups: Vec<PathBuf>,
    pub(crate) network: FunctionNetwork,
    /// The server's endpoint, which every function may reach.
    pub(crate) endpoint: Option<SocketAddr>,
}

/// The runtime's process stands (or failed to), and this is what confines it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Hello {
    /// Whether it has its own file system view; else paths are the host's.
    pub(crate) jailed: bool,
    /// Layers not in force, with the reason.
    pub(crate) missing: Vec<(Layer, String)>,
    /// Why there is no process at all; empty when there is.
    pub(crate) failure: String,
}

/// Gives the waiting process its function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assign {
    pub(crate) code_dir: PathBuf,
    pub(crate) layers: Vec<PathBuf>,
    pub(crate) tmp_mib: u32,
    /// What has been compiled of the code.
    pub(crate) compiled: Option<PathBuf>,
}

/// The mounts are there, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) failure: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    Setup(Setup),
    Hello(Hello),
    Assign(Assign),
    Assigned(Assigned),
    /// All of the function stands still, and goes on.
    Freeze,
    Thaw,
    /// The interpreter has ended; its largest size, which nobody could ask for any more.
    Ended {
        max_rss_kib: u32,
    },
}

impl Control {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        match self {
            Self::Setup(setup) => write_setup(setup, &mut FrameWriter::new(&mut out, SETUP)),
            Self::Hello(hello) => {
                let mut w = FrameWriter::new(&mut out, HELLO);
                w.u8(u8::from(hello.jailed)).text(&hello.failure).u32(count(&hello.missing));
                for (layer, reason) in &hello.missing {
                    w.text(layer.name()).text(reason);
                }
            }
            Self::Assign(assign) => {
                let mut w = FrameWriter::new(&mut out, ASSIGN);
                w.bytes(path_bytes(&assign.code_dir)).u32(assign.tmp_mib).u32(count(&assign.layers));
                for layer in &assign.layers {
                    w.bytes(path_bytes(layer));
                }
                w.bytes(assign.compiled.as_deref().map_or(&[][..], path_bytes));
            }
            Self::Freeze => {
                FrameWriter::new(&mut out, FREEZE);
            }
            Self::Thaw => {
                FrameWriter::new(&mut out, THAW);
            }
            Self::Ended { max_rss_kib } => {
                FrameWriter::new(&mut out, ENDED).u32(*max_rss_kib);
            }
            Self::Assigned(assigned) => {
                FrameWriter::new(&mut out, ASSIGNED).text(&assigned.failure);
            }
        }
        out
    }

    /// Takes a whole frame off `inbox`; `Ok(None)` when more bytes are needed.
    pub(crate) fn parse(inbox: &mut BytesMut) -> Result<Option<Self>, Garbage> {
        let Some(head) = inbox.first_chunk::<5>() else { return Ok(None) };
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = head[4];
        if len == 0 || len > CONTROL_BYTES_MAX {
            return Err(Garbage);
        }
        if inbox.len() < 4 + len {
            return Ok(None);
        }
        let mut body = inbox.split_to(4 + len).freeze();
        body.advance(5);
        let body = &mut body;
        Ok(Some(match kind {
            SETUP => Self::Setup(read_setup(body)?),
            HELLO => Self::Hello(read_hello(body)?),
            ASSIGN => Self::Assign(Assign {
                code_dir: take_path(body)?,
                tmp_mib: take_u32(body)?,
                layers: take_list(body, take_path)?,
                compiled: Some(take_path(body)?).filter(|path| !path.as_os_str().is_empty()),
            }),
            FREEZE => Self::Freeze,
            THAW => Self::Thaw,
            ASSIGNED => Self::Assigned(Assigned { failure: take_text(body)? }),
            ENDED => Self::Ended { max_rss_kib: take_u32(body)? },
            _ => return Err(Garbage),
        }))
    }
}

fn write_setup(setup: &Setup, w: &mut FrameWriter<'_>) {
    w.u8(u8::from(setup.jail)).bytes(path_bytes(&setup.root));
    for pairs in [&setup.binds, &setup.links] {
        w.u32(count(pairs));
        for (a, b) in pairs {
            w.bytes(path_bytes(a)).bytes(path_bytes(b));
        }
    }
    w.bytes(path_bytes(&setup.program)).u32(count(&setup.args));
    for arg in &setup.args {
        w.text(arg);
    }
    w.u32(count(&setup.env));
    for (name, value) in &setup.env {
        w.text(name).text(value);
    }
    w.u32(setup.host_uid).u32(count(&setup.groups));
    for group in &setup.groups {
        w.bytes(path_bytes(group));
    }
    w.text(setup.network.name()).text(&setup.endpoint.map_or_else(String::new, |at| at.to_string()));
}

fn read_setup(body: &mut Bytes) -> Result<Setup, Garbage> {
    let pair = |body: &mut Bytes| Ok((take_path(body)?, take_path(body)?));
    Ok(Setup {
        jail: take_u8(body)? != 0,
        root: take_path(body)?,
        binds: take_list(body, pair)?,
        links: take_list(body, pair)?,
        program: take_path(body)?,
        args: take_list(body, take_text)?,
        env: take_list(body, |body| Ok((take_text(body)?, take_text(body)?)))?,
        host_uid: take_u32(body)?,
        groups: take_list(body, take_path)?,
        network: {
            let name = take_text(body)?;
            FunctionNetwork::ALL.into_iter().find(|network| network.name() == name).ok_or(Garbage)?
        },
        endpoint: match &*take_text(body)? {
            "" => None,
            text => Some(text.parse().map_err(|_| Garbage)?),
        },
    })
}

fn read_hello(body: &mut Bytes) -> Result<Hello, Garbage> {
    Ok(Hello {
        jailed: take_u8(body)? != 0,
        failure: take_text(body)?,
        missing: take_list(body, |body| {
            let name = take_text(body)?;
            let layer = Layer::ALL.into_iter().find(|layer| layer.name() == name).ok_or(Garbage)?;
            Ok((layer, take_text(body)?))
        })?,
    })
}

fn take_list<T>(
    body: &mut Bytes,
    mut take: impl FnMut(&mut Bytes) -> Result<T, Garbage>,
) -> Result<Vec<T>, Garbage> {
    (0..take_u32(body)?).map(|_| take(body)).collect()
}

fn take_path(body: &mut Bytes) -> Result<PathBuf, Garbage> {
    Ok(PathBuf::from(OsStr::from_bytes(&take_bytes(body)?)))
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let pair = || vec![(PathBuf::from("/a"), PathBuf::from("/b"))];
        for said in [
            Control::Setup(Setup {
                jail: true,
                root: "/r".into(),
                binds: pair(),
                links: pair(),
                program: "/usr/bin/node".into(),
                args: vec!["x".into()],
                env: vec![("A".into(), "1".into())],
                host_uid: 7,
                groups: vec!["/g".into()],
                network: FunctionNetwork::Isolated,
                endpoint: Some(([127, 0, 0, 1], 7).into()),
            }),
            Control::Hello(Hello {
                jailed: true,
                missing: vec![(Layer::Seccomp, "no".into())],
                failure: String::new(),
            }),
            Control::Assign(Assign {
                code_dir: "/c".into(),
                layers: vec!["/l".into(), "/m".into()],
                compiled: Some("/k".into()),
                tmp_mib: 512,
            }),
            Control::Assigned(Assigned { failure: "why".into() }),
            Control::Ended { max_rss_kib: 7 },
            Control::Freeze,
            Control::Thaw,
        ] {
            let mut inbox = BytesMut::from(&said.to_bytes()[..]);
            assert_eq!(Control::parse(&mut inbox), Ok(Some(said)));
            assert!(inbox.is_empty());
        }
        assert_eq!(
            Control::parse(&mut BytesMut::from(&[9, 0, 0, 0, SETUP, 1, 1, 1, 1, 1, 1, 1, 1][..])),
            Err(Garbage)
        );
    }
}
