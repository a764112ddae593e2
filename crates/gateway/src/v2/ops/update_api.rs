//! UpdateApi: what is given takes the place of what was.

use api::apigatewayv2::{UpdateApiInput, UpdateApiOutput};
use base::Cx;

use crate::Gateway;
use crate::error::Result;
use crate::v2::records::{ApiRecord, CorsRecord};
use crate::v2::{quick, rows, view};

pub(super) async fn run(gateway: &Gateway, cx: &Cx, input: UpdateApiInput) -> Result<UpdateApiOutput> {
    let api = rows::read_api(&gateway.store, &cx.scope, &input.api_id).await?;
    quick::update(gateway, &api, &input).await?;
    let updated = rows::edit_api(&gateway.store, &api, |api| {
        apply(api, &input);
        api.check()
    });
    let updated = updated.await?;
    gateway.forget_v2(&updated.id);
    Ok(view::api(cx, updated))
}

fn apply(api: &mut ApiRecord, input: &UpdateApiInput) {
    let set = |place: &mut String, given: &Option<String>| {
        if let Some(given) = given {
            place.clone_from(given);
        }
    };
    set(&mut api.name, &input.name);
    set(&mut api.route_selection_expression, &input.route_selection_expression);
    set(&mut api.api_key_selection_expression, &input.api_key_selection_expression);
    let set = |place: &mut Option<String>, given: &Option<String>| {
        if let Some(given) = given {
            *place = Some(given.clone()).filter(|text| !text.is_empty());
        }
    };
    set(&mut api.description, &input.description);
    set(&mut api.version, &input.version);
    if let Some(cors) = &input.cors_configuration {
        api.cors = Some(CorsRecord::new(cors.clone()));
    }
    if let Some(disabled) = input.disable_execute_api_endpoint {
        api.disable_execute_api_endpoint = disabled;
    }
    if let Some(disabled) = input.disable_schema_validation {
        api.disable_schema_validation = Some(disabled);
    }
    if let Some(kind) = input.ip_address_type {
        api.ip_address_type = kind.as_str().to_owned();
    }
}
