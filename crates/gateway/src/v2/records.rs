//! What is stored of an HTTP or WebSocket API, as minicbor records: numbered fields, so that older data opens. A newer
//! field is an `Option` or has a default; a retired number is never used again. Knows no key and no wire shape.

use std::collections::BTreeMap;

use base::{AccountId, Region, Scope};
use minicbor::{Decode, Encode};

/// An API's own settings.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct ApiRecord {
    /// Names this API's other rows. Random and never used again, as that of a REST API.
    #[n(0)]
    pub(crate) row: u64,
    #[n(1)]
    pub(crate) account: String,
    #[n(2)]
    pub(crate) region: String,
    #[n(3)]
    pub(crate) id: String,
    #[n(4)]
    pub(crate) name: String,
    /// `HTTP` or `WEBSOCKET`.
    #[n(5)]
    pub(crate) protocol: String,
    #[n(6)]
    pub(crate) description: Option<String>,
    #[n(7)]
    pub(crate) created_ms: i64,
    #[n(8)]
    pub(crate) version: Option<String>,
    #[n(9)]
    pub(crate) route_selection_expression: String,
    #[n(10)]
    pub(crate) api_key_selection_expression: String,
    #[n(11)]
    pub(crate) cors: Option<CorsRecord>,
    #[n(12)]
    pub(crate) disable_execute_api_endpoint: bool,
    #[n(13)]
    pub(crate) disable_schema_validation: Option<bool>,
    #[n(14)]
    pub(crate) ip_address_type: String,
    #[n(15)]
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct CorsRecord {
    #[n(0)]
    pub(crate) allow_credentials: Option<bool>,
    #[n(1)]
    pub(crate) allow_headers: Option<Vec<String>>,
    #[n(2)]
    pub(crate) allow_methods: Option<Vec<String>>,
    #[n(3)]
    pub(crate) allow_origins: Option<Vec<String>>,
    #[n(4)]
    pub(crate) expose_headers: Option<Vec<String>>,
    #[n(5)]
    pub(crate) max_age: Option<i32>,
}

impl ApiRecord {
    pub(crate) fn scope(&self) -> Scope {
        let account = self.account.parse().unwrap_or(AccountId::DEFAULT);
        Scope { account, region: Region::new(&self.region) }
    }

    pub(crate) fn is_of(&self, scope: &Scope) -> bool {
        self.region == scope.region.as_str() && self.scope().account == scope.account
    }

    pub(crate) fn is_websocket(&self) -> bool {
        self.protocol == "WEBSOCKET"
    }
}
