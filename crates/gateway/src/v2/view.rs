//! Records as AWS shows them. Pure; knows no store.

use api::apigatewayv2 as aws;
use base::{Cx, Timestamp};

use crate::v2::openapi::import::Imported;
use crate::v2::records::{ApiRecord, CorsRecord};

/// `cx` says by which host the caller reaches this server.
pub(crate) fn api(cx: &Cx, api: ApiRecord) -> aws::Api {
    let origin = cx.origin();
    let origin = if api.is_websocket() { origin.replacen("http", "ws", 1) } else { origin };
    // By path: names below localhost resolve neither in Node.js nor in Python everywhere.
    let endpoint = format!("{origin}/_aws/execute-api/{}", api.id);
    let created = Timestamp(api.created_ms);
    aws::Api {
        api_endpoint: Some(endpoint),
        api_id: Some(api.id),
        api_key_selection_expression: Some(api.api_key_selection_expression),
        cors_configuration: api.cors.map(cors),
        created_date: Some(created),
        description: api.description,
        disable_schema_validation: api.disable_schema_validation,
        disable_execute_api_endpoint: Some(api.disable_execute_api_endpoint),
        ip_address_type: api.ip_address_type.parse().ok(),
        name: api.name,
        protocol_type: api.protocol.parse().unwrap_or_default(),
        route_selection_expression: api.route_selection_expression,
        tags: Some(api.tags),
        version: api.version,
        ..aws::Api::default()
    }
}

/// An API that a definition has made.
pub(crate) fn imported(cx: &Cx, imported: Imported) -> aws::Api {
    let told = |lines: Vec<String>| Some(lines).filter(|lines| !lines.is_empty());
    aws::Api {
        import_info: told(imported.told),
        warnings: told(imported.warnings),
        ..api(cx, imported.definition.api)
    }
}

fn cors(cors: CorsRecord) -> aws::Cors {
    aws::Cors {
        allow_credentials: cors.allow_credentials,
        allow_headers: cors.allow_headers,
        allow_methods: cors.allow_methods,
        allow_origins: cors.allow_origins,
        expose_headers: cors.expose_headers,
        max_age: cors.max_age,
    }
}
