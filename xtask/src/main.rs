//! The project's automation: `cargo xtask <task>`. It must never be needed to build the binary.

mod bench;
mod codegen;
mod conformance;
mod console;
mod fuzz;
mod runtimes;
mod shell;
mod soak;
mod test;
#[cfg(test)]
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <task>

  test               everything that CI runs, with its own set-up; --fast leaves the release binary and its suites out
  codegen            crates/api and docs/coverage.md from models/ and codegen/; --check compares instead
  console            console/dist from its source, with npm; --check compares instead
  models DIR         take service models (<service>.json) from DIR into models/, without their documentation
  conformance        the release binary under the official clients: --python, --js or both
  bench [AREA]       the release binary against ceilings of the same run; dynamodb, lambda or gateway alone; --only
                     NAME, --seconds N, --items N (of the large table), --store URL, --peers (DynamoDB's that are
                     installed; Lambda's are brought by npm and pip), --peer NAME=URL (one that runs)
  fuzz TARGET        grow the corpus of a fuzz target (fuzz/src/lib.rs lists them); --seconds N
  soak [lambda]      random histories of DynamoDB operations against the reference model; --seconds N; or a million
                     invocations each in Node.js and Python, which must not make anything grow; --invocations N
  runtimes           bundle the AWS SDK clients for Node.js into runtimes/node/sdk.zip; --check compares instead";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> anyhow::Result<()> {
    match words {
        ["test", flags @ ..] => test::run_all(flags.contains(&"--fast")),
        ["codegen"] => codegen::run(codegen::Mode::Write),
        ["codegen", "--check"] => codegen::run(codegen::Mode::Check),
        ["console"] => console::write(),
        ["console", "--check"] => console::check(),
        ["models", from] => codegen::import_models(from.as_ref()),
        ["conformance", flags @ ..] => conformance::run(flags),
        ["bench", flags @ ..] => bench::run(flags),
        ["fuzz", target, flags @ ..] => fuzz::run(target, seconds(flags)?),
        ["soak", "lambda", flags @ ..] => soak::lambda(flags),
        ["soak", flags @ ..] => soak::run(seconds(flags)?),
        ["runtimes"] => runtimes::write(),
        ["runtimes", "--check"] => runtimes::check(),
        _ => anyhow::bail!("{USAGE}"),
    }
}

/// What `--seconds N` says; a minute without it.
fn seconds(flags: &[&str]) -> anyhow::Result<u64> {
    match flags {
        [] => Ok(60),
        ["--seconds", number] => Ok(number.parse()?),
        _ => anyhow::bail!("{USAGE}"),
    }
}
