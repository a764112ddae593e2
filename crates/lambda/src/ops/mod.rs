//! The operations of the API, one file each; here only which file answers what.

mod add_layer_version_permission;
mod add_permission;
mod create_alias;
mod create_event_source_mapping;
mod create_function;
mod delete_alias;
mod delete_event_source_mapping;
mod delete_function;
mod delete_function_concurrency;
mod delete_layer_version;
mod delete_provisioned_concurrency_config;
mod get_account_settings;
mod get_alias;
mod get_event_source_mapping;
mod get_function;
mod get_function_code_signing_config;
mod get_function_concurrency;
mod get_function_configuration;
mod get_layer_version;
mod get_layer_version_by_arn;
mod get_layer_version_policy;
mod get_policy;
mod get_provisioned_concurrency_config;
mod invoke;
mod invoke_with_response_stream;
mod list_aliases;
mod list_event_source_mappings;
mod list_functions;
mod list_layer_versions;
mod list_layers;
mod list_provisioned_concurrency_configs;
mod list_tags;
mod list_versions_by_function;
mod publish_layer_version;
mod publish_version;
mod put_function_concurrency;
mod put_provisioned_concurrency_config;
mod remove_layer_version_permission;
mod remove_permission;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_event_source_mapping;
mod update_function_code;
mod update_function_configuration;

use std::sync::Arc;

use api::lambda as shapes;
use base::Cx;
use wire::Failure;

use crate::Lambda;
use crate::catalogue::Function;
use crate::detached::Detached;
use crate::error;
use crate::name::FunctionRef;
use crate::policy::Policy;

/// Where the server listens unless it is told otherwise; used when the caller's way to it is unknown.
const DEFAULT_HOST: &str = "127.0.0.1:4566";

macro_rules! serve {
    ($($operation:ident: $input:ident -> $output:ident;)*) => {
        impl shapes::Lambda for Lambda {
            $(
                async fn $operation(&self, cx: &Cx, input: shapes::$input) -> Result<shapes::$output, Failure> {
                    let (me, cx) = (self.arc(), cx.clone());
                    Detached::new(Box::pin(async move { $operation::run(&me, &cx, input).await })).await
                }
            )*
        }
    };
}

