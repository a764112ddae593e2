//! The service as its callers see it: JSON requests in, JSON answers out, in process and without HTTP.

mod hostile;
mod model;
mod script;
mod world;
