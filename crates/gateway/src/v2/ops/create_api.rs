//! CreateApi: an HTTP or WebSocket API. The tag `_custom_id_` fixes the id.

use api::apigatewayv2::{CreateApiInput, CreateApiOutput};
use base::{Cx, RequestId};

use crate::Gateway;
use crate::error::Result;
use crate::rest::rest_api::{check_tags, new_id};
use crate::v2::api::{API_KEY_SELECTION, HTTP_ROUTE_SELECTION};
use crate::v2::quick::Quick;
use crate::v2::records::{ApiRecord, CorsRecord};
use crate::v2::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: CreateApiInput) -> Result<CreateApiOutput> {
    let quick = Quick::new(&input)?;
    let api = record(gateway, cx, input)?;
    api.check()?;
    if let Some(quick) = &quick {
        quick.check(&api)?;
    }
    rows::create_api(&gateway.store, &api).await?;
    if let Some(quick) = quick
        && let Err(error) = quick.create(gateway, &api).await
    {
        rows::delete_api(&gateway.store, &api, || std::future::ready(Ok(()))).await?;
        return Err(error);
    }
    Ok(view::api(cx, api))
}

/// An API as it is asked for, which is not checked yet.
pub(super) fn record(gateway: &Gateway, cx: &Cx, input: CreateApiInput) -> Result<ApiRecord> {
    let tags = input.tags.unwrap_or_default();
    check_tags(&tags)?;
    let protocol = input.protocol_type.as_str().to_owned();
    let selection = match protocol.as_str() {
        "HTTP" => HTTP_ROUTE_SELECTION,
        _ => "",
    };
    Ok(ApiRecord {
        row: (RequestId::random().0 >> 64) as u64,
        account: cx.scope.account.to_string(),
        region: cx.scope.region.to_string(),
        id: new_id(&tags)?,
        name: input.name,
        protocol,
        description: input.description,
        created_ms: gateway.clock.now().as_millis(),
        version: input.version,
        route_selection_expression: input.route_selection_expression.unwrap_or_else(|| selection.to_owned()),
        api_key_selection_expression: input
            .api_key_selection_expression
            .unwrap_or_else(|| API_KEY_SELECTION.to_owned()),
        cors: input.cors_configuration.map(CorsRecord::new),
        disable_execute_api_endpoint: input.disable_execute_api_endpoint.unwrap_or_default(),
        disable_schema_validation: input.disable_schema_validation,
        ip_address_type: input.ip_address_type.unwrap_or_default().as_str().to_owned(),
        tags,
    })
}
