//! PutResourcePolicy. The policy is kept and told; callers are not measured by it.

use api::dynamodb::{PutResourcePolicyInput, PutResourcePolicyOutput};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::Result;
use crate::name::PolicyTarget;
use crate::table::Table;
use crate::{DynamoDb, name, policy};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput> {
    let target = PolicyTarget::of(&cx.scope, &input.resource_arn)?;
    let document = policy::document(&input.policy)?;
    let now = db.clock.now();
    let decide = |before: Option<&Table>| {
        let mut table = name::policy_table(before, target)?.clone();
        let settings = table.settings.get_or_insert_default();
        let slot = match target.stream {
            Some(label) => settings.stream_policies.entry(label.to_owned()).or_default(),
            None => &mut settings.policy,
        };
        slot.expect(input.expected_revision_id.as_deref(), target.table)?;
        *slot = slot.replaced(document.clone(), now);
        let revision = slot.revision();
        Ok(Decision::becomes(table).answering(revision))
    };
    let revision_id = db.catalogue.alter(&cx.scope, target.table, decide).await?;
    Ok(PutResourcePolicyOutput { revision_id })
}
