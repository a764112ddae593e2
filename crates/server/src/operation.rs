//! The name of the operation that a request means, for metrics and the access log. Only names of the model are given
//! out, so that a caller cannot invent series.

use crate::Service;

/// `unknown` if the model has no such operation.
pub(crate) fn name(service: Service, request: &wire::Request) -> &'static str {
    named(service, request).unwrap_or("unknown")
}

fn named(_service: Service, _request: &wire::Request) -> Option<&'static str> {
    None
}
