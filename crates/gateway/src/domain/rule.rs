//! Whether a routing rule is for a request. Pure.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-routing-rules.html>

use http::HeaderMap;

use crate::domain::live::matched;
use crate::domain::records::{ConditionRecord, RuleRecord};

impl RuleRecord {
    /// How much of the path the rule's conditions matched, if all of them hold.
    pub(super) fn matches(&self, path: &str, headers: &HeaderMap) -> Option<usize> {
        let mut holding = self.conditions.iter().map(|condition| condition.holds(path, headers));
        holding.try_fold(0, |longest, matched| Some(matched?.max(longest)))
    }
}

impl ConditionRecord {
    fn holds(&self, path: &str, headers: &HeaderMap) -> Option<usize> {
        if !self.base_paths.is_empty() {
            return self.base_paths.iter().filter_map(|base| matched(base.trim_matches('/'), path)).max();
        }
        let met = self.headers.iter().any(|wanted| {
            let values = headers.get_all(wanted.header.as_str()).iter();
            values.filter_map(|value| value.to_str().ok()).any(|value| fits(&wanted.glob, value))
        });
        met.then_some(0)
    }
}

/// A star at the beginning, at the end, or both, stands for any text.
fn fits(glob: &str, value: &str) -> bool {
    match (glob.strip_prefix('*'), glob.strip_suffix('*')) {
        (Some(_), Some(_)) => value.contains(glob.trim_matches('*')),
        (Some(end), None) => value.ends_with(end),
        (None, Some(begin)) => value.starts_with(begin),
        (None, None) => value == glob,
    }
}
