//! DeleteResourcePolicy: also of a resource that has none. Answers the revision that went, or that of an earlier
//! deletion.

use api::dynamodb::{DeleteResourcePolicyInput, DeleteResourcePolicyOutput};
use base::Cx;

use crate::catalogue::Decision;
use crate::error::Result;
use crate::name::PolicyTarget;
use crate::policy::Slot;
use crate::table::Table;
use crate::{DynamoDb, name};

pub(crate) async fn run(
    db: &DynamoDb,
    cx: &Cx,
    input: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput> {
    let target = PolicyTarget::of(&cx.scope, &input.resource_arn)?;
    let now = db.clock.now();
    let decide = |before: Option<&Table>| {
        let table = name::policy_table(before, target)?;
        let slot = name::policy_slot(table, target).cloned().unwrap_or_default();
        slot.expect(input.expected_revision_id.as_deref(), target.table)?;
        let revision = slot.revision();
        if slot.document.is_none() {
            return Ok(Decision::stays().answering(revision));
        }
        let mut table = table.clone();
        let cleared = slot.cleared(now);
        let settings = table.settings.get_or_insert_default();
        match target.stream {
            Some(label) => drop::<Option<Slot>>(settings.stream_policies.insert(label.to_owned(), cleared)),
            None => settings.policy = cleared,
        }
        Ok(Decision::becomes(table).answering(revision))
    };
    let revision_id = db.catalogue.alter(&cx.scope, target.table, decide).await?;
    Ok(DeleteResourcePolicyOutput { revision_id })
}
