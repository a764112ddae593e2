//! Bytes with descriptors beside them over a unix socket, as server and launcher hand them to each other. Knows nothing
//! of what is said.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

/// Descriptors beside one message.
const BESIDE_MAX: usize = 4;

/// Sends all of `bytes` at once, or fails: what is said is shorter than a socket's buffer.
pub(crate) fn send(
    socket: impl AsFd,
    bytes: &[u8],
    beside: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BESIDE_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !beside.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(beside)) {
        return Err(io::Error::other("too many descriptors"));
    }
    let flags = flags | SendFlags::NOSIGNAL;
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags)?;
    if sent == bytes.len() { Ok(()) } else { Err(io::Error::other("the socket is full")) }
}

/// Reads once, as much as `piece` takes; what comes beside it goes to `beside`. 0 at the end.
pub(crate) fn receive(socket: impl AsFd, piece: &mut [u8], beside: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BESIDE_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    // Not everywhere can a descriptor arrive closed on exec; there is no jail there either.
    #[cfg(target_os = "linux")]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = RecvFlags::empty();
    let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(piece)], &mut ancillary, flags)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            beside.extend(fds);
        }
    }
    Ok(received.bytes)
}
