//! What is compiled once of a function's package, so that its cold starts need not. Made in a jail by our bootstrap, kept
//! here and shown read-only to environments of that package. Knows no jail.
//!
//! Python: bytecode of all sources, of which none is run, kept by package and interpreter. Node.js: what V8 has compiled
//! once the handler is loaded, in an environment of the function that never sees an event. What ran there depends on the
//! function's layers, too, so it is kept for that function with these layers, and shown to no other.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};

use crate::frame::{take_bytes, take_text};
use crate::init;
use crate::interpreter::{Channel, Family, Interpreter};
use crate::spec::FunctionSpec;
use crate::start::needs_stem;

/// Instead of a handler: no function's can have a space. Node.js: the function's own stands behind it.
const COMPILER: &str = "rushlight compiles";

/// A function with little memory is compiled with so much.
const COMPILER_MIB: u32 = 512;
const COMPILER_TIMEOUT_MS: u64 = 60_000;

/// Packages kept, and bytes of one: at most 1 GiB together.
const PACKAGES_MAX: usize = 64;
const BYTES_MAX: usize = 16 << 20;

/// Sources of fewer bytes are compiled in less time than a process takes to start that would do it. V8 compiles what it
/// runs alone.
const PYTHON_BYTES_MIN: u64 = 16 << 10;
const NODE_BYTES_MIN: u64 = 128 << 10;

/// Packages remembered, be it that there is nothing of them to keep.
const KNOWN_MAX: usize = 16_384;

#[derive(Debug)]
pub(crate) struct Compiled {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether it is there; else it is being made, or could not be.
    known: HashMap<String, bool>,
    /// Those that are there, oldest first.
    kept: VecDeque<String>,
}

