//! UpdateAccount: the role that writes logs. Nothing here assumes it; it is kept and shown.

use api::apigateway::{UpdateAccountInput, UpdateAccountOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::parts::{self, Owner};
use crate::patch::Patch;
use crate::rest::account::{self, AccountRecord};
use crate::rest::view;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateAccountInput,
) -> Result<UpdateAccountOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let apply = |found: Option<AccountRecord>| {
        let mut settings = found.unwrap_or_default();
        patches.iter().try_for_each(|patch| settings.patch(patch))?;
        Ok((Some(settings.clone()), settings))
    };
    let settings = parts::change(&gateway.store, Owner::Scope(&cx.scope), account::ID, apply).await?;
    Ok(view::account(settings))
}
