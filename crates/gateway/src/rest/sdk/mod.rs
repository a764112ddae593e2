//! A client of a stage in JavaScript, as files of an archive, with the functions that AWS's own generator would give
//! it. Pure; knows no store. The script itself stands in `client.js`, what it is told of the stage is put in here.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-generate-sdk-javascript.html>

use std::collections::HashSet;
use std::io::{Cursor, Write as _};

use zip::result::ZipResult;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::json::Json;
use crate::rest::openapi::document::{list, object};
use crate::rest::records::{ApiRecord, MethodRecord, Snapshot};

const SCRIPT: &str = include_str!("client.js");
const README: &str = include_str!("README.md");
const FOLDER: &str = "apiGateway-js-sdk";

/// A stage to make a client of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'s> {
    pub(crate) api: &'s ApiRecord,
    pub(crate) stage: &'s str,
    pub(crate) snapshot: &'s Snapshot,
    /// Where the stage is called.
    pub(crate) url: &'s str,
}

/// One method as the client knows it.
#[derive(Debug)]
struct Function<'s> {
    name: String,
    verb: &'s str,
    path: &'s str,
    headers: Vec<String>,
    query: Vec<String>,
    required: Vec<String>,
}

/// The archive. As on AWS it has no script when there are no methods but `ANY`.
pub(crate) fn javascript(subject: &Subject<'_>) -> Vec<u8> {
    let functions = functions(subject.snapshot);
    let mut files = vec![("README.md", readme(subject, &functions))];
    if !functions.is_empty() {
        files.push(("apigClient.js", script(subject, &functions)));
    }
    archive(&files).expect("memory takes every byte, and the names are short")
}

fn archive(files: &[(&str, String)]) -> ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(format!("{FOLDER}/{name}"), SimpleFileOptions::default())?;
        writer.write_all(text.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}

fn script(subject: &Subject<'_>, functions: &[Function<'_>]) -> String {
    let methods = functions.iter().map(Function::json).collect();
    let stage = object(vec![
        ("url", Some(Json::text(subject.url))),
        ("region", Some(Json::text(&subject.api.region))),
        ("methods", Some(Json::Array(methods))),
    ]);
    SCRIPT.replacen("\"%STAGE%\"", &stage.to_text(), 1)
}

fn readme(subject: &Subject<'_>, functions: &[Function<'_>]) -> String {
    let lines = functions.iter().map(|it| format!("- `{}`: {} {}", it.name, it.verb, it.path));
    let lines = lines.collect::<Vec<_>>().join("\n");
    let none =
        "None: all methods of the stage are ANY, and clients have functions for those of one verb only.";
    let lines = if lines.is_empty() { none } else { &lines };
    README.replacen("%API%", &subject.api.name, 1).replacen("%NAME%", subject.stage, 1).replacen(
        "%FUNCTIONS%",
        lines,
        1,
    )
}

/// Those of one verb each, sorted by path.
fn functions(snapshot: &Snapshot) -> Vec<Function<'_>> {
    let mut taken = HashSet::new();
    let mut all = Vec::new();
    for resource in &snapshot.resources {
        for method in resource.methods.iter().filter(|method| method.http_method != "ANY") {
            let mut function = Function::new(&resource.path, method);
            // `/a-b` and `/a/b` would have one name.
            while !taken.insert(function.name.clone()) {
                function.name.push('_');
            }
            all.push(function);
        }
    }
    all
}

impl<'s> Function<'s> {
    fn new(path: &'s str, method: &'s MethodRecord) -> Self {
        let named = |kinds: [&str; 2]| {
            let names = method.request_parameters.keys().filter_map(|location| {
                let (kind, name) = location.strip_prefix("method.request.")?.split_once('.')?;
                kinds.contains(&kind).then(|| name.to_owned())
            });
            names.collect::<Vec<_>>()
        };
        let must = method.request_parameters.iter().filter(|(_, required)| **required);
        let must = must.filter_map(|(location, _)| location.splitn(4, '.').nth(3).map(str::to_owned));
        let mut required = variables(path);
        for name in must {
            if !required.contains(&name) {
                required.push(name);
            }
        }
        Self {
            name: name(path, &method.http_method),
            verb: &method.http_method,
            path,
            headers: named(["header", "multivalueheader"]),
            query: named(["querystring", "multivaluequerystring"]),
            required,
        }
    }

    fn json(&self) -> Json<'static> {
        let names = |names: &[String]| Some(list(names).unwrap_or(Json::Array(Vec::new())));
        object(vec![
            ("name", Some(Json::text(&self.name))),
            ("verb", Some(Json::text(self.verb))),
            ("path", Some(Json::text(self.path))),
            ("headers", names(&self.headers)),
            ("query", names(&self.query)),
            ("required", names(&self.required)),
        ])
    }
}

/// The names of a path's variables, without the plus of a greedy one.
fn variables(path: &str) -> Vec<String> {
    let variables = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    variables.map(|name| name.trim_end_matches('+').to_owned()).collect()
}

/// `petsPetIdGet` for GET of `/pets/{pet_id}`: the words of the path and the verb, each but the first with a capital.
fn name(path: &str, verb: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = String::new();
    for word in words {
        push(&mut name, word);
    }
    if name.is_empty() {
        name.push_str("root");
    }
    push(&mut name, &verb.to_ascii_lowercase());
    name
}

fn push(name: &mut String, word: &str) {
    let (first, rest) = word.split_at(1);
    let first = if name.is_empty() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() };
    name.push_str(&first);
    name.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::name;

    /// Names that AWS gave to functions of clients that are public.
    #[test]
    fn names_of_functions() {
        for (path, verb, expected) in [
            ("/", "GET", "rootGet"),
            ("/pets", "OPTIONS", "petsOptions"),
            ("/pets/{petId}", "GET", "petsPetIdGet"),
            ("/addWord/{user_id}", "PUT", "addWordUserIdPut"),
            ("/get-track-info-by-tag", "GET", "getTrackInfoByTagGet"),
            ("/backlog/backlog-item/{backlog_id}", "GET", "backlogBacklogItemBacklogIdGet"),
            ("/get_bookings", "GET", "getBookingsGet"),
            ("/{proxy+}", "OPTIONS", "proxyOptions"),
            ("/getuser", "POST", "getuserPost"),
        ] {
            assert_eq!(name(path, verb), expected, "{verb} {path}");
        }
    }
}
