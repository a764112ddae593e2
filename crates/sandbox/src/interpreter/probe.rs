//! Asks a program which interpreter it is, of which version, and what it needs of the host's files, and has Python compile
//! our bootstrap on that occasion. Knows no runtime.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Family, Interpreter};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Each prints the program's own path, its version, and each file and folder it needs, one a line. No more than that
/// is shown in the jail: what lies beside them may be the user's home.
const NODE: &str = "console.log(process.execPath + '\\n' + process.versions.node)";

/// Bytecode of the bootstrap saves each start 7 ms. Python takes it for the version and the content that it was made of.
const PYTHON: &str = "
import importlib.util, marshal, sys, os, sysconfig
value, paths = sysconfig.get_config_var, sysconfig.get_paths()
needs = [paths['stdlib'], paths['platstdlib'], os.path.join(value('LIBDIR') or '', value('INSTSONAME') or '')]
needs += [p for p in sys.path if p.endswith('-packages')]
print(os.path.realpath(sys.executable), '.'.join(map(str, sys.version_info[:3])), sep='\\n')
print(*[p for p in needs if os.path.exists(p) and not p.endswith('.a')], sep='\\n')
try:
    name = os.path.join(sys.argv[1], 'rushlight_runtime.py')
    with open(name, 'rb') as file:
        text = file.read()
    head = importlib.util.MAGIC_NUMBER + (3).to_bytes(4, 'little') + importlib.util.source_hash(text)
    code = importlib.util.cache_from_source(name)
    os.makedirs(os.path.dirname(code), exist_ok=True)
    aside = f'{code}.{os.getpid()}'
    with open(aside, 'wb') as file:
        file.write(head + marshal.dumps(compile(text, name, 'exec', dont_inherit=True)))
    os.replace(aside, code)
except OSError:
    pass
";

const RUBY: &str = "
c = RbConfig::CONFIG
puts File.realpath(RbConfig.ruby), RUBY_VERSION
puts ($LOAD_PATH + Gem.path + [File.join(c['libdir'], c['LIBRUBY_SO'].to_s)]).select { |p| File.exist?(p) }
";

/// `runtime_dir`: where our bootstrap for the family is, if it is anywhere yet.
pub(super) async fn ask(family: Family, program: &Path, runtime_dir: &Path) -> Option<Interpreter> {
    let text = match family {
        Family::Node => run(program, &["-e", NODE]).await?,
        Family::Python => run(program, &["-E", "-c", PYTHON, &runtime_dir.display().to_string()]).await?,
        Family::Ruby => run(program, &["-e", RUBY]).await?,
        // Says it in a file: starting it would take longer than all the others together.
        Family::Java => return java(program),
        Family::Dotnet | Family::Provided => return None,
    };
    let mut lines = text.lines();
    let program = PathBuf::from(lines.next()?);
    let version = lines.next()?.to_owned();
    let folders: Vec<&str> = lines.collect();
    let packages = folders.iter().filter(|f| f.ends_with("-packages")).map(|&f| f.to_owned()).collect();
    let mut needs: Vec<PathBuf> = folders.into_iter().map(PathBuf::from).collect();
    needs.push(program.clone());
    Some(Interpreter {
        family,
        program,
        version,
        needs: outermost(needs),
        packages,
        home: None,
        flags: Vec::new(),
        sdk: None,
    })
}

async fn run(program: &Path, args: &[&str]) -> Option<String> {
    let asked = Command::new(program)
        .args(args)
        .env_remove("NODE_OPTIONS")
        .env_remove("RUBYOPT")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(TIMEOUT, asked).await.ok()?.ok()?;
    String::from_utf8(answer.stdout).ok().filter(|_| answer.status.success())
}

/// Of the file `release` in Java's home.
fn java(program: &Path) -> Option<Interpreter> {
    let program = program.canonicalize().ok()?;
    let home = program.parent()?.parent()?;
    let release = std::fs::read_to_string(home.join("release")).ok()?;
    let line = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    let version = line.trim().trim_matches('"').to_owned();
    let mut needs = linked(home);
    needs.push(home.to_owned());
    let flags = Vec::new();
    Some(Interpreter {
        family: Family::Java,
        program,
        version,
        needs: outermost(needs),
        packages: Vec::new(),
        home: None,
        flags,
        sdk: None,
    })
}

/// Files and folders outside of `home` that links in it lead to: distributions keep Java's configuration in /etc.
fn linked(home: &Path) -> Vec<PathBuf> {
    let mut outside = Vec::new();
    for folder in ["", "conf", "conf/security", "lib", "lib/security", "lib/server"] {
        let Ok(entries) = std::fs::read_dir(home.join(folder)) else { continue };
        for entry in entries.flatten() {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            let target = is_link.then(|| entry.path().canonicalize().ok()).flatten();
            outside.extend(target.filter(|target| !target.starts_with(home)));
        }
    }
    outside
}

/// Drops folders that lie within another or within the system's, and the root itself.
pub(super) fn outermost(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    folders.sort();
    folders.dedup();
    let system = ["/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc/ssl"];
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
