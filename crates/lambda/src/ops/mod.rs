//! The operations of the API, one file each; here only which file answers what.

mod add_layer_version_permission;
mod add_permission;
mod checkpoint_durable_execution;
mod create_alias;
mod create_capacity_provider;
mod create_code_signing_config;
mod create_event_source_mapping;
mod create_function;
mod create_function_url_config;
mod delete_alias;
mod delete_capacity_provider;
mod delete_code_signing_config;
mod delete_durable_execution;
mod delete_event_source_mapping;
mod delete_function;
mod delete_function_code_signing_config;
mod delete_function_concurrency;
mod delete_function_event_invoke_config;
mod delete_function_url_config;
mod delete_layer_version;
mod delete_provisioned_concurrency_config;
mod delete_resource_policy;
mod get_account_settings;
mod get_alias;
mod get_capacity_provider;
mod get_code_signing_config;
mod get_durable_execution;
mod get_durable_execution_history;
mod get_durable_execution_state;
mod get_event_source_mapping;
mod get_function;
mod get_function_code_signing_config;
mod get_function_concurrency;
mod get_function_configuration;
mod get_function_event_invoke_config;
mod get_function_recursion_config;
mod get_function_scaling_config;
mod get_function_url_config;
mod get_layer_version;
mod get_layer_version_by_arn;
mod get_layer_version_policy;
mod get_policy;
mod get_provisioned_concurrency_config;
mod get_resource_policy;
mod get_runtime_management_config;
mod invoke;
mod invoke_async;
mod invoke_with_response_stream;
mod list_aliases;
mod list_capacity_providers;
mod list_code_signing_configs;
mod list_durable_executions_by_function;
mod list_event_source_mappings;
mod list_function_event_invoke_configs;
mod list_function_url_configs;
mod list_function_versions_by_capacity_provider;
mod list_functions;
mod list_functions_by_code_signing_config;
mod list_layer_versions;
mod list_layers;
mod list_provisioned_concurrency_configs;
mod list_tags;
mod list_versions_by_function;
mod pause_durable_execution;
mod publish_layer_version;
mod publish_version;
mod put_function_code_signing_config;
mod put_function_concurrency;
mod put_function_event_invoke_config;
mod put_function_recursion_config;
mod put_function_scaling_config;
mod put_provisioned_concurrency_config;
mod put_resource_policy;
mod put_runtime_management_config;
mod remove_layer_version_permission;
mod remove_permission;
mod resume_durable_execution;
mod send_durable_execution_callback_failure;
mod send_durable_execution_callback_heartbeat;
mod send_durable_execution_callback_success;
mod stop_durable_execution;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_capacity_provider;
mod update_code_signing_config;
mod update_event_source_mapping;
mod update_function_code;
mod update_function_configuration;
mod update_function_event_invoke_config;
mod update_function_url_config;

use std::sync::Arc;

use api::lambda as shapes;
use base::Cx;
use wire::Failure;

use crate::Lambda;
use crate::catalogue::Function;
use crate::detached::Detached;
use crate::error;
use crate::name::{FunctionRef, Qualifier};
use crate::policy::Policy;

macro_rules! serve {
    // What runs functions is quick rather than told of every change; it looks again for what it does not find.
    (@look $me:ident quick) => {};
    (@look $me:ident) => {
        $me.catch_up().await.map_err(|error| error::store(&error))?
    };
    ($($operation:ident: $input:ident -> $output:ident $(, $quick:ident)?;)*) => {
        impl shapes::Lambda for Lambda {
            $(
                async fn $operation(&self, cx: &Cx, input: shapes::$input) -> Result<shapes::$output, Failure> {
                    let (me, cx) = (self.arc(), cx.clone());
                    let work = async move {
                        serve!(@look me $($quick)?);
                        $operation::run(&me, &cx, input).await
                    };
                    Detached::new(Box::pin(work)).await
                }
            )*
        }
    };
}

