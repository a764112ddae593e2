//! The binary as a user types it: its verbs, its errors and the way out that they tell.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn rushlight(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rushlight"));
    // Nothing of the machine's own settings.
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("RUSHLIGHT_") || name.starts_with("AWS_"))
    {
        command.env_remove(name);
    }
    command.current_dir(folder).env("XDG_DATA_HOME", folder).env("TMPDIR", folder);
    command
}

fn output(command: &mut Command) -> (bool, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.success(), text(stdout), text(stderr))
}

/// A server in a process of its own; ended when this is dropped.
struct Server {
    process: Child,
    address: String,
    folder: TempDir,
}

impl Server {
    /// Returns when it listens, which it says on its standard output.
    fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = rushlight(folder.path())
            .args(["start", "--json", "--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { process, address, folder }
    }

    fn verb(&self, words: &[&str]) -> (bool, String, String) {
        output(rushlight(self.folder.path()).args(words).args(["--listen", &self.address]))
    }

    fn logs(&self, operation: &str, body: &str) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-amz-target: Logs_20140328.{operation}\r\n\
             content-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, as some tests want.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

#[test]
fn config_prints_every_value_with_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("rushlight.toml"),
        "durability = \"relaxed\"\nlisten = \"127.0.0.1:5000\"\n",
    )
    .unwrap();
    let command = |words: &[&str]| {
        let mut command = rushlight(folder.path());
        command.env("RUSHLIGHT_LISTEN", "127.0.0.1:5001").args(words);
        output(&mut command)
    };
    let (ok, rows, _) = command(&["config", "--json", "--sandbox", "off"]);
    assert!(ok);
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    let row = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        format!("{} {}", row["value"].as_str().unwrap(), row["origin"].as_str().unwrap())
    };
    assert_eq!(row("listen"), "127.0.0.1:5001 RUSHLIGHT_LISTEN");
    assert_eq!(row("durability"), "relaxed rushlight.toml:1");
    assert_eq!(row("sandbox"), "off --sandbox");
    assert_eq!(row("data"), format!("{} default", folder.path().join("rushlight").display()));
    let (ok, text, _) = command(&["config"]);
    assert!(ok && text.lines().count() == rows.len(), "{text}");
}

#[test]
fn a_taken_port_is_told_with_its_holder_and_the_way_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (ok, _, said) = output(rushlight(folder.path()).args(["start", "--memory", "--listen", &address]));
    assert!(!ok);
    for part in [address.as_str(), &std::process::id().to_string(), "--listen ADDR:PORT"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
}

#[test]
fn an_address_that_others_reach_needs_a_decision() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, _, said) = output(rushlight(folder.path()).args(["--memory", "--listen", "0.0.0.0:0"]));
    assert!(!ok && said.contains("--auth off"), "{said}");
}

#[test]
fn a_running_server_is_found_by_its_folder_and_stopped() {
    let mut server = Server::start(&["--data", "d"]);
    let (ok, said, _) = output(rushlight(server.folder.path()).args(["status", "--json", "--data", "d"]));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(ok && said["running"] == true && said["pid"] == server.process.id(), "{said}");

    let (ok, _, said) =
        output(rushlight(server.folder.path()).args(["start", "--listen", "0", "--data", "d"]));
    assert!(!ok && said.contains("in use by process"), "{said}");

    let (ok, ..) = output(rushlight(server.folder.path()).args(["stop", "--data", "d"]));
    assert!(ok && server.process.wait().unwrap().success());
    let (ok, _, said) = server.verb(&["status"]);
    assert!(!ok && said.contains("not running") && said.contains("rushlight start"), "{said}");
    assert!(!server.folder.path().join("d/server.json").exists());
}

#[test]
fn the_verbs_talk_to_the_server() {
    let server = Server::start(&["--memory"]);
    let (ok, urls, _) = server.verb(&["urls", "--json"]);
    assert!(ok && urls.trim() == "[]", "{urls}");
    let (ok, exports, _) = server.verb(&["env"]);
    assert!(
        ok && exports.starts_with(&format!("export AWS_ENDPOINT_URL='http://{}'\n", server.address)),
        "{exports}"
    );
    let (ok, said, _) = output(rushlight(server.folder.path()).args([
        "run",
        "--listen",
        &server.address,
        "--",
        "sh",
        "-c",
        "echo $AWS_ENDPOINT_URL",
    ]));
    assert!(ok && said.trim() == format!("http://{}", server.address), "{said}");
    let (ok, _, said) = server.verb(&["invoke", "nobody"]);
    assert!(!ok && said.contains("ResourceNotFoundException: Function not found"), "{said}");
    let (ok, out, said) = server.verb(&["invoke", "nobody", "--json"]);
    let error: Value = serde_json::from_str(&said).unwrap();
    assert!(!ok && out.is_empty() && error["error"].as_str().unwrap().contains("not found"), "{said}");
    let (ok, _, said) = server.verb(&["invoke", ""]);
    assert!(!ok && said.contains("<FUNCTION>"), "{said}");
    let (ok, _, said) = server.verb(&["logs", "nobody"]);
    assert!(!ok && said.contains("The specified log group does not exist."), "{said}");
    let metrics = server.get("/_rushlight/metrics");
    assert!(metrics.contains("service=\"lambda\",operation=\"Invoke\",status=\"404\"} 2"), "{metrics}");
}

