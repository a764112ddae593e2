//! Functions that take too much: time, memory, output, answers; and what that leaves behind.

use std::time::Duration;

use expect_test::expect;
use sandbox::{FaultKind, Layer, SandboxConfig, SandboxMode};

use crate::extensions::with_extension;
use crate::needs::needs;
use crate::world::{World, invocation, show};

async fn once(code: &str, timeout_ms: u64) -> sandbox::Outcome {
    once_within(Duration::from_secs(10), code, timeout_ms).await
}

async fn once_within(init_timeout: Duration, code: &str, timeout_ms: u64) -> sandbox::Outcome {
    let world = World::with(SandboxMode::BestEffort, |c| c.init_timeout = init_timeout).await;
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    spec.timeout_ms = timeout_ms;
    spec.memory_mib = 128;
    world.once(spec, "{}").await
}

#[tokio::test]
async fn a_handler_that_does_not_end_is_ended() {
    for (code, when) in [
        ("exports.handler = async () => { console.log('spins'); for (;;) {} }", "running"),
        (
            "exports.handler = (e, c, cb) => { console.log('spins'); setInterval(() => {}, 1); cb(null, 1) }",
            "running",
        ),
        (
            "exports.handler = async () => { for (;;) require('fs').writeSync(1, 'x\\n'.repeat(9999)) }",
            "flooding",
        ),
        ("exports.handler = async () => { for (;;) console.log('x') }", "flooding"),
        ("for (;;) {}", "loading"),
    ] {
        let is_loaded = when != "loading";
        let init_timeout = Duration::from_millis(if is_loaded { 60_000 } else { 200 });
        let outcome = once_within(init_timeout, code, 1500).await;
        // Without the time in which a process is started, which is the machine's.
        let took = if is_loaded { outcome.duration } else { outcome.inits[1].duration };
        let text = show(&outcome);
        assert!(
            text.starts_with(r#"Timeout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.50 seconds"}"#),
            "{text}"
        );
        assert!(when != "running" || text.contains("\n| T\tID\tINFO\tspins\n(ended)"), "{text}");
        assert!(took >= Duration::from_millis(1500) && took < Duration::from_secs(4), "{took:?}");
        assert!(!outcome.reusable);
    }
}

#[tokio::test]
async fn a_handler_that_is_not_loaded_is_loaded_again_in_the_time_of_the_invocation() {
    let busy = "const until = Date.now() + 600; while (Date.now() < until); exports.handler = async (e, c) => c.getRemainingTimeInMillis() < 29500";
    for (code, timeout_ms, answer, status) in [
        (busy, 30_000, "ok true", "success"),
        ("for (;;) {}", 300, "Timeout {", "timeout"),
        ("throw new Error('no')", 30_000, "Init {", "error"),
    ] {
        let outcome = once_within(Duration::from_millis(200), code, timeout_ms).await;
        assert!(show(&outcome).starts_with(answer), "{}", show(&outcome));
        let phases: Vec<_> = outcome.inits.iter().map(|init| init.phase.name()).collect();
        assert_eq!(phases, ["init", "invoke"]);
        let [first, second] = &outcome.inits[..] else { panic!("two") };
        assert!(first.end.is_err());
        assert_eq!(second.status(None).status, status);
        assert!(outcome.init_duration.is_none(), "the report names the invocation's time alone");
        assert!(outcome.duration >= outcome.inits[1].duration);
    }
}

#[tokio::test]
async fn a_handler_that_takes_too_much_memory_is_killed() {
    let code = "exports.handler = async () => { const all = []; for (;;) { all.push(Buffer.alloc(8 << 20, 1)); await new Promise((r) => setTimeout(r, 4)) } }";
    let outcome = once(code, 20_000).await;
    expect![[r#"
        OutOfMemory {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}
        (ended)"#]].assert_eq(&show(&outcome));
    assert_eq!(outcome.max_memory_mib, 128);
    assert_eq!(outcome.result.unwrap_err().kind, FaultKind::OutOfMemory);
}

/// What a handler starts is the function's as well: told of, and ended with it.
#[tokio::test]
async fn memory_of_children_counts() {
    let code = r"const { spawnSync } = require('child_process');
        exports.handler = async (mib) => spawnSync(process.execPath,
            ['-e', `const all = []; for (let i = 0; i < ${mib}; i += 8) all.push(Buffer.alloc(8 << 20, 1));
            setTimeout(() => {}, ${mib} * 10);`]).status";
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
    (spec.memory_mib, spec.timeout_ms) = (512, 60_000);
    let mut environment = world.launch(spec).await;
    let alone = environment.invoke(invocation("0")).await.max_memory_mib;
    let outcome = environment.invoke(invocation("200")).await;
    assert_eq!(show(&outcome), "ok 0");
    assert!((200 + alone / 2..512).contains(&outcome.max_memory_mib), "{alone} {}", outcome.max_memory_mib);
    // As on AWS the largest of all invocations of the environment.
    let after = environment.invoke(invocation("0")).await;
    assert_eq!((show(&after), after.max_memory_mib), ("ok 0".to_owned(), outcome.max_memory_mib));
    let outcome = environment.invoke(invocation("4000")).await;
    assert_eq!(
        show(&outcome),
        "OutOfMemory {\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: ID Error: Runtime exited with error: signal: killed\"}\n(ended)"
    );
    assert_eq!(outcome.max_memory_mib, 512);
}

#[tokio::test]
async fn the_kernel_limits_memory_and_processes() {
    let world = World::with(SandboxMode::BestEffort, |c| c.pool_size = 1).await;
    let report = world.sandbox.report().await;
    let is_there = report.missing().all(|state| state.layer != Layer::Cgroup);
    if !needs("cgroup", is_there, "run them where a cgroup may be made") {
        return;
    }
    world.sandbox.warm("nodejs20.x", 256, false);
    let code = r"const fs = require('fs'); exports.handler = async (e) => {
        if (e === 'groups') return fs.readlinkSync('/proc/self/ns/pid');
        if (e === 'files') { for (let i = 0; i < 400; i++) fs.appendFileSync('/tmp/f', Buffer.alloc(1 << 20, 1)); fs.unlinkSync('/tmp/f'); return 1 }
        const all = []; for (;;) all.push(Buffer.alloc(64 << 20, 1)) }";
    // From the pool and not, as it comes.
    let mut all_groups = Vec::new();
    for _ in 0..2 {
        let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
        spec.memory_mib = 128;
        let mut environment = world.launch(spec).await;
        let groups = groups_of(&show(&environment.invoke(invocation("\"groups\"")).await));
        let limits: Vec<String> = limits_of(&groups);
        assert_eq!(limits[..2], ["738197504", "1026"], "{groups}");
        // 128 of 1,769 MB, of what v2 and v1 give an ordinary group.
        assert!(matches!(limits.get(2).map(String::as_str), None | Some("7" | "74")), "{limits:?}");
        // Files in /tmp are memory to the kernel, and none of the function's.
        let outcome = environment.invoke(invocation("\"files\"")).await;
        assert_eq!(show(&outcome), "ok 1");
        let outcome = environment.invoke(invocation("1")).await;
        assert_eq!(outcome.result.unwrap_err().kind, FaultKind::OutOfMemory);
        all_groups.push(groups);
    }
    world.sandbox.stop().await;
    for groups in all_groups {
        assert_eq!(limits_of(&groups), [""; 0], "groups are left: {groups}");
    }
}

/// What `/proc/self/cgroup` would be to a process of the jail that says which one it is; inside it tells nothing.
fn groups_of(said: &str) -> String {
    let within = std::fs::read_dir("/proc").unwrap().flatten().find(|process| {
        let jail = std::fs::read_link(process.path().join("ns/pid")).unwrap_or_default();
        !jail.as_os_str().is_empty() && said.contains(jail.to_str().unwrap())
    });
    std::fs::read_to_string(within.unwrap().path().join("cgroup")).unwrap()
}

/// The limits of these groups, in v2 and v1.
fn limits_of(groups: &str) -> Vec<String> {
    let paths: Vec<&str> = groups.lines().filter_map(|line| line.rsplit(':').next()).collect();
    let read = |controller: &str, name: &str| {
        paths
            .iter()
            .filter(|path| path.contains("rushlight-"))
            .find_map(|path| std::fs::read_to_string(format!("/sys/fs/cgroup{controller}{path}/{name}")).ok())
    };
    let memory = read("", "memory.max").or_else(|| read("/memory", "memory.limit_in_bytes"));
    let tasks = read("", "pids.max").or_else(|| read("/pids", "pids.max"));
    let share = read("", "cpu.weight").or_else(|| read("/cpu", "cpu.shares"));
    memory.into_iter().chain(tasks).chain(share).map(|text| text.trim().to_owned()).collect()
}

/// Whoever is quicker, the kernel or the look at all its processes.
#[tokio::test]
async fn a_child_that_takes_too_much_memory_ends_all() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "import subprocess, sys
def handler(e, c): return subprocess.run([sys.executable, '-c', e]).returncode";
    for bomb in ["\"bytearray(2 << 30)\"", "\"x = []\\nwhile True: x.append(bytes(1 << 20))\""] {
        let mut spec = world.function("python3.12", &[("index.py", code)]);
        spec.memory_mib = 128;
        spec.timeout_ms = 60_000;
        let outcome = world.once(spec, bomb).await;
        assert_eq!(
            show(&outcome),
            "OutOfMemory {\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: ID Error: Runtime exited with error: signal: killed\"}\n(ended)"
        );
        assert_eq!(outcome.max_memory_mib, 128);
    }
}

const NO_FILE: &str = "\"No such file or directory\"";

/// Without control groups memory is seen by what processes have mapped, so there is none that they need not map.
#[tokio::test]
async fn memory_that_nobody_could_count_is_not_to_be_had() {
    let code = "import ctypes, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
def call(*args): return libc.syscall(*args) >= 0 or os.strerror(ctypes.get_errno())
def shared(file):
    try: return mmap.mmap(file and os.open(file, os.O_RDWR) or -1, 4096) and True
    except OSError as e: return os.strerror(e.errno)
def handler(e, c):
    mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with open('/tmp/f', 'wb') as f: f.truncate(4096)
    return [call(319, b'x', 0), call(29, 0, 4096, 0o1600), call(447, 0), call(64, 0, 1, 0o1600), call(68, 0, 0o1600),
        shared(None), shared('/dev/zero'), shared('/tmp/f')]";
    for (denied, expected) in [(vec![Layer::Cgroup], true), (vec![], false)] {
        let denied = denied.into_iter().map(|layer| (layer, "not on this host".to_owned())).collect();
        let world = World::with(SandboxMode::BestEffort, |c| c.denied_layers = denied).await;
        let uncounted = world.sandbox.report().await.missing().any(|state| state.layer == Layer::Cgroup);
        assert!(uncounted || !expected);
        let said = show(&world.once(world.function("python3.12", &[("index.py", code)]), "{}").await);
        let there: Vec<bool> = said[4..said.len() - 1]
            .split(", ")
            .map(|answer| !answer.starts_with("\"Fun") && answer != NO_FILE)
            .collect();
        // Memory that no file names (2) is nowhere to be had, by the host's choice.
        let mut expected = [!uncounted; 8];
        expected[7] = true;
        expected[2] = there[2] && !uncounted;
        assert_eq!(there, expected, "{said}");
    }
}

/// Nor does a daemon escape by its parent's end, which extensions have another of ours stand between.
#[tokio::test]
async fn memory_of_what_lost_its_parent_counts_beside_extensions_too() {
    let code = "import os, time
def handler(e, c):
    if os.fork() == 0:
        if os.fork() == 0:
            x = bytearray(200 << 20)
            time.sleep(20)
        os._exit(0)
    os.wait()
    time.sleep(10)";
    let deny = |c: &mut SandboxConfig| c.denied_layers = vec![(Layer::Cgroup, "not on this host".to_owned())];
    let world = World::with(SandboxMode::BestEffort, deny).await;
    for watched in [false, true] {
        let mut spec = world.function("python3.12", &[("index.py", code)]);
        spec.memory_mib = 128;
        if watched {
            spec = with_extension(&world, spec, "register '\"INVOKE\"'; while event; do :; done");
        }
        let outcome = world.once(spec, "{}").await;
        assert_eq!(outcome.result.unwrap_err().kind, FaultKind::OutOfMemory, "{watched}");
    }
}

/// What children take is told with the rest, and what they share with it once.
#[tokio::test]
async fn memory_of_children_is_told() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "import os, time
def run(own):
    x = bytearray(own << 20)
    time.sleep(0.3)
    os._exit(0)
def handler(e, c):
    shared = bytearray(e[0] << 20)
    children = [pid for pid in [os.fork() or run(own) for own in e[1]]]
    for pid in children: os.waitpid(pid, 0)";
    for (event, least, most) in [("[0,[]]", 10, 80), ("[100,[0,0,0]]", 100, 200), ("[0,[100,100]]", 200, 300)]
    {
        let mut spec = world.function("python3.12", &[("index.py", code)]);
        spec.memory_mib = 1024;
        let outcome = world.once(spec, event).await;
        assert_eq!(show(&outcome), "ok null");
        let told = outcome.max_memory_mib;
        assert!((least..=most).contains(&told), "{event}: {told}");
    }
}

