//! GetMethod.

use api::apigateway::{GetMethodInput, GetMethodOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::rows::{self, MethodAt};
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetMethodInput) -> Result<GetMethodOutput> {
    let at = MethodAt {
        api_id: &input.rest_api_id,
        resource_id: &input.resource_id,
        http_method: &input.http_method,
    };
    Ok(view::method(rows::read_method(&gateway.store, &cx.scope, at).await?))
}