serve! {
    add_layer_version_permission: AddLayerVersionPermissionInput -> AddLayerVersionPermissionOutput;
    delete_layer_version: DeleteLayerVersionInput -> DeleteLayerVersionOutput;
    get_layer_version: GetLayerVersionInput -> GetLayerVersionOutput;
    get_layer_version_by_arn: GetLayerVersionByArnInput -> GetLayerVersionByArnOutput;
    get_layer_version_policy: GetLayerVersionPolicyInput -> GetLayerVersionPolicyOutput;
    list_layer_versions: ListLayerVersionsInput -> ListLayerVersionsOutput;
    list_layers: ListLayersInput -> ListLayersOutput;
    publish_layer_version: PublishLayerVersionInput -> PublishLayerVersionOutput;
    remove_layer_version_permission: RemoveLayerVersionPermissionInput -> RemoveLayerVersionPermissionOutput;
    add_permission: AddPermissionInput -> AddPermissionOutput;
    create_alias: CreateAliasInput -> CreateAliasOutput;
    create_event_source_mapping: CreateEventSourceMappingInput -> CreateEventSourceMappingOutput;
    create_function: CreateFunctionInput -> CreateFunctionOutput;
    delete_alias: DeleteAliasInput -> DeleteAliasOutput;
    delete_event_source_mapping: DeleteEventSourceMappingInput -> DeleteEventSourceMappingOutput;
    delete_function: DeleteFunctionInput -> DeleteFunctionOutput;
    delete_function_concurrency: DeleteFunctionConcurrencyInput -> DeleteFunctionConcurrencyOutput;
    delete_provisioned_concurrency_config: DeleteProvisionedConcurrencyConfigInput -> DeleteProvisionedConcurrencyConfigOutput;
    get_account_settings: GetAccountSettingsInput -> GetAccountSettingsOutput;
    get_alias: GetAliasInput -> GetAliasOutput;
    get_event_source_mapping: GetEventSourceMappingInput -> GetEventSourceMappingOutput;
    get_function: GetFunctionInput -> GetFunctionOutput;
    get_function_code_signing_config: GetFunctionCodeSigningConfigInput -> GetFunctionCodeSigningConfigOutput;
    get_function_concurrency: GetFunctionConcurrencyInput -> GetFunctionConcurrencyOutput;
    get_function_configuration: GetFunctionConfigurationInput -> GetFunctionConfigurationOutput;
    get_policy: GetPolicyInput -> GetPolicyOutput;
    get_provisioned_concurrency_config: GetProvisionedConcurrencyConfigInput -> GetProvisionedConcurrencyConfigOutput;
    invoke: InvokeInput -> InvokeOutput;
    invoke_with_response_stream: InvokeWithResponseStreamInput -> InvokeWithResponseStreamOutput;
    list_aliases: ListAliasesInput -> ListAliasesOutput;
    list_event_source_mappings: ListEventSourceMappingsInput -> ListEventSourceMappingsOutput;
    list_functions: ListFunctionsInput -> ListFunctionsOutput;
    list_provisioned_concurrency_configs: ListProvisionedConcurrencyConfigsInput -> ListProvisionedConcurrencyConfigsOutput;
    list_tags: ListTagsInput -> ListTagsOutput;
    list_versions_by_function: ListVersionsByFunctionInput -> ListVersionsByFunctionOutput;
    publish_version: PublishVersionInput -> PublishVersionOutput;
    put_function_concurrency: PutFunctionConcurrencyInput -> PutFunctionConcurrencyOutput;
    put_provisioned_concurrency_config: PutProvisionedConcurrencyConfigInput -> PutProvisionedConcurrencyConfigOutput;
    remove_permission: RemovePermissionInput -> RemovePermissionOutput;
    tag_resource: TagResourceInput -> TagResourceOutput;
    untag_resource: UntagResourceInput -> UntagResourceOutput;
    update_alias: UpdateAliasInput -> UpdateAliasOutput;
    update_event_source_mapping: UpdateEventSourceMappingInput -> UpdateEventSourceMappingOutput;
    update_function_code: UpdateFunctionCodeInput -> UpdateFunctionCodeOutput;
    update_function_configuration: UpdateFunctionConfigurationInput -> UpdateFunctionConfigurationOutput;
}

/// The function that a request names, by name or ARN, in the caller's account and region.
fn named<'a>(cx: &Cx, name: &'a str, qualifier: Option<&'a str>) -> Result<FunctionRef<'a>, Failure> {
    FunctionRef::with_qualifier(name, qualifier, &cx.scope).map_err(error::name)
}

/// The function itself, whatever the qualifier.
fn existing(lambda: &Lambda, reference: &FunctionRef<'_>) -> Result<Arc<Function>, Failure> {
    lambda.catalogue.get(&reference.scope, reference.name).ok_or_else(|| error::function_not_found(reference))
}

/// The function that is edited, if it is there.
fn edited(now: Option<&Arc<Function>>, reference: &FunctionRef<'_>) -> Result<Function, Failure> {
    now.map(|function| Function::clone(function)).ok_or_else(|| error::function_not_found(reference))
}

/// The server as the caller reached it, for URLs in answers.
fn host(cx: &Cx) -> &str {
    cx.host.as_deref().unwrap_or(DEFAULT_HOST)
}

/// A statement's name is its own within a policy.
fn check_statement(policy: &Policy, sid: &str) -> Result<(), Failure> {
    if policy.statements.iter().any(|known| known.sid == sid) {
        return Err(error::conflict(format!(
            "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the \
             existing statement."
        )));
    }
    Ok(())
}

/// A caller that names a revision wants to change exactly that one.
fn check_revision(wanted: Option<&String>, current: &str, api: &str) -> Result<(), Failure> {
    match wanted {
        Some(wanted) if wanted != current => Err(error::stale_revision(api)),
        _ => Ok(()),
    }
}
