//! What a table is told of itself and no item has: resource policies, Kinesis destinations, contributor insights.
//! Stored and told back. Pure; knows no request.

use std::collections::BTreeMap;

use base::Timestamp;
use minicbor::{Decode, Encode};

use crate::insights::Insights;
use crate::kinesis::Destinations;
use crate::policy::Slot;

/// All settings of one table.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(crate) struct Settings {
    #[n(0)]
    pub(crate) policy: Slot,
    /// By the label of the stream.
    #[n(1)]
    pub(crate) stream_policies: BTreeMap<String, Slot>,
    #[n(2)]
    pub(crate) destinations: Destinations,
    /// By the number of the index; 0 is the table.
    #[n(3)]
    pub(crate) insights: BTreeMap<u8, Insights>,
}

impl Settings {
    /// Those of a table that is made with a policy, or with none.
    pub(crate) fn begun(policy: Option<String>, now: Timestamp) -> Option<Self> {
        let policy = Slot::default().replaced(policy?, now);
        Some(Self { policy, ..Self::default() })
    }
}