#[test]
fn the_logs_of_all_functions_are_in_order_and_told_apart() {
    let server = Server::start(&["--memory"]);
    let now = base::Clock::System.now().as_millis();
    for (group, at, text) in
        [("/aws/lambda/first", 0, "one"), ("/other", 1, "two\\nlines"), ("/aws/lambda/first", 2, "three")]
    {
        server.logs("CreateLogGroup", &format!(r#"{{"logGroupName":"{group}"}}"#));
        server.logs("CreateLogStream", &format!(r#"{{"logGroupName":"{group}","logStreamName":"s"}}"#));
        let event = format!(r#"{{"timestamp":{},"message":"{text}"}}"#, now + at);
        server.logs(
            "PutLogEvents",
            &format!(r#"{{"logGroupName":"{group}","logStreamName":"s","logEvents":[{event}]}}"#),
        );
    }
    let (_, all, _) = server.verb(&["logs"]);
    assert_eq!(all, "first   one\n/other  two\n/other  lines\nfirst   three\n");
    let (_, one, _) = server.verb(&["logs", "first"]);
    assert_eq!(one, "one\nthree\n");
    let (_, json, _) = server.verb(&["logs", "/other", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["message"], "two\nlines");
}

#[test]
fn a_group_is_followed_whatever_its_name() {
    let server = Server::start(&["--memory"]);
    let now = base::Clock::System.now().as_millis();
    let put = |group: &str, text: &str| {
        let event = format!(r#"{{"timestamp":{now},"message":"{text}"}}"#);
        let body = format!(r#"{{"logGroupName":"{group}","logStreamName":"s","logEvents":[{event}]}}"#);
        server.logs("PutLogEvents", &body);
    };
    for group in ["/a", "/a#b"] {
        server.logs("CreateLogGroup", &format!(r#"{{"logGroupName":"{group}"}}"#));
        server.logs("CreateLogStream", &format!(r#"{{"logGroupName":"{group}","logStreamName":"s"}}"#));
    }
    put("/a#b", "past");
    let mut follow = rushlight(server.folder.path())
        .args(["logs", "-f", "/a#b", "--listen", &server.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "past");
    put("/a", "another's");
    put("/a#b", "live");
    assert_eq!(lines.next().unwrap().unwrap(), "live");
    // Killed: the follower ends and says so.
    drop(server);
    assert!(!follow.wait().unwrap().success());
}

#[test]
fn a_command_that_fails_fails_the_same_way_under_run() {
    let folder = tempfile::tempdir().unwrap();
    let status = rushlight(folder.path()).args(["run", "--", "sh", "-c", "exit 7"]).status().unwrap();
    assert_eq!(status.code(), Some(7));
    for (script, code) in [("kill -9 $$", 137), ("kill -TERM $$", 143)] {
        let status = rushlight(folder.path()).args(["run", "--", "sh", "-c", script]).status().unwrap();
        assert_eq!(status.code(), Some(code), "{script}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    for (program, code) in [("no-such-program", 127), ("./file", 126)] {
        let done = rushlight(folder.path()).args(["run", "--", program]).output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{program}");
        assert!(String::from_utf8(done.stderr).unwrap().contains(program));
    }
}

/// Of an SDK that finds a profile's name or a session's token, the first would not read the key and the second send it.
#[test]
fn real_credentials_stay_out() {
    let folder = tempfile::tempdir().unwrap();
    let show = "echo \"${AWS_PROFILE-none} ${AWS_SESSION_TOKEN-none}\"";
    let with =
        |command: &mut Command| output(command.env("AWS_PROFILE", "real").env("AWS_SESSION_TOKEN", "real"));
    let (_, said, _) = with(rushlight(folder.path()).args(["run", "--", "sh", "-c", show]));
    assert_eq!(said, "none none\n");
    let program = env!("CARGO_BIN_EXE_rushlight");
    let (_, said, _) = with(Command::new("sh").args(["-c", &format!("eval \"$({program} env)\"; {show}")]));
    assert_eq!(said, "none none\n");
}

#[test]
fn what_is_no_rushlight_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            _ = stream.read(&mut [0; 4096]);
            _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>");
        }
    });
    for verb in ["status", "stop", "urls", "logs"] {
        let (ok, _, said) = output(rushlight(folder.path()).args([verb, "--listen", &address]));
        assert!(!ok && said.contains("Rushlight") && !said.contains("<html>"), "{verb}: {said}");
    }
}

#[test]
fn a_debugger_needs_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, _, said) = output(rushlight(folder.path()).args(["dev", "--inspect=0"]));
    assert!(!ok && said.contains("1..=65535"), "{said}");
}

#[test]
fn the_help_of_a_verb_shows_what_it_looks_at() {
    let folder = tempfile::tempdir().unwrap();
    let help = |verb: &str| output(rushlight(folder.path()).args([verb, "--help"])).1;
    for (verb, durability, listen) in
        [("start", true, true), ("logs", false, true), ("stop", false, true), ("completions", false, false)]
    {
        let text = help(verb);
        assert_eq!(
            (text.contains("--durability"), text.contains("--listen")),
            (durability, listen),
            "{text}"
        );
    }
    // Shown or not, every verb takes them.
    let (ok, ..) = output(rushlight(folder.path()).args(["env", "--durability", "relaxed"]));
    assert!(ok);
}

#[test]
fn completions_and_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, script, _) = output(rushlight(folder.path()).args(["completions", "bash"]));
    assert!(ok && script.contains("rushlight"));
    if Path::new("/dev/full").exists() {
        for verb in [&["completions", "bash"][..], &["config"]] {
            let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
            let done = rushlight(folder.path()).args(verb).stdout(full).output().unwrap();
            assert_eq!(done.status.code(), Some(1), "{verb:?}");
        }
    }
    let (_, found, _) =
        output(rushlight(folder.path()).args(["doctor", "--json", "--memory", "--listen", "0"]));
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    for what in ["data", "listen", "node", "python"] {
        assert!(found.iter().any(|row| row["what"] == what), "no {what} in {found:?}");
    }
}
