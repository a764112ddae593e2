//! GetSdkTypes.

use api::apigateway::{GetSdkTypesInput, GetSdkTypesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::rest::sdk_type;

pub(super) async fn run(_: &Gateway, _: &Cx, _: GetSdkTypesInput) -> Result<GetSdkTypesOutput> {
    Ok(GetSdkTypesOutput { items: Some(sdk_type::all()), position: None })
}
