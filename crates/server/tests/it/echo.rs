//! Backends that answer what they were given, and a server in front of them.

use std::sync::atomic::{AtomicBool, Ordering};

use base::{Cx, Limits};
use bytes::Bytes;
use http::HeaderMap;
use server::{
    Backends, BoxFuture, Engine, ReplyBody, Service, Session, SocketReply, StageCall, StageReply, TailStream,
};
use testkit::Running;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

#[derive(Debug, Default)]
pub(crate) struct Echo {
    /// A call of operation `Wait` returns when this is notified, after it has notified `waiting`.
    pub(crate) release: Notify,
    pub(crate) waiting: Notify,
    /// What is kept cannot be read.
    pub(crate) ill: AtomicBool,
}

impl Backends for Echo {
    fn call<'a>(
        &'a self,
        service: Service,
        cx: &'a Cx,
        request: wire::Request,
    ) -> BoxFuture<'a, wire::Response> {
        Box::pin(async move {
            match request.header("x-amz-target") {
                Some("DynamoDB_20120810.Panic") => panic!("as the test asked"),
                Some("DynamoDB_20120810.Wait") => {
                    self.waiting.notify_one();
                    self.release.notified().await;
                }
                _ => {}
            }
            let (path, body) = (&request.path, request.body.len());
            wire::Response::new(200, format!("{} {} {path} {body}", service.name(), cx.scope))
        })
    }

    fn has_domain<'a>(&'a self, host: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(host.to_ascii_lowercase().contains("example.com")))
    }

    fn stage<'a>(&'a self, _: &'a Cx, call: StageCall) -> BoxFuture<'a, StageReply> {
        Box::pin(async move {
            let twice: Vec<_> = call.headers.get_all("x-twice").iter().collect();
            let body = format!(
                "{} {} {} ?{} {twice:?} {}",
                call.host,
                call.method,
                call.path,
                call.query,
                call.body.len()
            );
            let certified = if call.client_certificate.is_some() { " certified" } else { "" };
            let body = if call.secure { format!("{body} secure{certified}") } else { body };
            StageReply { status: 201, headers: HeaderMap::new(), body: Bytes::from(body).into() }
        })
    }

    /// Sends back what comes, and tells when the socket has ended; a path that ends in `/no` is refused.
    fn websocket<'a>(&'a self, cx: &'a Cx, call: StageCall) -> BoxFuture<'a, SocketReply> {
        Box::pin(async move {
            if call.path.ends_with("/no") {
                return SocketReply::Refused(self.stage(cx, call).await);
            }
            let session: Session = Box::new(|socket| {
                Box::pin(async move {
                    let Some((mut socket, early)) = socket else { return };
                    let mut bytes = early.to_vec();
                    loop {
                        if socket.write_all(&bytes).await.is_err() {
                            return;
                        }
                        bytes.resize(64, 0);
                        match socket.read(&mut bytes).await {
                            Ok(read) if read > 0 => bytes.truncate(read),
                            _ => return,
                        }
                    }
                })
            });
            let mut headers = HeaderMap::new();
            headers.insert("x-session", "yes".parse().expect("a header's value"));
            SocketReply::Accepted { headers, session }
        })
    }

    /// A stream of the host and of the path, and no more of it when the path is `/cut`.
    fn function_url<'a>(&'a self, _: &'a Cx, call: StageCall) -> BoxFuture<'a, StageReply> {
        Box::pin(async move {
            let mut pieces = vec![Ok(Bytes::from(call.host)), Ok(Bytes::from(call.path.clone()))];
            pieces.extend((call.path == "/cut").then_some(Err(wire::Cut)));
            let body = ReplyBody::Stream(Box::pin(futures_util::stream::iter(pieces)));
            StageReply { status: 200, headers: HeaderMap::new(), body }
        })
    }

    fn tail(&self, _: &Cx, group: &str) -> TailStream {
        let (sender, receiver) = mpsc::channel(4);
        sender.try_send(Bytes::from(format!("{{\"group\":\"{group}\"}}\n"))).expect("room for four");
        // The sender lives on: the stream ends only when the server stops.
        tokio::spawn(async move { sender.closed().await });
        receiver
    }

    fn trace_tail(&self, _: &Cx, _: &str) -> Option<TailStream> {
        None
    }

    fn resource<'a>(&'a self, _: &'a Cx, request: wire::Request) -> BoxFuture<'a, Option<wire::Response>> {
        Box::pin(async move {
            let rest = request.path.strip_prefix("/_rushlight/echo/")?.to_owned();
            Some(wire::Response::new(200, rest))
        })
    }

    fn is_well(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(!self.ill.load(Ordering::Relaxed)))
    }

    fn engine(&self) -> Engine {
        Engine { store: "memory", services: vec![Service::DynamoDb, Service::Sts] }
    }
}

pub(crate) async fn start(limits: Limits) -> Running<Echo> {
    Running::start(Echo::default(), limits).await
}
