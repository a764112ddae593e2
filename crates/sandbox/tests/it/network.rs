//! What functions reach over the network, looked at from inside; as root and as an ordinary user.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;

use expect_test::expect;
use sandbox::{FunctionNetwork, SandboxMode};

use crate::needs::needs;
use crate::world::{World, invocation, show};

/// Answers every connection with a line of HTTP; ends with the test.
fn serve(at: &str) -> SocketAddr {
    let listener = TcpListener::bind(at).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|n| n > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
                }
            });
        }
    });
    address
}

/// Says back what comes.
fn echo(at: &str) -> SocketAddr {
    let socket = UdpSocket::bind(at).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok((n, from)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&datagram[..n], from);
        }
    });
    address
}

async fn world(network: FunctionNetwork, endpoint: SocketAddr) -> World {
    World::with(SandboxMode::BestEffort, |c| {
        c.network = network;
        c.endpoint_url = Some(format!("http://{endpoint}"));
    })
    .await
}

const NODE: &str = "const os = require('os'), net = require('net'), http = require('http');
const connect = (at) => new Promise((done) => { const [host, port] = at; const s = net.connect({ port, host, autoSelectFamily: false }, () => { done('open'); s.destroy() }).on('error', (e) => done(e.code)) });
const get = (at) => new Promise((done) => http.get({ host: at[0], port: at[1] }, (r) => { let t = ''; r.on('data', (d) => t += d).on('end', () => done(t)) }).on('error', (e) => done(e.code)));
const fetched = (at) => fetch(`http://${at[0]}:${at[1]}/`).then((r) => r.text(), (e) => e.cause.code);
exports.handler = async ({ endpoint, other }) => ({
    interfaces: Object.keys(os.networkInterfaces()),
    runtime_api: await connect(['127.0.0.1', 9001]),
    endpoint: [await connect(endpoint), await get(endpoint), await fetched(endpoint), await connect(['::ffff:' + endpoint[0], endpoint[1]])],
    loopback: [await connect(other), await connect(['::ffff:' + other[0], other[1]]), await connect(['127.0.0.2', other[1]]), await connect(['0.0.0.0', other[1]])],
    own: await new Promise((done) => { const server = net.createServer((s) => s.end('mine')); server.listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').on('data', (d) => { done(d.toString()); server.close() })) }),
    unix: await new Promise((done) => { const server = net.createServer((s) => s.end('mine')); server.listen('/tmp/s', () => net.connect('/tmp/s').on('data', (d) => { done(d.toString()); server.close() })) }),
    abstract: await new Promise((done) => { const server = net.createServer((s) => s.end('mine')); server.listen('\\0s', () => net.connect('\\0s').on('data', (d) => { done(d.toString()); server.close() })) }),
});";

#[tokio::test]
async fn this_machine_is_closed_but_for_the_endpoint() {
    let (endpoint, other) = (serve("127.0.0.1:0"), serve("127.0.0.1:0"));
    let event = event(&[
        ("endpoint", &endpoint.ip().to_string(), endpoint.port()),
        ("other", &other.ip().to_string(), other.port()),
    ]);
    for network in [FunctionNetwork::Isolated, FunctionNetwork::None] {
        let world = world(network, endpoint).await;
        let spec = world.function("nodejs20.x", &[("index.js", NODE)]);
        let mut environment = world.launch(spec).await;
        for _ in 0..2 {
            assert_eq!(
                show(&environment.invoke(invocation(&event)).await),
                r#"ok {"interfaces":["lo"],"runtime_api":"open","endpoint":["open","hi","hi","open"],"loopback":["ECONNREFUSED","ECONNREFUSED","ECONNREFUSED","ECONNREFUSED"],"own":"mine","unix":"mine","abstract":"mine"}"#
            );
        }
    }
}

const PYTHON: &str = r"
import errno, os, socket, struct, urllib.request, ctypes, threading
def code(f, *args):
    try: r = f(*args); return 'DONE' if r is None else r
    except OSError as e: return errno.errorcode.get(e.errno, str(e))
def connect(at, family=socket.AF_INET, timeout=None):
    with socket.socket(family) as s:
        s.settimeout(timeout)
        return code(s.connect, tuple(at))
def unconnected(at):
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        def f():
            s.sendto(b'x', tuple(at)); return s.recvfrom(9)[0].decode()
        return code(f)
def connected(at):
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        def f():
            s.connect(tuple(at)); s.send(b'y'); return s.recv(9).decode()
        return code(f)
def sendmsg(at):
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        def f():
            s.sendmsg([b'z'], [], 0, tuple(at)); return s.recv(9).decode()
        return code(f)
def get(at): return urllib.request.urlopen('http://%s:%d/' % tuple(at)).read().decode()
def aimed_anew(endpoint, other):
    s = socket.socket(); s.connect(tuple(endpoint))
    return [code(s.connect, tuple(other)), code(s.connect_ex, tuple(other)), code(s.listen), code(s.bind, ('127.0.0.1', 0)),
        ctypes.CDLL(None, use_errno=True).connect(s.fileno(), struct.pack('H14x', 0), 16),
        code(s.sendmsg, [b'x'], [], 0x20000000, tuple(other)), code(s.sendto, b'x', 0x20000000, tuple(other))]
def name():
    try: return socket.gethostbyname('name.invalid')
    except socket.gaierror: return 'EAI'
def relative():
    os.chdir('/tmp')
    a, b = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    a.bind('r'); a.listen(); b.connect('r'); return [b.getpeername(), code(socket.socket(socket.AF_UNIX).connect, 'none')]
def handler(e, c):
    endpoint, other, near = e['endpoint'], e['other'], e['near']
    return {
        'endpoint': [connect(endpoint), connect(endpoint, timeout=3), get(endpoint), connect(['::ffff:' + endpoint[0], endpoint[1]], socket.AF_INET6)],
        'this machine': [connect(other), connect(other, timeout=3), connect(near)],
        'udp': [unconnected(e['udp']), connected(e['udp']), sendmsg(e['udp'])],
        'metadata': connect(['169.254.169.254', 80]),
        'anew': aimed_anew(endpoint, other),
        'relative': relative(),
        'names': name(),
    }
";

#[tokio::test]
async fn a_connection_is_not_aimed_anew() {
    let (endpoint, other, udp) = (serve("127.0.0.1:0"), serve("0.0.0.0:0"), echo("0.0.0.0:0"));
    // An address of this machine that is not its loopback's, if it has one.
    let near = own_address().unwrap_or_else(|| "127.0.0.3".to_owned());
    let event = event(&[
        ("endpoint", &endpoint.ip().to_string(), endpoint.port()),
        ("other", "127.0.0.1", other.port()),
        ("near", &near, other.port()),
        ("udp", &near, udp.port()),
    ]);
    let world = world(FunctionNetwork::Isolated, endpoint).await;
    let spec = world.function("python3.12", &[("index.py", PYTHON)]);
    expect![[r#"
        ok {"endpoint": ["DONE", "DONE", "hi", "DONE"],
        "this machine": ["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"],
        "udp": ["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"],
        "metadata": "ENETUNREACH", "anew": ["EISCONN", 106, "EINVAL", "EINVAL", -1, "ENOTSUP", "ENOTSUP"],
        "relative": ["r", "ENOENT"],
        "names": "EAI"}"#]]
    .assert_eq(&show(&world.once(spec, &event).await).replace("], ", "],\n"));
}

/// While one thread connects, others put a socket of the host's network under its number and another address under its
/// pointer.
const RACE: &str = r"
import ctypes, os, socket, struct, threading, time
libc = ctypes.CDLL(None)
def handler(e, c):
    host = socket.socket(); host.connect(tuple(e['endpoint']))
    refused = socket.socket(); refused.setblocking(False); refused.connect_ex(tuple(e['endpoint']))
    unix, inside = socket.socket(socket.AF_UNIX), socket.socket()
    n = os.dup(unix.fileno())
    def inet(at): return struct.pack('!2s H 4s 8x', struct.pack('H', socket.AF_INET), at[1], socket.inet_aton(at[0]))
    addresses = [struct.pack('H14s', socket.AF_UNIX, b'/tmp/none'), struct.pack('H14x', 0), inet(e['other']), inet(['127.0.0.1', 0])]
    buffer, end, done = ctypes.create_string_buffer(16), time.monotonic() + 25, [0]
    def loop(f):
        def run():
            while done[0] < 2000 and time.monotonic() < end: f()
        t = threading.Thread(target=run); t.start(); return t
    def number():
        for s in (host, unix, refused, inside): os.dup2(s.fileno(), n)
    def pointer():
        for a in addresses: ctypes.memmove(buffer, a, 16)
    def connect(): done[0] += 1; libc.connect(n, buffer, 16)
    def others(): libc.bind(n, buffer, 16); libc.listen(n, 1); libc.sendto(n, b'x', 1, 0, buffer, 16)
    for t in [loop(number), loop(pointer), loop(connect), loop(others)]: t.join()
    return [done[0] >= 2000, host.getpeername() == tuple(e['endpoint'])]
";

#[tokio::test]
async fn no_race_leads_to_this_machine() {
    let (endpoint, other) = (serve("127.0.0.1:0"), TcpListener::bind("127.0.0.1:0").unwrap());
    let at = other.local_addr().unwrap();
    let event = event(&[("endpoint", "127.0.0.1", endpoint.port()), ("other", "127.0.0.1", at.port())]);
    let world = world(FunctionNetwork::Isolated, endpoint).await;
    let mut spec = world.function("python3.12", &[("index.py", RACE)]);
    spec.timeout_ms = 60_000;
    assert_eq!(show(&world.once(spec, &event).await), "ok [true, true]");
    other.set_nonblocking(true).unwrap();
    assert!(other.accept().is_err(), "somebody came");
}

/// Threads take the flag off a socket by which its supervisor does not wait; others open all they can, all at once.
const FLOOD: &str = r"
import ctypes, fcntl, os, socket, struct, threading, time
libc = ctypes.CDLL(None)
def thread(f, *args):
    t = threading.Thread(target=f, args=args, daemon=True); t.start(); return t
def filled(listener, family, at):
    waiting = []
    while True:
        s = socket.socket(family); s.setblocking(False); waiting.append(s)
        if s.connect_ex(at) and (family == socket.AF_UNIX or len(waiting) > 3): return waiting
def connected(at, n):
    with socket.socket() as s: s.connect(at); return n.append(s.recv(2))
def handler(e, c):
    if e == 'again': return 'well'
    endpoint, going = tuple(e['endpoint']), [True]
    unix, near = socket.socket(socket.AF_UNIX), socket.create_server(('127.0.0.1', 0), backlog=0)
    unix.bind('/tmp/full'); unix.listen(0)
    kept = filled(unix, socket.AF_UNIX, '/tmp/full') + filled(near, socket.AF_INET, near.getsockname())
    for family, at in ((socket.AF_UNIX, struct.pack('H9s', 1, b'/tmp/full')), (socket.AF_INET, struct.pack('!2sH4s8x', struct.pack('H', 2), near.getsockname()[1], b'\x7f\0\0\1'))):
        s = socket.socket(family); kept.append(s)
        def unflag(s):
            while going[0]: fcntl.fcntl(s, fcntl.F_SETFL, 0)
        thread(unflag, s), thread(libc.connect, s.fileno(), at, len(at))
    said, end = [], time.monotonic() + 20
    while len(said) < 20 and time.monotonic() < end: connected(endpoint, said)
    some, said, going[0] = len(said), [], False
    for t in [thread(connected, endpoint, said) for _ in range(300)]: t.join()
    all = []
    try:
        while True: s = socket.socket(); all.append(s); s.connect(endpoint)
    except OSError as error: number = error.errno
    return [some == 20, len(said), len(all) > 900, number]
";

#[tokio::test]
async fn a_flood_of_calls_does_not_stop_the_supervisor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|mut s| drop(s.write_all(b"hi"))));
    let world = world(FunctionNetwork::Isolated, endpoint).await;
    let mut spec = world.function("python3.12", &[("index.py", FLOOD)]);
    spec.timeout_ms = 30_000;
    let mut environment = world.launch(spec).await;
    let said = environment.invoke(invocation(&event(&[("endpoint", "127.0.0.1", endpoint.port())]))).await;
    assert_eq!(show(&said), "ok [true, 300, true, 24]");
    assert_eq!(show(&environment.invoke(invocation("\"again\"")).await), r#"ok "well""#);
}

/// `{"name":["address",port],..}`
fn event(addresses: &[(&str, &str, u16)]) -> String {
    let pairs = addresses.iter().map(|(name, ip, port)| format!(r#""{name}":["{ip}",{port}]"#));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.77:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback()).then(|| ip.to_string())
}

const FAR: &str = r"
import os, socket, threading, time
def code(f):
    try: return f()
    except OSError as e: return repr(e)
def tcp(family, at):
    with socket.socket(family) as s: s.connect(at); s.send(b'x'); return s.recv(9).decode()
def soon(at):
    with socket.socket() as s:
        s.setblocking(False); n = s.connect_ex(at); s.setblocking(True); s.send(b'x'); return [n, s.recv(9).decode()]
def dgram(family, at, connected):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(9)
        if connected: s.connect(at); s.send(b'x')
        else: s.sendto(b'x', at)
        return s.recv(9).decode()
def message(at):
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(9); s.sendmsg([b'x'], [], 0, at); return s.recvfrom(9)[1]
def holes():
    got = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            for _ in range(200): threading.Thread(target=tcp, args=(socket.AF_INET, ('198.51.100.77', 7))).start()
            time.sleep(600)
        time.sleep(0.2); got.append(tcp(socket.AF_INET, ('198.51.100.2', 7))); os.kill(child, 9); os.waitpid(child, 0)
    return got
def handler(e, c):
    six, four, far, none = socket.AF_INET6, socket.AF_INET, ('198.51.100.2', 7), ('198.51.100.2', 8)
    return {n: code(f) for n, f in {
        'tcp': lambda: tcp(four, far), 'tcp6': lambda: tcp(six, ('2001:db8::2', 7)), 'mapped': lambda: tcp(six, ('::ffff:198.51.100.2', 7)),
        'soon': lambda: soon(far), 'closed': lambda: tcp(four, none), 'own': lambda: tcp(four, ('198.51.100.1', 7)),
        'udp': lambda: [dgram(four, far, True), dgram(four, far, False)], 'udp6': lambda: dgram(six, ('2001:db8::2', 7), True), 'message': lambda: message(far),
        'name': lambda: socket.gethostbyname('far.test'), 'no_route': lambda: tcp(four, ('203.0.113.9', 7)),
        'holes': holes, 'many': lambda: sum(1 for t in [threading.Thread(target=tcp, args=(four, far)) for _ in range(50)] if [t.start()] and not t.join()),
    }.items()}
";

/// Runs inside [`WORLD_WITH_ANOTHER_HOST`] only.
#[tokio::test]
#[ignore = "needs a host of its own"]
async fn in_a_world_with_another_host() {
    let _here = serve("198.51.100.1:7");
    for (network, expected) in [
        (
            FunctionNetwork::Isolated,
            r#"ok {"tcp": "x", "tcp6": "x", "mapped": "x", "soon": [115, "x"], "closed": "ConnectionRefusedError(111, 'Connection refused')", "own": "ConnectionRefusedError(111, 'Connection refused')", "udp": ["x", "x"], "udp6": "x", "message": ["198.51.100.2", 7], "name": "198.51.100.9", "no_route": "OSError(101, 'Network is unreachable')", "holes": ["x", "x", "x"], "many": 50}"#,
        ),
        (
            FunctionNetwork::None,
            r#"ok {"tcp": "OSError(101, 'Network is unreachable')", "tcp6": "OSError(101, 'Network is unreachable')", "mapped": "OSError(101, 'Network is unreachable')""#,
        ),
    ] {
        let world = world(network, serve("127.0.0.1:0")).await;
        let mut spec = world.function("python3.12", &[("index.py", FAR)]);
        spec.timeout_ms = 60_000;
        let said = show(&world.once(spec, "1").await);
        assert!(said.starts_with(expected), "{said}");
    }
}

/// A network with another host, and a nameserver on the loopback; needs root. `$1`: this program.
const WORLD_WITH_ANOTHER_HOST: &str = r#"
set -e
mount --make-rprivate /
dir=$(mktemp -d); trap 'kill $far $dns 2>/dev/null; rm -r $dir' EXIT
echo nameserver 127.0.0.53 > $dir/resolv.conf; mount --bind $dir/resolv.conf /etc/resolv.conf
ip link set lo up
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
cat > $dir/echo.py <<'END'
import socket, threading
def tcp():
    s = socket.create_server(('::', 7), family=socket.AF_INET6, dualstack_ipv6=True, backlog=99)
    while True:
        c, _ = s.accept(); c.send(c.recv(9)); c.close()
threading.Thread(target=tcp).start()
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(('::', 7)); print('up', flush=True)
while True:
    d, a = u.recvfrom(99); u.sendto(d, a)
END
cat > $dir/dns.py <<'END'
import socket
u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('127.0.0.53', 53)); print('up', flush=True)
while True:
    d, a = u.recvfrom(999); end = 12 + d[12:].index(b'\0') + 5; a_asked = d[end-4:end-2] == b'\0\1'
    u.sendto(d[:2] + b'\x81\x80\0\1' + (b'\0\1' if a_asked else b'\0\0') + b'\0\0\0\0' + d[12:end] + (b'\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xc6\x33\x64\x09' if a_asked else b''), a)
END
mkfifo $dir/up
unshare -n sh -c "ip link set lo up; echo > $dir/up; exec python3 $dir/echo.py > $dir/echoes" & far=$!
read x < $dir/up
ip link add near type veth peer name far netns $far
ip addr add 198.51.100.1/24 dev near; ip -6 addr add 2001:db8::1/64 dev near nodad; ip link set near up
# Nobody has that address of the wire: what is sent there is lost.
ip neigh add 198.51.100.77 lladdr 02:00:00:00:00:77 dev near
nsenter -n -t $far sh -c 'ip addr add 198.51.100.2/24 dev far; ip -6 addr add 2001:db8::2/64 dev far nodad; ip link set far up'
python3 $dir/dns.py > $dir/names & dns=$!
until grep -q up $dir/echoes && grep -q up $dir/names; do sleep 0.05; done
"$1" network::in_a_world_with_another_host --exact --ignored
[ -z "$2" ] || setpriv --reuid $2 --regid $2 --clear-groups env -i PATH=/usr/bin:/bin "$1" network::in_a_world_with_another_host --exact --ignored
"#;

#[test]
fn other_hosts_are_reached_by_name_and_address() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let mut world = Command::new("unshare");
    world.args(["-mn", "sh", "-c", WORLD_WITH_ANOTHER_HOST, "sh"]).arg(program).arg("65534");
    let ended = world.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    let has_veth = !said.contains("Operation not supported");
    assert!(!needs("veth", has_veth, "modprobe veth") || ended.status.success(), "{said}");
}
