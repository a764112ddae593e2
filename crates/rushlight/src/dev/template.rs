//! The functions that a project's `rushlight.toml` names: `[functions.NAME]` tables. Plain data; knows no server.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// One function of a project. What is not said is found out or is AWS's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Function {
    /// Such as `src/hello.handler`, from the project's folder.
    pub(crate) handler: String,
    /// AWS's name, or `nodejs` or `python` for the version that is here.
    pub(crate) runtime: Option<String>,
    /// In seconds.
    pub(crate) timeout: Option<u32>,
    /// In MB.
    pub(crate) memory: Option<u32>,
    pub(crate) environment: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    functions: BTreeMap<String, Function>,
}

/// The functions in the `rushlight.toml` of `folder`; none when it names none.
pub(crate) fn read(folder: &Path) -> Result<BTreeMap<String, Function>> {
    let path = folder.join("rushlight.toml");
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut file: File =
        toml::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))?;
    for (name, function) in &mut file.functions {
        if !function.handler.contains('.') {
            bail!(
                "{}: functions.{name} needs a handler, such as handler = \"src/{name}.handler\"",
                path.display()
            );
        }
        if function.runtime.is_none() && is_python(folder, &function.handler) {
            function.runtime = Some("python".to_owned());
        }
    }
    Ok(file.functions)
}

/// Whether the file behind a handler is Python: what no function says of itself, its file does.
fn is_python(folder: &Path, handler: &str) -> bool {
    let module = handler.rsplit_once('.').map_or(handler, |(module, _)| module).replace('.', "/");
    folder.join(&module).with_extension("py").is_file() || folder.join(module).join("__init__.py").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_in_its_files_language() {
        let folder = tempfile::tempdir().unwrap();
        let template: String = ["one.handler", "src/two.handler", "pack.handler", "web.handler"]
            .iter()
            .enumerate()
            .map(|(n, handler)| format!("[functions.f{n}]\nhandler = \"{handler}\"\n"))
            .collect();
        for (file, text) in [
            ("rushlight.toml", template.as_str()),
            ("one.py", ""),
            ("src/two.py", ""),
            ("pack/__init__.py", ""),
            ("web.js", ""),
        ] {
            std::fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let runtimes: Vec<_> =
            read(folder.path()).unwrap().into_values().map(|function| function.runtime).collect();
        let python = Some("python".to_owned());
        assert_eq!(runtimes, [python.clone(), python.clone(), python, None]);
    }

    fn parsed(text: &str) -> Result<BTreeMap<String, Function>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rushlight.toml"), text).unwrap();
        let shown = folder.path().display().to_string();
        read(folder.path()).map_err(|error| format!("{error:#}").replace(&shown, "DIR"))
    }

    #[test]
    fn a_template_says_what_it_must_and_no_more() {
        let functions = parsed(
            "durability = \"relaxed\"\n[functions.hello]\nhandler = \"src/hello.handler\"\ntimeout = 9\n\
             environment = { TABLE = \"t\" }\n",
        )
        .unwrap();
        let hello = &functions["hello"];
        assert_eq!(
            (hello.handler.as_str(), hello.timeout, hello.memory),
            ("src/hello.handler", Some(9), None)
        );
        assert_eq!(hello.environment["TABLE"], "t");
        assert_eq!(parsed("listen = \"127.0.0.1:1\"").unwrap(), BTreeMap::new());
        for (text, said) in [
            ("[functions.a]\nruntime = \"nodejs22.x\"", "functions.a needs a handler"),
            ("[functions.a]\nhandler = \"a.b\"\ntimeoutt = 3", "timeoutt"),
            ("[functions.a]\nhandler = 3", "DIR/rushlight.toml cannot be read"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
