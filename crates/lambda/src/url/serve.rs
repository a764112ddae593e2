//! A request to a function's URL, from its id to its answer: whose it is, who may, the event, the run, the answer
//! whole or as it comes.

use std::net::IpAddr;
use std::sync::Arc;

use base::Cx;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use ports::{BoxFuture, InvokeAnswer, InvokeError, InvokePiece, InvokePieces, InvokeStream};
use sigv4::{Signature, SignatureError};
use wire::json::Writer;
use wire::{Cut, Request, Response, Streamed};

use super::event::{self, Caller, Told};
use super::reply::{self, BadReply};
use super::{Cors, URL_PATH, UrlConfig};
use crate::catalogue::Function;
use crate::invoke::roll;
use crate::name::Qualifier;
use crate::runner::Run;
use crate::{Lambda, error};

/// What a streamed answer says of itself before its body.
const PRELUDE_BYTES_MAX: usize = 1 << 20;

/// A request to a function's URL, as it came.
#[derive(Debug)]
pub struct UrlCall {
    pub request: Request,
    /// `host[:port]`; it may name the URL.
    pub host: String,
    pub source_ip: IpAddr,
    /// Who signed it: verified, if keys are known.
    pub signature: Signature,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: &'static str,
    /// It came by TLS.
    pub secure: bool,
}

/// A URL that exists.
#[derive(Debug)]
struct Found {
    function: Arc<Function>,
    /// An alias, or "".
    qualifier: String,
    config: UrlConfig,
}

/// Why a request is not answered by the function.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the caller may not")]
    Forbidden,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    #[error("the function's answer is no answer to a request: {0}")]
    Reply(#[from] BadReply),
    #[error("the function failed: {0}")]
    Fault(String),
}

impl Lambda {
    /// Answers a request to a function's URL, in one of its forms.
    pub fn serve_url<'a>(&'a self, cx: &'a Cx, call: UrlCall) -> BoxFuture<'a, Response> {
        Box::pin(self.serve_any_url(cx, call))
    }

    async fn serve_any_url(&self, cx: &Cx, call: UrlCall) -> Response {
        let Some((found, path)) = self.find_url(&call) else { return nowhere() };
        let cors = found.config.cors.clone().filter(Cors::is_set);
        let (method, asked) = (call.request.method.clone(), call.request.headers.clone());
        let mut response = if cors.is_some() && Cors::is_preflight(&method, &asked) {
            json(200, Bytes::new())
        } else {
            let answered = self.answer_url(cx, call, &found, &path).await;
            answered.unwrap_or_else(|refused| refuse(&found, &refused))
        };
        if let Some(cors) = cors {
            cors.apply(&method, &asked, &mut response.headers);
        }
        response.set("x-amzn-requestid", &cx.request_id.to_string());
        response.set("x-amzn-trace-id", cx.trace.header());
        response
    }

    /// The URL that host or path name, and what of the path is the function's.
    fn find_url(&self, call: &UrlCall) -> Option<(Found, String)> {
        let (label, rest) = call.host.split_once('.').unwrap_or_default();
        let by_host = rest.split(['.', ':']).next().unwrap_or_default().eq_ignore_ascii_case("lambda-url");
        let (id, path) = if by_host {
            (label, call.request.path.as_str())
        } else {
            let rest = call.request.path.strip_prefix(URL_PATH)?;
            rest.find('/').map_or((rest, "/"), |at| rest.split_at(at))
        };
        let (function, qualifier) = self.catalogue.by_url(&id.to_ascii_lowercase())?;
        let config = function.urls.get(&qualifier)?.clone();
        Some((Found { function, qualifier, config }, path.to_owned()))
    }

