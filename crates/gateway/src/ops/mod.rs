//! The control plane: one operation a file, each validate, read, decide, commit, reply. Here they meet the trait
//! that dispatch calls.

mod create_api_key;
mod create_authorizer;
mod create_deployment;
mod create_documentation_part;
mod create_resource;
mod create_rest_api;
mod create_stage;
mod create_usage_plan;
mod create_usage_plan_key;
mod create_vpc_link;
mod delete_api_key;
mod delete_authorizer;
mod delete_client_certificate;
mod delete_deployment;
mod delete_documentation_part;
mod delete_integration;
mod delete_integration_response;
mod delete_method;
mod delete_method_response;
mod delete_resource;
mod delete_rest_api;
mod delete_stage;
mod delete_usage_plan;
mod delete_usage_plan_key;
mod delete_vpc_link;
mod flush_stage_authorizers_cache;
mod generate_client_certificate;
mod get_account;
mod get_api_key;
mod get_api_keys;
mod get_authorizer;
mod get_authorizers;
mod get_client_certificate;
mod get_client_certificates;
mod get_deployment;
mod get_deployments;
mod get_documentation_part;
mod get_documentation_parts;
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
mod get_usage;
mod get_usage_plan;
mod get_usage_plan_key;
mod get_usage_plan_keys;
mod get_usage_plans;
mod get_vpc_link;
mod get_vpc_links;
mod import_api_keys;
mod put_integration;
mod put_integration_response;
mod put_method;
mod put_method_response;
mod tag_resource;
mod test_invoke_authorizer;
mod untag_resource;
mod update_account;
mod update_api_key;
mod update_authorizer;
mod update_client_certificate;
mod update_deployment;
mod update_documentation_part;
mod update_integration;
mod update_integration_response;
mod update_method;
mod update_method_response;
mod update_resource;
mod update_rest_api;
mod update_stage;
mod update_usage;
mod update_usage_plan;
mod update_vpc_link;

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
    create_api_key(CreateApiKeyInput) -> CreateApiKeyOutput;
    create_authorizer(CreateAuthorizerInput) -> CreateAuthorizerOutput;
    create_deployment(CreateDeploymentInput) -> CreateDeploymentOutput;
    create_documentation_part(CreateDocumentationPartInput) -> CreateDocumentationPartOutput;
    create_resource(CreateResourceInput) -> CreateResourceOutput;
    create_rest_api(CreateRestApiInput) -> CreateRestApiOutput;
    create_stage(CreateStageInput) -> CreateStageOutput;
    create_usage_plan(CreateUsagePlanInput) -> CreateUsagePlanOutput;
    create_usage_plan_key(CreateUsagePlanKeyInput) -> CreateUsagePlanKeyOutput;
    create_vpc_link(CreateVpcLinkInput) -> CreateVpcLinkOutput;
    delete_api_key(DeleteApiKeyInput) -> DeleteApiKeyOutput;
    delete_authorizer(DeleteAuthorizerInput) -> DeleteAuthorizerOutput;
    delete_client_certificate(DeleteClientCertificateInput) -> DeleteClientCertificateOutput;
    delete_deployment(DeleteDeploymentInput) -> DeleteDeploymentOutput;
    delete_documentation_part(DeleteDocumentationPartInput) -> DeleteDocumentationPartOutput;
    delete_integration(DeleteIntegrationInput) -> DeleteIntegrationOutput;
    delete_integration_response(DeleteIntegrationResponseInput) -> DeleteIntegrationResponseOutput;
    delete_method(DeleteMethodInput) -> DeleteMethodOutput;
    delete_method_response(DeleteMethodResponseInput) -> DeleteMethodResponseOutput;
    delete_resource(DeleteResourceInput) -> DeleteResourceOutput;
    delete_rest_api(DeleteRestApiInput) -> DeleteRestApiOutput;
    delete_stage(DeleteStageInput) -> DeleteStageOutput;
    delete_usage_plan(DeleteUsagePlanInput) -> DeleteUsagePlanOutput;
    delete_usage_plan_key(DeleteUsagePlanKeyInput) -> DeleteUsagePlanKeyOutput;
    delete_vpc_link(DeleteVpcLinkInput) -> DeleteVpcLinkOutput;
    flush_stage_authorizers_cache(FlushStageAuthorizersCacheInput) -> FlushStageAuthorizersCacheOutput;
    generate_client_certificate(GenerateClientCertificateInput) -> GenerateClientCertificateOutput;
    get_account(GetAccountInput) -> GetAccountOutput;
    get_api_key(GetApiKeyInput) -> GetApiKeyOutput;
    get_api_keys(GetApiKeysInput) -> GetApiKeysOutput;
    get_authorizer(GetAuthorizerInput) -> GetAuthorizerOutput;
    get_authorizers(GetAuthorizersInput) -> GetAuthorizersOutput;
    get_client_certificate(GetClientCertificateInput) -> GetClientCertificateOutput;
    get_client_certificates(GetClientCertificatesInput) -> GetClientCertificatesOutput;
    get_deployment(GetDeploymentInput) -> GetDeploymentOutput;
    get_deployments(GetDeploymentsInput) -> GetDeploymentsOutput;
    get_documentation_part(GetDocumentationPartInput) -> GetDocumentationPartOutput;
    get_documentation_parts(GetDocumentationPartsInput) -> GetDocumentationPartsOutput;
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
    get_usage(GetUsageInput) -> GetUsageOutput;
    get_usage_plan(GetUsagePlanInput) -> GetUsagePlanOutput;
    get_usage_plan_key(GetUsagePlanKeyInput) -> GetUsagePlanKeyOutput;
    get_usage_plan_keys(GetUsagePlanKeysInput) -> GetUsagePlanKeysOutput;
    get_usage_plans(GetUsagePlansInput) -> GetUsagePlansOutput;
    get_vpc_link(GetVpcLinkInput) -> GetVpcLinkOutput;
    get_vpc_links(GetVpcLinksInput) -> GetVpcLinksOutput;
    import_api_keys(ImportApiKeysInput) -> ImportApiKeysOutput;
    put_integration(PutIntegrationInput) -> PutIntegrationOutput;
    put_integration_response(PutIntegrationResponseInput) -> PutIntegrationResponseOutput;
    put_method(PutMethodInput) -> PutMethodOutput;
    put_method_response(PutMethodResponseInput) -> PutMethodResponseOutput;
    tag_resource(TagResourceInput) -> TagResourceOutput;
    test_invoke_authorizer(TestInvokeAuthorizerInput) -> TestInvokeAuthorizerOutput;
    untag_resource(UntagResourceInput) -> UntagResourceOutput;
    update_account(UpdateAccountInput) -> UpdateAccountOutput;
    update_api_key(UpdateApiKeyInput) -> UpdateApiKeyOutput;
    update_authorizer(UpdateAuthorizerInput) -> UpdateAuthorizerOutput;
    update_client_certificate(UpdateClientCertificateInput) -> UpdateClientCertificateOutput;
    update_deployment(UpdateDeploymentInput) -> UpdateDeploymentOutput;
    update_documentation_part(UpdateDocumentationPartInput) -> UpdateDocumentationPartOutput;
    update_integration(UpdateIntegrationInput) -> UpdateIntegrationOutput;
    update_integration_response(UpdateIntegrationResponseInput) -> UpdateIntegrationResponseOutput;
    update_method(UpdateMethodInput) -> UpdateMethodOutput;
    update_method_response(UpdateMethodResponseInput) -> UpdateMethodResponseOutput;
    update_resource(UpdateResourceInput) -> UpdateResourceOutput;
    update_rest_api(UpdateRestApiInput) -> UpdateRestApiOutput;
    update_stage(UpdateStageInput) -> UpdateStageOutput;
    update_usage(UpdateUsageInput) -> UpdateUsageOutput;
    update_usage_plan(UpdateUsagePlanInput) -> UpdateUsagePlanOutput;
    update_vpc_link(UpdateVpcLinkInput) -> UpdateVpcLinkOutput;
}
