//! The languages served by a bootstrap of ours, and which interpreter serves which of AWS's runtimes: the one added for
//! it by `rushlight runtimes add`, else one of the host of that version, else the nearest the host has. Knows no jail.

mod added;
mod lent;
mod name;
mod probe;
mod search;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Mutex;

pub use self::added::{AddedRuntimes, Place};
pub(crate) use self::lent::variable as lent_sdk;
use self::name::Version;
use crate::config::SandboxConfig;
use crate::error::LaunchError;
use crate::report::{RuntimeFound, Served};
use crate::view;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    Node,
    Python,
    Java,
    Ruby,
    /// Known by name; a function must bring it with itself.
    Dotnet,
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
    pub(crate) const ALL: [Self; 6] =
        [Self::Node, Self::Python, Self::Java, Self::Ruby, Self::Dotnet, Self::Provided];

    /// Of AWS's runtime name: `nodejs20.x`, `python3.13`.
    pub(crate) fn of_runtime(runtime: &str) -> Option<Self> {
        // The first way to bring a program of one's own.
        let runtime = if runtime == "go1.x" { "provided" } else { runtime };
        Self::ALL.into_iter().find(|family| runtime.starts_with(family.prefix()))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Java => "java",
            Self::Ruby => "ruby",
            Self::Dotnet => "dotnet",
            Self::Provided => "provided",
        }
    }

    pub(crate) fn channel(self) -> Channel {
        match self {
            Self::Node | Self::Python | Self::Java | Self::Ruby => Channel::Frames,
            Self::Dotnet | Self::Provided => Channel::Api,
        }
    }

    /// What the names of its runtimes begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Node => "nodejs",
            Self::Python | Self::Java | Self::Ruby | Self::Dotnet | Self::Provided => self.name(),
        }
    }

    /// How a host gets an interpreter, if not by `rushlight runtimes add`.
    fn hint(self) -> &'static str {
        match self {
            Self::Node => "or install Node.js 20 or later (Debian: apt install nodejs)",
            Self::Python => "or install Python 3.9 or later (Debian: apt install python3)",
            Self::Java => "or install Java 17 or later (Debian: apt install openjdk-17-jre-headless)",
            Self::Ruby => "or install Ruby 3.1 or later (Debian: apt install ruby)",
            Self::Provided => "nothing is missing",
            Self::Dotnet => {
                ".NET runtimes are not served: publish the function self-contained, with the runtime provided.al2023"
            }
        }
    }

    /// The oldest version that our bootstrap runs on; older runtimes are served by a newer one.
    fn oldest(self) -> Version {
        let (major, minor) = match self {
            Self::Node => (18, 0),
            Self::Python => (3, 9),
            Self::Java => (17, 0),
            Self::Ruby => (3, 0),
            Self::Dotnet | Self::Provided => (0, 0),
        };
        Version { major, minor }
    }

    pub(crate) fn program_name(self) -> Option<&'static str> {
        self.programs().first().copied()
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Node => &["node", "nodejs"],
            Self::Python => &["python3", "python"],
            Self::Java => &["java"],
            Self::Ruby => &["ruby"],
            Self::Dotnet => &["dotnet"],
            Self::Provided => &[],
        }
    }

    /// The files of its folder in `runtimes/`, the bootstrap first.
    pub(crate) fn files(self) -> &'static [(&'static str, &'static [u8])] {
        match self {
            Self::Node => &[
                ("bootstrap.js", include_bytes!("../../../../runtimes/node/bootstrap.js")),
                ("warm.js", include_bytes!("../../../../runtimes/node/warm.js")),
                ("warm.mjs", include_bytes!("../../../../runtimes/node/warm.mjs")),
            ],
            Self::Python => &[
                ("bootstrap.py", include_bytes!("../../../../runtimes/python/bootstrap.py")),
                ("rushlight_runtime.py", include_bytes!("../../../../runtimes/python/rushlight_runtime.py")),
            ],
            Self::Java => &[("bootstrap.jar", include_bytes!("../../../../runtimes/java/bootstrap.jar"))],
            Self::Ruby => &[("bootstrap.rb", include_bytes!("../../../../runtimes/ruby/bootstrap.rb"))],
            Self::Dotnet | Self::Provided => &[],
        }
    }
}

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
    /// The folder of one that was added: in the jail it stands where AWS has it, wherever the data folder is.
    pub(crate) home: Option<PathBuf>,
    /// Flags that must be given when a process starts, such as the size of Java's heap.
    pub(crate) flags: Vec<String>,
    /// Where the AWS SDK is that another interpreter lends it.
    pub(crate) sdk: Option<PathBuf>,
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
            home: None,
            flags: Vec::new(),
            sdk: None,
        }
    }

    fn number(&self) -> Option<Version> {
        Version::parse(self.family, &self.version)
    }
}

