//! The operations of HTTP and WebSocket APIs, one file each; here only which file answers what.

mod create_api;
mod create_api_mapping;
mod create_authorizer;
mod create_deployment;
mod create_domain_name;
mod create_integration;
mod create_integration_response;
mod create_model;
mod create_route;
mod create_route_response;
mod create_routing_rule;
mod create_stage;
mod create_vpc_link;
mod delete_access_log_settings;
mod delete_api;
mod delete_api_mapping;
mod delete_authorizer;
mod delete_cors_configuration;
mod delete_deployment;
mod delete_domain_name;
mod delete_integration;
mod delete_integration_response;
mod delete_model;
mod delete_route;
mod delete_route_request_parameter;
mod delete_route_response;
mod delete_route_settings;
mod delete_routing_rule;
mod delete_stage;
mod delete_vpc_link;
mod export_api;
mod get_api;
mod get_api_mapping;
mod get_api_mappings;
mod get_apis;
mod get_authorizer;
mod get_authorizers;
mod get_deployment;
mod get_deployments;
mod get_domain_name;
mod get_domain_names;
mod get_integration;
mod get_integration_response;
mod get_integration_responses;
mod get_integrations;
mod get_model;
mod get_model_template;
mod get_models;
mod get_route;
mod get_route_response;
mod get_route_responses;
mod get_routes;
mod get_routing_rule;
mod get_stage;
mod get_stages;
mod get_tags;
mod get_vpc_link;
mod get_vpc_links;
mod import_api;
mod list_routing_rules;
mod put_routing_rule;
mod reimport_api;
mod reset_authorizers_cache;
mod tag_resource;
mod untag_resource;
mod update_api;
mod update_api_mapping;
mod update_authorizer;
mod update_deployment;
mod update_domain_name;
mod update_integration;
mod update_integration_response;
mod update_model;
mod update_route;
mod update_route_response;
mod update_stage;
mod update_vpc_link;

use api::apigatewayv2 as aws;
use base::Cx;
use wire::Failure;

use crate::Gateway;

/// Implements the trait by the functions `run` of the modules named like its methods.
macro_rules! serve {
    ($($operation:ident($input:ident) -> $output:ident;)*) => {
        impl aws::ApiGatewayV2 for Gateway {
            $(async fn $operation(&self, cx: &Cx, input: aws::$input) -> Result<aws::$output, Failure> {
                Ok($operation::run(self, cx, input).await?)
            })*
        }
    };
}

