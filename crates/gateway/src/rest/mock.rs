//! The MOCK integration: its request template says which status it answers. Pure.

use bytes::Bytes;

use crate::StageResponse;
use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::program::Mapping;
use crate::rest::respond::{self, IntegrationAnswer};
use crate::rest::{template, transform};

pub(crate) fn answer(call: &Call<'_>, mapping: &Mapping) -> Result<StageResponse, Fault> {
    let request = transform::request(call, mapping)?;
    let status = std::str::from_utf8(&request.body).ok().and_then(template::mock_status);
    let status = status.ok_or_else(|| {
        Fault::Configuration(
            "Unable to parse statusCode. It should be an integer: the MOCK request names none".into(),
        )
    })?;
    respond::respond(
        call,
        mapping,
        &status.to_string(),
        &IntegrationAnswer { headers: None, body: Bytes::new(), overrides: request.overrides },
    )
}
