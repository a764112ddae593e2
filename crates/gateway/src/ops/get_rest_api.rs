//! GetRestApi.

use api::apigateway::{GetRestApiInput, GetRestApiOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetRestApiInput) -> Result<GetRestApiOutput> {
    Ok(view::rest_api(rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?))
}
