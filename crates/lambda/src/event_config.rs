//! How a function's asynchronous invocations are treated, by qualifier: tries, age, destinations. Plain data.

use api::lambda::{DestinationConfig, FunctionEventInvokeConfig, OnFailure, OnSuccess};
use base::Timestamp;
use minicbor::{Decode, Encode};

const RETRIES: u32 = 2;
const AGE_S: u32 = 6 * 3600;

/// What PutFunctionEventInvokeConfig has set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EventConfig {
    #[n(0)]
    pub(crate) retries: Option<u32>,
    #[n(1)]
    pub(crate) age_s: Option<u32>,
    #[n(2)]
    pub(crate) on_success: Option<String>,
    #[n(3)]
    pub(crate) on_failure: Option<String>,
    #[n(4)]
    pub(crate) modified_ms: i64,
}

impl EventConfig {
    pub(crate) fn retries(&self) -> u32 {
        self.retries.unwrap_or(RETRIES)
    }

    pub(crate) fn age(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.age_s.unwrap_or(AGE_S).into())
    }

    /// `arn` has its qualifier.
    pub(crate) fn describe(&self, arn: String) -> FunctionEventInvokeConfig {
        let number = |number: Option<u32>| number.and_then(|number| i32::try_from(number).ok());
        FunctionEventInvokeConfig {
            last_modified: Some(Timestamp(self.modified_ms)),
            function_arn: Some(arn),
            maximum_retry_attempts: number(self.retries),
            maximum_event_age_in_seconds: number(self.age_s),
            destination_config: Some(DestinationConfig {
                on_success: Some(OnSuccess { destination: self.on_success.clone() }),
                on_failure: Some(OnFailure { destination: self.on_failure.clone() }),
            }),
        }
    }
}
