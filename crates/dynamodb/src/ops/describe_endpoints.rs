//! DescribeEndpoints: the address by which the caller came.

use api::dynamodb::{DescribeEndpointsInput, DescribeEndpointsOutput, Endpoint};
use base::Cx;

use crate::DynamoDb;
use crate::error::Result;

/// As AWS answers it.
const CACHE_PERIOD_MINUTES: i64 = 1440;

pub(crate) async fn run(_: &DynamoDb, cx: &Cx, _: DescribeEndpointsInput) -> Result<DescribeEndpointsOutput> {
    let address = match &cx.host {
        Some(host) => host.to_string(),
        None => format!("dynamodb.{}.amazonaws.com", cx.scope.region),
    };
    let endpoint = Endpoint { address, cache_period_in_minutes: CACHE_PERIOD_MINUTES };
    Ok(DescribeEndpointsOutput { endpoints: vec![endpoint] })
}
