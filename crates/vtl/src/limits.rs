//! How much a template may be, do and make. All of it is counted, so that the same template stops at the same place
//! on every machine.

/// The limits of one template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What rendering may cost: a step is about a node of the template or 64 bytes copied.
    pub steps: u64,
    /// Iterations of one `#foreach`; the rest is left out, as Velocity does.
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
    pub iterations: usize,
    pub output_bytes: usize,
    /// Strings, lists and maps that a rendering makes, together.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 2_000_000,
            iterations: 1_000,
            output_bytes: 10 * 1024 * 1024,
            memory_bytes: 128 * 1024 * 1024,
        }
    }
}

/// The text of one template.
pub const TEMPLATE_BYTES_MAX: usize = 300 * 1024;

/// How deep directives, parentheses, literals and interpolated strings nest.
pub(crate) const NESTING_MAX: u32 = 48;

/// How deep macros call each other: Velocity's `velocimacro.max.depth`.
pub(crate) const MACRO_DEPTH_MAX: usize = 20;

/// How deep lists and maps nest where they are printed, compared or read.
pub(crate) const VALUE_DEPTH_MAX: u32 = 200;