serve! {
    add_layer_version_permission: AddLayerVersionPermissionInput -> AddLayerVersionPermissionOutput;
    add_permission: AddPermissionInput -> AddPermissionOutput;
    checkpoint_durable_execution: CheckpointDurableExecutionInput -> CheckpointDurableExecutionOutput, quick;
    create_alias: CreateAliasInput -> CreateAliasOutput;
    create_capacity_provider: CreateCapacityProviderInput -> CreateCapacityProviderOutput;
    create_code_signing_config: CreateCodeSigningConfigInput -> CreateCodeSigningConfigOutput;
    create_event_source_mapping: CreateEventSourceMappingInput -> CreateEventSourceMappingOutput;
    create_function: CreateFunctionInput -> CreateFunctionOutput;
    create_function_url_config: CreateFunctionUrlConfigInput -> CreateFunctionUrlConfigOutput;
    delete_alias: DeleteAliasInput -> DeleteAliasOutput;
    delete_capacity_provider: DeleteCapacityProviderInput -> DeleteCapacityProviderOutput;
    delete_code_signing_config: DeleteCodeSigningConfigInput -> DeleteCodeSigningConfigOutput;
    delete_durable_execution: DeleteDurableExecutionInput -> DeleteDurableExecutionOutput;
    delete_event_source_mapping: DeleteEventSourceMappingInput -> DeleteEventSourceMappingOutput;
    delete_function: DeleteFunctionInput -> DeleteFunctionOutput;
    delete_function_code_signing_config: DeleteFunctionCodeSigningConfigInput -> DeleteFunctionCodeSigningConfigOutput;
    delete_function_concurrency: DeleteFunctionConcurrencyInput -> DeleteFunctionConcurrencyOutput;
    delete_function_url_config: DeleteFunctionUrlConfigInput -> DeleteFunctionUrlConfigOutput;
    delete_function_event_invoke_config: DeleteFunctionEventInvokeConfigInput -> DeleteFunctionEventInvokeConfigOutput;
    delete_layer_version: DeleteLayerVersionInput -> DeleteLayerVersionOutput;
    delete_provisioned_concurrency_config: DeleteProvisionedConcurrencyConfigInput -> DeleteProvisionedConcurrencyConfigOutput;
    delete_resource_policy: DeleteResourcePolicyInput -> DeleteResourcePolicyOutput;
    get_account_settings: GetAccountSettingsInput -> GetAccountSettingsOutput;
    get_alias: GetAliasInput -> GetAliasOutput;
    get_capacity_provider: GetCapacityProviderInput -> GetCapacityProviderOutput;
    get_code_signing_config: GetCodeSigningConfigInput -> GetCodeSigningConfigOutput;
    get_durable_execution: GetDurableExecutionInput -> GetDurableExecutionOutput;
    get_durable_execution_history: GetDurableExecutionHistoryInput -> GetDurableExecutionHistoryOutput;
    get_durable_execution_state: GetDurableExecutionStateInput -> GetDurableExecutionStateOutput, quick;
    get_event_source_mapping: GetEventSourceMappingInput -> GetEventSourceMappingOutput;
    get_function: GetFunctionInput -> GetFunctionOutput;
    get_function_code_signing_config: GetFunctionCodeSigningConfigInput -> GetFunctionCodeSigningConfigOutput;
    get_function_concurrency: GetFunctionConcurrencyInput -> GetFunctionConcurrencyOutput;
    get_function_configuration: GetFunctionConfigurationInput -> GetFunctionConfigurationOutput;
    get_function_url_config: GetFunctionUrlConfigInput -> GetFunctionUrlConfigOutput;
    get_function_event_invoke_config: GetFunctionEventInvokeConfigInput -> GetFunctionEventInvokeConfigOutput;
    get_function_recursion_config: GetFunctionRecursionConfigInput -> GetFunctionRecursionConfigOutput;
    get_layer_version: GetLayerVersionInput -> GetLayerVersionOutput;
    get_layer_version_by_arn: GetLayerVersionByArnInput -> GetLayerVersionByArnOutput;
    get_layer_version_policy: GetLayerVersionPolicyInput -> GetLayerVersionPolicyOutput;
    get_function_scaling_config: GetFunctionScalingConfigInput -> GetFunctionScalingConfigOutput;
    get_policy: GetPolicyInput -> GetPolicyOutput;
    get_provisioned_concurrency_config: GetProvisionedConcurrencyConfigInput -> GetProvisionedConcurrencyConfigOutput;
    get_resource_policy: GetResourcePolicyInput -> GetResourcePolicyOutput;
    get_runtime_management_config: GetRuntimeManagementConfigInput -> GetRuntimeManagementConfigOutput;
    invoke: InvokeInput -> InvokeOutput, quick;
    invoke_async: InvokeAsyncInput -> InvokeAsyncOutput, quick;
    invoke_with_response_stream: InvokeWithResponseStreamInput -> InvokeWithResponseStreamOutput, quick;
    list_aliases: ListAliasesInput -> ListAliasesOutput;
    list_capacity_providers: ListCapacityProvidersInput -> ListCapacityProvidersOutput;
    list_code_signing_configs: ListCodeSigningConfigsInput -> ListCodeSigningConfigsOutput;
    list_durable_executions_by_function: ListDurableExecutionsByFunctionInput -> ListDurableExecutionsByFunctionOutput;
    list_event_source_mappings: ListEventSourceMappingsInput -> ListEventSourceMappingsOutput;
    list_function_url_configs: ListFunctionUrlConfigsInput -> ListFunctionUrlConfigsOutput;
    list_function_event_invoke_configs: ListFunctionEventInvokeConfigsInput -> ListFunctionEventInvokeConfigsOutput;
    list_function_versions_by_capacity_provider: ListFunctionVersionsByCapacityProviderInput -> ListFunctionVersionsByCapacityProviderOutput;
    list_functions: ListFunctionsInput -> ListFunctionsOutput;
    list_functions_by_code_signing_config: ListFunctionsByCodeSigningConfigInput -> ListFunctionsByCodeSigningConfigOutput;
    list_layer_versions: ListLayerVersionsInput -> ListLayerVersionsOutput;
    list_layers: ListLayersInput -> ListLayersOutput;
    list_provisioned_concurrency_configs: ListProvisionedConcurrencyConfigsInput -> ListProvisionedConcurrencyConfigsOutput;
    list_tags: ListTagsInput -> ListTagsOutput;
    list_versions_by_function: ListVersionsByFunctionInput -> ListVersionsByFunctionOutput;
    pause_durable_execution: PauseDurableExecutionInput -> PauseDurableExecutionOutput;
    publish_layer_version: PublishLayerVersionInput -> PublishLayerVersionOutput;
    publish_version: PublishVersionInput -> PublishVersionOutput;
    put_function_code_signing_config: PutFunctionCodeSigningConfigInput -> PutFunctionCodeSigningConfigOutput;
    put_function_concurrency: PutFunctionConcurrencyInput -> PutFunctionConcurrencyOutput;
    put_function_event_invoke_config: PutFunctionEventInvokeConfigInput -> PutFunctionEventInvokeConfigOutput;
    put_function_recursion_config: PutFunctionRecursionConfigInput -> PutFunctionRecursionConfigOutput;
    put_function_scaling_config: PutFunctionScalingConfigInput -> PutFunctionScalingConfigOutput;
    put_provisioned_concurrency_config: PutProvisionedConcurrencyConfigInput -> PutProvisionedConcurrencyConfigOutput;
    put_resource_policy: PutResourcePolicyInput -> PutResourcePolicyOutput;
    put_runtime_management_config: PutRuntimeManagementConfigInput -> PutRuntimeManagementConfigOutput;
    remove_layer_version_permission: RemoveLayerVersionPermissionInput -> RemoveLayerVersionPermissionOutput;
    remove_permission: RemovePermissionInput -> RemovePermissionOutput;
    resume_durable_execution: ResumeDurableExecutionInput -> ResumeDurableExecutionOutput;
    send_durable_execution_callback_failure: SendDurableExecutionCallbackFailureInput -> SendDurableExecutionCallbackFailureOutput, quick;
    send_durable_execution_callback_heartbeat: SendDurableExecutionCallbackHeartbeatInput -> SendDurableExecutionCallbackHeartbeatOutput, quick;
    send_durable_execution_callback_success: SendDurableExecutionCallbackSuccessInput -> SendDurableExecutionCallbackSuccessOutput, quick;
    stop_durable_execution: StopDurableExecutionInput -> StopDurableExecutionOutput;
    tag_resource: TagResourceInput -> TagResourceOutput;
    untag_resource: UntagResourceInput -> UntagResourceOutput;
    update_alias: UpdateAliasInput -> UpdateAliasOutput;
    update_capacity_provider: UpdateCapacityProviderInput -> UpdateCapacityProviderOutput;
    update_code_signing_config: UpdateCodeSigningConfigInput -> UpdateCodeSigningConfigOutput;
    update_event_source_mapping: UpdateEventSourceMappingInput -> UpdateEventSourceMappingOutput;
    update_function_code: UpdateFunctionCodeInput -> UpdateFunctionCodeOutput;
    update_function_configuration: UpdateFunctionConfigurationInput -> UpdateFunctionConfigurationOutput;
    update_function_url_config: UpdateFunctionUrlConfigInput -> UpdateFunctionUrlConfigOutput;
    update_function_event_invoke_config: UpdateFunctionEventInvokeConfigInput -> UpdateFunctionEventInvokeConfigOutput;
}

