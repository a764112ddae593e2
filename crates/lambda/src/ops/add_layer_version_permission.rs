//! AddLayerVersionPermission: lets an account, an organization or everybody use a version of a layer.

use api::lambda::{AddLayerVersionPermissionInput, AddLayerVersionPermissionOutput};
use base::Cx;
use wire::Failure;

use super::get_layer_version::{layer, own};
use super::{check_revision, check_statement};
use crate::function::new_revision;
use crate::policy::{Principal, Statement};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: AddLayerVersionPermissionInput,
) -> Result<AddLayerVersionPermissionOutput, Failure> {
    let reference = layer(cx, &input.layer_name)?;
    let _turn = lambda.layers.turn.lock().await;
    let mut version = own(lambda, &reference, input.version_number)?.as_ref().clone();
    let principal = Principal::parse(&input.principal, cx.scope.region.partition());
    let statement = Statement {
        sid: input.statement_id,
        principal: principal.ok_or_else(error::invalid_principal)?,
        action: input.action,
        resource: version.arn(),
        organization: input.organization_id,
        ..Statement::default()
    };
    let policy = &mut version.policy;
    check_statement(policy, &statement.sid)?;
    check_revision(input.revision_id.as_ref(), &policy.revision, "GetLayerPolicy")?;
    let text = statement.text();
    policy.statements.push(statement);
    policy.check_length()?;
    policy.revision = new_revision();
    let revision = policy.revision.clone();
    lambda.layers.put(version).await.map_err(|error| error::store(&error))?;
    Ok(AddLayerVersionPermissionOutput { statement: Some(text), revision_id: Some(revision) })
}
