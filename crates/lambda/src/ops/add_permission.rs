//! AddPermission: one more statement in the resource policy of a function, version or alias.

use api::lambda::{AddPermissionInput, AddPermissionOutput};
use base::Cx;
use wire::Failure;

use super::{check_revision, check_statement, edited, named};
use crate::name::Qualifier;
use crate::policy::{Principal, Statement};
use crate::{Lambda, error};

pub(super) async fn run(
    lambda: &Lambda,
    cx: &Cx,
    input: AddPermissionInput,
) -> Result<AddPermissionOutput, Failure> {
    let reference = named(cx, &input.function_name, input.qualifier.as_deref())?;
    if reference.qualifier() == Some(Qualifier::Latest) {
        return Err(error::invalid("We currently do not support adding policies for $LATEST."));
    }
    if input.function_url_auth_type.is_some() && input.action != "lambda:InvokeFunctionUrl" {
        return Err(error::invalid(
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
        ));
    }
    let principal = Principal::parse(&input.principal, cx.scope.region.partition());
    let principal = principal.ok_or_else(error::invalid_principal)?;
    let statement = Statement {
        sid: input.statement_id,
        principal,
        action: input.action,
        resource: reference.qualified_arn(),
        source_arn: input.source_arn,
        source_account: input.source_account,
        event_source_token: input.event_source_token,
        url_auth_type: input.function_url_auth_type.map(|kind| kind.as_str().to_owned()),
        organization: input.principal_org_id,
        via_url: input.invoked_via_function_url,
        raw: None,
    };
    let edit = lambda.catalogue.edit(&reference.scope, reference.name).await;
    let mut function = edited(edit.now.as_ref(), &reference)?;
    if function.version(reference.qualifier(), || 1.0).is_none() {
        return Err(error::function_not_found(&reference));
    }
    let revision = function.revision(reference.qualifier()).unwrap_or_default();
    check_revision(input.revision_id.as_ref(), revision, "GetFunction/GetAlias")?;
    let policy = function.policies.entry(reference.qualifier.unwrap_or_default().to_owned()).or_default();
    check_statement(policy, &statement.sid)?;
    let text = statement.text();
    policy.statements.push(statement);
    policy.check_length()?;
    let batch = function.touch(reference.qualifier());
    edit.commit(Some(function), batch).await.map_err(|error| error::store(&error))?;
    Ok(AddPermissionOutput { statement: Some(text) })
}
