//! GetAccount: its settings, and AWS's default quotas.

use api::apigateway::{GetAccountInput, GetAccountOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::rest::account;
use crate::rest::view;

pub(super) async fn run(gateway: &Gateway, cx: &Cx, _: GetAccountInput) -> Result<GetAccountOutput> {
    let settings = parts::find(&gateway.store, Owner::Scope(&cx.scope), account::ID).await?;
    Ok(view::account(settings.unwrap_or_default()))
}