    async fn answer_url(
        &self,
        cx: &Cx,
        call: UrlCall,
        found: &Found,
        path: &str,
    ) -> Result<Response, Refused> {
        let caller = self.admit_url(call.signature.clone(), found)?;
        let told = Told {
            url_id: &found.config.id,
            path,
            caller: caller.as_ref(),
            request_id: cx.request_id.to_string(),
            trace: &cx.trace,
            now: self.config.clock.now(),
        };
        let payload = event::write(&call, &told);
        let max = self.config.limits.invoke_sync_bytes_max;
        if payload.len() > max {
            let message =
                format!("Request must be smaller than {max} bytes for the InvokeFunction operation");
            return Err(InvokeError::TooLarge(message).into());
        }
        drop(call);
        let arn = found.function.arn();
        let (qualifier, function_arn) = match found.qualifier.as_str() {
            "" => (None, arn),
            alias => (Some(Qualifier::Alias(alias)), format!("{arn}:{alias}")),
        };
        let version = found.function.version(qualifier, || roll(cx.request_id)).cloned();
        let version =
            version.ok_or_else(|| InvokeError::NotFound(format!("Function not found: {function_arn}")))?;
        let run = Run {
            function: found.function.clone(),
            version,
            function_arn,
            payload,
            request_id: cx.request_id,
            client_context: None,
            trace: cx.trace.clone(),
        };
        match (self.runner.run_streamed(run).await?, found.config.streams) {
            (InvokeAnswer::Whole(reply), _) if reply.function_error.is_some() => {
                Err(Refused::Fault(String::from_utf8_lossy(&reply.payload).into_owned()))
            }
            (InvokeAnswer::Whole(reply), false) => Ok(reply::whole(&reply.payload)?),
            // AWS looks into no result where it expects a stream.
            (InvokeAnswer::Whole(reply), true) => Ok(json(200, reply.payload)),
            (InvokeAnswer::Streamed(streamed), true) => pass_on(streamed).await,
            (InvokeAnswer::Streamed(streamed), false) => collect(streamed, max).await,
        }
    }

    /// The caller, where the URL asks for a signature, if the function's policy lets it in. Its own account's callers
    /// need no policy: what their users may is for when there are users.
    fn admit_url(&self, signature: Signature, found: &Found) -> Result<Option<Caller>, Refused> {
        let caller = match signature {
            _ if !found.config.signed => None,
            Ok(Some(signer)) if signer.service != "lambda" => {
                let message = format!(
                    "Credential should be scoped to correct service: 'lambda', got '{}'",
                    signer.service
                );
                return Err(SignatureError::Invalid(message).into());
            }
            Ok(Some(signer)) => Some(Caller {
                access_key: signer.access_key,
                account: signer.account,
                partition: found.function.scope.region.partition(),
            }),
            Ok(None) => return Err(Refused::Forbidden),
            Err(error) => return Err(error.into()),
        };
        let account = caller.as_ref().map(|caller| caller.account.to_string());
        let is_own = caller.as_ref().is_some_and(|caller| caller.account == found.function.scope.account);
        let policy = found.function.policies.get(&found.qualifier);
        let lets_in =
            || policy.is_some_and(|p| p.lets_in_url(account.as_deref(), found.config.auth_type().as_str()));
        if !self.config.enforce_policies || is_own || lets_in() {
            return Ok(caller);
        }
        Err(Refused::Forbidden)
    }
}

/// The head as soon as it is there, and the rest as it comes.
async fn pass_on(streamed: InvokeStream) -> Result<Response, Refused> {
    let InvokeStream { content_type, mut pieces, .. } = streamed;
    if content_type != reply::WITH_PRELUDE {
        let mut response = Response::new(200, Bytes::new());
        response.set("content-type", &content_type);
        response.stream = Some(Streamed::new(rest(Bytes::new(), pieces)));
        return Ok(response);
    }
    let mut begin = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let searched = begin.len();
        match piece {
            InvokePiece::Data(bytes) => begin.extend_from_slice(&bytes),
            InvokePiece::End(reply) => return Err(Refused::Fault(described(&reply.payload))),
        }
        if !reply::has_delimiter(&begin, searched) {
            if begin.len() > PRELUDE_BYTES_MAX {
                break;
            }
            continue;
        }
        if let Some((mut response, body)) = reply::prelude(&begin.clone().freeze())? {
            response.stream = Some(Streamed::new(rest(body, pieces)));
            return Ok(response);
        }
    }
    Err(Refused::Fault("its answer's head has no end".to_owned()))
}

fn described(payload: &Bytes) -> String {
    if payload.is_empty() {
        return "it ended before its answer's head".to_owned();
    }
    String::from_utf8_lossy(payload).into_owned()
}

