//! A value against a schema. As the validator of AWS does it: what a value itself lacks is told first, all of it and in
//! the order of the keywords; what is in it is looked at only if nothing was. Bounded in steps and depth.

use std::borrow::Cow;
use std::collections::HashSet;

use vtl::JavaRegex;

use super::compile::{Bound, Dependency, Items, Keywords, More, NodeId, Pattern, Schemas};
use super::number::Decimal;
use crate::json::Json;

/// A value that meets a schema costs a step, and so does every name that is looked up.
const STEPS_MAX: u32 = 2_000_000;
/// Schemas within schemas. A value goes 64 deep.
const DEPTH_MAX: usize = 160;
/// Complaints beyond these are not told.
const TOLD_MAX: usize = 64;
/// Nor is more of a complaint than this.
const TOLD_BYTES_MAX: usize = 2048;

/// Why nobody can say whether a value is valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("validating takes too many steps")]
    Steps,
    #[error("the schemas go deeper than {DEPTH_MAX}, or round")]
    Depth,
    #[error("{0}")]
    Schema(String),
}

type Result<T> = std::result::Result<T, Trouble>;
type Members<'v, 'j> = Vec<(&'v str, &'v Json<'j>)>;

/// What is wrong with `value`; nothing if it is valid.
pub(crate) fn validate(schemas: &Schemas, schema: NodeId, value: &Json<'_>) -> Result<Vec<String>> {
    let mut checker = Checker { schemas, steps: STEPS_MAX };
    let mut told = Told { complaints: Vec::new(), valid: true, quiet: false };
    checker.check(schema, value, 0, &mut told)?;
    Ok(told.complaints.into_iter().map(|(_, complaint)| complaint).collect())
}

/// What was complained of.
struct Told {
    /// With the keyword that was not met.
    complaints: Vec<(&'static str, String)>,
    valid: bool,
    /// Only whether there is something to complain of is asked.
    quiet: bool,
}

impl Told {
    fn quiet() -> Self {
        Self { complaints: Vec::new(), valid: true, quiet: true }
    }

    fn tell(&mut self, keyword: &'static str, complaint: impl FnOnce() -> String) {
        self.valid = false;
        if !self.quiet && self.complaints.len() < TOLD_MAX {
            let mut text = complaint();
            if text.len() > TOLD_BYTES_MAX {
                let end = (0..=TOLD_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                text.truncate(end);
                text.push_str("...");
            }
            self.complaints.push((keyword, text));
        }
    }
}

struct Checker<'s> {
    schemas: &'s Schemas,
    steps: u32,
}

impl<'s> Checker<'s> {
    fn step(&mut self, cost: usize) -> Result<()> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.steps = self.steps.checked_sub(cost).ok_or(Trouble::Steps)?;
        Ok(())
    }

    fn check(&mut self, id: NodeId, value: &Json<'_>, depth: usize, told: &mut Told) -> Result<()> {
        self.step(1)?;
        if depth == DEPTH_MAX {
            return Err(Trouble::Depth);
        }
        let keywords = self.schemas.keywords(id).map_err(Trouble::Schema)?;
        let before = std::mem::replace(&mut told.valid, true);
        let own = told.complaints.len();
        self.value(keywords, value, depth, told)?;
        told.complaints[own..].sort_by_key(|(keyword, _)| *keyword);
        if told.valid {
            match value {
                Json::Array(elements) => self.elements(keywords, elements, depth, told)?,
                Json::Object(_) => self.members(keywords, value, depth, told)?,
                _ => {}
            }
        }
        told.valid &= before;
        Ok(())
    }

    fn is_valid(&mut self, id: NodeId, value: &Json<'_>, depth: usize) -> Result<bool> {
        let mut told = Told::quiet();
        self.check(id, value, depth + 1, &mut told)?;
        Ok(told.valid)
    }

    /// The value itself, by the keywords' names.
    fn value(
        &mut self,
        keywords: &'s Keywords,
        value: &Json<'_>,
        depth: usize,
        told: &mut Told,
    ) -> Result<()> {
        match value {
            Json::Array(elements) => self.array(keywords, elements, told)?,
            Json::Object(_) => self.object(keywords, value, depth, told)?,
            Json::String(text) => self.text(keywords, text, told)?,
            Json::Number(text) => number(keywords, text, told),
            Json::Null | Json::Bool(_) => {}
        }
        self.combined(keywords, value, depth, told)?;
        if let Some(choices) = &keywords.choices {
            let canonical = canonical(value);
            self.step(canonical.len() / 16 + choices.canonical.len())?;
            if !choices.canonical.contains(&canonical) {
                told.tell("enum", || {
                    let shown = value.to_text();
                    format!("instance value ({shown}) not found in enum (possible values: {})", choices.text)
                });
            }
        }
        if let Some(types) = &keywords.types {
            let found = kind(value);
            if !types.contains(&found) {
                told.tell("type", || {
                    format!(
                        "instance type ({found}) does not match any allowed primitive type (allowed: {})",
                        list(types)
                    )
                });
            }
        }
        Ok(())
    }

    fn combined(
        &mut self,
        keywords: &'s Keywords,
        value: &Json<'_>,
        depth: usize,
        told: &mut Told,
    ) -> Result<()> {
        let mut matched = |ids: &[NodeId]| {
            let mut count = 0;
            for id in ids {
                count += usize::from(self.is_valid(*id, value, depth)?);
            }
            Ok(count)
        };
        let (all, any, one) = (&keywords.all_of, &keywords.any_of, &keywords.one_of);
        let count = matched(all)?;
        if count < all.len() {
            let of = all.len();
            told.tell("allOf", || {
                format!("instance failed to match all required schemas (matched only {count} out of {of})")
            });
        }
        if !any.is_empty() && matched(any)? == 0 {
            let of = any.len();
            told.tell("anyOf", || {
                format!("instance failed to match at least one required schema among {of}")
            });
        }
        if let Some(not) = keywords.not
            && matched(&[not])? == 1
        {
            told.tell("not", || "instance matched a schema which it should not have".to_owned());
        }
        let count = matched(one)?;
        if !one.is_empty() && count != 1 {
            let of = one.len();
            told.tell("oneOf", || {
                format!("instance failed to match exactly one schema (matched {count} out of {of})")
            });
        }
        Ok(())
    }

    fn text(&mut self, keywords: &Keywords, text: &str, told: &mut Told) -> Result<()> {
        let length = || text.chars().count() as u64;
        if let Some(max) = keywords.length_max.filter(|max| length() > *max) {
            told.tell("maxLength", || {
                format!("string \"{text}\" is too long (length: {}, maximum allowed: {max})", length())
            });
        }
        if let Some(min) = keywords.length_min.filter(|min| length() < *min) {
            told.tell("minLength", || {
                format!("string \"{text}\" is too short (length: {}, required minimum: {min})", length())
            });
        }
        if let Some(pattern) = &keywords.pattern
            && !self.found(pattern, text)?
        {
            let pattern = &pattern.text;
            told.tell("pattern", || {
                format!("ECMA 262 regex \"{pattern}\" does not match input string \"{text}\"")
            });
        }
        if let Some(complaint) = keywords.format.and_then(|format| format.complaint(text)) {
            told.tell("format", || complaint);
        }
        Ok(())
    }

    fn found(&mut self, pattern: &Pattern, text: &str) -> Result<bool> {
        let regex: &JavaRegex = match &pattern.regex {
            Ok(regex) => regex,
            Err(why) => return Err(Trouble::Schema(format!("the pattern {}: {why}", pattern.text))),
        };
        let found = regex.find_within(text, 0, &mut self.steps).map_err(|_| Trouble::Steps)?;
        Ok(found.is_some())
    }

    fn array(&mut self, keywords: &Keywords, elements: &[Json<'_>], told: &mut Told) -> Result<()> {
        let count = elements.len();
        if let (Items::Each(each), More::Nothing) = (&keywords.items, &keywords.items_more)
            && count > each.len()
        {
            let max = each.len();
            told.tell("additionalItems", || {
                format!("schema only allows {max} elements in array but instance has {count} elements")
            });
        }
        if let Some(max) = keywords.items_max.filter(|max| count as u64 > *max) {
            told.tell("maxItems", || {
                format!(
                    "array is too long: must have at most {max} elements but instance has {count} elements"
                )
            });
        }
        if let Some(min) = keywords.items_min.filter(|min| (count as u64) < *min) {
            told.tell("minItems", || {
                format!(
                    "array is too short: must have at least {min} elements but instance has {count} elements"
                )
            });
        }
        if keywords.items_unique {
            let mut known = HashSet::with_capacity(count);
            for element in elements {
                let canonical = canonical(element);
                self.step(1 + canonical.len() / 16)?;
                if !known.insert(canonical) {
                    told.tell("uniqueItems", || "array must not contain duplicate elements".to_owned());
                    break;
                }
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        keywords: &'s Keywords,
        value: &Json<'_>,
        depth: usize,
        told: &mut Told,
    ) -> Result<()> {
        let members = sorted(value);
        self.step(members.len() + keywords.required.len() + keywords.dependencies.len())?;
        if let More::Nothing = keywords.properties_more {
            let mut unknown = Vec::new();
            for (name, _) in &members {
                if !keywords.properties.contains_key(*name) && !self.matches_pattern(keywords, name)? {
                    unknown.push(*name);
                }
            }
            if !unknown.is_empty() {
                told.tell("additionalProperties", || {
                    let names = list(&unknown);
                    format!("object instance has properties which are not allowed by the schema: {names}")
                });
            }
        }
        self.dependencies(keywords, value, depth, told)?;
        let count = members.len() as u64;
        if let Some(max) = keywords.properties_max.filter(|max| count > *max) {
            told.tell("maxProperties", || {
                format!("object has too many properties (found {count} but schema requires at most {max})")
            });
        }
        if let Some(min) = keywords.properties_min.filter(|min| count < *min) {
            told.tell("minProperties", || {
                format!("object has too few properties (found {count} but schema requires at least {min})")
            });
        }
        let missing = lacking(&members, &keywords.required);
        if !missing.is_empty() {
            told.tell("required", || format!("object has missing required properties ({})", list(&missing)));
        }
        Ok(())
    }

    fn dependencies(
        &mut self,
        keywords: &'s Keywords,
        value: &Json<'_>,
        depth: usize,
        told: &mut Told,
    ) -> Result<()> {
        if keywords.dependencies.is_empty() {
            return Ok(());
        }
        let members = sorted(value);
        for (name, dependency) in &keywords.dependencies {
            if find(&members, name).is_none() {
                continue;
            }
            match dependency {
                Dependency::Schema(schema) => self.check(*schema, value, depth + 1, told)?,
                Dependency::Names(names) => {
                    let missing = lacking(&members, names);
                    if !missing.is_empty() {
                        told.tell("dependencies", || {
                            format!(
                                "property \"{name}\" of object has missing property dependencies (schema requires {}; \
                                 missing: {})",
                                list(names),
                                list(&missing)
                            )
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn matches_pattern(&mut self, keywords: &Keywords, name: &str) -> Result<bool> {
        for (pattern, _) in &keywords.patterns {
            if self.found(pattern, name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn elements(
        &mut self,
        keywords: &'s Keywords,
        elements: &[Json<'_>],
        depth: usize,
        told: &mut Told,
    ) -> Result<()> {
        for (at, element) in elements.iter().enumerate() {
            let schema = match &keywords.items {
                Items::Any => break,
                Items::All(schema) => Some(*schema),
                Items::Each(each) => each.get(at).copied().or(match keywords.items_more {
                    More::Schema(schema) => Some(schema),
                    More::Any | More::Nothing => None,
                }),
            };
            if let Some(schema) = schema {
                self.check(schema, element, depth + 1, told)?;
            }
        }
        Ok(())
    }

    fn members(
        &mut self,
        keywords: &'s Keywords,
        value: &Json<'_>,
        depth: usize,
        told: &mut Told,
    ) -> Result<()> {
        for (name, member) in sorted(value) {
            let own = keywords.properties.get(name);
            let mut known = own.is_some();
            if let Some(schema) = own {
                self.check(*schema, member, depth + 1, told)?;
            }
            for (pattern, schema) in &keywords.patterns {
                if self.found(pattern, name)? {
                    known = true;
                    self.check(*schema, member, depth + 1, told)?;
                }
            }
            if let (false, More::Schema(schema)) = (known, &keywords.properties_more) {
                self.check(*schema, member, depth + 1, told)?;
            }
        }
        Ok(())
    }
}

fn number(keywords: &Keywords, text: &str, told: &mut Told) {
    let value = Decimal::parse(text);
    let mut beyond = |bound: &Bound, outside: bool, far: &str, close: &str, name: &'static str| {
        let limit = &bound.text;
        if outside {
            told.tell(name, || {
                format!("numeric instance is {far} than the required {name} ({name}: {limit}, found: {text})")
            });
        } else if bound.exclusive && value == bound.value {
            told.tell(name, || {
                format!("numeric instance is not strictly {close} than the required {name} {limit}")
            });
        }
    };
    if let Some(bound) = &keywords.maximum {
        beyond(bound, value > bound.value, "greater", "lower", "maximum");
    }
    if let Some(bound) = &keywords.minimum {
        beyond(bound, value < bound.value, "lower", "greater", "minimum");
    }
    if let Some(divisor) = keywords.multiple_of.as_ref().filter(|bound| bound.value.is_positive())
        && !value.is_multiple_of(&divisor.value).unwrap_or_default()
    {
        told.tell("multipleOf", || format!("remainder of division is not zero ({text} / {})", divisor.text));
    }
}

/// The members of an object by their names.
fn sorted<'v, 'j>(value: &'v Json<'j>) -> Members<'v, 'j> {
    let members = value.as_object().unwrap_or_default();
    let mut members: Members<'v, 'j> = members.iter().map(|(name, value)| (&**name, value)).collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    members
}

fn find<'v, 'j>(members: &Members<'v, 'j>, name: &str) -> Option<&'v Json<'j>> {
    let at = members.binary_search_by_key(&name, |(known, _)| known).ok()?;
    members.get(at).map(|(_, value)| *value)
}

fn lacking<'n>(members: &Members<'_, '_>, names: &'n [String]) -> Vec<&'n str> {
    names.iter().map(String::as_str).filter(|name| find(members, name).is_none()).collect()
}

/// `["a","b"]`
fn list(texts: &[impl AsRef<str>]) -> String {
    let texts = texts.iter().map(|text| Json::String(Cow::Borrowed(text.as_ref())));
    Json::Array(texts.collect()).to_text()
}

/// What draft 4 calls a value: a number is an integer if it is written as one.
fn kind(value: &Json<'_>) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(text) if text.contains(['.', 'e', 'E']) => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// The same text for what is equal: names in order, numbers by their values.
pub(super) fn canonical(value: &Json<'_>) -> String {
    fn write(value: &Json<'_>, text: &mut String) {
        match value {
            Json::Number(number) => text.push_str(&Decimal::parse(number).canonical()),
            Json::Array(elements) => {
                text.push('[');
                for element in elements {
                    write(element, text);
                    text.push(',');
                }
                text.push(']');
            }
            Json::Object(_) => {
                text.push('{');
                for (name, member) in sorted(value) {
                    text.push_str(&Json::String(Cow::Borrowed(name)).to_text());
                    text.push(':');
                    write(member, text);
                    text.push(',');
                }
                text.push('}');
            }
            other => text.push_str(&other.to_text()),
        }
    }
    let mut text = String::new();
    write(value, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{BODY_BOUNDS, Schemas};

    fn complaints(schema: &str, value: &str) -> String {
        let schemas = Schemas::compile([("A", schema)].into_iter());
        let json = Json::parse(value.as_bytes(), BODY_BOUNDS).unwrap();
        match validate(&schemas, schemas.model("A").unwrap(), &json) {
            Ok(complaints) => complaints.join(", "),
            Err(trouble) => format!("!{trouble}"),
        }
    }

    /// Schema, value, complaints.
    const COMPLAINTS: &[(&str, &str, &str)] = &[
        (r#"{"type":"object"}"#, "{}", ""),
        (
            r#"{"type":"number"}"#,
            r#""a""#,
            r#"instance type (string) does not match any allowed primitive type (allowed: ["integer","number"])"#,
        ),
        (
            r#"{"type":"integer"}"#,
            "1.0",
            r#"instance type (number) does not match any allowed primitive type (allowed: ["integer"])"#,
        ),
        (r#"{"required":["b","a"]}"#, "{}", r#"object has missing required properties (["a","b"])"#),
        // What is in it is not looked at when something is wrong with it.
        (
            r#"{"required":["b"],"properties":{"a":{"type":"string"}}}"#,
            r#"{"a":1}"#,
            r#"object has missing required properties (["b"])"#,
        ),
        (
            r#"{"properties":{"a":{"type":"string"},"b":{"maxLength":1}}}"#,
            r#"{"b":"xy","a":1}"#,
            r#"instance type (integer) does not match any allowed primitive type (allowed: ["string"]), string "xy" is too long (length: 2, maximum allowed: 1)"#,
        ),
        (
            r#"{"minLength":3,"pattern":"^a"}"#,
            r#""é""#,
            r#"string "é" is too short (length: 1, required minimum: 3), ECMA 262 regex "^a" does not match input string "é""#,
        ),
        (
            r#"{"minimum":1.5}"#,
            "1",
            "numeric instance is lower than the required minimum (minimum: 1.5, found: 1)",
        ),
        (
            r#"{"minimum":1,"exclusiveMinimum":true}"#,
            "1.0",
            "numeric instance is not strictly greater than the required minimum 1",
        ),
        (
            r#"{"maximum":1}"#,
            "1e9",
            "numeric instance is greater than the required maximum (maximum: 1, found: 1e9)",
        ),
        (
            r#"{"maximum":1,"exclusiveMaximum":true}"#,
            "1",
            "numeric instance is not strictly lower than the required maximum 1",
        ),
        (r#"{"multipleOf":0.1}"#, "0.35", "remainder of division is not zero (0.35 / 0.1)"),
        (
            r#"{"enum":["a",1]}"#,
            r#""b""#,
            r#"instance value ("b") not found in enum (possible values: ["a",1])"#,
        ),
        (r#"{"enum":[{"a":1,"b":2}]}"#, r#"{"b":2.0,"a":1}"#, ""),
        (
            r#"{"additionalProperties":false,"properties":{"a":{}}}"#,
            r#"{"a":1,"c":1,"b":1}"#,
            r#"object instance has properties which are not allowed by the schema: ["b","c"]"#,
        ),
        (
            r#"{"maxProperties":1}"#,
            r#"{"a":1,"b":1}"#,
            "object has too many properties (found 2 but schema requires at most 1)",
        ),
        (
            r#"{"minProperties":1}"#,
            "{}",
            "object has too few properties (found 0 but schema requires at least 1)",
        ),
        (
            r#"{"dependencies":{"a":["b"]}}"#,
            r#"{"a":1}"#,
            r#"property "a" of object has missing property dependencies (schema requires ["b"]; missing: ["b"])"#,
        ),
        (
            r#"{"items":{"type":"null"},"maxItems":1}"#,
            "[1,2]",
            "array is too long: must have at most 1 elements but instance has 2 elements",
        ),
        (
            r#"{"minItems":1}"#,
            "[]",
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ),
        (
            r#"{"items":[{}],"additionalItems":false}"#,
            "[1,2]",
            "schema only allows 1 elements in array but instance has 2 elements",
        ),
        (r#"{"uniqueItems":true}"#, r#"[{"a":1},{"a":1.0}]"#, "array must not contain duplicate elements"),
        (
            r#"{"allOf":[{},{"type":"null"}]}"#,
            "1",
            "instance failed to match all required schemas (matched only 1 out of 2)",
        ),
        (
            r#"{"anyOf":[{"type":"null"}]}"#,
            "1",
            "instance failed to match at least one required schema among 1",
        ),
        (r#"{"oneOf":[{},{}]}"#, "1", "instance failed to match exactly one schema (matched 2 out of 2)"),
        (r#"{"not":{}}"#, "1", "instance matched a schema which it should not have"),
        (r#"{"format":"uuid"}"#, r#""x""#, r#"input string "x" is not a valid UUID"#),
        (r#"{"format":"nothing"}"#, r#""x""#, ""),
    ];

    #[test]
    fn complaints_are_those_of_aws() {
        for (schema, value, wanted) in COMPLAINTS {
            assert_eq!(complaints(schema, value), *wanted, "{schema} {value}");
        }
    }

    /// Random schemas with a value that is valid and one that is not, by python-jsonschema 4.26.
    #[test]
    fn verdicts_are_those_of_draft_4() {
        let mut schema = "";
        for line in include_str!("verdicts.txt").lines() {
            match line.split_at_checked(4) {
                Some(("  + ", value)) => assert_eq!(complaints(schema, value), "", "{schema} {value}"),
                Some(("  - ", value)) => {
                    let told = complaints(schema, value);
                    assert!(!told.is_empty() && !told.starts_with('!'), "{schema} {value}: {told}");
                }
                _ => schema = line,
            }
        }
    }

    #[test]
    fn schemas_follow_a_value_as_far_as_it_goes() {
        let list = r##"{"type":"object","properties":{"next":{"$ref":"#"}}}"##;
        let deep = format!("{}1{}", r#"{"next":"#.repeat(60), "}".repeat(60));
        assert!(complaints(list, &deep).contains("instance type (integer)"));
        for round in
            [r##"{"$ref":"#"}"##, r##"{"allOf":[{"$ref":"#"}]}"##, r##"{"not":{"anyOf":[{"$ref":"#"}]}}"##]
        {
            assert!(complaints(round, "1").starts_with('!'), "{round}");
        }
        let urls =
            |name| format!(r#"{{"$ref":"https://apigateway.amazonaws.com/restapis/x/models/{name}"}}"#);
        let (a, b) =
            (format!(r#"{{"properties":{{"b":{}}}}}"#, urls("B")), format!(r#"{{"items":{}}}"#, urls("A")));
        let schemas = Schemas::compile([("A", &*a), ("B", &*b)].into_iter());
        let json = Json::parse(br#"{"b":[{"b":[1]}]}"#, BODY_BOUNDS).unwrap();
        assert_eq!(validate(&schemas, schemas.model("A").unwrap(), &json), Ok(Vec::new()));
        assert!(complaints(&urls("C"), "1").starts_with("!there is no model C"));
    }

    /// Each level tries the next one twice: two to the fiftieth ways.
    #[test]
    fn steps_are_bounded() {
        let twice = r##"{"anyOf":[{"properties":{"a":{"$ref":"#"},"z":{"not":{}}},"required":["a"]},{"properties":{"a":{"$ref":"#"}},"required":["a"]}]}"##;
        let deep = format!("{}{{}}{}", r#"{"a":"#.repeat(50), "}".repeat(50));
        assert!(complaints(twice, &deep).starts_with("!validating takes too many steps"));
        let text = format!(r#""{}!""#, "a".repeat(40));
        assert!(
            complaints(r#"{"pattern":"^(a+)+$"}"#, &text).starts_with("!validating takes too many steps")
        );
        let many = format!("[{}]", vec!["1"; 100_000].join(","));
        assert!(complaints(r#"{"items":{"type":"string"}}"#, &many).len() < 64 * 120);
    }
}