/// What serves a runtime.
#[derive(Debug, Clone)]
struct Choice {
    interpreter: Arc<Interpreter>,
    served: Served,
}

/// Asks each interpreter once, when it is first needed: that takes tens of milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Interpreters {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By runtime name; nothing that was not found, so that what is installed later is found.
    chosen: HashMap<String, Choice>,
    /// What came of asking a program; `None`: it is no interpreter.
    asked: HashMap<PathBuf, Option<Arc<Interpreter>>>,
    /// When the folder of added runtimes was changed last.
    added_at: Option<SystemTime>,
    /// Runtimes of which it was said that another version serves them.
    said: HashSet<String>,
}

impl Interpreters {
    /// The interpreter of a function with this much memory, or the error that says how to bring one.
    pub(crate) async fn require(
        &self,
        runtime: &str,
        memory_mib: u32,
        config: &SandboxConfig,
    ) -> Result<Arc<Interpreter>, LaunchError> {
        let family =
            Family::of_runtime(runtime).ok_or_else(|| LaunchError::UnknownRuntime(runtime.to_owned()))?;
        if family == Family::Provided {
            return Ok(Arc::new(Interpreter::none()));
        }
        let mut known = self.known.lock().await;
        let choice = known.choose(family, runtime, config).await;
        let Choice { interpreter, served } = choice.ok_or_else(|| LaunchError::InterpreterMissing {
            runtime: runtime.to_owned(),
            program: family.name(),
            hint: hint(family, runtime),
        })?;
        if served == Served::OtherVersion && known.said.insert(runtime.to_owned()) {
            let (version, program) = (&interpreter.version, interpreter.program.display());
            tracing::warn!(
                runtime,
                version,
                %program,
                "another version serves this runtime; `rushlight runtimes add {runtime}` brings its own"
            );
        }
        Ok(with_heap(interpreter, memory_mib))
    }

    /// What serves every runtime of AWS's, or those of one language. Asks every interpreter of the host for them.
    async fn survey(&self, config: &SandboxConfig, of: Option<&str>) -> Vec<RuntimeFound> {
        let mut known = self.known.lock().await;
        let mut all = Vec::new();
        for runtime in name::ALL {
            let family = match Family::of_runtime(runtime) {
                Some(family) if of.is_some_and(|name| name != family.name()) => continue,
                Some(family) if family != Family::Provided => family,
                _ => {
                    all.push(RuntimeFound::by_itself(runtime));
                    continue;
                }
            };
            let choice = known.choose(family, runtime, config).await;
            all.push(RuntimeFound {
                runtime,
                family: family.name(),
                served: choice.as_ref().map_or(Served::None, |choice| choice.served),
                program: choice.as_ref().map(|choice| choice.interpreter.program.clone()),
                version: choice.as_ref().map(|choice| choice.interpreter.version.clone()),
                lent_sdk: choice.as_ref().and_then(|choice| choice.interpreter.sdk.clone()),
                hint: hint(family, runtime),
            });
        }
        all
    }
}

/// What serves every runtime of AWS's, or those of one language (`node`, `python`), asked without a sandbox. To ask every
/// interpreter of a host that has many takes seconds.
pub async fn find_runtimes(config: &SandboxConfig, family: Option<&str>) -> Vec<RuntimeFound> {
    Interpreters::default().survey(config, family).await
}

