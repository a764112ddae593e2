//! Finds functions in a folder: files that export a handler, as people write them. Reads no more than their text.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::template::Function;

/// Deeper folders hold libraries, not functions.
const DEPTH_MAX: usize = 4;

/// Larger files are bundles or data.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Names that say nothing of what a function does: its folder's name is used then.
const PLAIN_STEMS: [&str; 6] = ["index", "main", "app", "handler", "lambda_function", "function"];

/// Folders that hold other things than functions.
const OTHER_FOLDERS: [&str; 9] =
    ["node_modules", "test", "tests", "__tests__", "__pycache__", "venv", "coverage", "target", "cdk.out"];

/// How a language shows its handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    JavaScript,
    TypeScript,
    Python,
}

impl Language {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "js" | "mjs" | "cjs" => Some(Self::JavaScript),
            "ts" | "mts" | "cts" => Some(Self::TypeScript),
            "py" => Some(Self::Python),
            _ => None,
        }
    }

    /// The names of handlers that `text` exports, those of others left out: a function is found by the names that
    /// tutorials and consoles use.
    fn exported(self, text: &str) -> Option<&'static str> {
        match self {
            Self::JavaScript | Self::TypeScript => text.lines().any(exports_handler).then_some("handler"),
            Self::Python => ["lambda_handler", "handler"]
                .into_iter()
                .find(|name| text.lines().any(|line| line.starts_with(&format!("def {name}(")))),
        }
    }
}

/// `exports.handler =`, `export const handler`, `export async function handler(`, `module.exports = { handler }`.
fn exports_handler(line: &str) -> bool {
    let line = line.trim_start();
    let words =
        |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "handler");
    if let Some(rest) = line.strip_prefix("module.exports").or_else(|| line.strip_prefix("exports")) {
        return rest.starts_with(".handler") || rest.trim_start().starts_with('=') && words(rest);
    }
    let Some(rest) = line.strip_prefix("export ") else { return false };
    let rest = rest.trim_start();
    if rest.starts_with('{') {
        return words(rest);
    }
    let named = ["const ", "let ", "var ", "async function ", "function "];
    named.into_iter().any(|kind| {
        let name = rest.strip_prefix(kind).map(str::trim_start);
        name.and_then(|name| name.strip_prefix("handler"))
            .is_some_and(|end| !end.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

/// All functions found below `root`, by name. Of two with one name the shorter path has it, the other gets its path.
pub(crate) fn discover(root: &Path) -> BTreeMap<String, Function> {
    let mut files = Vec::new();
    collect(root, 0, &mut files);
    files.sort_by_key(|file| (file.components().count(), file.clone()));
    let sources: BTreeSet<PathBuf> = files.iter().map(|file| file.with_extension("")).collect();
    let mut found = BTreeMap::new();
    for file in files {
        let Some(function) = read(root, &file, &sources) else { continue };
        let name =
            [name_of(root, &file), path_name(&file)].into_iter().find(|name| !found.contains_key(name));
        if let Some(name) = name {
            found.insert(name, function);
        }
    }
    found
}

/// Paths from `root` of everything that may hold a handler.
fn collect(root: &Path, depth: usize, into: &mut Vec<PathBuf>) {
    let mut waiting = vec![(root.to_owned(), depth)];
    while let Some((folder, depth)) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth < DEPTH_MAX && !OTHER_FOLDERS.contains(&name.as_str()) {
                waiting.push((path, depth + 1));
            } else if kind.is_file() && Language::of(&path).is_some() && !is_no_source(&name) {
                into.extend(path.strip_prefix(root).map(Path::to_owned));
            }
        }
    }
}

/// Tests, declarations and configuration of tools.
fn is_no_source(name: &str) -> bool {
    [".d.ts", ".d.mts", ".test.", ".spec.", ".config."].into_iter().any(|part| name.contains(part))
        || name.starts_with("test_")
}

fn read(root: &Path, file: &Path, sources: &BTreeSet<PathBuf>) -> Option<Function> {
    let language = Language::of(file)?;
    let path = root.join(file);
    if fs::metadata(&path).ok()?.len() > FILE_BYTES_MAX {
        return None;
    }
    // What a compiler made of a source beside it.
    let compiled = language == Language::JavaScript
        && sources.contains(&file.with_extension(""))
        && ["ts", "mts"].into_iter().any(|source| root.join(file.with_extension(source)).is_file());
    if compiled {
        return None;
    }
    let export = language.exported(&fs::read_to_string(&path).ok()?)?;
    let handler = format!("{}.{export}", file.with_extension("").to_string_lossy());
    let runtime = if language == Language::Python { "python" } else { "nodejs" };
    Some(Function { handler, runtime: Some(runtime.to_owned()), ..Function::default() })
}

/// The file's name, or its folder's where the file's says nothing.
fn name_of(root: &Path, file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let folder =
        file.parent().and_then(Path::file_name).or_else(|| root.file_name()).map(OsStr::to_string_lossy);
    match folder {
        Some(folder) if PLAIN_STEMS.contains(&&*stem) && !["src", "lambda"].contains(&&*folder) => {
            permitted(&folder)
        }
        Some(_) if PLAIN_STEMS.contains(&&*stem) => {
            permitted(&root.file_name().unwrap_or_default().to_string_lossy())
        }
        _ => permitted(&stem),
    }
}

fn path_name(file: &Path) -> String {
    permitted(&file.with_extension("").to_string_lossy())
}

/// As a function may be called: letters, digits, hyphens, underscores, at most 64.
fn permitted(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = text.chars().map(plain).take(64).collect();
    if name.is_empty() { "function".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_handlers_as_people_write_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("my app");
        for (file, text) in [
            ("index.js", "exports.handler = async () => 1;"),
            ("functions/hello.mjs", "export const handler = async () => 1"),
            ("functions/orders/index.js", "module.exports = { handler };"),
            ("functions/users/index.js", "module.exports.handler = 1"),
            ("src/shapes.ts", "export async function handler(e: any) {}"),
            ("src/shapes.js", "exports.handler = compiled"),
            ("src/list.py", "import os\ndef lambda_handler(event, context):\n  pass"),
            ("src/store.py", "def handle(x): pass"),
            ("src/lib.js", "export const handlers = []"),
            ("src/two.mjs", "export { handler }"),
            ("src/deep/hello.js", "exports.handler=1"),
            ("src/hello.test.js", "exports.handler = 1"),
            ("node_modules/x/index.js", "exports.handler = 1"),
            (".aws/index.js", "exports.handler = 1"),
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found: Vec<String> = discover(&root)
            .into_iter()
            .map(|(name, f)| format!("{name}: {} on {}", f.handler, f.runtime.unwrap()))
            .collect();
        assert_eq!(
            found,
            [
                "hello: functions/hello.handler on nodejs",
                "list: src/list.lambda_handler on python",
                "my-app: index.handler on nodejs",
                "orders: functions/orders/index.handler on nodejs",
                "shapes: src/shapes.handler on nodejs",
                "src-deep-hello: src/deep/hello.handler on nodejs",
                "two: src/two.handler on nodejs",
                "users: functions/users/index.handler on nodejs",
            ]
        );
    }
}