impl Compiled {
    /// What an earlier process of the server kept is used; what it had not finished is removed.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut state = State::default();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            match entry.file_name().into_string() {
                Ok(name) if !name.starts_with('.') => {
                    state.known.insert(name.clone(), true);
                    state.kept.push_back(name);
                }
                _ => fs::remove_dir_all(entry.path())?,
            }
        }
        Ok(Self { folder, state: Mutex::new(state) })
    }

    /// What there is for an environment of this function.
    pub(crate) fn find(&self, spec: &FunctionSpec, interpreter: &Interpreter) -> Option<PathBuf> {
        let key = key(spec, interpreter)?;
        let there = self.lock().known.get(&key).is_some_and(|there| *there);
        there.then(|| self.folder.join(key))
    }

    /// The key by which the caller is to make it and to [`keep`](Self::keep) it; only once of each.
    pub(crate) fn begin(&self, spec: &FunctionSpec, interpreter: &Interpreter) -> Option<String> {
        let key = key(spec, interpreter)?;
        let mut state = self.lock();
        if state.known.contains_key(&key) {
            return None;
        }
        if state.known.len() >= KNOWN_MAX {
            state.known.retain(|_, there| *there);
        }
        state.known.insert(key.clone(), false);
        Some(key)
    }

    /// Environments that have what is dropped for it go on without: they compile what they still load.
    pub(crate) fn keep(&self, key: &str, files: &[(PathBuf, Bytes)]) -> io::Result<()> {
        let aside = self.folder.join(format!(".{key}"));
        for (name, content) in files {
            let file = aside.join(name);
            fs::create_dir_all(file.parent().unwrap_or(&aside))?;
            fs::write(file, content)?;
        }
        fs::create_dir_all(&aside)?;
        fs::rename(&aside, self.folder.join(key))?;
        let mut state = self.lock();
        state.known.insert(key.to_owned(), true);
        state.kept.push_back(key.to_owned());
        while state.kept.len() > PACKAGES_MAX
            && let Some(oldest) = state.kept.pop_front()
        {
            state.known.remove(&oldest);
            fs::remove_dir_all(self.folder.join(oldest))?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The function that the compiler is.
pub(crate) fn compiler(spec: &FunctionSpec, family: Family) -> FunctionSpec {
    let spec = FunctionSpec {
        package: None,
        memory_mib: spec.memory_mib.max(COMPILER_MIB),
        timeout_ms: COMPILER_TIMEOUT_MS,
        late_lines: None,
        ..spec.clone()
    };
    if family == Family::Node {
        return FunctionSpec { handler: format!("{COMPILER} {}", spec.handler), ..spec };
    }
    FunctionSpec {
        handler: COMPILER.to_owned(),
        env: Vec::new(),
        layers: Vec::new(),
        credentials: None,
        inspect: None,
        ..spec
    }
}

/// Nothing for a package that may change, and for languages that compile nothing.
fn key(spec: &FunctionSpec, interpreter: &Interpreter) -> Option<String> {
    let package = spec.package.as_deref().filter(|name| name.bytes().all(|c| c.is_ascii_alphanumeric()))?;
    let family = interpreter.family;
    let of_package = format!("{package}-{}-{}", family.name(), interpreter.version);
    match family {
        Family::Python => Some(of_package),
        // Its wrapper and its extensions may expect to be started for events alone.
        Family::Node if spec.inspect.is_some() || needs_stem(spec, Channel::Frames) => None,
        // It may say how V8 compiles, or have other modules loaded before.
        Family::Node if init::starts_fresh(spec, family) => None,
        Family::Node => {
            let mut function = DefaultHasher::new();
            (spec.scope.account.to_string(), spec.scope.region.to_string()).hash(&mut function);
            (&spec.name, &spec.layers).hash(&mut function);
            Some(format!("{of_package}-{:016x}", function.finish()))
        }
        Family::Java | Family::Ruby | Family::Dotnet | Family::Provided => None,
    }
}

/// Whether the package has so much source that compiling it is worth a process.
pub(crate) fn is_worth_it(code_dir: &Path, family: Family) -> bool {
    let (kinds, bytes_min): (&[&str], _) = match family {
        Family::Node => (&["js", "cjs"], NODE_BYTES_MIN),
        _ => (&["py"], PYTHON_BYTES_MIN),
    };
    let (mut folders, mut bytes) = (vec![code_dir.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|kind| kinds.iter().any(|k| kind == *k)) {
                bytes += found.len();
            }
        }
        if bytes >= bytes_min {
            return true;
        }
    }
    false
}

/// The files of one answer of the compiler are added to `files`; gives the source it goes on with, nothing at the end
/// or where all that may be kept is there.
pub(crate) fn collect(answer: &[u8], files: &mut Vec<(PathBuf, Bytes)>) -> Option<u32> {
    let text = answer.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut body = Bytes::from(STANDARD.decode(text).ok()?);
    let next = body.try_get_u32_le().ok()?;
    while body.has_remaining() {
        let (name, content) = (PathBuf::from(&*take_text(&mut body).ok()?), take_bytes(&mut body).ok()?);
        let held: usize = files.iter().map(|(_, content)| content.len()).sum();
        if held + content.len() > BYTES_MAX {
            return None;
        }
        // The compiler is ours, but what it reads may have got the better of it.
        if is_inside(&name) {
            files.push((name, content));
        }
    }
    (next > 0).then_some(next)
}

fn is_inside(name: &Path) -> bool {
    name.extension().is_some_and(|kind| kind == "pyc" || kind == "v8")
        && name.components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(next: u32, files: &[(&str, &str)]) -> Vec<u8> {
        let mut body = next.to_le_bytes().to_vec();
        for text in files.iter().flat_map(|(name, content)| [name, content]) {
            body.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
            body.extend(text.as_bytes());
        }
        format!("\"{}\"", STANDARD.encode(body)).into_bytes()
    }

    #[test]
    fn nothing_is_written_elsewhere() {
        let mut files = Vec::new();
        let names = ["var/task/a.pyc", "/etc/a.pyc", "../a.pyc", "var/../../a.pyc", "var/task/a.py"];
        let next = collect(&answer(7, &names.map(|name| (name, "x"))), &mut files);
        assert_eq!(next, Some(7));
        assert_eq!(files, [(PathBuf::from("var/task/a.pyc"), Bytes::from("x"))]);
        assert_eq!(collect(&answer(0, &[]), &mut files), None);
        for garbage in [&b"null"[..], b"\"\"", b"\"AAAAAAUAAAA=\"", b"\"", b""] {
            assert_eq!(collect(garbage, &mut files), None);
        }
    }

    #[test]
    fn the_oldest_goes_and_what_is_kept_outlives_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let compiled = Compiled::open(folder.path().to_owned()).unwrap();
        let files = [(PathBuf::from("var/task/a.pyc"), Bytes::from("x"))];
        for n in 0..=PACKAGES_MAX {
            compiled.keep(&format!("p{n}"), &files).unwrap();
        }
        fs::create_dir(folder.path().join(".half")).unwrap();
        let again = Compiled::open(folder.path().to_owned()).unwrap();
        let state = again.lock();
        assert_eq!(state.kept.len(), PACKAGES_MAX);
        assert!(!state.known.contains_key("p0") && state.known["p1"]);
        assert!(!folder.path().join(".half").exists());
    }
}
