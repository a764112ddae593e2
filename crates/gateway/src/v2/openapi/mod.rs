//! HTTP APIs in OpenAPI 3.0 with the extensions of API Gateway: how one comes out of a definition, and a definition out
//! of one. Pure; knows no store.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html>

pub(crate) mod export;
pub(crate) mod import;
mod integration;
mod security;

/// An HTTP API as it is defined.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Definition {
    pub(crate) api: super::records::ApiRecord,
    pub(crate) routes: Vec<super::route::RouteRecord>,
    pub(crate) integrations: Vec<super::integration::IntegrationRecord>,
    pub(crate) authorizers: Vec<super::authorizer::AuthorizerRecord>,
}
