//! TestInvokeAuthorizer: asks an authorizer as it is now, deployed or not, and tells what it did.

use api::apigateway::{TestInvokeAuthorizerInput, TestInvokeAuthorizerOutput};
use base::{Cx, Timestamp};
use http::Method;

use crate::error::{GatewayError, Result};
use crate::ops::test_invoke_method::given_headers;
use crate::parts::{self, Owner};
use crate::rest::authorizer::AuthorizerRecord;
use crate::rest::call::{Call, Ticket, Visit};
use crate::rest::grant::date;
use crate::rest::live::LiveStage;
use crate::rest::program::Program;
use crate::rest::records::{ApiRecord, MethodRecord, Snapshot, SnapshotResource, Tree};
use crate::rest::route::Verb;
use crate::rest::{authorize, rows};
use crate::{Gateway, StageRequest, UrlStyle};

/// AWS's name of the stage that there is not.
const STAGE: &str = "ESTestInvoke-stage";

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    mut input: TestInvokeAuthorizerInput,
) -> Result<TestInvokeAuthorizerOutput> {
    if input.additional_context.as_ref().is_some_and(|more| !more.is_empty()) {
        return Err(GatewayError::bad_request(
            "Rushlight does not take additionalContext for a test of an authorizer (see docs/differences.md)",
        ));
    }
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let owner = Owner::Api(&api);
    let authorizer = parts::read::<AuthorizerRecord>(&gateway.store, owner, &input.authorizer_id).await?;
    let tree: Tree = rows::read(&gateway.store, &rows::tree_key(api.row)).await?.unwrap_or_default();
    let variables = input.stage_variables.take().unwrap_or_default();
    let request = request(cx, &api, input)?;
    let program = Program::compile("", &api.arn(), snapshot(&tree, authorizer.clone()));
    let no_path = || GatewayError::bad_request("Invalid path specified: no resource has it");
    let stage = LiveStage::trial(&api, STAGE, program, variables).ok_or_else(no_path)?;
    let ticket = Ticket::new(&request, gateway.clock.now());
    let visit = Visit::new(&request, &ticket, &stage, stage.release(0));
    let (method, route) = visit.release.program.route(&request.path, Verb::Get).ok_or_else(no_path)?;
    visit.routed.get_or_init(|| method);
    Ok(try_out(gateway, &Call { visit: &visit, method, route }, &authorizer).await)
}

async fn try_out(
    gateway: &Gateway,
    call: &Call<'_>,
    authorizer: &AuthorizerRecord,
) -> TestInvokeAuthorizerOutput {
    let begin = gateway.clock.now();
    let request_id = call.ticket.request_id;
    let mut steps = vec![format!("Starting authorizer: {} for request: {request_id}", authorizer.id)];
    let outcome = authorize::try_out(gateway, call, &mut steps).await;
    let end = gateway.clock.now();
    steps.push(match &outcome {
        Ok(_) => "Successfully completed authorizer execution".to_owned(),
        Err(fault) => format!("Execution failed: {fault}"),
    });
    let latency = i64::try_from(end.since(begin).as_millis()).unwrap_or(i64::MAX);
    let mut output = TestInvokeAuthorizerOutput {
        log: Some(log(&request_id.to_string(), end, &steps)),
        latency: Some(latency),
        ..TestInvokeAuthorizerOutput::default()
    };
    match outcome {
        Ok(grant) => {
            output.client_status = Some(0);
            output.principal_id.clone_from(&grant.principal_id);
            output.policy = Some(grant.policy_text.clone()).filter(|text| !text.is_empty());
            output.claims = grant.claims.clone().map(|claims| claims.into_iter().collect());
        }
        Err(fault) => output.client_status = Some(i32::from(fault.answer().status)),
    }
    output
}

fn log(request_id: &str, at: Timestamp, steps: &[String]) -> String {
    let at = at.as_secs().to_string();
    let head = format!("Execution log for request {request_id}\n");
    steps.iter().fold(head, |log, step| log + &date(&at) + " : " + step + "\n")
}

/// Every resource with a method that asks the authorizer: a test's path is one of the API.
fn snapshot(tree: &Tree, authorizer: AuthorizerRecord) -> Snapshot {
    let method = MethodRecord {
        http_method: "ANY".to_owned(),
        authorization_type: authorizer.authorization_type().to_owned(),
        authorizer_id: Some(authorizer.id.clone()),
        ..MethodRecord::default()
    };
    let resources = tree.by_path().into_iter();
    let resources = resources.map(|(path, id)| SnapshotResource {
        id: id.to_owned(),
        path,
        methods: vec![method.clone()],
    });
    Snapshot { resources: resources.collect(), authorizers: vec![authorizer], ..Snapshot::default() }
}

fn request(cx: &Cx, api: &ApiRecord, input: TestInvokeAuthorizerInput) -> Result<StageRequest> {
    let target = input.path_with_query_string.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let single = input.headers.unwrap_or_default().into_iter().map(|(name, value)| (name, vec![value]));
    let headers = given_headers(single.chain(input.multi_value_headers.unwrap_or_default()))?;
    Ok(StageRequest {
        request_id: cx.request_id,
        trace: cx.trace.clone(),
        method: Method::GET,
        api_id: api.id.clone(),
        stage: STAGE.to_owned(),
        path: path.to_owned(),
        style: UrlStyle::UserRequest,
        base_path: None,
        query: query.to_owned(),
        headers,
        spelling: wire::Spelling::default(),
        body: input.body.unwrap_or_default().into(),
        source_ip: cx.source_ip.unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
        signature: Ok(None),
        host: cx.host.as_deref().unwrap_or_default().to_owned(),
        protocol: "HTTP/1.1",
        secure: false,
        certificate: None,
    })
}
