//! API Gateway against an in-memory store and functions that the test plays: scripts of wire requests on the control
//! plane, requests to stage URLs on the data plane, each with what came back.

#![expect(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in its scaffolding too")]

mod authorizers;
mod backends;
mod compression;
mod control;
mod deployments;
mod domains;
mod functions;
mod gateway_responses;
mod hostile;
mod hostile_backends;
mod http_apis;
mod http_authorizers;
mod http_integrations;
mod mappings;
mod media_types;
mod openapi;
mod openapi_of_http_apis;
mod patches;
mod proxies;
mod sdks;
mod services;
mod stages;
mod streams;
mod templates;
mod tls_backends;
mod usage;
mod validation;
mod websockets;
mod world;
