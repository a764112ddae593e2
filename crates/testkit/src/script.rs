//! Scripts of requests with the answers that are expected. A script is the file itself:
//!
//! - `> request`: lines that begin with two spaces go on with it
//! - `< answer`: what must come; run with `UPDATE_EXPECT=1` it is written anew
//! - `& name = /pointer`: remembers a part of the last answer; `$name` in a later request stands for it
//! - `+`, `.` or `~` and a word: whatever else the test's [`Actor`] can do
//! - everything else is a comment
//!
//! Knows no service.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

/// What a request came to.
#[derive(Debug)]
pub struct Told {
    /// The answer as the script has it, without what is random.
    pub line: String,
    /// What `&` looks into.
    pub body: Value,
}

/// Who carries a script out.
pub trait Actor {
    fn call(&mut self, request: &str) -> impl Future<Output = Told>;

    /// A line that begins with one of `+.~` and a blank.
    fn turn(&mut self, mark: char, what: &str) -> impl Future<Output = ()>;
}

/// `text` with the answers that really came.
///
/// # Panics
/// Where the script asks for a part of an answer that is not there.
pub async fn play(actor: &mut impl Actor, text: &str) -> String {
    let mut out = String::new();
    let mut last = Value::Null;
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = text.lines().filter(|line| !line.starts_with("< ")).peekable();
    while let Some(line) = lines.next() {
        push_line(&mut out, line);
        let Some((mark, rest)) = line.split_at_checked(2) else { continue };
        match mark {
            "> " => {
                let mut request = rest.to_owned();
                while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
                    push_line(&mut out, more);
                    request.push_str(more);
                }
                for (name, value) in known.iter().rev() {
                    request = request.replace(name, value);
                }
                let told = actor.call(&request).await;
                push_line(&mut out, &format!("< {}", told.line));
                last = told.body;
            }
            "& " => {
                let (name, pointer) = rest.split_once(" = ").unwrap_or_else(|| panic!("{line}: no name"));
                let found = last.pointer(pointer).unwrap_or_else(|| panic!("{line}: {last}"));
                let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
                known.insert(format!("${name}"), found);
            }
            "+ " | ". " | "~ " => {
                actor
                    .turn(
                        if mark == "+ " {
                            '+'
                        } else if mark == ". " {
                            '.'
                        } else {
                            '~'
                        },
                        rest,
                    )
                    .await
            }
            _ => {}
        }
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("writing to a String does not fail");
}

/// Fails with the first lines that differ.
///
/// # Panics
/// If any does.
pub fn refuse(path: &Path, expected: &str, actual: &str) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let pairs = expected.lines().zip(actual.lines()).enumerate();
    let differences: Vec<String> = pairs
        .filter(|(_, (expected, actual))| expected != actual)
        .map(|(line, (expected, actual))| {
            format!("line {}\n  expected {expected}\n  actual   {actual}", line + 1)
        })
        .take(5)
        .collect();
    panic!("{name}: {}", differences.join("\n"));
}
