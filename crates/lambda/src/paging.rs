//! Marker and MaxItems of the list operations. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire::Failure;

use crate::error;

/// What a list operation asks for.
#[derive(Debug)]
pub(crate) struct Paging<'a> {
    pub(crate) marker: Option<&'a str>,
    pub(crate) max_items: Option<i32>,
    /// AWS's own bound on a page, whatever is asked.
    pub(crate) page_max: usize,
}

impl Paging<'_> {
    /// The items after the marker, which are in the order of their keys, and the marker of the next page.
    pub(crate) fn page<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        self.page_of(items, key, |key, after| key > after)
    }

    /// The same of items whose keys rise or, `reversed`, fall: what comes between two pages moves nothing.
    pub(crate) fn page_in_order<T>(
        &self,
        reversed: bool,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        if reversed { self.page_of(items, key, |key, after| key < after) } else { self.page(items, key) }
    }

    fn page_of<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
        is_beyond: impl Fn(&str, &str) -> bool,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        let after = match self.marker.filter(|marker| !marker.is_empty()) {
            Some(marker) => Some(read_marker(marker)?),
            None => None,
        };
        let max = self
            .max_items
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(usize::MAX)
            .clamp(1, self.page_max);
        let mut rest =
            items.into_iter().filter(|item| after.as_ref().is_none_or(|after| is_beyond(&key(item), after)));
        let page: Vec<T> = rest.by_ref().take(max).collect();
        let more = rest.next().is_some();
        let next = page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
        Ok((page, next))
    }
}

fn read_marker(marker: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(marker).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| error::invalid("Invalid Marker"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_loss() {
        let items: Vec<String> = (0..7).map(|i| format!("f{i}")).collect();
        let mut seen = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let paging = Paging { marker: marker.as_deref(), max_items: Some(3), page_max: 50 };
            let (page, next) = paging.page(items.clone(), String::clone).unwrap();
            assert!(page.len() <= 3);
            seen.extend(page);
            match next {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, items);
        let paging = Paging { marker: None, max_items: Some(3), page_max: 50 };
        let falling = || items.iter().rev().cloned();
        let (first, marker) = paging.page_in_order(true, falling(), String::clone).unwrap();
        assert_eq!(first, ["f6", "f5", "f4"]);
        let paging = Paging { marker: marker.as_deref(), max_items: None, page_max: 50 };
        let more = ["f9".to_owned()].into_iter().chain(falling());
        let (rest, marker) = paging.page_in_order(true, more, String::clone).unwrap();
        assert_eq!((rest.concat().as_str(), marker), ("f3f2f1f0", None));
        let paging = Paging { marker: Some("%%"), max_items: None, page_max: 50 };
        assert!(paging.page(items, String::clone).is_err());
    }
}