/// How to bring `runtime`.
fn hint(family: Family, runtime: &str) -> String {
    match family {
        Family::Dotnet => family.hint().to_owned(),
        _ => format!("bring it with `rushlight runtimes add {runtime}`, {}", family.hint()),
    }
}

/// Java takes its heap when it starts; AWS gives it 85 % of the function's memory.
fn with_heap(interpreter: Arc<Interpreter>, memory_mib: u32) -> Arc<Interpreter> {
    if interpreter.family != Family::Java {
        return interpreter;
    }
    let heap_kib = u64::from(memory_mib) * 1024 * 85 / 100;
    Arc::new(Interpreter { flags: vec![format!("-XX:MaxHeapSize={heap_kib}k")], ..(*interpreter).clone() })
}

impl Known {
    async fn choose(&mut self, family: Family, runtime: &str, config: &SandboxConfig) -> Option<Choice> {
        self.forget_old(config);
        if let Some(choice) = self.chosen.get(runtime) {
            return Some(choice.clone());
        }
        let choice = match self.added(family, runtime, config).await {
            Some(interpreter) => Some(Choice { interpreter, served: Served::Added }),
            None => self.on_host(family, runtime, config).await,
        };
        let choice = choice.map(|found| Choice { interpreter: lent::with_sdk(found.interpreter), ..found });
        if let Some(choice) = &choice {
            self.chosen.insert(runtime.to_owned(), choice.clone());
        }
        choice
    }

    /// What was added or removed since changes what serves.
    fn forget_old(&mut self, config: &SandboxConfig) {
        let changed =
            config.runtimes_dir.as_ref().and_then(|dir| std::fs::metadata(dir).ok()?.modified().ok());
        if changed != self.added_at {
            self.added_at = changed;
            self.chosen.clear();
            self.asked.retain(|program, _| program.exists());
        }
    }

    async fn added(
        &mut self,
        family: Family,
        runtime: &str,
        config: &SandboxConfig,
    ) -> Option<Arc<Interpreter>> {
        let place = AddedRuntimes::new(config.runtimes_dir.clone()?).find(runtime)?;
        let found = self.ask(family, place.program, config).await?;
        let home = found.program.parent()?.parent()?.to_owned();
        let needs = found.needs.iter().filter(|path| !path.starts_with(&home)).cloned().collect();
        Some(Arc::new(Interpreter { home: Some(home), needs, ..(*found).clone() }))
    }

    async fn on_host(&mut self, family: Family, runtime: &str, config: &SandboxConfig) -> Option<Choice> {
        let wanted = Version::of_runtime(family, runtime);
        let given = match family {
            Family::Node => config.node.clone(),
            Family::Python => config.python.clone(),
            Family::Java | Family::Ruby | Family::Dotnet | Family::Provided => None,
        };
        let candidates = given.map_or_else(|| search::candidates(family, wanted), |program| vec![program]);
        let mut found: Vec<Arc<Interpreter>> = Vec::new();
        for program in candidates {
            let Some(interpreter) = self.ask(family, program, config).await else { continue };
            if wanted.is_none() || interpreter.number() == wanted {
                return Some(Choice { interpreter, served: Served::Host });
            }
            found.push(interpreter);
        }
        let numbers: Vec<Version> = found.iter().filter_map(|found| found.number()).collect();
        let nearest = name::nearest(family, wanted, &numbers)?;
        Some(Choice { interpreter: found.swap_remove(nearest), served: Served::OtherVersion })
    }

    async fn ask(
        &mut self,
        family: Family,
        program: PathBuf,
        config: &SandboxConfig,
    ) -> Option<Arc<Interpreter>> {
        if let Some(answer) = self.asked.get(&program) {
            return answer.clone();
        }
        let runtime_dir = view::runtime_dir(&config.scratch_dir, family);
        let new_enough = |found: &Interpreter| found.number().is_some_and(|number| number >= family.oldest());
        let answer = probe::ask(family, &program, &runtime_dir).await.filter(new_enough).map(Arc::new);
        self.asked.insert(program, answer.clone());
        answer
    }
}
