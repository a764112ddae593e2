//! Lists by position and limit. A position is the place of the next element in the list's order, in base64, so
//! that nobody reads anything into it. Knows no list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{GatewayError, Result};

const LIMIT_DEFAULT: i32 = 25;
const LIMIT_MAX: i32 = 500;

/// Which part of a list is asked for.
#[derive(Debug)]
pub(crate) struct PageRequest {
    /// Where to begin; empty for the beginning.
    pub(crate) from: Vec<u8>,
    pub(crate) limit: usize,
}

impl PageRequest {
    pub(crate) fn new(position: Option<&str>, limit: Option<i32>) -> Result<Self> {
        let from = URL_SAFE_NO_PAD.decode(position.unwrap_or_default());
        let from = from.map_err(|_| GatewayError::bad_request("Invalid position parameter"))?;
        // AWS answers with its own bounds when asked for less than nothing or more than it gives.
        let limit = limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
        Ok(Self { from, limit: usize::try_from(limit).unwrap_or(1) })
    }

    /// The same as HTTP and WebSocket APIs ask for it: a token, and a number in text.
    pub(crate) fn of_token(token: Option<&str>, results_max: Option<&str>) -> Result<Self> {
        let from = URL_SAFE_NO_PAD.decode(token.unwrap_or_default());
        let from = from.map_err(|_| GatewayError::bad_request("Invalid next token specified"))?;
        let limit = match results_max.filter(|text| !text.is_empty()) {
            None => LIMIT_MAX,
            Some(text) => match text.parse::<i32>() {
                Ok(number) if number > 0 => number.min(LIMIT_MAX),
                _ => return Err(GatewayError::bad_request("Invalid value for maxResults")),
            },
        };
        Ok(Self { from, limit: usize::try_from(limit).unwrap_or(1) })
    }

    /// Cuts the page out of a list that is in the order of `key`.
    pub(crate) fn cut<T>(&self, mut list: Vec<T>, key: impl Fn(&T) -> &[u8]) -> (Vec<T>, Option<String>) {
        let start = list.partition_point(|element| key(element) < self.from.as_slice());
        let mut page = list.split_off(start);
        let next = page.get(self.limit).map(|element| position(key(element)));
        page.truncate(self.limit);
        (page, next)
    }
}

pub(crate) fn position(key: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(key)
}
