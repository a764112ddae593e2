//! Resource policies: which documents DynamoDB takes, how it tells them back, and their revisions. Pure; decides on no
//! caller.

use base::Timestamp;
use minicbor::{Decode, Encode};
use wire::json::{JsonError, Kind, Reader};

use crate::error::{Error, Result};

/// White space counts.
const BYTES_MAX: usize = 20_480;
const DEPTH_MAX: usize = 32;
/// What a request expects that expects no policy.
const NONE: &str = "NO_POLICY";

/// Where a table or stream keeps its policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Slot {
    #[n(0)]
    pub(crate) document: Option<String>,
    /// When it was last put or deleted: the revision.
    #[n(1)]
    pub(crate) changed_ms: Option<i64>,
}

impl Slot {
    pub(crate) fn revision(&self) -> Option<String> {
        self.changed_ms.map(|ms| ms.to_string())
    }

    /// With `document`; the same one again is no new revision.
    pub(crate) fn replaced(&self, document: String, now: Timestamp) -> Self {
        match self.document.as_ref() == Some(&document) {
            true => self.clone(),
            false => Self { document: Some(document), changed_ms: Some(self.next(now)) },
        }
    }

    /// Without its document, if it has one.
    pub(crate) fn cleared(&self, now: Timestamp) -> Self {
        match self.document {
            Some(_) => Self { document: None, changed_ms: Some(self.next(now)) },
            None => self.clone(),
        }
    }

    /// Revisions grow.
    fn next(&self, now: Timestamp) -> i64 {
        self.changed_ms.map_or(now.0, |before| now.0.max(before + 1))
    }

    /// Refuses a change that expects another revision of the policy of `table`.
    pub(crate) fn expect(&self, expected: Option<&str>, table: &str) -> Result<()> {
        let Some(expected) = expected else { return Ok(()) };
        let present = self.document.as_ref().and_then(|_| self.revision());
        let why = match (expected, present) {
            (NONE, None) => return Ok(()),
            (expected, Some(present)) if expected == present => return Ok(()),
            (NONE, Some(present)) => format!(
                "Requested policy update expecting none to be present for table {table}, but a policy exists with \
                 revision id {present}."
            ),
            (expected, Some(present)) => format!(
                "Requested update for policy with revision id {expected}, but the policy associated to target \
                 table {table} has revision id {present}."
            ),
            (expected, None) => format!(
                "Requested update for policy with revision id {expected}, but no policy is associated to target \
                 table {table}."
            ),
        };
        Err(not_found(&why))
    }
}

/// `what` is the resource, or why another policy than its own was expected.
pub(crate) fn not_found(what: &str) -> Error {
    Error::PolicyNotFound(format!("Resource-based policy not found for the provided ResourceArn: {what}"))
}

/// `text` as DynamoDB keeps it: without white space.
pub(crate) fn document(text: &str) -> Result<String> {
    if text.len() > BYTES_MAX {
        return Err(Error::parameter(format_args!("Maximum policy size of {BYTES_MAX} bytes exceeded")));
    }
    let mut out = String::with_capacity(text.len());
    let mut outline = Outline::default();
    let read = Reader::new(text.as_bytes(), DEPTH_MAX).and_then(|mut reader| {
        outline = outline_of(&mut reader, &mut out)?;
        reader.end()
    });
    if read.is_err() {
        return Err(refused("This policy contains invalid Json"));
    }
    match outline {
        Outline { statements: 0, .. } => Err(refused("Could not parse the policy: Statement is empty!")),
        Outline { without_resource: true, .. } => Err(refused("Missing required field Resource")),
        _ => Ok(out),
    }
}

fn refused(why: &str) -> Error {
    Error::parameter(format_args!("Invalid policy document: {why}"))
}

/// What is checked of a document.
#[derive(Debug, Default)]
struct Outline {
    statements: usize,
    without_resource: bool,
}

fn outline_of(reader: &mut Reader<'_>, out: &mut String) -> Result<Outline, JsonError> {
    let mut outline = Outline::default();
    reader.begin_object()?;
    out.push('{');
    while let Some(key) = next_member(reader, out)? {
        match (key.as_str(), reader.peek()?) {
            ("Statement", Kind::Object) => {
                out.push('[');
                statement(reader, out, &mut outline)?;
                out.push(']');
            }
            ("Statement", Kind::Array) => {
                reader.begin_array()?;
                out.push('[');
                while reader.next_element()? {
                    separate(out);
                    statement(reader, out, &mut outline)?;
                }
                out.push(']');
            }
            _ => minify(reader.raw()?, out),
        }
    }
    out.push('}');
    Ok(outline)
}

fn statement(reader: &mut Reader<'_>, out: &mut String, outline: &mut Outline) -> Result<(), JsonError> {
    reader.begin_object()?;
    out.push('{');
    let mut resource = false;
    while let Some(key) = next_member(reader, out)? {
        resource |= matches!(key.as_str(), "Resource" | "NotResource");
        minify(reader.raw()?, out);
    }
    out.push('}');
    outline.statements += 1;
    outline.without_resource |= !resource;
    Ok(())
}

/// The next key, which is written too.
fn next_member(reader: &mut Reader<'_>, out: &mut String) -> Result<Option<String>, JsonError> {
    let Some(key) = reader.next_key()? else { return Ok(None) };
    separate(out);
    let mut writer = wire::json::Writer::new();
    writer.string(&key);
    out.push_str(&String::from_utf8_lossy(&writer.into_bytes()));
    out.push(':');
    Ok(Some(key.into_owned()))
}

fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

/// `json`, which is sound, without the white space outside of its strings.
fn minify(json: &str, out: &mut String) {
    let (mut quoted, mut escaped) = (false, false);
    for letter in json.chars() {
        if quoted || !letter.is_ascii_whitespace() {
            out.push(letter);
        }
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_lose_their_white_space() {
        let text = "{ \"Version\": \"2012-10-17\",\n \"Statement\": { \"Resource\" : \"* a\\\" \", \"Action\": [ \"x\" , \"y\" ] } }";
        assert_eq!(
            document(text).unwrap(),
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Resource\":\"* a\\\" \",\"Action\":[\"x\",\"y\"]}]}"
        );
    }

    #[test]
    fn revisions_grow_with_changes_alone() {
        let now = Timestamp(7);
        let first = Slot::default().replaced("a".to_owned(), now);
        assert_eq!(first.revision().as_deref(), Some("7"));
        assert_eq!(first.replaced("a".to_owned(), Timestamp(9)), first);
        assert_eq!(first.replaced("b".to_owned(), now).revision().as_deref(), Some("8"));
        assert_eq!(first.cleared(now).cleared(now).revision().as_deref(), Some("8"));
    }
}
