//! The languages served by a bootstrap of ours, and the interpreters for them on this host. Knows no jail.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::config::SandboxConfig;
use crate::error::LaunchError;
use crate::report::RuntimeFound;

/// A language with a bootstrap in `runtimes/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    Node,
    Python,
    /// The function's package or a layer brings the program.
    Provided,
}

/// How a runtime and the server speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Frames on an inherited socket, with a bootstrap of ours.
    Frames,
    /// The Runtime API.
    Api,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::Node, Self::Python];

    /// Of AWS's runtime name: `nodejs20.x`, `python3.13`.
    pub(crate) fn of_runtime(runtime: &str) -> Option<Self> {
        if runtime.starts_with("nodejs") {
            Some(Self::Node)
        } else if runtime.starts_with("python") {
            Some(Self::Python)
        } else if runtime.starts_with("provided") || runtime == "go1.x" {
            Some(Self::Provided)
        } else {
            None
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Provided => "provided",
        }
    }

    pub(crate) fn channel(self) -> Channel {
        match self {
            Self::Node | Self::Python => Channel::Frames,
            Self::Provided => Channel::Api,
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Node => "install Node.js 20 or later (Debian: apt install nodejs) and start again",
            Self::Python => "install Python 3.9 or later (Debian: apt install python3) and start again",
            Self::Provided => "nothing is missing",
        }
    }

    pub(crate) fn program_name(self) -> Option<&'static str> {
        self.programs().first().copied()
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Node => &["node", "nodejs"],
            Self::Python => &["python3", "python"],
            Self::Provided => &[],
        }
    }

    /// Prints the program's own path, its version, and each file and folder it needs, one a line. No more than that is
    /// shown in the jail: what lies beside them may be the user's home.
    fn probe_args(self) -> &'static [&'static str] {
        match self {
            Self::Node => &["-e", "console.log(process.execPath + '\\n' + process.versions.node)"],
            Self::Python => &["-E", "-c", PYTHON_PROBE],
            Self::Provided => &[],
        }
    }

    /// The files of its folder in `runtimes/`, the bootstrap first.
    pub(crate) fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Node => &[
                ("bootstrap.js", include_str!("../../../runtimes/node/bootstrap.js")),
                ("warm.js", include_str!("../../../runtimes/node/warm.js")),
                ("warm.mjs", include_str!("../../../runtimes/node/warm.mjs")),
            ],
            Self::Python => &[("bootstrap.py", include_str!("../../../runtimes/python/bootstrap.py"))],
            Self::Provided => &[],
        }
    }
}

const PYTHON_PROBE: &str = "
import sys, os, sysconfig
value, paths = sysconfig.get_config_var, sysconfig.get_paths()
needs = [paths['stdlib'], paths['platstdlib'], os.path.join(value('LIBDIR') or '', value('INSTSONAME') or '')]
needs += [p for p in sys.path if p.endswith('-packages')]
print(os.path.realpath(sys.executable), '.'.join(map(str, sys.version_info[:3])), sep='\\n')
print(*[p for p in needs if os.path.exists(p) and not p.endswith('.a')], sep='\\n')
";

/// An interpreter that answered. Several versions of one family may be in use at a time: what is kept of processes is
/// kept by interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Interpreter {
    pub(crate) family: Family,
    pub(crate) program: PathBuf,
    pub(crate) version: String,
    /// What it needs beside the system's own folders: itself, its libraries.
    pub(crate) needs: Vec<PathBuf>,
    /// Folders of installed packages that it searches as the server's user starts it (a virtual environment's too);
    /// in the jail it could not find them by itself.
    pub(crate) packages: Vec<String>,
}

impl Interpreter {
    /// That of a runtime which the package brings.
    fn none() -> Self {
        Self {
            family: Family::Provided,
            program: PathBuf::new(),
            version: String::new(),
            needs: Vec::new(),
            packages: Vec::new(),
        }
    }
}

