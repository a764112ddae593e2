//! TLS on the port that also speaks plain HTTP: what a connection's first bytes say, and its handshake. Knows no HTTP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::Certificates;

/// The first byte of every TLS connection, and of no HTTP request.
const HANDSHAKE: u8 = 0x16;
/// The alert of a server that has nothing for the name: fatal, `unrecognized_name`. RFC 6066, section 3.
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 112];

/// What is known of a client that came by TLS.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secured {
    /// The name that the client asked for.
    name: Option<String>,
    /// DER, verified; of clients that had to show one.
    certificate: Option<Bytes>,
}

impl Secured {
    /// The certificate of a client that asks for what is on `host` (`name[:port]`). By whom it must be signed was decided
    /// by the name in the handshake: for another host it says nothing.
    pub(crate) fn certificate_for(&self, host: &str) -> Option<Bytes> {
        let same = self.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(name_of(host)));
        self.certificate.clone().filter(|_| same)
    }
}

/// The name of a host (`name[:port]`).
pub(crate) fn name_of(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// The connection, decrypted if its first byte says that it is encrypted.
pub(crate) async fn accept(
    certificates: &Certificates,
    stream: TcpStream,
) -> io::Result<(Wire, Option<Secured>)> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0] != HANDSHAKE {
        return Ok((Wire::Plain(stream), None));
    }
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let name = start.client_hello().server_name().map(str::to_owned);
    let Some(config) = certificates.find(name.as_deref()) else {
        start.io.write_all(&UNRECOGNIZED_NAME).await?;
        let name = name.unwrap_or_default();
        return Err(io::Error::other(format!("there is no certificate for the name {name:?}")));
    };
    let stream = start.into_stream(config).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = shown.map(|certificate| Bytes::copy_from_slice(certificate));
    Ok((Wire::Tls(Box::new(stream)), Some(Secured { name, certificate })))
}

/// A connection's bytes.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
