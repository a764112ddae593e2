//! One client: HTTP/1.1 or HTTP/2 as its first bytes say, until it leaves, is too slow, or the server stops.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base::Limits;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tracing::debug;

use crate::chain::{Client, Front};
use crate::pulse::{Observed, Pulse};
use crate::tls::{Secured, Wire};

/// The protocol settings, one for all connections.
pub(crate) fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Time limits are the pulse's business: hyper's own would arm a timer for every request. No `pipeline_flush`: with
    // it hyper closes a connection whose last answer still waits behind bytes that it will not read.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .half_close(false)
        .max_buf_size(limits.head_bytes_max.max(8 << 10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(256);
    builder
}

pub(crate) async fn serve(
    front: Arc<Front>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    (stream, secured): (Wire, Option<Secured>),
    peer: SocketAddr,
    pulse: Arc<Pulse>,
) {
    let io = TokioIo::new(Observed { stream, pulse: Arc::clone(&pulse) });
    let service = service_fn(|request| {
        let (front, busy, head) = (Arc::clone(&front), pulse.begin(), pulse.take_head());
        let client = Client { peer, head, secured: secured.clone() };
        async move { Ok::<_, Infallible>(front.answer(client, request, busy).await) }
    });
    let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
    let tick = tick(&front.config.limits);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%peer, %error, "connection broke");
                }
                return;
            }
            () = front.stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(tick) => {
                if let Some(why) = pulse.overdue(&front.config.limits) {
                    debug!(%peer, ?why, "connection closed");
                    return;
                }
            }
        }
    }
}

/// How often the pulse is felt: often enough that the shortest bound is kept within a quarter.
fn tick(limits: &Limits) -> Duration {
    let shortest = limits.head_timeout.min(limits.body_idle_timeout).min(limits.keep_alive);
    (shortest / 4).clamp(Duration::from_millis(5), Duration::from_secs(5))
}
