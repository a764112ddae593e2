//! Every bound on what a request may cost, in one place. AWS's own quotas have AWS's numbers.

use std::time::Duration;

/// The bounds in force. [`Limits::default`] is what the server uses unless it is configured otherwise.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections; a further one waits until one of them ends or is closed, see [`Self::crowded_timeout`].
    pub connections_max: usize,
    /// Largest request body, compressed or not, of any service: a 50 MB zip in base64 with room.
    pub body_bytes_max: usize,
    /// What the bodies of all requests under way may hold together, the first 64 KiB of each not counted. Beyond it a
    /// request is answered 503.
    pub bodies_bytes_max: usize,
    /// Largest body on API Gateway's data plane.
    pub gateway_body_bytes_max: usize,
    /// Values of all headers of a request on API Gateway's data plane.
    pub gateway_header_bytes_max: usize,
    /// Request line and headers together.
    pub head_bytes_max: usize,
    /// From the first byte of a request head to its end.
    pub head_timeout: Duration,
    /// Between two reads of a request body.
    pub body_idle_timeout: Duration,
    /// Idle time of a keep-alive connection.
    pub keep_alive: Duration,
    /// What [`Self::head_timeout`] and [`Self::keep_alive`] come to while [`Self::connections_max`] are open and another
    /// waits.
    pub crowded_timeout: Duration,
    /// Open WebSockets; beside [`Self::connections_max`], which they leave when they are accepted.
    pub websockets_max: usize,
    /// A frame that a client sends over a WebSocket.
    pub websocket_frame_bytes_max: usize,
    /// A message, of one frame or several, in either direction.
    pub websocket_message_bytes_max: usize,
    /// How long a WebSocket may be silent.
    pub websocket_idle: Duration,
    /// How long a WebSocket may be open.
    pub websocket_life: Duration,
    /// How deep JSON of any request may nest.
    pub json_depth_max: usize,
    /// Synchronous invocation payload and answer (AWS: 6 MB and a little).
    pub invoke_sync_bytes_max: usize,
    /// Streamed answer of a function.
    pub invoke_stream_bytes_max: usize,
    /// Asynchronous invocation payload.
    pub invoke_async_bytes_max: usize,
    /// A zip given in a request.
    pub zip_bytes_max: usize,
    /// A package when unzipped, layers included.
    pub unzipped_bytes_max: u64,
    /// Entries of a zip.
    pub zip_entries_max: usize,
    /// Environments of one account running at a time (AWS: 1,000).
    pub concurrency_max: usize,
    /// After the signal to stop, how long requests and invocations in flight may take together. Less than the 10
    /// seconds that process managers and containers give.
    pub stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            body_bytes_max: 70 << 20,
            bodies_bytes_max: 1 << 30,
            gateway_body_bytes_max: 10 << 20,
            gateway_header_bytes_max: 10 << 10,
            head_bytes_max: 64 << 10,
            head_timeout: Duration::from_secs(30),
            body_idle_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            crowded_timeout: Duration::from_secs(1),
            websockets_max: 20_000,
            websocket_frame_bytes_max: 32 << 10,
            websocket_message_bytes_max: 128 << 10,
            websocket_idle: Duration::from_secs(10 * 60),
            websocket_life: Duration::from_secs(2 * 60 * 60),
            json_depth_max: 128,
            invoke_sync_bytes_max: 6_291_556,
            invoke_stream_bytes_max: 200 << 20,
            invoke_async_bytes_max: 1 << 20,
            zip_bytes_max: 50 << 20,
            unzipped_bytes_max: 262_144_000,
            zip_entries_max: 65_535,
            concurrency_max: 1_000,
            stop_grace: Duration::from_secs(8),
        }
    }
}