/// Looks for each interpreter once, when it is first needed: asking one takes tens of milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Interpreters {
    node: OnceCell<Option<Arc<Interpreter>>>,
    python: OnceCell<Option<Arc<Interpreter>>>,
}

impl Interpreters {
    pub(crate) async fn get(&self, family: Family, config: &SandboxConfig) -> Option<Arc<Interpreter>> {
        let (cell, given) = match family {
            Family::Node => (&self.node, &config.node),
            Family::Python => (&self.python, &config.python),
            Family::Provided => return Some(Arc::new(Interpreter::none())),
        };
        cell.get_or_init(|| find(family, given.as_deref())).await.clone()
    }

    /// The same, or the error that says how to bring it.
    pub(crate) async fn require(
        &self,
        runtime: &str,
        config: &SandboxConfig,
    ) -> Result<Arc<Interpreter>, LaunchError> {
        let family =
            Family::of_runtime(runtime).ok_or_else(|| LaunchError::UnknownRuntime(runtime.to_owned()))?;
        self.get(family, config).await.ok_or_else(|| LaunchError::InterpreterMissing {
            runtime: runtime.to_owned(),
            program: family.name(),
            hint: family.hint(),
        })
    }
}

pub(crate) fn describe(family: Family, found: Option<&Interpreter>) -> RuntimeFound {
    RuntimeFound {
        family: family.name(),
        program: found.map(|i| i.program.clone()),
        version: found.map(|i| i.version.clone()),
        note: match found {
            None => Some(family.hint().to_owned()),
            Some(i) => Some(format!(
                "serves every {} runtime, whatever version its name says: {}",
                family.name(),
                i.version
            )),
        },
    }
}

async fn find(family: Family, given: Option<&Path>) -> Option<Arc<Interpreter>> {
    let candidates: Vec<PathBuf> = match given {
        Some(program) => vec![program.to_owned()],
        None => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
            let in_folders = |name: &&str| folders.iter().map(|f| f.join(name)).collect::<Vec<_>>();
            family.programs().iter().flat_map(in_folders).filter(|p| p.is_file()).collect()
        }
    };
    for program in candidates {
        if let Some(interpreter) = ask(family, &program).await {
            return Some(Arc::new(interpreter));
        }
    }
    None
}

async fn ask(family: Family, program: &Path) -> Option<Interpreter> {
    let asked = Command::new(program)
        .args(family.probe_args())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(std::time::Duration::from_secs(10), asked).await.ok()?.ok()?;
    let text = String::from_utf8(answer.stdout).ok().filter(|_| answer.status.success())?;
    let mut lines = text.lines();
    let program = PathBuf::from(lines.next()?);
    let version = lines.next()?.to_owned();
    let folders: Vec<&str> = lines.collect();
    let packages = folders.iter().filter(|f| f.ends_with("-packages")).map(|&f| f.to_owned()).collect();
    let mut needs: Vec<PathBuf> = folders.into_iter().map(PathBuf::from).collect();
    needs.push(program.clone());
    Some(Interpreter { family, program, version, needs: outermost(needs), packages })
}

/// Drops folders that lie within another or within the system's, and the root itself.
fn outermost(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    folders.sort();
    folders.dedup();
    let system = ["/usr", "/lib", "/lib64", "/bin", "/sbin"];
    let mut kept: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let covered =
            system.iter().any(|s| folder.starts_with(s)) || kept.iter().any(|k| folder.starts_with(k));
        if !covered && folder.parent().is_some() {
            kept.push(folder);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_folders_are_needed() {
        let all = ["/usr/lib/python3", "/opt/py/lib", "/opt/py", "/", "/opt/python", "/opt/py"];
        let kept = outermost(all.iter().map(PathBuf::from).collect());
        assert_eq!(kept, [PathBuf::from("/opt/py"), PathBuf::from("/opt/python")]);
    }
}
