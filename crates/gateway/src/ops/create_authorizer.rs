//! CreateAuthorizer.

use api::apigateway::{CreateAuthorizerInput, CreateAuthorizerOutput, JwtConfigurationInput};
use base::{Cx, random_alphanumeric};

use crate::Gateway;
use crate::error::{GatewayError, Result};
use crate::parts::{self, Owner};
use crate::rest::authorizer::{AuthorizerRecord, ClaimRecord, IssuerRecord, JwtRecord, TTL_DEFAULT};
use crate::rest::{rows, view};

pub(super) async fn run(
    gateway: &Gateway,
    cx: &Cx,
    input: CreateAuthorizerInput,
) -> Result<CreateAuthorizerOutput> {
    let kind = input.r#type.as_str();
    let is_lambda = matches!(kind, "TOKEN" | "REQUEST");
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut authorizer = AuthorizerRecord {
        id: random_alphanumeric(6),
        name: input.name,
        kind: kind.to_owned(),
        provider_arns: input.provider_arns.unwrap_or_default(),
        auth_type: input.auth_type,
        uri: filled(input.authorizer_uri),
        credentials: filled(input.authorizer_credentials),
        identity_source: filled(input.identity_source),
        validation: filled(input.identity_validation_expression),
        ttl_s: input.authorizer_result_ttl_in_seconds.or(is_lambda.then_some(TTL_DEFAULT)),
        jwt: input.jwt_configuration.map(jwt),
    };
    authorizer.auth_type.get_or_insert(authorizer.default_auth_type());
    authorizer.check()?;
    let api = rows::read_api(&gateway.store, &cx.scope, &input.rest_api_id).await?;
    let known = parts::all::<AuthorizerRecord>(&gateway.store, Owner::Api(&api)).await?;
    authorizer.check_name(&known)?;
    let taken = || GatewayError::conflict("Unable to complete operation due to concurrent modification");
    let made = parts::create(&gateway.store, Owner::Api(&api), authorizer, taken).await?;
    Ok(view::authorizer(made))
}

fn jwt(given: JwtConfigurationInput) -> JwtRecord {
    let issuers = given.issuers.into_iter().map(|issuer| {
        let claims = issuer.additional_claims.unwrap_or_default().into_iter().map(|claim| ClaimRecord {
            name: claim.claim_name,
            is_required: claim.required.unwrap_or_default(),
            expected: claim.expected_values.unwrap_or_default(),
        });
        IssuerRecord { issuer: issuer.issuer, audiences: issuer.audiences, claims: claims.collect() }
    });
    let algorithms = given.default_algorithms.iter().map(|name| name.as_str().to_owned());
    JwtRecord { issuers: issuers.collect(), algorithms: algorithms.collect() }
}
