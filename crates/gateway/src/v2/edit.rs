//! How updates of HTTP and WebSocket APIs change what is kept: what is not given stays. Pure.

use std::collections::BTreeMap;

pub(crate) fn put<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

/// An empty text removes.
pub(crate) fn put_some(place: &mut Option<String>, given: Option<String>) {
    if let Some(given) = given {
        *place = Some(given).filter(|given| !given.is_empty());
    }
}

/// Entries are added or replaced; an empty text removes one.
pub(crate) fn merge(place: &mut BTreeMap<String, String>, given: Option<BTreeMap<String, String>>) {
    for (name, value) in given.into_iter().flatten() {
        if value.is_empty() {
            place.remove(&name);
        } else {
            place.insert(name, value);
        }
    }
}
