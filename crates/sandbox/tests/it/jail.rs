//! The jail, looked at from inside; as root and, started again by root, as an ordinary user.

use expect_test::{Expect, expect};
use sandbox::{Layer, Sandbox, SandboxConfig, SandboxError, SandboxMode};

use crate::runtime_api::{CLIENT, write_program};
use crate::world::{World, invocation, prove_as_ordinary_user, show, write_files};

#[tokio::test]
async fn every_layer_is_in_force() {
    let world = World::new(SandboxMode::BestEffort).await;
    let report = world.sandbox.report().await;
    let missing: Vec<_> = report.missing().map(|state| (state.layer, state.missing.clone())).collect();
    assert!(missing.iter().all(|(layer, _)| !layer.is_required()), "{missing:?}");
}

#[tokio::test]
async fn required_means_required() {
    let world = World::new(SandboxMode::Required).await;
    let spec = world.function("nodejs20.x", &[("index.js", "exports.handler = async () => 1")]);
    assert_eq!(show(&world.once(spec, "1").await), "ok 1");
    let mut config = sandbox::SandboxConfig::new(world.folder.path().join("other"));
    config.mode = SandboxMode::Required;
    // A launcher that makes no jail.
    config.launcher = Some("/bin/true".into());
    let refused = sandbox::Sandbox::start(config).await.unwrap_err();
    assert!(matches!(refused, SandboxError::LayersMissing { .. }), "{refused}");
}

/// Any layer that the host does not allow, the network's as well: named, with the way out.
#[tokio::test]
async fn a_missing_layer_is_refused_where_all_are_required_and_named_where_not() {
    for layer in Layer::ALL {
        let deny = |c: &mut SandboxConfig| c.denied_layers = vec![(layer, "not on this host".to_owned())];
        let folder = tempfile::tempdir().unwrap();
        let mut config = SandboxConfig::new(folder.path());
        config.mode = SandboxMode::Required;
        deny(&mut config);
        let started = Sandbox::start(config).await;
        if layer == Layer::Cgroup {
            assert!(started.is_ok(), "memory is enforced without it");
        } else {
            let expected = format!(
                "the sandbox is required, but this host does not allow: {layer} (not on this host). {}",
                layer.hint()
            );
            assert_eq!(started.unwrap_err().to_string(), expected);
        }
        let world = World::with(SandboxMode::BestEffort, deny).await;
        let report = world.sandbox.report().await;
        let state = report.missing().find(|state| state.layer == layer).unwrap();
        assert_eq!(state.missing.as_deref(), Some("not on this host"));
        let spec = world.function("nodejs20.x", &[("index.js", "exports.handler = async () => 1")]);
        assert_eq!(show(&world.once(spec, "1").await), "ok 1");
    }
}

