//! UpdateDomainName.

use api::apigateway::{UpdateDomainNameInput, UpdateDomainNameOutput};
use base::Cx;

use crate::Gateway;
use crate::domain::rows;
use crate::error::Result;
use crate::patch::Patch;

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: UpdateDomainNameInput,
) -> Result<UpdateDomainNameOutput> {
    let patches = Patch::parse(input.patch_operations)?;
    let edit = rows::edit(gateway, &cx.scope, &input.domain_name, |domain| {
        patches.iter().try_for_each(|patch| domain.patch(patch))?;
        domain.check()
    });
    Ok(edit.await?.shown_v1(&cx.scope))
}
