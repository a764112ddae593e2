//! Filters of event source mappings: any bytes are a pattern or none, and match any bytes or not, without an end to neither.

use lambda::Pattern;

/// A pattern, a zero byte, and a record.
pub(crate) fn filter(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (pattern, record) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    let Ok(compiled) = Pattern::compile(pattern) else { return };
    let first = compiled.matches(record);
    assert_eq!(compiled.matches(record), first, "a match does not change the pattern");
    assert_eq!(Pattern::compile(pattern).as_ref(), Ok(&compiled), "a text is one pattern");
}
