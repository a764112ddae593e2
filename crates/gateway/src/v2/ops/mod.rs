//! The operations of HTTP and WebSocket APIs, one file each; here only which file answers what.

mod create_api;
mod delete_api;
mod get_api;
mod get_apis;
mod update_api;

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
    delete_api(DeleteApiInput) -> DeleteApiOutput;
    get_api(GetApiInput) -> GetApiOutput;
    get_apis(GetApisInput) -> GetApisOutput;
    update_api(UpdateApiInput) -> UpdateApiOutput;
}
