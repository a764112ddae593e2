//! What the tests share: a sandbox in a temporary folder, functions written in place, outcomes as text.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base::RequestId;
use bytes::Bytes;
use sandbox::{Environment, FunctionSpec, Invocation, Outcome, Sandbox, SandboxConfig, SandboxMode};
use tempfile::TempDir;

pub(crate) const REQUEST_ID: RequestId = RequestId(0x1);
pub(crate) const ID: &str = "00000000-0000-0000-0000-000000000001";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new(mode: SandboxMode) -> Self {
        Self::with(mode, |_| {}).await
    }

    pub(crate) async fn with(mode: SandboxMode, change: impl FnOnce(&mut SandboxConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = SandboxConfig::new(folder.path().join("scratch"));
        config.mode = mode;
        config.pool_size = 0;
        change(&mut config);
        Self { sandbox: Sandbox::start(config).await.unwrap(), folder }
    }

    /// A function of these files; its handler is `index.handler`.
    pub(crate) fn function(&self, runtime: &str, files: &[(&str, &str)]) -> FunctionSpec {
        let code_dir = self.folder.path().join(format!("code-{}", RequestId::random()));
        write_files(&code_dir, files);
        FunctionSpec {
            scope: base::Scope::default(),
            name: "fn".to_owned(),
            version: "$LATEST".to_owned(),
            runtime: runtime.to_owned(),
            handler: "index.handler".to_owned(),
            code_dir,
            package: None,
            layers: Vec::new(),
            uses_sdk: false,
            init_type: sandbox::InitType::OnDemand,
            env: Vec::new(),
            memory_mib: 256,
            timeout_ms: 10_000,
            ephemeral_mib: 512,
            log_group: "/aws/lambda/fn".into(),
            log_stream: "2026/01/01/[$LATEST]abc".into(),
            credentials: None,
            inspect: None,
            late_lines: None,
        }
    }

    pub(crate) async fn launch(&self, spec: FunctionSpec) -> Environment {
        self.sandbox.launch(Arc::new(spec)).await.unwrap()
    }

    /// Launches and invokes once.
    pub(crate) async fn once(&self, spec: FunctionSpec, payload: &str) -> Outcome {
        self.launch(spec).await.invoke(invocation(payload)).await
    }
}

/// Runs these tests again as `nobody`; what is not root already is an ordinary user itself.
pub(crate) fn prove_as_ordinary_user(tests: &[&str]) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let nobody = 65_534;
    for test in tests {
        let ended = Command::new("/proc/self/exe")
            .args([test, "--exact"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .uid(nobody)
            .gid(nobody)
            .current_dir("/")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.contains("1 passed"), "{test}: {said}");
    }
}

pub(crate) fn write_files(folder: &Path, files: &[(&str, &str)]) -> PathBuf {
    for (name, text) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder.to_owned()
}

pub(crate) fn invocation(payload: &str) -> Invocation {
    Invocation {
        request_id: REQUEST_ID,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        deadline: None,
        function_arn: "arn:aws:lambda:us-east-1:000000000000:function:fn".to_owned(),
        client_context: None,
        trace: "Root=1-2-3".to_owned(),
        stream: None,
        answered: None,
    }
}

/// `ok JSON` or `Kind JSON`, then the log lines; stacks are cut, times are `T`, the request id is `ID`.
pub(crate) fn show(outcome: &Outcome) -> String {
    let mut text = match &outcome.result {
        Ok(body) => format!("ok {}", String::from_utf8_lossy(body)),
        Err(fault) => format!("{:?} {}", fault.kind, String::from_utf8_lossy(&fault.body)),
    };
    for line in outcome.inits.iter().flat_map(|init| &init.logs) {
        write!(text, "\n< {}", String::from_utf8_lossy(&line.bytes)).unwrap();
    }
    for line in &outcome.logs {
        write!(text, "\n| {}", String::from_utf8_lossy(&line.bytes)).unwrap();
    }
    if !outcome.reusable {
        text.push_str("\n(ended)");
    }
    tidy(&text)
}

fn tidy(text: &str) -> String {
    let text = text.replace(ID, "ID");
    let text = cut_lists(&text, "\"trace\":[");
    let text = cut_lists(&text, "\"stack\":[");
    let text = cut_lists(&text, "\"stackTrace\":[");
    let text = cut_lists(&text, "\"stackTrace\": [");
    let mut out = String::new();
    let mut rest = text.as_str();
    // 2026-01-01T00:00:00.000Z
    while let Some(at) = rest.find("Z").filter(|_| true) {
        let is_time = at >= 23
            && rest.as_bytes()[at - 13] == b'T'
            && rest.as_bytes()[at - 4] == b'.'
            && rest.as_bytes()[at - 23] == b'2';
        if is_time {
            out.push_str(&rest[..at - 23]);
            out.push('T');
        } else {
            out.push_str(&rest[..=at]);
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out
}

/// `"trace":["first", ...]` becomes `"trace":["first"..]`: the rest names lines of code.
fn cut_lists(text: &str, open: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        let start = at + open.len();
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let mut in_text = false;
        let mut escaped = false;
        let mut end = 0;
        for (i, c) in rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = !in_text,
                ']' if !in_text => {
                    end = i;
                    break;
                }
                _ => {}
            }
        }
        let list = &rest[..end];
        out.push_str(list.find("\",").map_or(list, |first| &list[..=first]));
        if list.contains("\",") {
            out.push_str("..");
        }
        rest = &rest[end..];
    }
    out + rest
}
