//! GetSdkTypes.

use api::apigateway::{GetSdkTypesInput, GetSdkTypesOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::rest::sdk_type;

pub(super) async fn run(_: &Gateway, _: &Cx, input: GetSdkTypesInput) -> Result<GetSdkTypesOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let id = |kind: &api::apigateway::SdkType| kind.id.clone().unwrap_or_default();
    let mut all: Vec<_> = sdk_type::all().into_iter().map(|kind| (id(&kind), kind)).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (found, position) = page.cut(all, |(id, _)| id.as_bytes());
    Ok(GetSdkTypesOutput { items: Some(found.into_iter().map(|(_, kind)| kind).collect()), position })
}
