//! TestInvokeMethod: runs a method as it is now, deployed or not, and tells step by step what was done. Neither its
//! authorizer nor its usage plans are asked, as on AWS.

use std::collections::BTreeMap;

use api::apigateway::{TestInvokeMethodInput, TestInvokeMethodOutput};
use base::Cx;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use wire::Pieces;

use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::call::{Call, Ticket, Visit};
use crate::rest::client_certificate::ClientCertificateRecord;
use crate::rest::definition::Parts;
use crate::rest::execution_log::{self, Journal};
use crate::rest::live::LiveStage;
use crate::rest::program::Program;
use crate::rest::records::{ApiRecord, MethodRecord, Snapshot, SnapshotResource, Tree};
use crate::rest::route::Verb;
use crate::rest::{phases, rows};
use crate::{Gateway, StageRequest, UrlStyle};

/// AWS's names of the stage that there is not, and of where it is.
const STAGE: &str = "test-invoke-stage";
const HOST: &str = "testPrefix.testDomainName";

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    mut input: TestInvokeMethodInput,
) -> Result<TestInvokeMethodOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let tree: Tree = rows::read(&gateway.store, &rows::tree_key(api.row)).await?.unwrap_or_default();
    let by_path = tree.by_path();
    let path = by_path.iter().find(|(_, id)| **id == input.resource_id).map(|(path, _)| path.clone());
    let path = path.ok_or_else(GatewayError::no_resource)?;
    let method = read_method(gateway, &api, &input).await?;
    let certificate: Option<ClientCertificateRecord> = match &input.client_certificate_id {
        Some(id) => Some(parts::read(&gateway.store, Owner::Scope(&cx.scope), id).await?),
        None => None,
    };
    let identity = certificate.map(ClientCertificateRecord::into_identity);
    let snapshot = snapshot(gateway, &api, (&input.resource_id, &path), method).await?;
    let verb = Verb::from_name(&input.http_method).ok_or_else(GatewayError::no_method)?;
    let variables = input.stage_variables.take().unwrap_or_default();
    let mut request = request(cx, &api, input)?;
    let program = Program::compile("", &api.arn(), snapshot);
    if program.route(&request.path, verb).is_none() {
        // A path that is not the resource's: its variables stand for themselves.
        request.path = path;
    }
    let mut stage = LiveStage::trial(&api, STAGE, program, variables).ok_or_else(GatewayError::no_method)?;
    stage.identity = identity;
    let ticket = Ticket::new(&request, gateway.clock.now());
    let mut visit = Visit::new(&request, &ticket, &stage, stage.release(0));
    visit.journal = Some(Journal::new(&gateway.clock));
    let output = invoke(gateway, &visit, verb).await?;
    let latency = gateway.clock.now().since(ticket.received).as_millis();
    let log = visit.journal.as_ref().map(|journal| journal.told(&ticket.request_id.to_string()));
    Ok(TestInvokeMethodOutput { log, latency: Some(i64::try_from(latency).unwrap_or(i64::MAX)), ..output })
}

async fn invoke<'a>(gateway: &Gateway, visit: &'a Visit<'a>, verb: Verb) -> Result<TestInvokeMethodOutput> {
    let found = visit.release.program.route(&visit.request.path, verb);
    let (method, route) = found.ok_or_else(GatewayError::no_method)?;
    visit.routed.get_or_init(|| method);
    let mut response = phases::try_out(gateway, &Call { visit, method, route }).await;
    if let Some(mut pieces) = response.stream.as_ref().and_then(|stream| stream.take()) {
        response.body = whole(&mut pieces, gateway.limits.gateway_body_bytes_max).await;
    }
    let multi: BTreeMap<String, Vec<String>> = response
        .headers
        .keys()
        .map(|name| {
            let values = response.headers.get_all(name).iter();
            let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            (execution_log::shown_name(name.as_str()), values.collect())
        })
        .collect();
    let single = multi.iter().filter_map(|(name, values)| Some((name.clone(), values.last()?.clone())));
    Ok(TestInvokeMethodOutput {
        status: Some(i32::from(response.status)),
        body: Some(String::from_utf8_lossy(&response.body).into_owned()),
        headers: Some(single.collect()),
        multi_value_headers: Some(multi),
        ..TestInvokeMethodOutput::default()
    })
}

/// What comes of a stream until its end, or until it is too much.
async fn whole(pieces: &mut Pieces, bytes_max: usize) -> Bytes {
    let mut body = BytesMut::new();
    while let Some(Ok(piece)) = pieces.next().await {
        if body.len() + piece.len() > bytes_max {
            break;
        }
        body.extend_from_slice(&piece);
    }
    body.freeze()
}

/// The method of the name, or the one that answers for all.
async fn read_method(
    gateway: &Gateway,
    api: &ApiRecord,
    input: &TestInvokeMethodInput,
) -> Result<MethodRecord> {
    for name in [input.http_method.as_str(), "ANY"] {
        let key = rows::method_key(api.row, &input.resource_id, name);
        if let Some(method) = rows::read::<MethodRecord>(&gateway.store, &key).await? {
            return Ok(method);
        }
    }
    Err(GatewayError::no_method())
}

/// The API as a deployment of now would be, with the one method alone.
async fn snapshot(
    gateway: &Gateway,
    api: &ApiRecord,
    (id, path): (&str, &str),
    method: MethodRecord,
) -> Result<Snapshot> {
    let resource = SnapshotResource { id: id.to_owned(), path: path.to_owned(), methods: vec![method] };
    let mut snapshot = Snapshot {
        resources: vec![resource],
        binary_media_types: api.binary_media_types.clone(),
        ..Snapshot::default()
    };
    Parts::read(&gateway.store, api).await?.freeze(&mut snapshot);
    Ok(snapshot)
}

fn request(cx: &Cx, api: &ApiRecord, input: TestInvokeMethodInput) -> Result<StageRequest> {
    let target = input.path_with_query_string.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let method = input.http_method.parse::<Method>().map_err(|_| GatewayError::no_method())?;
    let single = input.headers.unwrap_or_default().into_iter().map(|(name, value)| (name, vec![value]));
    let multi = input.multi_value_headers.unwrap_or_default();
    Ok(StageRequest {
        request_id: cx.request_id,
        trace: cx.trace.clone(),
        method,
        api_id: api.id.clone(),
        stage: STAGE.to_owned(),
        path: path.to_owned(),
        style: UrlStyle::Host,
        base_path: None,
        query: query.to_owned(),
        headers: given_headers(single.chain(multi))?,
        spelling: wire::Spelling::default(),
        body: input.body.unwrap_or_default().into(),
        source_ip: cx.source_ip.unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
        signature: Ok(None),
        host: HOST.to_owned(),
        protocol: "HTTP/1.1",
        secure: true,
        certificate: None,
    })
}

/// The headers of a request that is played.
pub(super) fn given_headers(given: impl Iterator<Item = (String, Vec<String>)>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, values) in given {
        let bad = || GatewayError::bad_request(format!("Invalid header specified: {name}"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        for value in values {
            headers.append(parsed.clone(), HeaderValue::from_str(&value).map_err(|_| bad())?);
        }
    }
    Ok(headers)
}
