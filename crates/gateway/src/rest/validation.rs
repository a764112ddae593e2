//! The phase that looks at a request before its integration hears of it, as far as the method's validator says: that
//! parameters are there, and that the body is what a model describes. Source:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html>

use std::sync::Arc;

use bytes::Bytes;

use crate::json::Json;
use crate::rest::call::Call;
use crate::rest::fault::Fault;
use crate::rest::mapping::Source;
use crate::rest::model;
use crate::rest::program::Program;
use crate::rest::records::{MethodRecord, Snapshot};
use crate::rest::request_validator::RequestValidatorRecord;
use crate::schema::{self, NodeId, Schemas};

/// Larger bodies are looked at beside the runtime.
const INLINE_BYTES_MAX: usize = 16 << 10;
/// The model for media types that have none of their own.
const ANY_TYPE: &str = "$default";

/// What is looked at of a method's requests.
#[derive(Debug, Default)]
pub(crate) struct Validation {
    /// The parameters that must be there, with their names.
    required: Vec<(String, Source)>,
    /// By media type; none is a model that is not there.
    models: Vec<(String, Option<NodeId>)>,
}

/// What a deployment has to look at requests with.
#[derive(Debug)]
pub(crate) struct Validators {
    records: Vec<RequestValidatorRecord>,
    schemas: Schemas,
}

impl Validators {
    /// Models are compiled if a method asks for them.
    pub(crate) fn compile(snapshot: &Snapshot) -> Self {
        let records = snapshot.validators.clone().unwrap_or_default();
        let wanted =
            |id: &str| records.iter().any(|validator| validator.id == id && validator.validates_body);
        let methods = snapshot.resources.iter().flat_map(|resource| &resource.methods);
        let any = methods.flat_map(|method| &method.request_validator_id).any(|id| wanted(id));
        let models =
            if any { model::all(snapshot.models.clone().unwrap_or_default(), 0) } else { Vec::new() };
        let schemas = Schemas::compile(models.iter().map(|model| (&*model.name, &*model.schema)));
        Self { records, schemas }
    }

    pub(crate) fn into_schemas(self) -> Schemas {
        self.schemas
    }

    pub(crate) fn of(&self, method: &MethodRecord) -> Validation {
        let id = method.request_validator_id.as_ref();
        let Some(record) = self.records.iter().find(|record| Some(&record.id) == id) else {
            return Validation::default();
        };
        let mut validation = Validation::default();
        if record.validates_parameters {
            let required = method.request_parameters.iter().filter(|(_, required)| **required);
            validation.required = required.filter_map(|(text, _)| parameter(text)).collect();
        }
        if record.validates_body {
            let models = method.request_models.iter();
            validation.models =
                models.map(|(media_type, name)| (media_type.clone(), self.schemas.model(name))).collect();
        }
        validation
    }
}

fn parameter(text: &str) -> Option<(String, Source)> {
    let source = Source::parse(text, "method.request")?;
    let name = match &source {
        Source::Path(name)
        | Source::Query(name)
        | Source::MultiQuery(name)
        | Source::Header(name)
        | Source::MultiHeader(name) => name.clone(),
        _ => return None,
    };
    Some((name, source))
}

/// The phase.
pub(crate) async fn validate(call: &Call<'_>) -> Result<(), Fault> {
    let validation = &call.method.validation;
    let is_missing = |source: &Source| call.values(source).iter().all(|value| value.trim().is_empty());
    let missing = validation.required.iter().filter(|(_, source)| is_missing(source));
    let missing: Vec<&str> = missing.map(|(name, _)| name.as_str()).collect();
    if !missing.is_empty() {
        return Err(Fault::MissingParameters(missing.join(", ")));
    }
    let media_type = call.request.media_type().unwrap_or("application/json");
    let model = |wanted: &str| validation.models.iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted));
    let Some((_, model)) = model(media_type).or_else(|| model(ANY_TYPE)) else { return Ok(()) };
    let Some(model) = *model else {
        return Err(Fault::Configuration(format!("the model for {media_type} is not there")));
    };
    let body = call.request.body.clone();
    if body.len() <= INLINE_BYTES_MAX {
        return check_body(&call.release.program, model, &body);
    }
    let program = Arc::clone(&call.release.program);
    let checked = tokio::task::spawn_blocking(move || check_body(&program, model, &body)).await;
    checked.map_err(|error| Fault::Internal(error.to_string()))?
}

/// No body is looked at as an empty object.
fn check_body(program: &Program, model: NodeId, body: &Bytes) -> Result<(), Fault> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    let json = match Json::parse(text, schema::BODY_BOUNDS) {
        Ok(json) => json,
        Err(error) => return Err(Fault::InvalidBody(format!("[{error}]"))),
    };
    match schema::validate(&program.schemas, model, &json) {
        Ok(complaints) if complaints.is_empty() => Ok(()),
        Ok(complaints) => Err(Fault::InvalidBody(format!("[{}]", complaints.join(", ")))),
        Err(trouble) => Err(Fault::Configuration(format!("the model: {trouble}"))),
    }
}