#[tokio::test]
async fn a_host_that_allows_no_jail_is_named_and_gets_the_other_layers() {
    let world = World::new(SandboxMode::BestEffort).await;
    // Nothing to mount over stands for a host that does not allow to mount.
    std::fs::remove_dir(world.folder.path().join("scratch/root")).unwrap();
    let report = world.sandbox.report().await;
    let required = report.missing().filter(|state| state.layer.is_required());
    let missing: Vec<_> = required.map(|state| state.layer.name()).collect();
    assert_eq!(missing, ["namespaces", "privileges", "landlock", "network"]);
    let code = "exports.handler = async () => /Seccomp:\\s*(\\d)/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1]";
    let spec = world.function("nodejs20.x", &[("index.js", code)]);
    let mut environment = world.launch(spec).await;
    assert_eq!(show(&environment.invoke(invocation("1")).await), r#"ok "2""#);
    assert_eq!(show(&environment.invoke(invocation("1")).await), r#"ok "2""#);
}

#[tokio::test]
async fn without_the_jail_functions_run_all_the_same() {
    let world = World::new(SandboxMode::Off).await;
    let layer = write_files(
        &world.folder.path().join("layer"),
        &[
            ("nodejs/node_modules/dep/index.js", "module.exports = 'layer'"),
            ("python/pydep.py", "x = 'layer'"),
        ],
    );
    let node = "exports.handler = async () => [require('dep'), process.env.LAMBDA_TASK_ROOT === __dirname]";
    let python = "import pydep\ndef handler(e, c): return pydep.x";
    for (runtime, file, code, expected) in [
        ("nodejs20.x", "index.js", node, r#"ok ["layer",true]"#),
        ("python3.12", "index.py", python, r#"ok "layer""#),
    ] {
        let mut spec = world.function(runtime, &[(file, code)]);
        spec.layers.push(layer.clone());
        assert_eq!(show(&world.once(spec, "1").await), expected);
    }
}

#[tokio::test]
async fn layers_and_the_sdk_are_found() {
    let world = World::new(SandboxMode::BestEffort).await;
    let module =
        |name, text| (format!("nodejs/node_modules/{name}/index.js"), format!("module.exports = '{text}'"));
    let (a, b, over) = (module("a", "a below"), module("b", "b below"), module("a", "a above"));
    let files = [(&*a.0, &*a.1), (&*b.0, &*b.1), ("python/pya.py", "x = 'py'")];
    let below = write_files(&world.folder.path().join("below"), &files);
    let long = format!("above:with colon, comma and {}", "more".repeat(50));
    let above = write_files(&world.folder.path().join(long), &[(&over.0, &over.1)]);
    let common = "exports.handler = async () => [require('a'), require('b'), typeof require('@aws-sdk/client-dynamodb').DynamoDBClient, require('fs').readdirSync('/opt')]";
    let python = "import pya\ndef handler(e, c): return pya.x";
    for (runtime, file, code, layers, expected) in [
        (
            "nodejs20.x",
            "index.js",
            common,
            vec![&below, &above],
            r#"ok ["a above","b below","function",["nodejs","python"]]"#,
        ),
        (
            "nodejs20.x",
            "index.js",
            common,
            vec![&below, &above, &below],
            r#"ok ["a below","b below","function",["nodejs","python"]]"#,
        ),
        (
            "nodejs20.x",
            "index.js",
            common,
            vec![&below],
            r#"ok ["a below","b below","function",["nodejs","python"]]"#,
        ),
        ("nodejs20.x", "index.mjs", ES_MODULE_WITH_SDK, vec![], r#"ok "function""#),
        ("python3.12", "index.py", python, vec![&below], r#"ok "py""#),
    ] {
        let mut spec = world.function(runtime, &[(file, code)]);
        spec.layers = layers.into_iter().cloned().collect();
        assert_eq!(show(&world.once(spec, "1").await), expected);
    }
}

/// Out of the package too, as they do on AWS; whoever looks from outside finds what a link is called, not where it leads.
#[tokio::test]
async fn links_lead_where_they_do_for_the_function() {
    use std::os::unix::fs::symlink;

    let world = World::new(SandboxMode::BestEffort).await;
    let dep = [("nodejs/node_modules/dep/index.js", "module.exports = 'of the layer'")];
    let layer = write_files(&world.folder.path().join("layer"), &dep);
    let program = format!("{CLIENT}while next; do answer '\"linked\"'; done");
    write_program(&layer.join("bin/serve"), &program);
    // A module of a package finds those of a layer by a link alone.
    let code = "import dep from 'dep';\nexport const handler = async () => dep";
    let mut module = world.function("nodejs20.x", &[("index.mjs", code)]);
    module.layers.push(layer.clone());
    symlink("/opt/nodejs/node_modules", module.code_dir.join("node_modules")).unwrap();
    assert_eq!(show(&world.once(module, "1").await), "ok \"of the layer\"");

    let mut program = world.function("provided.al2023", &[]);
    std::fs::create_dir_all(&program.code_dir).unwrap();
    program.layers.push(layer);
    symlink("/opt/bin/serve", program.code_dir.join("bootstrap")).unwrap();
    assert_eq!(show(&world.once(program.clone(), "1").await), "ok \"linked\"");
    // Nothing of the host is taken for a function's extensions.
    let hostile = write_files(&world.folder.path().join("hostile"), &[("x", "")]);
    symlink("/usr/bin", hostile.join("extensions")).unwrap();
    program.layers.insert(0, hostile);
    assert_eq!(show(&world.once(program, "1").await), "ok \"linked\"");
}

const ES_MODULE_WITH_SDK: &str = "import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
export const handler = async () => typeof DynamoDBClient";

#[tokio::test]
async fn without_the_jail_modules_find_the_sdk_too() {
    let world = World::new(SandboxMode::Off).await;
    let spec = world.function("nodejs20.x", &[("index.mjs", ES_MODULE_WITH_SDK)]);
    assert_eq!(show(&world.once(spec, "1").await), r#"ok "function""#);
}

const NODE_PROOFS: &str = r"
const fs = require('fs'), cp = require('child_process');
const attempt = (f) => { try { const v = f(); return v === undefined ? 'done' : v } catch (e) { return e.code || e.message } };
const status = (name) => new RegExp(name + ':\\s*(\\S+)').exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];
exports.handler = async (outside) => ({
  user: [process.getuid(), process.getgid(), process.getgroups()],
  processes: fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n)).length,
  shadow: attempt(() => fs.readFileSync('/etc/shadow', 'utf8')),
  homes: ['/root', '/home', '/work', '/sys', '/run', '/mnt'].map((d) => fs.existsSync(d)),
  data: attempt(() => fs.readdirSync(outside)),
  writes: ['/var/task/x', '/usr/x', '/x', '/etc/passwd', '/opt/x', '/var/runtime/bootstrap.js', '/proc/sys/kernel/hostname', '/dev/x'].map((f) => attempt(() => fs.writeFileSync(f, 'x'))),
  tmp: [fs.readdirSync('/tmp'), attempt(() => fs.writeFileSync('/tmp/mine', 'x')), fs.statfsSync('/tmp').blocks * fs.statfsSync('/tmp').bsize >> 20],
  init: [attempt(() => fs.readFileSync('/proc/1/environ', 'utf8')), attempt(() => fs.readdirSync('/proc/1/fd')), attempt(() => fs.readdirSync('/proc/1/root'))],
  programs: ['mount -t tmpfs x /tmp', 'unshare -Ur true', 'umount /tmp', 'umount -l /var/task', 'hostname other'].map((c) => cp.spawnSync('/bin/sh', ['-c', c]).status !== 0),
  kill: attempt(() => { process.kill(1, 'SIGKILL') }),
  privileges: ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp'].map(status),
  limits: [Number(cp.execSync('ulimit -n')), Number(cp.execSync('ulimit -c'))],
  random: fs.readFileSync('/dev/null').length,
  first_to_go: [fs.readFileSync('/proc/self/oom_score_adj', 'utf8').trim(), attempt(() => fs.writeFileSync('/proc/self/oom_score_adj', '0'))],
});
";

async fn prove_with_node(expected: Expect) {
    let world = World::new(SandboxMode::BestEffort).await;
    write_files(world.folder.path(), &[("data/secret", "x")]);
    let outside = format!("{:?}", world.folder.path().join("data"));
    let spec = world.function("nodejs20.x", &[("index.js", NODE_PROOFS)]);
    let mut first = world.launch(spec.clone()).await;
    let text = show(&first.invoke(invocation(&outside)).await);
    expected.assert_eq(&text.replace("],\"", "],\n\"").replace(",\"", ", \""));
    // The second environment does not see the first one's /tmp, which still stands.
    let second = show(&world.once(spec, &outside).await);
    assert!(second.contains(r#""tmp":[[],"done",512]"#), "{second}");
    assert!(first.is_alive());
}

const PYTHON_PROOFS: &str = r"
import ctypes, errno, mmap, os, resource, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
def i386():
    # mov eax, 20 (getpid); int 0x80; ret
    code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7); code.write(b'\xb8\x14\0\0\0\xcd\x80\xc3')
    child = os.fork()
    if child == 0: ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))(); os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
def watchers():
    n = 0
    while libc.inotify_init() >= 0: n += 1
    return n
def call(*args):
    ctypes.set_errno(0)
    return errno.errorcode.get(ctypes.get_errno(), 'OK') if libc.syscall(*args) < 0 else 'DONE'
def sock(*args):
    try: socket.socket(*args).close(); return 'DONE'
    except OSError as e: return errno.errorcode[e.errno]
def handler(e, c):
    number = ctypes.c_ulong(0)
    return {
        'mount': libc.mount(b'x', b'/tmp', b'tmpfs', 0, None) , 'ptrace': libc.ptrace(16, 1, 0, 0),
        'calls': {n: call(*a) for n, a in {'unshare': (272, 0x10000000), 'setns': (308, 0, 0), 'bpf': (321, 0, 0, 0), 'keyctl': (250, 0, 0), 'perf': (298, 0, 0, 0, 0, 0),
            'io_uring': (425, 1, 0), 'userfaultfd': (323, 0), 'kexec': (246, 0, 0, 0, 0), 'clone_newuser': (56, 0x10000011, 0, 0, 0, 0), 'clone3': (435, 0, 0),
            'x32_unshare': (0x40000000 + 272, 0x10000000), 'open_by_handle': (304, 0, 0, 0), 'chroot': (161, b'/tmp'), 'getpid': (39,), 'thread_alone': (56, 0x10900, 0, 0, 0, 0),
            'own_descriptors': (436, 900, 901, 2), 'close_range': (436, 900, 901, 0), 'aio': (206, 1, ctypes.byref(number)), 'x32_ptrace': (0x40000000 + 521, 16, 1, 0, 0), 'ldt': (154, 0, 0, 0), 'newest': (467, -1, 0, 0), 'newer': (999,),
            'limits_of_init': (302, 1, 7, struct.pack('QQ', 3, 3), 0), 'limits_of_own': (302, 0, 7, struct.pack('QQ', 1024, 1024), 0), 'queue': (240, b'x', 0o102, 0o600, 0), 'handle': (303, -100, b'/tmp', 0, 0, 0), 'fsopen': (430, b'tmpfs', 0)}.items()},
        'i386': i386(), 'watchers': watchers(), 'tree': os.popen('cat /proc/self/cgroup').read().count('rushlight'), 'limits': [resource.getrlimit(n) for n in (resource.RLIMIT_CORE, 11)], 'files': os.statvfs('/tmp').f_files,
        'families': [n for n in range(46) if sock(n, socket.SOCK_STREAM) != 'EPERM'], 'pair': call(53, 30, 1, 0, 0),
        'transports': [sock(socket.AF_INET, *a) for a in ((5, 132), (1, 132), (6, 33), (10, 3), (2, 1), (1, 262))] + [sock(socket.AF_NETLINK, 3, n) for n in (4, 12, 15)],
        'sockets': [sock(socket.AF_INET, socket.SOCK_RAW, 1), sock(socket.AF_PACKET, socket.SOCK_RAW, 0), sock(38, socket.SOCK_SEQPACKET, 0), sock(socket.AF_INET, socket.SOCK_STREAM), sock(socket.AF_NETLINK, socket.SOCK_RAW)],
    }
";

async fn prove_with_python(expected: Expect) {
    let world = World::new(SandboxMode::BestEffort).await;
    let spec = world.function("python3.12", &[("index.py", PYTHON_PROOFS)]);
    expected.assert_eq(&show(&world.once(spec, "{}").await).replace("}, ", "},\n"));
}

const ATTACKS: &str = r"
import ctypes, errno, os, resource, signal, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
def code(f, *args):
    try: r = f(*args); return 'DONE' if r is None else r
    except OSError as e: return errno.errorcode[e.errno]
    except ValueError as e: return str(e)
def call(*args):
    ctypes.set_errno(0); libc.syscall(*args); return errno.errorcode.get(ctypes.get_errno(), 'OK')
def write(path):
    with open(path, 'w') as f: f.write('1')
def many(open_one):
    all = []
    try:
        while True: all.append(open_one())
    except OSError as e: return [len(all) > 900, errno.errorcode[e.errno]]
    finally:
        for f in all: os.close(f)
def fill():
    n = 0
    try:
        with open('/tmp/f', 'wb', buffering=0) as f:
            while True: n += f.write(bytes(1 << 20))
    except OSError as e: return [n >> 20, errno.errorcode[e.errno]]
    finally: os.unlink('/tmp/f')
def sibling():
    child = os.fork()
    if child == 0: signal.pause(); os._exit(0)
    said = [call(101, 16, child, 0, 0), call(310, child, 0, 0, 0, 0, 0), code(open, '/proc/%d/mem' % child, 'r+b')]
    os.kill(child, 9); os.waitpid(child, 0)
    return said
def attributes():
    open('/tmp/x', 'w').close()
    try:
        for n in range(20000): os.setxattr('/tmp/x', 'user.%d' % n, bytes(60000))
    except OSError as e: return errno.errorcode[e.errno] in ('ENOSPC', 'EOPNOTSUPP')
    finally: os.unlink('/tmp/x')
def signalled():
    init = libc.syscall(434, 1, 0)
    return [call(424, init, s, 0, 0) for s in (9, 19)] + [call(438, init, 0, 0), call(129, 1, 9, bytes(128))]
def netlink():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.send(struct.pack('=IHHII', 32, 16, 5, 1, 0) + struct.pack('=BxHiII', 0, 0, 1, 0, 1))
    return errno.errorcode.get(-struct.unpack('=i', s.recv(4096)[16:20])[0], 'OK')
def handler(e, c):
    if e == 'again': return 'well'
    inherited = [os.readlink('/proc/self/fd/%s' % n).split(':')[0] for n in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/%s' % n)]
    os.symlink(e, '/tmp/link')
    return {
        'inherited': sorted(inherited), 'abstract': code(socket.socket(socket.AF_UNIX).connect, '\0rushlight-' + e[-6:]),
        'sibling': sibling(), 'netlink': netlink(), 'shared': code(os.listdir, '/dev/shm'), 'setuid': os.statvfs('/var/task').f_flag & 2 and os.statvfs('/tmp').f_flag & 2,
        'keyrings': [call(248, b'user', b'k', b'v', 1, -3), call(249, b'user', b'k', 0, 0), call(250, 0, -3, 0)],
        'sysctls': [code(write, '/proc/sys/' + n) for n in ('kernel/panic', 'net/ipv4/ip_forward', 'vm/drop_caches')] + [code(write, '/proc/sysrq-trigger')],
        'link': code(os.listdir, '/tmp/link'), 'devices': code(os.mknod, '/tmp/null', 0o20666, os.makedev(1, 3)), 'kill': [code(os.kill, 1, s) for s in (9, 19, 17)] + [code(os.kill, -1, 9)],
        'signalled': signalled(), 'attributes': attributes(), 'ranks': [call(144, 0, 1, struct.pack('i', 1)), call(141, 0, 0, -20), call(251, 1, 0, 0x2000)],
        'limits': code(resource.setrlimit, resource.RLIMIT_NOFILE, (4096, 4096)), 'descriptors': many(lambda: os.open('/dev/null', 0)),
        'sockets': many(lambda: socket.socket().detach()), 'tmp': fill(), 'left': os.listdir('/tmp'),
    }
";

#[tokio::test]
async fn attacks_end_where_they_began() {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};

    let world = World::new(SandboxMode::BestEffort).await;
    let data = write_files(&world.folder.path().join("secret"), &[("secret", "x")]);
    let data = data.to_str().unwrap();
    let name = SocketAddr::from_abstract_name(format!("rushlight-{}", &data[data.len() - 6..])).unwrap();
    let _listener = UnixListener::bind_addr(&name);
    // What whoever started the server left open in it: a way to the host's files.
    let flags = rustix::fs::OFlags::RDONLY;
    let _left = rustix::fs::open("/", flags, rustix::fs::Mode::empty()).unwrap();
    let mut spec = world.function("python3.12", &[("index.py", ATTACKS)]);
    spec.memory_mib = 1024;
    let mut environment = world.launch(spec).await;
    let said = show(&environment.invoke(invocation(&format!("{data:?}"))).await);
    expect![[r#"
        ok {"inherited": ["/dev/null", "pipe", "pipe", "socket"],
        "abstract": "ECONNREFUSED", "sibling": ["EPERM", "EPERM", "EACCES"],
        "netlink": "EPERM", "shared": "ENOENT", "setuid": 2, "keyrings": ["EPERM", "EPERM", "EPERM"],
        "sysctls": ["EACCES", "EACCES", "EACCES", "ENOENT"],
        "link": "ENOENT", "devices": "EPERM", "kill": ["EPERM", "EPERM", "EPERM", "ESRCH"],
        "signalled": ["EPERM", "EPERM", "EPERM", "EPERM"],
        "attributes": true, "ranks": ["EPERM", "EACCES", "EPERM"],
        "limits": "not allowed to raise maximum limit", "descriptors": [true, "EMFILE"],
        "sockets": [true, "EMFILE"],
        "tmp": [512, "ENOSPC"],
        "left": ["link"]}"#]]
    .assert_eq(&said.replace("], ", "],\n"));
    assert_eq!(show(&environment.invoke(invocation("\"again\"")).await), "ok \"well\"");
}

/// What a function does to the socket and the pipes between itself and the server, and to itself.
const TURNED: [(&str, &str, &str, &str); 7] = [
    ("python3.12", "frames of a grandchild", "fork(fork, frames); time.sleep(9)", "Exit"),
    (
        "python3.12",
        "descriptors with a frame",
        "for _ in range(9): socket.send_fds(socket.socket(fileno=os.dup(speaker())), [frame()], [0] * 250); time.sleep(9)",
        "Exit",
    ),
    (
        "python3.12",
        "a frame without end",
        "os.write(speaker(), struct.pack('<IB', 0xfffffff0, 2)); time.sleep(9)",
        "Exit",
    ),
    ("python3.12", "it stops itself", "fork(lambda: os.kill(os.getppid(), 19)); time.sleep(9)", "Timeout"),
    (
        "python3.12",
        "a child keeps the pipes",
        "subprocess.Popen(['sleep', '60']); os.set_blocking(1, False)",
        "ok",
    ),
    (
        "nodejs20.x",
        "frames of a program",
        "spawnSync('sh', ['-c', `printf '\\\\3\\\\0\\\\0\\\\0\\\\2xx' >&3`], { stdio: [0, 1, 2, speaker()] }); await sleep(9)",
        "Exit",
    ),
    ("nodejs20.x", "it stops itself", "process.kill(process.pid, 'SIGSTOP'); await sleep(9)", "Timeout"),
];

const TURNED_PYTHON: &str = r"
import os, socket, struct, subprocess, time
def speaker():
    all = [(int(n), os.readlink('/proc/self/fd/' + n)) for n in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/' + n)]
    return [n for n, to in all if to.startswith('socket')][0]
def frame(): return struct.pack('<IB', 3, 2) + b'xx'
def frames():
    for _ in range(200): os.write(speaker(), frame())
def fork(do, *args):
    if os.fork() == 0:
        try: do(*args)
        finally: os._exit(0)
    time.sleep(0.1)
def handler(e, c):
    if e == 1: return 1
    ";

const TURNED_NODE: &str = r"
const fs = require('fs'), { spawnSync } = require('child_process');
const sleep = (s) => new Promise((done) => setTimeout(done, s * 1000));
const target = (n) => { try { return fs.readlinkSync('/proc/self/fd/' + n) } catch { return '' } };
const speaker = () => Number(fs.readdirSync('/proc/self/fd').find((n) => target(n).startsWith('socket')));
exports.handler = async (e) => { if (e === 1) return 1; ";

#[tokio::test]
async fn who_turns_on_the_server_ends_his_own_environment() {
    let world = World::new(SandboxMode::BestEffort).await;
    for (runtime, what, code, expected) in TURNED {
        let (file, text) = match runtime {
            "nodejs20.x" => ("index.js", format!("{TURNED_NODE}{code} }}")),
            _ => ("index.py", format!("{TURNED_PYTHON}{code}")),
        };
        let mut spec = world.function(runtime, &[(file, &text)]);
        spec.timeout_ms = 2000;
        let mut environment = world.launch(spec.clone()).await;
        let said = show(&environment.invoke(invocation("2")).await);
        assert!(said.starts_with(expected), "{what}: {said}");
        assert_eq!(said.ends_with("(ended)"), expected != "ok", "{what}: {said}");
        if expected == "ok" {
            assert_eq!(show(&environment.invoke(invocation("1")).await), "ok 1", "{what}");
        }
        // While what is left of it may still stand.
        assert_eq!(show(&world.once(spec, "1").await), "ok 1", "{what}");
    }
}

const BOMB: &str = r"
import os, time
def handler(e, c):
    n = 0
    try:
        while True:
            if os.fork() == 0:
                os.setsid()
                time.sleep(600)
                os._exit(0)
            n += 1
    except OSError as error:
        return [n < 1024, n > 50, error.errno]
";

async fn prove_with_a_bomb() {
    let world = World::new(SandboxMode::BestEffort).await;
    let mut spec = world.function("python3.12", &[("index.py", BOMB)]);
    spec.memory_mib = 10_240;
    spec.timeout_ms = 60_000;
    let mut environment = world.launch(spec).await;
    assert_eq!(show(&environment.invoke(invocation("{}")).await), "ok [true, true, 11]");
    let mark = world.folder.path().to_str().unwrap().to_owned();
    drop(environment);
    // The whole tree dies with its pid namespace: no process still has a mount of this world.
    for _ in 0..500 {
        if !anyone_mounts(&mark) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("processes of an ended environment still stand");
}

fn anyone_mounts(mark: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let mounts = std::fs::read_to_string(process.path().join("mountinfo")).unwrap_or_default();
        mounts.contains(mark)
    })
}

#[tokio::test]
async fn nothing_is_seen_or_done_from_inside() {
    prove_with_node(expect![[r#"
        ok {"user":[993,993,[993]],
        "processes":1, "shadow":"ENOENT", "homes":[false,false,false,false,false,false],
        "data":"ENOENT", "writes":["EROFS", "EROFS", "EROFS", "EROFS", "EROFS", "EROFS", "EACCES", "EROFS"],
        "tmp":[[],
        "done",512],
        "init":["EPERM", "EPERM", "EPERM"],
        "programs":[true,true,true,true,true],
        "kill":"EPERM", "privileges":["0000000000000000", "0000000000000000", "0000000000000000", "0000000000000000", "1", "2"],
        "limits":[1024,0],
        "random":0, "first_to_go":["500", "EACCES"]}"#]]).await;
    prove_with_python(expect![[r#"
        ok {"mount": -1, "ptrace": -1, "calls": {"unshare": "EPERM", "setns": "EPERM", "bpf": "EPERM", "keyctl": "EPERM", "perf": "EPERM", "io_uring": "ENOSYS", "userfaultfd": "EPERM", "kexec": "EPERM", "clone_newuser": "EPERM", "clone3": "ENOSYS", "x32_unshare": "ENOSYS", "open_by_handle": "EPERM", "chroot": "EPERM", "getpid": "DONE", "thread_alone": "EPERM", "own_descriptors": "ENOSYS", "close_range": "DONE", "aio": "ENOSYS", "x32_ptrace": "ENOSYS", "ldt": "EPERM", "newest": "ENOSYS", "newer": "ENOSYS", "limits_of_init": "EPERM", "limits_of_own": "DONE", "queue": "EMFILE", "handle": "EPERM", "fsopen": "EPERM"},
        "i386": true, "watchers": 16, "tree": 0, "limits": [[1, 1], [1024, 1024]], "files": 131072, "families": [0, 1, 2, 10, 16], "pair": "EPERM", "transports": ["EPERM", "EPERM", "EPERM", "EPERM", "EPERM", "EPERM", "EPERM", "EPERM", "EPERM"], "sockets": ["EPERM", "EPERM", "EPERM", "DONE", "DONE"]}"#]]).await;
}

#[tokio::test]
async fn a_fork_bomb_is_contained() {
    prove_with_a_bomb().await;
}

/// The proofs again with a server that is not root.
#[test]
fn an_ordinary_user_has_the_same_jail() {
    prove_as_ordinary_user(&[
        "jail::every_layer_is_in_force",
        "jail::layers_and_the_sdk_are_found",
        "jail::links_lead_where_they_do_for_the_function",
        "jail::nothing_is_seen_or_done_from_inside",
        "jail::a_fork_bomb_is_contained",
        "network::this_machine_is_closed_but_for_the_endpoint",
        "network::a_connection_is_not_aimed_anew",
        "network::no_race_leads_to_this_machine",
        "network::a_flood_of_calls_does_not_stop_the_supervisor",
        "jail::attacks_end_where_they_began",
    ]);
}
