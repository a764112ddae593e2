//! GetApis: oldest first.

use api::apigatewayv2::{GetApisInput, GetApisOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::v2::{rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: GetApisInput) -> Result<GetApisOutput> {
    let page = PageRequest::of_token(input.next_token.as_deref(), input.max_results.as_deref())?;
    let all = rows::apis(&gateway.store, &cx.scope).await?;
    let (found, next_token) = page.cut(all, |(place, _)| place);
    Ok(GetApisOutput {
        items: Some(found.into_iter().map(|(_, api)| view::api(cx, api)).collect()),
        next_token,
    })
}
