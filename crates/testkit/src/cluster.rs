//! A PostgreSQL server for tests, in a temporary folder: `Cluster::shared()` is one for the whole test binary, and
//! `cluster.store().await` an empty store on it, in a schema of its own:
//!
//! ```ignore
//! let store = testkit::Cluster::shared().store().await;
//! ```
//!
//! It listens on a Unix socket alone. `initdb` is looked for on the PATH and where Debian has it
//! (`apt-get install postgresql`); it refuses to run as root, so root's tests run it as `postgres` or `nobody`. A shell
//! stands between: it holds our end of a pipe, and when that closes, however the test ends, it ends the server and
//! removes the folder.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use store::Store;

/// Commands come by standard input, one a line, and each is answered by a line.
const SCRIPT: &str = r#"
dir=$(mktemp -d) && chmod 700 "$dir" || exit 1
"$BIN/initdb" -D "$dir/data" -A trust -U rushlight --no-sync -E UTF8 --locale=C >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
# After a crash: all files in one system call, not one by one.
[ "$(uname)" = Linux ] && quick="-c recovery_init_sync_method=syncfs"
start() {
  "$BIN/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync="$FSYNC" -c max_connections=300 \
    -c shared_buffers=64MB $quick >>"$dir/log" 2>&1 </dev/null &
  pid=$!
  until "$BIN/pg_isready" -q -h "$dir"; do
    kill -0 $pid 2>/dev/null || { cat "$dir/log"; break; }
    sleep 0.02
  done
}
start
echo "$dir"
while read -r word; do
  case $word in
    stop) kill -QUIT $pid; wait $pid ;;
    start) start ;;
    freeze) kill -STOP $pid $(cat "/proc/$pid/task/$pid/children") ;;
    thaw) kill -CONT $pid $(cat "/proc/$pid/task/$pid/children") ;;
  esac
  echo done
done
kill -CONT $pid; kill -QUIT $pid; wait $pid; rm -rf "$dir"
"#;

/// What the server does to survive a power loss, which tests seldom need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    On,
    Off,
}

#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    shell: Mutex<Shell>,
    schemas: AtomicU64,
}

#[derive(Debug)]
struct Shell {
    child: Child,
    /// `None` only while it is dropped.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// The one of this test binary, without fsync. It ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Fsync::Off))
    }

    /// One that the test may stop. It ends when it is dropped.
    pub fn start(fsync: Fsync) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT])
            .env("BIN", programs())
            .env("FSYNC", if fsync == Fsync::On { "on" } else { "off" })
            .env_remove("PGHOST")
            .env_remove("PGPORT")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Not in our group: a Ctrl-C reaches the shell by the pipe, in order.
            .process_group(0);
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        let mut child = command.spawn().expect("a shell");
        let commands = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut folder = String::new();
        answers.read_line(&mut folder).expect("the shell answers");
        let folder = PathBuf::from(folder.trim_end());
        if !folder.is_dir() {
            let rest: Vec<String> = answers.lines().map_while(Result::ok).collect();
            panic!("PostgreSQL did not start: {} {}", folder.display(), rest.join("\n"));
        }
        let shell = Mutex::new(Shell { child, commands, answers });
        Self { folder, shell, schemas: AtomicU64::new(0) }
    }

    /// The socket, for who wants to stand in between.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// A store's URL with a schema that nobody has used.
    pub fn url(&self) -> String {
        let host = self.folder.to_string_lossy().replace('/', "%2F");
        let schema = self.schemas.fetch_add(1, Ordering::Relaxed);
        format!("postgres://rushlight@{host}/postgres?schema=test_{schema}")
    }

    /// An empty store.
    pub async fn store(&self) -> Store {
        Store::connect(&self.url()).await.expect("the cluster takes connections")
    }

    /// Ends the server as a crash would.
    pub fn stop(&self) {
        self.shell().ask("stop");
    }

    /// Starts it again on the same data, and returns when it takes connections.
    pub fn restart(&self) {
        self.shell().ask("start");
    }

    /// The server's processes do nothing until [`Self::thaw`]: as a network that swallows everything.
    pub fn freeze(&self) {
        self.shell().ask("freeze");
    }

    pub fn thaw(&self) {
        self.shell().ask("thaw");
    }

    fn shell(&self) -> MutexGuard<'_, Shell> {
        self.shell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shell {
    fn ask(&mut self, word: &str) {
        let commands = self.commands.as_mut().expect("it is taken by drop alone");
        writeln!(commands, "{word}").expect("the shell listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the shell answers");
        assert_eq!(answer, "done\n");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.child.wait();
    }
}

/// The folder of `initdb`, the newest if there are several.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    let mut candidates = folders.into_iter().rev().chain(std::env::split_paths(&path));
    candidates
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .expect("tests of the PostgreSQL engine need its server: apt-get install postgresql")
}

/// Whom to be instead of root.
fn unprivileged() -> Option<(u32, u32)> {
    let own = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").ok()?);
    if own != 0 {
        return None;
    }
    let users = fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    let of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2);
        Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}
