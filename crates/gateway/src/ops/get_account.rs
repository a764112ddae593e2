//! GetAccount: AWS's default quotas.

use api::apigateway::{GetAccountInput, GetAccountOutput, ThrottleSettings};
use base::Cx;

use crate::Gateway;
use crate::error::Result;

pub(super) async fn run(_: &Gateway, _: &Cx, _: GetAccountInput) -> Result<GetAccountOutput> {
    Ok(GetAccountOutput {
        cloudwatch_role_arn: None,
        throttle_settings: Some(ThrottleSettings { burst_limit: Some(5000), rate_limit: Some(10_000.0) }),
        features: Some(vec!["UsagePlans".to_owned()]),
        api_key_version: Some("4".to_owned()),
    })
}
