//! The control plane: one operation a file, each validate, read, decide, commit, reply. Here they meet the trait
//! that dispatch calls.

mod create_deployment;
mod create_resource;
mod create_rest_api;
mod create_stage;
mod delete_deployment;
mod delete_integration;
mod delete_integration_response;
mod delete_method;
mod delete_method_response;
mod delete_resource;
mod delete_rest_api;
mod delete_stage;
mod get_account;
mod get_deployment;
mod get_deployments;
mod get_integration;
mod get_integration_response;
mod get_method;
mod get_method_response;
mod get_resource;
mod get_resources;
mod get_rest_api;
mod get_rest_apis;
mod get_stage;
mod get_stages;
mod get_tags;
mod put_integration;
mod put_integration_response;
mod put_method;
mod put_method_response;
mod tag_resource;
mod untag_resource;
mod update_deployment;
mod update_integration;
mod update_integration_response;
mod update_method;
mod update_method_response;
mod update_resource;
mod update_rest_api;
mod update_stage;

use api::apigateway as aws;
use base::Cx;
use wire::Failure;

use crate::Gateway;

/// Implements the trait by the functions `run` of the modules named like its methods.
macro_rules! serve {
    ($($operation:ident($input:ident) -> $output:ident;)*) => {
        impl aws::ApiGateway for Gateway {
            $(async fn $operation(&self, cx: &Cx, input: aws::$input) -> Result<aws::$output, Failure> {
                Ok($operation::run(self, cx, input).await?)
            })*
        }
    };
}

serve! {
    create_deployment(CreateDeploymentInput) -> CreateDeploymentOutput;
    create_resource(CreateResourceInput) -> CreateResourceOutput;
    create_rest_api(CreateRestApiInput) -> CreateRestApiOutput;
    create_stage(CreateStageInput) -> CreateStageOutput;
    delete_deployment(DeleteDeploymentInput) -> DeleteDeploymentOutput;
    delete_integration(DeleteIntegrationInput) -> DeleteIntegrationOutput;
    delete_integration_response(DeleteIntegrationResponseInput) -> DeleteIntegrationResponseOutput;
    delete_method(DeleteMethodInput) -> DeleteMethodOutput;
    delete_method_response(DeleteMethodResponseInput) -> DeleteMethodResponseOutput;
    delete_resource(DeleteResourceInput) -> DeleteResourceOutput;
    delete_rest_api(DeleteRestApiInput) -> DeleteRestApiOutput;
    delete_stage(DeleteStageInput) -> DeleteStageOutput;
    get_account(GetAccountInput) -> GetAccountOutput;
    get_deployment(GetDeploymentInput) -> GetDeploymentOutput;
    get_deployments(GetDeploymentsInput) -> GetDeploymentsOutput;
    get_integration(GetIntegrationInput) -> GetIntegrationOutput;
    get_integration_response(GetIntegrationResponseInput) -> GetIntegrationResponseOutput;
    get_method(GetMethodInput) -> GetMethodOutput;
    get_method_response(GetMethodResponseInput) -> GetMethodResponseOutput;
    get_resource(GetResourceInput) -> GetResourceOutput;
    get_resources(GetResourcesInput) -> GetResourcesOutput;
    get_rest_api(GetRestApiInput) -> GetRestApiOutput;
    get_rest_apis(GetRestApisInput) -> GetRestApisOutput;
    get_stage(GetStageInput) -> GetStageOutput;
    get_stages(GetStagesInput) -> GetStagesOutput;
    get_tags(GetTagsInput) -> GetTagsOutput;
    put_integration(PutIntegrationInput) -> PutIntegrationOutput;
    put_integration_response(PutIntegrationResponseInput) -> PutIntegrationResponseOutput;
    put_method(PutMethodInput) -> PutMethodOutput;
    put_method_response(PutMethodResponseInput) -> PutMethodResponseOutput;
    tag_resource(TagResourceInput) -> TagResourceOutput;
    untag_resource(UntagResourceInput) -> UntagResourceOutput;
    update_deployment(UpdateDeploymentInput) -> UpdateDeploymentOutput;
    update_integration(UpdateIntegrationInput) -> UpdateIntegrationOutput;
    update_integration_response(UpdateIntegrationResponseInput) -> UpdateIntegrationResponseOutput;
    update_method(UpdateMethodInput) -> UpdateMethodOutput;
    update_method_response(UpdateMethodResponseInput) -> UpdateMethodResponseOutput;
    update_resource(UpdateResourceInput) -> UpdateResourceOutput;
    update_rest_api(UpdateRestApiInput) -> UpdateRestApiOutput;
    update_stage(UpdateStageInput) -> UpdateStageOutput;
}