/// A body that breaks off when the function fails.
fn rest(first: Bytes, pieces: InvokePieces) -> impl Stream<Item = Result<Bytes, Cut>> + Send {
    stream::unfold((Some(first), Some(pieces)), |(first, pieces)| async move {
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            return Some((Ok(first), (None, pieces)));
        }
        let mut pieces = pieces?;
        match pieces.next().await {
            Some(InvokePiece::Data(bytes)) => Some((Ok(bytes), (None, Some(pieces)))),
            Some(InvokePiece::End(reply)) if reply.function_error.is_none() => None,
            Some(InvokePiece::End(_)) | None => Some((Err(Cut), (None, None))),
        }
    })
}

/// A stream where the URL's answers are whole.
async fn collect(streamed: InvokeStream, bytes_max: usize) -> Result<Response, Refused> {
    let InvokeStream { content_type, mut pieces, .. } = streamed;
    let mut whole = BytesMut::new();
    loop {
        match pieces.next().await {
            Some(InvokePiece::Data(bytes)) => whole.extend_from_slice(&bytes),
            Some(InvokePiece::End(reply)) if reply.function_error.is_none() => break,
            Some(InvokePiece::End(reply)) => return Err(Refused::Fault(described(&reply.payload))),
            None => return Err(InvokeError::Internal("a streamed answer was cut off".to_owned()).into()),
        }
        if whole.len() > bytes_max {
            return Err(Refused::Fault(format!("its answer is larger than {bytes_max} bytes")));
        }
    }
    let whole = whole.freeze();
    if content_type != reply::WITH_PRELUDE {
        return Ok(reply::whole(&whole)?);
    }
    let (mut response, body) =
        reply::prelude(&whole)?.ok_or_else(|| Refused::Fault("its answer's head has no end".to_owned()))?;
    response.body = body;
    Ok(response)
}

fn json(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(status, body);
    response.set("content-type", "application/json");
    response
}

/// AWS's answer for a URL that does not exist, or no longer.
fn nowhere() -> Response {
    let mut response = json(403, &br#"{"Message":null}"#[..]);
    response.set("x-amzn-errortype", "AccessDeniedException");
    response
}

fn refuse(found: &Found, refused: &Refused) -> Response {
    let function = &found.function.name;
    let failed = || json(502, &b"Internal Server Error"[..]);
    match refused {
        Refused::Forbidden => {
            let (auth, url) = (found.config.auth_type().as_str(), &found.config.id);
            tracing::warn!(
                function,
                url,
                "a request to the function's URL was refused; AWS asks for two permissions: aws lambda add-permission \
                 --function-name {function} --statement-id url --principal '*' --action lambda:InvokeFunctionUrl \
                 --function-url-auth-type {auth}, and the same with --statement-id url-invoke --action \
                 lambda:InvokeFunction --invoked-via-function-url"
            );
            let mut response = json(403, &br#"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}"#[..]);
            response.set("x-amzn-errortype", "AccessDeniedException");
            response
        }
        Refused::Signature(why) => {
            let mut json = Writer::new();
            json.begin_object();
            json.key("message");
            json.string(&why.to_string());
            json.end_object();
            let mut response = self::json(403, json.into_bytes());
            response.set("x-amzn-errortype", why.exception());
            response
        }
        Refused::Invoke(InvokeError::Throttled(reason)) => {
            let body = format!(r#"{{"Reason":"{reason}","Type":"User","message":"Rate Exceeded."}}"#);
            let mut response = json(429, body);
            response.set("x-amzn-errortype", "TooManyRequestsException");
            response
        }
        Refused::Invoke(InvokeError::TooLarge(message)) => {
            let mut response = json(413, format!(r#"{{"Message":"{message}"}}"#));
            response.set("x-amzn-errortype", "RequestEntityTooLargeException");
            response
        }
        Refused::Invoke(why) => {
            let failure = error::invoke(why.clone());
            tracing::warn!(function, code = %failure.code, %why, "a function behind a URL cannot run");
            failed()
        }
        Refused::Reply(_) | Refused::Fault(_) => {
            tracing::info!(function, why = %refused, "a function behind a URL has no answer");
            failed()
        }
    }
}
