//! From the end of a save to the new code's answer: `rushlight dev` over a project that is written to. The request comes
//! at once after the save; what the old code answers to it ends the run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::Plan;
use crate::client::{Connection, rest};
use crate::cold::spread;
use crate::function::invoke_path;
use crate::install::Packages;
use crate::report::{Beside, Mark, Report};
use crate::server::{Keeping, Server};

const SAVES: usize = 40;
/// Nobody saves faster; the pool is full again by then.
const PAUSE: Duration = Duration::from_millis(400);
const MARK_MS: f64 = 50.0;

const ESBUILD: Packages = Packages::Npm(&["esbuild@0.28.2"]);

#[derive(Debug, Clone, Copy)]
enum Language {
    JavaScript,
    Python,
    TypeScript,
}

impl Language {
    fn file(self) -> &'static str {
        match self {
            Self::JavaScript => "hello.js",
            Self::Python => "hello.py",
            Self::TypeScript => "hello.ts",
        }
    }

    fn runtime(self) -> &'static str {
        match self {
            Self::JavaScript | Self::TypeScript => "nodejs",
            Self::Python => "python",
        }
    }

    /// Code that answers its event and `number`.
    fn code(self, number: usize) -> String {
        match self {
            Self::JavaScript => format!("exports.handler = async (event) => [event, {number}];\n"),
            Self::Python => format!("def handler(event, context):\n    return [event, {number}]\n"),
            Self::TypeScript => {
                format!(
                    "export const handler = async (event: object): Promise<unknown> => [event, {number}];\n"
                )
            }
        }
    }
}

pub(crate) async fn run(plan: &Plan, report: &mut Report) -> Result<()> {
    for (name, language) in [
        ("save to answer, node", Language::JavaScript),
        ("save to answer, python3", Language::Python),
        ("save to answer, esbuild", Language::TypeScript),
    ] {
        if !plan.wants(name) {
            continue;
        }
        let project = tempfile::tempdir()?;
        // Functions run as users of their own.
        fs::set_permissions(project.path(), fs::Permissions::from_mode(0o755))?;
        if let Language::TypeScript = language {
            if !plan.installed_peers {
                report.note(name, "not measured: esbuild is brought by --peers alone");
                continue;
            }
            match ESBUILD.install() {
                Ok(folder) => {
                    std::os::unix::fs::symlink(
                        folder.join("node_modules"),
                        project.path().join("node_modules"),
                    )?;
                }
                Err(why) => {
                    report.note(name, &format!("not measured: {why:#}"));
                    continue;
                }
            }
        }
        let times = measure(plan, project.path(), language).await?;
        let beside = Beside { mark: Some(Mark::P50(MARK_MS * 1e3)), ..Beside::default() };
        report.add(name, spread(times), beside);
    }
    Ok(())
}

async fn measure(plan: &Plan, project: &Path, language: Language) -> Result<Vec<Duration>> {
    let save = |number| fs::write(project.join(language.file()), language.code(number));
    let template =
        format!("[functions.hello]\nhandler = \"hello.handler\"\nruntime = \"{}\"\n", language.runtime());
    fs::write(project.join("rushlight.toml"), template)?;
    save(0)?;
    let server = Server::dev(&plan.binary, &Keeping::Strict, project).await?;
    let request = rest("lambda", "POST", &invoke_path("hello"), "{}");
    let mut connection = Connection::open(server.address).await?;
    let begin = Instant::now();
    while connection.call(&request).await?.status != 200 {
        if begin.elapsed() > Duration::from_secs(60) {
            bail!("the function is not served");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut times = Vec::new();
    for number in 1..=SAVES {
        tokio::time::sleep(PAUSE).await;
        save(number)?;
        let start = Instant::now();
        let answer = connection.call(&request).await?;
        times.push(start.elapsed());
        let body = String::from_utf8_lossy(connection.body(answer));
        ensure!(body == format!("[{{}},{number}]") || body == format!("[{{}}, {number}]"), "stale: {body}");
    }
    Ok(times)
}