serve! {
    create_api(CreateApiInput) -> CreateApiOutput;
    create_api_mapping(CreateApiMappingInput) -> CreateApiMappingOutput;
    create_authorizer(CreateAuthorizerInput) -> CreateAuthorizerOutput;
    create_deployment(CreateDeploymentInput) -> CreateDeploymentOutput;
    create_domain_name(CreateDomainNameInput) -> CreateDomainNameOutput;
    create_integration(CreateIntegrationInput) -> CreateIntegrationOutput;
    create_integration_response(CreateIntegrationResponseInput) -> CreateIntegrationResponseOutput;
    create_model(CreateModelInput) -> CreateModelOutput;
    create_route(CreateRouteInput) -> CreateRouteOutput;
    create_route_response(CreateRouteResponseInput) -> CreateRouteResponseOutput;
    create_routing_rule(CreateRoutingRuleInput) -> CreateRoutingRuleOutput;
    create_stage(CreateStageInput) -> CreateStageOutput;
    create_vpc_link(CreateVpcLinkInput) -> CreateVpcLinkOutput;
    delete_access_log_settings(DeleteAccessLogSettingsInput) -> DeleteAccessLogSettingsOutput;
    delete_api(DeleteApiInput) -> DeleteApiOutput;
    delete_api_mapping(DeleteApiMappingInput) -> DeleteApiMappingOutput;
    delete_authorizer(DeleteAuthorizerInput) -> DeleteAuthorizerOutput;
    delete_cors_configuration(DeleteCorsConfigurationInput) -> DeleteCorsConfigurationOutput;
    delete_deployment(DeleteDeploymentInput) -> DeleteDeploymentOutput;
    delete_domain_name(DeleteDomainNameInput) -> DeleteDomainNameOutput;
    delete_integration(DeleteIntegrationInput) -> DeleteIntegrationOutput;
    delete_integration_response(DeleteIntegrationResponseInput) -> DeleteIntegrationResponseOutput;
    delete_model(DeleteModelInput) -> DeleteModelOutput;
    delete_route(DeleteRouteInput) -> DeleteRouteOutput;
    delete_route_request_parameter(DeleteRouteRequestParameterInput) -> DeleteRouteRequestParameterOutput;
    delete_route_response(DeleteRouteResponseInput) -> DeleteRouteResponseOutput;
    delete_route_settings(DeleteRouteSettingsInput) -> DeleteRouteSettingsOutput;
    delete_routing_rule(DeleteRoutingRuleInput) -> DeleteRoutingRuleOutput;
    delete_stage(DeleteStageInput) -> DeleteStageOutput;
    delete_vpc_link(DeleteVpcLinkInput) -> DeleteVpcLinkOutput;
    export_api(ExportApiInput) -> ExportApiOutput;
    get_api(GetApiInput) -> GetApiOutput;
    get_api_mapping(GetApiMappingInput) -> GetApiMappingOutput;
    get_api_mappings(GetApiMappingsInput) -> GetApiMappingsOutput;
    get_apis(GetApisInput) -> GetApisOutput;
    get_authorizer(GetAuthorizerInput) -> GetAuthorizerOutput;
    get_authorizers(GetAuthorizersInput) -> GetAuthorizersOutput;
    get_deployment(GetDeploymentInput) -> GetDeploymentOutput;
    get_deployments(GetDeploymentsInput) -> GetDeploymentsOutput;
    get_domain_name(GetDomainNameInput) -> GetDomainNameOutput;
    get_domain_names(GetDomainNamesInput) -> GetDomainNamesOutput;
    get_integration(GetIntegrationInput) -> GetIntegrationOutput;
    get_integration_response(GetIntegrationResponseInput) -> GetIntegrationResponseOutput;
    get_integration_responses(GetIntegrationResponsesInput) -> GetIntegrationResponsesOutput;
    get_integrations(GetIntegrationsInput) -> GetIntegrationsOutput;
    get_model(GetModelInput) -> GetModelOutput;
    get_model_template(GetModelTemplateInput) -> GetModelTemplateOutput;
    get_models(GetModelsInput) -> GetModelsOutput;
    get_route(GetRouteInput) -> GetRouteOutput;
    get_route_response(GetRouteResponseInput) -> GetRouteResponseOutput;
    get_route_responses(GetRouteResponsesInput) -> GetRouteResponsesOutput;
    get_routes(GetRoutesInput) -> GetRoutesOutput;
    get_routing_rule(GetRoutingRuleInput) -> GetRoutingRuleOutput;
    get_stage(GetStageInput) -> GetStageOutput;
    get_stages(GetStagesInput) -> GetStagesOutput;
    get_tags(GetTagsInput) -> GetTagsOutput;
    get_vpc_link(GetVpcLinkInput) -> GetVpcLinkOutput;
    get_vpc_links(GetVpcLinksInput) -> GetVpcLinksOutput;
    import_api(ImportApiInput) -> ImportApiOutput;
    list_routing_rules(ListRoutingRulesInput) -> ListRoutingRulesOutput;
    put_routing_rule(PutRoutingRuleInput) -> PutRoutingRuleOutput;
    reimport_api(ReimportApiInput) -> ReimportApiOutput;
    reset_authorizers_cache(ResetAuthorizersCacheInput) -> ResetAuthorizersCacheOutput;
    tag_resource(TagResourceInput) -> TagResourceOutput;
    untag_resource(UntagResourceInput) -> UntagResourceOutput;
    update_api(UpdateApiInput) -> UpdateApiOutput;
    update_api_mapping(UpdateApiMappingInput) -> UpdateApiMappingOutput;
    update_authorizer(UpdateAuthorizerInput) -> UpdateAuthorizerOutput;
    update_deployment(UpdateDeploymentInput) -> UpdateDeploymentOutput;
    update_domain_name(UpdateDomainNameInput) -> UpdateDomainNameOutput;
    update_integration(UpdateIntegrationInput) -> UpdateIntegrationOutput;
    update_integration_response(UpdateIntegrationResponseInput) -> UpdateIntegrationResponseOutput;
    update_model(UpdateModelInput) -> UpdateModelOutput;
    update_route(UpdateRouteInput) -> UpdateRouteOutput;
    update_route_response(UpdateRouteResponseInput) -> UpdateRouteResponseOutput;
    update_stage(UpdateStageInput) -> UpdateStageOutput;
    update_vpc_link(UpdateVpcLinkInput) -> UpdateVpcLinkOutput;
}
