//! GetApi.

use api::apigatewayv2::{GetApiInput, GetApiOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::v2::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetApiInput) -> Result<GetApiOutput> {
    Ok(view::api(cx, rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?))
}
