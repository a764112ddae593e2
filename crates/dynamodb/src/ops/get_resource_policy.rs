//! GetResourcePolicy.

use api::dynamodb::{GetResourcePolicyInput, GetResourcePolicyOutput};
use base::Cx;

use crate::error::Result;
use crate::name::PolicyTarget;
use crate::{DynamoDb, name, policy};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput> {
    let target = PolicyTarget::of(&cx.scope, &input.resource_arn)?;
    let missing = || policy::not_found(&input.resource_arn);
    let table = db.catalogue.fresh(&cx.scope, target.table).await?;
    // The streams of a deleted table are still known, their policies are not.
    if target.stream.is_some() && table.is_none() {
        return Err(missing());
    }
    let table = name::policy_table(table.as_deref(), target)?;
    let slot = name::policy_slot(table, target).filter(|slot| slot.document.is_some()).ok_or_else(missing)?;
    Ok(GetResourcePolicyOutput { policy: slot.document.clone(), revision_id: slot.revision() })
}
