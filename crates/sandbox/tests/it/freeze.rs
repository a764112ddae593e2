//! Between invocations nothing of a function goes on.

use std::time::Duration;

use sandbox::SandboxMode;

use crate::world::{World, invocation, prove_as_ordinary_user, show};

/// A thread and a child count milliseconds; an invocation tells how far they are.
const COUNTERS: &str = r"
import os, threading, time
count = [0]
def run():
    while True: time.sleep(0.001); count[0] += 1
threading.Thread(target=run, daemon=True).start()
shared = open('/tmp/%d' % os.getpid(), 'w+b', buffering=0)
if os.fork() == 0:
    os.setsid(); n = 0
    while True: time.sleep(0.001); n += 1; os.pwrite(shared.fileno(), b'%09d' % n, 0)
def handler(e, c): return [count[0], int(os.pread(shared.fileno(), 9, 0) or 0)]
";

#[tokio::test]
async fn threads_and_children_stand_still() {
    for mode in [SandboxMode::BestEffort, SandboxMode::Off] {
        let world = World::new(mode).await;
        let mut environment = world.launch(world.function("python3.12", &[("index.py", COUNTERS)])).await;
        for _ in 0..2 {
            let mut counts = Vec::new();
            for _ in 0..2 {
                let answer = environment.invoke(invocation("1")).await.result.unwrap();
                let answer = String::from_utf8(answer.to_vec()).unwrap();
                let both: Vec<u32> =
                    answer.trim_matches(['[', ']']).split(", ").map(|n| n.parse().unwrap()).collect();
                counts.push(both);
                tokio::time::sleep(Duration::from_millis(1500)).await;
            }
            // A tenth of a second and what starting takes; a thread that goes on would have come far beyond. A child
            // that has left its group is reached in a jail only.
            assert!(counts[1][0] - counts[0][0] < 500, "{mode:?} {counts:?}");
            assert!(mode == SandboxMode::Off || counts[1][1] - counts[0][1] < 500, "{mode:?} {counts:?}");
        }
        assert!(environment.is_alive());
    }
}

/// Timers of the kernel's send the signal to go on, whoever stands still; the second starts a child that stands still
/// again as soon as it has counted.
const ALARMS: &str = r"
import ctypes, os, signal, struct, time
libc = ctypes.CDLL(None)
def ring():
    signal.signal(signal.SIGCONT, lambda *_: None)
    # Each once: what has rung and was not heard when the process is stopped is lost with it.
    for ms in range(20, 6000, 20):
        event = struct.pack('QiiQQQQQQ', 0, signal.SIGCONT, 0, 0, 0, 0, 0, 0, 0); timer = ctypes.c_int()
        assert libc.syscall(222, 1, event, ctypes.byref(timer)) == 0
        assert libc.syscall(223, timer, 0, struct.pack('qqqq', 0, 0, ms // 1000, ms % 1000 * 1000000), 0) == 0
def handler(e, c):
    if e == 'sleeps': ring()
    elif os.fork() == 0:
        ring()
        while True:
            end = time.process_time() + 0.01
            while time.process_time() < end: pass
            os.kill(os.getpid(), signal.SIGSTOP)
    return 'rings'
";

#[tokio::test]
async fn what_wakes_itself_is_ended() {
    let world = World::new(SandboxMode::BestEffort).await;
    for event in ["\"sleeps\"", "\"works\""] {
        let mut environment = world.launch(world.function("python3.12", &[("index.py", ALARMS)])).await;
        assert_eq!(show(&environment.invoke(invocation(event)).await), "ok \"rings\"", "{event}");
        let mut looks = 0;
        while environment.is_alive() {
            looks += 1;
            assert!(looks < 500, "{event}: goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn nothing_is_left_of_an_environment_without_a_jail() {
    let world = World::new(SandboxMode::Off).await;
    let code = "
import os, time
def handler(e, c):
    said, saying = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: os.write(saying, b'%d' % os.getpid())
        time.sleep(600)
    return int(os.read(said, 9))";
    let mut environment = world.launch(world.function("python3.12", &[("index.py", code)])).await;
    let answer = environment.invoke(invocation("1")).await.result.unwrap();
    let left = std::path::Path::new("/proc").join(std::str::from_utf8(&answer).unwrap());
    assert!(left.exists());
    drop(environment);
    for _ in 0..500 {
        if !left.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a child of an ended environment still runs");
}

#[test]
fn an_ordinary_users_functions_stand_still_too() {
    prove_as_ordinary_user(&[
        "freeze::threads_and_children_stand_still",
        "freeze::what_wakes_itself_is_ended",
    ]);
}
