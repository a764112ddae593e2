//! The seam between Lambda and what runs functions: the sandbox, or a fake in tests. Knows no function record.

use std::fmt;
use std::sync::Arc;

use ports::BoxFuture;
use sandbox::{Environment, FunctionSpec, Invocation, LaunchError, Outcome, Sandbox};

/// Starts environments.
pub trait Executor: Send + Sync + fmt::Debug {
    fn launch(&self, spec: Arc<FunctionSpec>) -> BoxFuture<'_, Result<Box<dyn Instance>, LaunchError>>;

    /// A function of this runtime exists, and may use the SDK that the runtime brings: make its first start quick.
    fn warm(&self, runtime: &str, memory_mib: u32, uses_sdk: bool);

    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// One environment. Dropping it ends it.
pub trait Instance: Send + fmt::Debug {
    fn invoke(&mut self, invocation: Invocation) -> BoxFuture<'_, Outcome>;

    /// Loads the handler before there is an invocation; the outcome says why it cannot be.
    fn initialize(&mut self) -> BoxFuture<'_, Result<(), Outcome>>;

    fn is_alive(&mut self) -> bool;
}

/// The sandbox as executor.
#[derive(Debug)]
pub(crate) struct SandboxExecutor(pub(crate) Arc<Sandbox>);

impl Executor for SandboxExecutor {
    fn launch(&self, spec: Arc<FunctionSpec>) -> BoxFuture<'_, Result<Box<dyn Instance>, LaunchError>> {
        Box::pin(async move {
            let environment = self.0.launch(spec).await?;
            Ok(Box::new(environment) as Box<dyn Instance>)
        })
    }

    fn warm(&self, runtime: &str, memory_mib: u32, uses_sdk: bool) {
        self.0.warm(runtime, memory_mib, uses_sdk);
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.stop())
    }
}

impl Instance for Environment {
    fn invoke(&mut self, invocation: Invocation) -> BoxFuture<'_, Outcome> {
        Box::pin(Environment::invoke(self, invocation))
    }

    fn initialize(&mut self) -> BoxFuture<'_, Result<(), Outcome>> {
        Box::pin(Environment::initialize(self))
    }

    fn is_alive(&mut self) -> bool {
        Environment::is_alive(self)
    }
}
