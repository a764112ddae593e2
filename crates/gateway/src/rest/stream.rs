//! Answers that are passed on as they come: of functions and HTTP backends behind proxy integrations whose response transfer
//! mode is STREAM. A body that breaks off ends the connection, so that no client takes it for whole.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html>

use std::pin::pin;
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::BodyStream;
use ports::{InvokeAnswer, InvokeKind, InvokePiece, InvokePieces, InvokeStream};
use wire::{Cut, Streamed};

use crate::rest::answer::Answer;
use crate::rest::backend::{self, Outgoing};
use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::headers::{self, Origin};
use crate::rest::lambda::{failed, invocation, refused, say_request, within};
use crate::rest::program::{HttpBackend, Lambda};
use crate::rest::{event, execution_log};
use crate::{Gateway, StageResponse};

/// Between a function's answer's head and its body.
const DELIMITER: [u8; 8] = [0; 8];
/// Within so many bytes the head has ended.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// A stream of which nothing comes for so long is given up.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// AWS's event for the function; the head of its answer, and the rest as it comes.
pub(crate) async fn lambda(
    gateway: &Gateway,
    call: &Call<'_>,
    lambda: &Lambda,
) -> Result<StageResponse, Fault> {
    let event = event::write(call, &lambda.parameters);
    let invocation = invocation(call, lambda, event, InvokeKind::RequestResponse)?;
    let (function, began) = (invocation.function.clone(), gateway.clock.now());
    say_request(call, &invocation);
    let until = Until { clock: gateway.clock.clone(), ends: began.plus(call.method.timeout) };
    let answer =
        within(&gateway.clock, call.method.timeout, gateway.invoke.invoke_streamed(invocation)).await?;
    call.integration_status.get_or_init(|| 200);
    call.endpoint_request_id.get_or_init(|| call.ticket.request_id.to_string());
    let mut pieces = match answer.map_err(|error| refused(error, &function))? {
        InvokeAnswer::Streamed(InvokeStream { pieces, .. }) => pieces,
        InvokeAnswer::Whole(reply) => return Err(failed(call, &reply).unwrap_or_else(without_head)),
    };
    let mut begin = BytesMut::new();
    let (head, body) = loop {
        match until.next(&mut pieces).await {
            Some(InvokePiece::Data(bytes)) => begin.extend_from_slice(&bytes),
            Some(InvokePiece::End(reply)) => return Err(failed(call, &reply).unwrap_or_else(without_head)),
            None => return Err(Fault::Timeout),
        }
        let found = begin.windows(DELIMITER.len()).position(|window| window == DELIMITER);
        match found.filter(|end| *end <= HEAD_BYTES_MAX) {
            Some(end) => {
                let whole = begin.freeze();
                break (whole.slice(..end), whole.slice(end + DELIMITER.len()..));
            }
            None if begin.len() > HEAD_BYTES_MAX => return Err(without_head()),
            None => {}
        }
    };
    let latency = gateway.clock.now().since(began);
    execution_log::answered(call, (200, latency), Vec::new(), &head);
    let answer = Answer::parse(&head).map_err(|error| Fault::BadGateway(error.to_string()))?;
    let stream = Some(Streamed::new(rest(body, pieces, until)));
    let mut response =
        StageResponse { status: answer.status, headers: answer.headers, body: Bytes::new(), stream };
    headers::remap(&mut response.headers, Origin::Integration);
    Ok(response)
}

fn without_head() -> Fault {
    Fault::BadGateway(
        "Malformed Lambda proxy response: it does not begin with metadata in JSON and eight zero bytes"
            .to_owned(),
    )
}

/// The function's body; broken off when the function fails.
fn rest(first: Bytes, pieces: InvokePieces, until: Until) -> impl Stream<Item = Result<Bytes, Cut>> + Send {
    let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
    first.chain(stream::unfold(Some((pieces, until)), |left| async move {
        let (mut pieces, until) = left?;
        match until.next(&mut pieces).await {
            Some(InvokePiece::Data(bytes)) => Some((Ok(bytes), Some((pieces, until)))),
            Some(InvokePiece::End(reply)) if reply.function_error.is_none() => None,
            Some(InvokePiece::End(_)) | None => Some((Err(Cut), None)),
        }
    }))
}

/// The request as it came, to the backend; its head, and its body as it comes.
pub(crate) async fn http(
    gateway: &Gateway,
    call: &Call<'_>,
    backend: &HttpBackend,
) -> Result<StageResponse, Fault> {
    let outgoing = Outgoing::forwarded(call);
    let sent = outgoing.body.clone();
    let request = backend::build(call, backend, outgoing)?;
    let (began, headers) = (gateway.clock.now(), execution_log::listed(request.headers()));
    execution_log::sending(call, request.uri(), headers, &sent);
    let until = Until { clock: gateway.clock.clone(), ends: began.plus(call.method.timeout) };
    let terms = backend::terms(call, backend);
    let answer =
        within(&gateway.clock, call.method.timeout, pin!(gateway.backends.open(request, &terms))).await?;
    let (head, body) = answer.map_err(backend::refused)?.into_parts();
    let status = *call.integration_status.get_or_init(|| head.status.as_u16());
    let latency = gateway.clock.now().since(began);
    execution_log::answered(call, (status, latency), execution_log::listed(&head.headers), &Bytes::new());
    let pieces = stream::unfold(Some((BodyStream::new(body), until)), |left| async move {
        let (mut body, until) = left?;
        loop {
            match until.of(body.next()).await {
                Some(None) => return None,
                // Trailers are no data, and are left out.
                Some(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some((Ok(bytes), Some((body, until))));
                    }
                }
                Some(Some(Err(_))) | None => return Some((Err(Cut), None)),
            }
        }
    });
    let mut response = StageResponse {
        status,
        headers: head.headers,
        body: Bytes::new(),
        stream: Some(Streamed::new(pieces)),
    };
    headers::remap(&mut response.headers, Origin::HttpProxy);
    Ok(response)
}

/// How long a stream may go on, and be silent.
struct Until {
    clock: Clock,
    ends: Timestamp,
}

impl Until {
    /// What comes in time.
    async fn of<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let left = self.ends.since(self.clock.now()).min(IDLE);
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.clock.sleep(left) => None,
        }
    }

    async fn next(&self, pieces: &mut InvokePieces) -> Option<InvokePiece> {
        self.of(pieces.next()).await.flatten()
    }
}
