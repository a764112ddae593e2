//! GetSdkType.

use api::apigateway::{GetSdkTypeInput, GetSdkTypeOutput};
use base::Cx;

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::rest::sdk_type;

pub(super) async fn run(_: &Gateway, _: &Cx, input: GetSdkTypeInput) -> Result<GetSdkTypeOutput> {
    let known = sdk_type::all().into_iter().find(|known| known.id.as_deref() == Some(&input.id));
    known.ok_or_else(|| GatewayError::NotFound("Invalid SDK type specified".into()))
}
