//! The server over real sockets, with clients that behave and clients that do not, and its routing table.

mod echo;

mod chain;
mod hostile;
mod routing;
mod sockets;
mod stop;