/// A child that has ended before anybody looked, which the kernel told to who waited for it.
#[tokio::test]
async fn memory_of_a_quick_child_is_told() {
    let code = "import os
def handler(mib, c):
    if os.fork() == 0:
        x = b'x' * (mib << 20)
        os._exit(0)
    os.wait()";
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function("python3.12", &[("index.py", code)]);
    spec.memory_mib = 256;
    let mut environment = world.launch(spec).await;
    let alone = environment.invoke(invocation("0")).await.max_memory_mib;
    let outcome = environment.invoke(invocation("48")).await;
    assert_eq!(show(&outcome), "ok null");
    assert!(alone < 48 && (48..=alone + 50).contains(&outcome.max_memory_mib), "{alone} {outcome:?}");
}

/// Nothing tells how much a process takes that ends at once, but the kernel.
#[tokio::test]
async fn memory_is_told_of_what_ends_early_too() {
    let outcome = once("exports.handler = async () => 1", 5000).await;
    assert!(outcome.max_memory_mib > 20, "{outcome:?}");
    for code in [
        "throw new Error('at once')",
        "process.exit(3)",
        "exports.handler = async () => process.exit(3)",
        "exports.handler = async () => process.abort()",
        "exports.handler = async () => { throw new Error('rejects') }",
        "exports.handler = (e, c, cb) => setTimeout(() => { throw new Error('uncaught') }, 1)",
    ] {
        let outcome = once(code, 5000).await;
        assert!(outcome.result.is_err());
        assert!(outcome.max_memory_mib > 20, "{code}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_flood_of_output_is_cut_and_said() {
    for code in [
        "const line = 'x'.repeat(1023) + '\\n'; exports.handler = async () => { for (let i = 0; i < 100000; i++) require('fs').writeSync(1, line); return 1 }",
        "const line = 'x'.repeat(1000); exports.handler = async () => { for (let i = 0; i < 50000; i++) console.log(line); return 1 }",
        "const line = 'x'.repeat(1 << 20); exports.handler = async () => { for (let i = 0; i < 100; i++) process.stderr.write(line); return 1 }",
    ] {
        let outcome = once(code, 30_000).await;
        assert_eq!(outcome.result.as_deref().unwrap(), b"1");
        let kept: usize = outcome.logs.iter().map(|line| line.bytes.len()).sum();
        assert!(kept <= (4 << 20) + 200, "{kept}");
        let last: String =
            String::from_utf8_lossy(&outcome.logs.last().unwrap().bytes).chars().take(200).collect();
        assert!(
            last.contains("dropped: an invocation may log 4194304 bytes"),
            "{last} {kept} {} {code}",
            outcome.logs.len()
        );
    }
}

#[tokio::test]
async fn large_events_and_answers_pass_and_larger_ones_do_not() {
    let world = World::new(SandboxMode::BestEffort).await;
    for (runtime, file, code) in [
        (
            "nodejs20.x",
            "index.js",
            "exports.handler = async (e) => typeof e === 'number' ? 'x'.repeat(e) : e",
        ),
        ("python3.12", "index.py", "def handler(e, c): return 'x' * e if isinstance(e, int) else e"),
    ] {
        let mut environment = world.launch(world.function(runtime, &[(file, code)])).await;
        let large = format!("\"{}\"", "y".repeat(6_291_554));
        assert_eq!(environment.invoke(invocation(&large)).await.result.unwrap().len(), large.len());
        for too_large in ["6291555", "30000000"] {
            let outcome = environment.invoke(invocation(too_large)).await;
            assert_eq!(
                show(&outcome),
                r#"ResponseTooLarge {"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
            );
            assert!(outcome.reusable);
        }
        assert_eq!(environment.invoke(invocation("2")).await.result.unwrap(), "\"xx\"");
    }
}

#[tokio::test]
async fn what_is_no_frame_ends_the_environment_only() {
    let fd = "Number(require('fs').readFileSync('/proc/self/cmdline', 'utf8').split('\\0').at(-2))";
    for act in [
        "require('fs').writeSync(fd, 'GET / HTTP/1.1\\r\\n\\r\\n'); await new Promise(() => setInterval(() => {}, 9))",
        "require('fs').closeSync(fd); await new Promise(() => setInterval(() => {}, 9))",
        "const b = Buffer.alloc(5); b.writeUInt32LE(0xffffffff); b[4] = 18; require('fs').writeSync(fd, b); return 1",
    ] {
        let code = format!("const fd = {fd}; exports.handler = async () => {{ {act} }}");
        let outcome = once(&code, 30_000).await;
        let text = show(&outcome);
        assert!(
            text.starts_with(
                r#"Exit {"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited"#
            ),
            "{text}"
        );
        assert!(!outcome.reusable);
    }
}

/// Or the second answer would be the next invocation's.
#[tokio::test]
async fn what_answers_twice_is_not_asked_again() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = r#"const fs = require('fs');
        exports.handler = async () => {
            const fd = Number(fs.readFileSync('/proc/self/cmdline', 'utf8').split('\0').at(-2));
            fs.writeSync(fd, Buffer.from([6, 0, 0, 0, 18, 1, 0, 0, 0, 0x39]));
            return 1;
        }"#;
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    assert_eq!(environment.invoke(invocation("1")).await.result.unwrap(), "9");
    for _ in 0..500 {
        if !environment.is_alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it would serve again");
}

/// What ends after its answer did not hear the next event, which another environment may then serve.
#[tokio::test]
async fn an_event_that_nobody_heard_is_told_from_one_that_failed() {
    let world = World::new(SandboxMode::BestEffort).await;
    for (event, late, unheard) in
        [("1", "setImmediate(() => process.exit(3))", true), ("0", "process.exit(3)", false)]
    {
        let code = format!(
            "let n = 0; exports.handler = async (e) => {{ if (n++ === 1 - e) {{ {late} }} return process.pid }}"
        );
        let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", &code)])).await;
        let outcome = environment.invoke(invocation(event)).await;
        assert!(outcome.result.is_ok() && !outcome.unheard, "{outcome:?}");
        // It is already queued when the process ends, whoever is first.
        let outcome = environment.invoke(invocation(event)).await;
        assert_eq!((outcome.result.is_err(), outcome.unheard), (true, unheard), "{outcome:?}");
    }
}

#[tokio::test]
async fn environments_run_at_the_same_time() {
    let world = World::with(SandboxMode::BestEffort, |c| c.pool_size = 3).await;
    world.sandbox.warm("nodejs20.x", 256, false);
    let code = "exports.handler = async (e) => { await new Promise((r) => setTimeout(r, 100)); return [e, process.env.N] }";
    let calls = (0..8).map(|n| {
        let mut spec = world.function("nodejs20.x", &[("index.js", code)]);
        spec.env.push(("N".to_owned(), n.to_string()));
        let sandbox = world.sandbox.clone();
        tokio::spawn(async move {
            let mut environment = sandbox.launch(std::sync::Arc::new(spec)).await.unwrap();
            for round in 0..3 {
                let outcome = environment.invoke(invocation(&format!("{round}"))).await;
                assert_eq!(outcome.result.unwrap(), format!("[{round},\"{n}\"]"));
                assert_eq!(outcome.init_duration.is_some(), round == 0);
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    world.sandbox.stop().await;
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_the_environment() {
    let world = World::new(SandboxMode::BestEffort).await;
    let code = "exports.handler = async (e) => { if (e) await new Promise((r) => setTimeout(r, 5000)) }";
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    environment.invoke(invocation("0")).await;
    assert!(environment.is_alive());
    let given_up = tokio::time::timeout(Duration::from_millis(50), environment.invoke(invocation("1"))).await;
    assert!(given_up.is_err());
    assert!(!environment.is_alive());
}

/// The C library keeps every value of a variable that was ever set: 143 bytes for each trace with glibc.
#[tokio::test]
async fn an_environment_that_has_served_enough_gives_its_place() {
    let world = World::with(SandboxMode::BestEffort, |c| c.invocations_max = 3).await;
    let code = "let n = 0; exports.handler = async () => ++n";
    let mut environment = world.launch(world.function("nodejs20.x", &[("index.js", code)])).await;
    for n in 1..=3 {
        assert!(environment.is_alive());
        assert_eq!(show(&environment.invoke(invocation("1")).await), format!("ok {n}"));
    }
    assert!(!environment.is_alive());
}
