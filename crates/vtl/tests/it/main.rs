//! Tables of templates and what they make: one file a topic.

mod aws;
mod directives;
mod hostile;
mod input;
mod jsonpath;
mod methods;
mod references;
mod regex;
mod sample;
mod speed;
mod whitespace;
