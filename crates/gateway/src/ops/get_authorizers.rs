//! GetAuthorizers.

use api::apigateway::{GetAuthorizersInput, GetAuthorizersOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::paging::PageRequest;
use crate::parts::{self, Owner};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: GetAuthorizersInput,
) -> Result<GetAuthorizersOutput> {
    let page = PageRequest::new(input.position.as_deref(), input.limit)?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let (found, position) = parts::page(&gateway.store, Owner::Api(&api), &page).await?;
    let items = found.into_iter().map(view::authorizer).collect();
    Ok(GetAuthorizersOutput { position, items: Some(items) })
}