/// The function that a request names, by name or ARN, in the caller's account and region.
fn named<'a>(cx: &Cx, name: &'a str, qualifier: Option<&'a str>) -> Result<FunctionRef<'a>, Failure> {
    FunctionRef::with_qualifier(name, qualifier, &cx.scope).map_err(error::name)
}

/// The function that a request names without a version or alias.
fn unqualified<'a>(cx: &Cx, name: &'a str) -> Result<FunctionRef<'a>, Failure> {
    let reference = named(cx, name, None)?;
    match reference.qualifier {
        Some(_) => Err(error::invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
             Please specify either a function name or an unqualified function ARN.",
        )),
        None => Ok(reference),
    }
}

/// The function whose `$LATEST` a request changes: nothing else of it can be.
fn changeable<'a>(cx: &Cx, name: &'a str) -> Result<FunctionRef<'a>, Failure> {
    let reference = named(cx, name, None)?;
    match reference.qualifier() {
        None | Some(Qualifier::Latest) => Ok(reference),
        Some(_) => Err(error::invalid(
            "Current operation does not support versions other than $LATEST. Please set the version to $LATEST or do not \
             set a version in your request.",
        )),
    }
}

/// The function itself, whatever the qualifier.
fn existing(lambda: &Lambda, reference: &FunctionRef<'_>) -> Result<Arc<Function>, Failure> {
    lambda.catalogue.get(&reference.scope, reference.name).ok_or_else(|| error::function_not_found(reference))
}

/// The function that is edited, if it is there.
fn edited(now: Option<&Arc<Function>>, reference: &FunctionRef<'_>) -> Result<Function, Failure> {
    now.map(|function| Function::clone(function)).ok_or_else(|| error::function_not_found(reference))
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
