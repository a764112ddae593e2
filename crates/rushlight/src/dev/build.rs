//! Makes JavaScript of a project's TypeScript, with the compiler that the project itself has. Knows no function's name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Result, bail};

/// Where the JavaScript is, below the project's folder: the same tree, so that `src/a.ts` is `OUT/src/a.js`.
pub(crate) const OUT: &str = ".rushlight/build";
/// Where it is made before it takes the place of the last one.
const NEXT: &str = ".rushlight/next";

const EXTENSIONS: [&str; 3] = ["ts", "mts", "cts"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Compiler {
    Esbuild(PathBuf),
    Tsc(PathBuf),
}

/// What is to be built, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    root: PathBuf,
    compiler: Compiler,
    /// From `root`.
    entries: Vec<PathBuf>,
    /// The project's files are ES modules.
    modules: bool,
}

/// The TypeScript file behind a handler such as `src/a.handler`, from `root`.
pub(crate) fn source_of(root: &Path, handler: &str) -> Option<PathBuf> {
    let (folder, file) = handler.rsplit_once('/').unwrap_or(("", handler));
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let sources = EXTENSIONS.map(|extension| Path::new(folder).join(format!("{stem}.{extension}")));
    sources.into_iter().find(|source| root.join(source).is_file())
}

impl Build {
    /// # Errors
    /// There is TypeScript and nothing to make JavaScript of it.
    pub(crate) fn new(root: &Path, entries: Vec<PathBuf>) -> Result<Self> {
        let tool = |name: &str| Some(root.join("node_modules/.bin").join(name)).filter(|path| path.exists());
        let compiler = match (tool("esbuild"), tool("tsc")) {
            (Some(esbuild), _) => Compiler::Esbuild(esbuild),
            (None, Some(tsc)) => Compiler::Tsc(tsc),
            (None, None) => bail!(
                "{} is TypeScript, and the project has neither esbuild nor tsc: npm install --save-dev esbuild",
                entries.first().map(|entry| entry.display().to_string()).unwrap_or_default()
            ),
        };
        let package = fs::read_to_string(root.join("package.json")).unwrap_or_default();
        let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
        Ok(Self { root: root.to_owned(), compiler, entries, modules: package["type"] == "module" })
    }

    /// The compiler's name, for a person.
    pub(crate) fn tool(&self) -> &'static str {
        match self.compiler {
            Compiler::Esbuild(_) => "esbuild",
            Compiler::Tsc(_) => "tsc",
        }
    }

    /// Builds all of it. What was built before stays until this has succeeded.
    ///
    /// # Errors
    /// The compiler's own words.
    pub(crate) async fn run(&self) -> Result<(), String> {
        let next = self.root.join(NEXT);
        let prepared = remove(&next).and_then(|()| fs::create_dir_all(&next));
        prepared.map_err(|error| format!("{}: {error}", next.display()))?;
        let (program, arguments) = self.command();
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null()).kill_on_drop(true);
        let done =
            command.output().await.map_err(|error| format!("{} does not start: {error}", self.tool()))?;
        if !done.status.success() {
            // tsc complains on its standard output.
            let said = [done.stderr, done.stdout].concat();
            return Err(format!("{} failed:\n{}", self.tool(), String::from_utf8_lossy(&said).trim_end()));
        }
        let out = self.root.join(OUT);
        remove(&out)
            .and_then(|()| fs::rename(&next, &out))
            .map_err(|error| format!("{}: {error}", out.display()))
    }

    fn command(&self) -> (&Path, Vec<String>) {
        match &self.compiler {
            Compiler::Esbuild(program) => {
                let format = if self.modules { "esm" } else { "cjs" };
                let mut arguments: Vec<String> =
                    self.entries.iter().map(|entry| entry.display().to_string()).collect();
                arguments.extend(
                    [
                        "--bundle",
                        "--packages=external",
                        "--platform=node",
                        "--target=node20",
                        "--sourcemap=inline",
                    ]
                    .map(str::to_owned),
                );
                arguments.extend(["--log-level=warning".to_owned(), format!("--format={format}")]);
                arguments.extend([format!("--outdir={NEXT}"), "--outbase=.".to_owned()]);
                if self.modules {
                    arguments.push("--out-extension:.js=.mjs".to_owned());
                }
                (program, arguments)
            }
            Compiler::Tsc(program) => {
                let common = ["--outDir", NEXT, "--rootDir", ".", "--noEmit", "false", "--pretty", "false"];
                let mut arguments = common.map(str::to_owned).to_vec();
                if !self.root.join("tsconfig.json").exists() {
                    // Told nothing by the project, tsc would compile nothing, and write for browsers of long ago.
                    let plain = ["--module", "nodenext", "--target", "es2022", "--skipLibCheck"];
                    arguments.extend(plain.map(str::to_owned));
                    arguments.extend(self.entries.iter().map(|entry| entry.display().to_string()));
                }
                (program, arguments)
            }
        }
    }
}

/// Takes away what was built of a project that has nothing to build any more.
pub(crate) fn clear(root: &Path) -> Result<(), String> {
    let out = root.join(OUT);
    remove(&out).map_err(|error| format!("{}: {error}", out.display()))
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A project with a stand-in for a compiler: a shell script.
    fn project(tool: &str, script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("node_modules/.bin");
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/a.ts"), "").unwrap();
        let program = bin.join(tool);
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[tokio::test]
    async fn the_last_good_build_stays_until_the_next_one() {
        let folder = project(
            "tsc",
            "grep -q bad src/a.ts && { echo 'a.ts: no'; exit 2; }; cp src/a.ts .rushlight/next/a.js",
        );
        let entry = source_of(folder.path(), "src/a.handler").unwrap();
        let build = Build::new(folder.path(), vec![entry]).unwrap();
        let built = || fs::read_to_string(folder.path().join(OUT).join("a.js")).unwrap();
        for (text, expected) in
            [("one", Ok("one")), ("bad", Err("tsc failed:\na.ts: no")), ("two", Ok("two"))]
        {
            let before = fs::read_to_string(folder.path().join(OUT).join("a.js")).unwrap_or_default();
            fs::write(folder.path().join("src/a.ts"), text).unwrap();
            assert_eq!(build.run().await, expected.map(drop).map_err(str::to_owned), "{text}");
            assert_eq!(built(), expected.unwrap_or(&before));
        }
    }

    #[test]
    fn a_compiler_is_the_projects_own() {
        let folder = project("esbuild", "");
        assert_eq!(source_of(folder.path(), "src/b.handler"), None);
        let entry = source_of(folder.path(), "src/a.handler").unwrap();
        assert_eq!(entry, Path::new("src/a.ts"));
        assert_eq!(Build::new(folder.path(), vec![entry.clone()]).unwrap().tool(), "esbuild");
        fs::remove_dir_all(folder.path().join("node_modules")).unwrap();
        let error = Build::new(folder.path(), vec![entry]).unwrap_err().to_string();
        assert!(error.contains("src/a.ts is TypeScript") && error.contains("npm install"), "{error}");
    }
}
