# Loads a Python handler and runs it once for each frame on an inherited socket. Frames: see crates/sandbox/src/frame.rs.
#
# Between invocations the process stands in a blocking read. What the function may replace later is bound here first.
# A function waits for every import of this file: what not every function needs is imported where it is used.
import _thread
import io
import os
import sys

FD = int(sys.argv[1])
del sys.argv[1:]
STDLIB = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__)) and not p.endswith("-packages")]
sys.path += [p for p in os.environ.pop("RUSHLIGHT_PACKAGES", "").split(":") if p and p not in sys.path]
LENT = os.environ.pop("RUSHLIGHT_SDK", None)

import importlib
import importlib.machinery
import resource
import select
import struct
import time

INIT, INVOKE = 1, 2
READY, INIT_FAULT, RESULT, FAULT, LOG, TOO_LARGE, FATAL, STARTED, OUTPUT = 16, 17, 18, 19, 20, 21, 22, 25, 26
LOG_BYTES_MAX = 256 * 1024
OUTPUT_BYTES_MAX = 64 * 1024
# Their answers hold no character beyond ASCII: others are escaped.
ASCII_RUNTIMES = ("python2.7", "python3.6", "python3.7", "python3.8", "python3.9", "python3.10", "python3.11")
# Around a number that is written digit by digit; no text of a function can hold it.
NUMBER = os.urandom(16).hex()

_events = select.poll()
_events.register(FD, select.POLLIN)
os_read, os_write, os_exit, getpid = os.read, os.write, os._exit, os.getpid
await_event = _events.poll
getrusage, RUSAGE_SELF, RUSAGE_CHILDREN = resource.getrusage, resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
head_of = struct.Struct("<IB").pack
head_and_u32 = struct.Struct("<IBI").pack
head_of_output = struct.Struct("<IBQB").pack
length_at = struct.Struct("<I").unpack_from
long_at = struct.Struct("<Q").unpack_from
deadline_at = struct.Struct("<QI").unpack_from
now = time.time

_stdout, _stderr = sys.stdout, sys.stderr


class _State:
    request_id = None
    settings = None
    response_max = 0
    pid = os.getpid()
    writing = _thread.RLock()
    json_logs = False
    log_level = ""
    ensure_ascii = False
    encoder = None
    tuples = 0  # how many kinds there are before the function's own


# ---- the standard library

# What AWS's runtime and its own have loaded before the function: a file of the package by such a name is never loaded in
# its place, whether it is loaded already or not yet.
FIRST = frozenset(
    "array base64 binascii bisect bz2 calendar collections contextlib copyreg datetime decimal email enum fnmatch functools "
    "hashlib hmac http importlib ipaddress json keyword linecache locale logging lzma math numbers operator platform quopri "
    "random re reprlib resource select selectors shutil socket ssl string struct tempfile textwrap threading token tokenize "
    "traceback types typing urllib uuid warnings weakref zlib".split()
)


class _First:
    """Asked first, for those names alone."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in FIRST:
            spec = importlib.machinery.PathFinder.find_spec(name, STDLIB)
            if spec and name == "logging":
                spec.loader = _LoggingLoader(spec.loader)
            return spec


class _LoggingLoader:
    """Sets the root logger up as soon as there is one."""

    def __init__(self, loader):
        self.loader = loader

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        _set_up_logging(module)


sys.meta_path.insert(0, _First)


def _add_builtins():
    """Those of the module `site`, which the interpreter was told not to run: it runs whatever the host's packages ask for."""
    if sys.flags.no_site:
        import site

        site.setquit()
        site.setcopyright()
        site.sethelper()


# ---- JSON


def _json_of_package():
    import json

    def writer(default, ensure_ascii):
        plain = json.JSONEncoder(ensure_ascii=ensure_ascii, default=default)
        return lambda value, _: (plain.encode(value),)

    return json.JSONDecoder().scan_once, writer


def _json_of_core():
    """By the parts in C of the package `json` alone, which loads regular expressions for the others."""
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

    class _Settings:
        strict = True
        object_hook = object_pairs_hook = None
        parse_float, parse_int = float, int
        parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__

    def writer(default, ensure_ascii):
        text = encode_basestring_ascii if ensure_ascii else encode_basestring
        return make_encoder({}, default, text, None, ": ", ", ", False, False, True)

    scan, tried = make_scanner(_Settings), '{"a": [1.5, null, "ü"]}'
    if "".join(writer(str, False)(scan(tried, 0)[0], 0)) != tried:
        raise ImportError("another interface")
    return scan, writer


try:
    _scan, _writer = _json_of_core()
except Exception:
    _scan, _writer = _json_of_package()


def encode_line(value):
    """A value that JSON does not know is no reason to lose a line of the log."""
    return "".join(_writer(str, False)(value, 0))


# ---- the AWS SDK that another interpreter lends


class _LentSdk:
    """The last to be asked: finds the SDK's modules alone in the folder of another interpreter."""

    def __init__(self, text):
        folder, _, names = text.rpartition(":")
        self.folders, self.names = [folder], frozenset(names.split(","))

    def find_spec(self, name, path=None, target=None):
        if path is None and name in self.names:
            return importlib.machinery.PathFinder.find_spec(name, self.folders, target)


if LENT:
    sys.meta_path.append(_LentSdk(LENT))

# ---- what was compiled of the package

COMPILED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compiled")


class _Loader(importlib.machinery.SourceFileLoader):
    """Looks for bytecode where ours is, and there alone: all other modules have theirs beside them."""

    def get_code(self, name):
        before, sys.pycache_prefix = sys.pycache_prefix, COMPILED
        try:
            return super().get_code(name)
        finally:
            sys.pycache_prefix = before


def _use_compiled(root):
    if not os.path.isdir(COMPILED + root):
        return
    kinds = importlib.machinery
    details = (
        (kinds.ExtensionFileLoader, kinds.EXTENSION_SUFFIXES),
        (_Loader, kinds.SOURCE_SUFFIXES),
        (kinds.SourcelessFileLoader, kinds.BYTECODE_SUFFIXES),
    )
    find = kinds.FileFinder.path_hook(*details)

    def hook(path):
        if path != root and not path.startswith(root + "/"):
            raise ImportError("not of the package", path=path)
        return find(path)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.pop(root, None)


def _compile(first, _context):
    """Compiles sources of the package from this one on, as many as fit into an answer, and runs none."""
    import base64
    import importlib.util
    import marshal

    root = _State.settings["root"]
    sources = sorted(os.path.join(f, n) for f, _, names in os.walk(root) for n in names if n.endswith(".py"))
    pieces, size, number = [], 0, first
    while number < len(sources) and size < 2 << 20:
        source = sources[number]
        number += 1
        try:
            with open(source, "rb") as file:
                text = file.read()
            code = marshal.dumps(compile(text, source, "exec", dont_inherit=True))
        except Exception:
            continue  # the function says so, if it loads it
        # Not compared with the source, which never changes.
        content = importlib.util.MAGIC_NUMBER + struct.pack("<I", 1) + importlib.util.source_hash(text) + code
        if len(content) > 2 << 20:
            continue
        sys.pycache_prefix = "/"
        name = importlib.util.cache_from_source(source).lstrip("/").encode()
        sys.pycache_prefix = None
        pieces += [struct.pack("<I", len(name)), name, struct.pack("<I", len(content)), content]
        size += len(content)
    following = number if number < len(sources) else 0
    return base64.b64encode(struct.pack("<I", following) + b"".join(pieces)).decode()


# ---- frames


def _read_exactly(n):
    pieces = []
    while n > 0:
        piece = os_read(FD, min(n, 1 << 20))
        if not piece:
            os_exit(0)  # the server has gone
        pieces.append(piece)
        n -= len(piece)
    return b"".join(pieces)


def _read_frame():
    # Who stands in the read itself is woken in vain when the server takes the last answer out of the socket.
    await_event()
    piece = os_read(FD, 65536)
    if not piece:
        os_exit(0)
    if len(piece) < 5:
        piece += _read_exactly(5 - len(piece))
    missing = 4 + length_at(piece, 0)[0] - len(piece)
    if missing > 0:
        piece += _read_exactly(missing)
    return piece


def _write(data):
    # A thread may print while an answer leaves in several pieces.
    with _State.writing:
        n = os_write(FD, data)
        while n < len(data):
            data = memoryview(data)[n:]
            n = os_write(FD, data)


def _max_rss():
    # A child may have come and gone between two looks of the server's.
    return max(getrusage(RUSAGE_SELF).ru_maxrss, getrusage(RUSAGE_CHILDREN).ru_maxrss) & 0xFFFFFFFF


def _send(kind, body):
    _write(head_and_u32(5 + len(body), kind, _max_rss()) + body)


def _send_log(text):
    body = text.encode("utf-8", "replace")[:LOG_BYTES_MAX]
    _write(head_of(9 + len(body), LOG) + struct.pack("<Q", int(now() * 1000)) + body)


class _Fields:
    def __init__(self, frame):
        self.frame, self.at = frame, 5

    def u32(self):
        value = length_at(self.frame, self.at)[0]
        self.at += 4
        return value

    def u64(self):
        value = long_at(self.frame, self.at)[0]
        self.at += 8
        return value

    def text(self):
        n = self.u32()
        start = self.at
        self.at += n
        return self.frame[start : start + n].decode()

    def rest(self):
        return self.frame[self.at :]


# ---- errors, in AWS's shapes


class _Fault(Exception):
    """A failure with AWS's own type name."""

    def __init__(self, kind, message, stack=()):
        super().__init__(message)
        self.kind, self.message, self.stack = kind, message, list(stack)


def _frames_of(error):
    """The traceback from the first line that is not ours: AWS shows the import machinery, too."""
    try:
        import traceback
    except Exception:  # a function that has used up its descriptors
        return []
    entries = list(traceback.extract_tb(error.__traceback__))
    while entries and entries[0].filename == __file__:
        del entries[0]
    # Our own loader stands among the frozen parts of the machinery, where AWS has Python's. Of a line AWS's runtime keeps
    # no columns, so that nothing is underlined.
    return traceback.format_list([(e.filename, e.lineno, e.name, e.line) for e in entries if e.filename != __file__])


def _of_error(error):
    if isinstance(error, _Fault):
        return error.kind, error.message, error.stack
    try:
        message = str(error)
    except Exception as failure:
        message = f"<{type(failure).__name__} while the message was made>"
    return type(error).__name__, message, _frames_of(error)


def _fault_bytes(error, request_id):
    kind, message, stack = _of_error(error)
    body = {"errorMessage": message, "errorType": kind, "requestId": request_id or "", "stackTrace": stack}
    _flush()
    _send_log(_fault_text(body))
    return _State.encoder.encode(body).encode("utf-8", "replace")


def _fault_text(body):
    """What the log says of a fault: AWS's runtime indents by spaces that do not break."""
    if _State.json_logs:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now()))
        return _State.encoder.encode({"timestamp": stamp, "level": "ERROR", **body})
    kind, message = body["errorType"], body["errorMessage"]
    lines = [f"[ERROR] {kind}: {message}" if message else f"[ERROR] {kind}", "Traceback (most recent call last):"]
    for line in "".join(piece.rstrip("\n") + "\n" for piece in body["stackTrace"]).splitlines():
        text = line.lstrip(" ")
        lines.append("\u00a0" * (len(line) - len(text)) + text)
    return "\n".join(lines)


# ---- output


class _Output(io.RawIOBase):
    """A standard stream: what is written leaves at once, by a frame, so that it stands in order with the lines of the log."""

    def __init__(self, fd):
        self.fd = fd

    def fileno(self):
        return self.fd

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        if getpid() != _State.pid:
            return os_write(self.fd, data)  # a child's frames would stand in the midst of its parent's
        at = int(now() * 1000)
        for begin in range(0, len(data), OUTPUT_BYTES_MAX):
            piece = data[begin : begin + OUTPUT_BYTES_MAX]
            _write(head_of_output(10 + len(piece), OUTPUT, at, self.fd) + piece)
        return len(data)


def _standard_stream(fd):
    return io.TextIOWrapper(_Output(fd), encoding="utf-8", errors="backslashreplace", newline="\n", write_through=True)


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def _set_up_logging(logging):
    class _Handler(logging.Handler):
        """The root logger's handler, as on AWS: one event of the log a record."""

        def emit(self, record):
            try:
                _send_log(self.format(record))
            except Exception:
                self.handleError(record)

    class _Filter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = _State.request_id or ""
            return True

    logging.Formatter.converter = time.gmtime
    handler = _Handler()
    handler.setFormatter(
        logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    )
    handler.addFilter(_Filter())
    logging.getLogger().addHandler(handler)
    if _State.json_logs:
        _use_json_logs(logging)


def _use_json_logs(logging):
    own = frozenset(vars(logging.makeLogRecord({}))) | {"aws_request_id"}

    class _JsonFormatter(logging.Formatter):
        """AWS's form of a record in a function whose log format is JSON."""

        def format(self, record):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
            level = logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10)
            message = record.msg if isinstance(record.msg, dict) and not record.args else record.getMessage()
            line = {"timestamp": stamp, "level": level, "message": message, "logger": record.name}
            if record.exc_info:
                import traceback

                kind, error, trace = record.exc_info
                line["stackTrace"] = traceback.format_tb(trace)
                line["errorType"], line["errorMessage"] = kind and kind.__name__, str(error)
            line["requestId"] = getattr(record, "aws_request_id", None)
            if record.exc_info:
                line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
            for key, value in vars(record).items():
                if key not in own:
                    line.setdefault(key, value)
            return encode_line({key: value for key, value in line.items() if value is not None})

    root, level = logging.getLogger(), _State.log_level
    level = "DEBUG" if level == "TRACE" else level
    if level in logging._nameToLevel:
        root.setLevel(level)
    for handler in root.handlers:
        handler.setFormatter(_JsonFormatter())


# ---- the handler

INIT_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare cases, a Lambda "
    "runtime update can cause unexpected function behavior. For functions using managed runtimes, runtime updates can be triggered by a "
    "function change, or can be applied automatically. To determine if the runtime has been updated, check the runtime version in the "
    "INIT_START log entry. If this error correlates with a change in the runtime version, you may be able to mitigate this error by "
    "temporarily rolling back to the previous runtime version. For more information, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


def _load(text):
    if text == "rushlight compiles":
        return _compile
    name, dot, function = text.rpartition(".")
    if not dot:
        raise _Fault("Runtime.MalformedHandlerName", f"Bad handler '{text}': not enough values to unpack (expected 2, got 1)")
    if name.split(".")[0] in sys.builtin_module_names:
        raise _Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {name} as a handler module")
    try:
        module = importlib.import_module(name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{name}': {error}"
        if getattr(error, "name", None) in ("boto3", "botocore"):
            message += " (Rushlight finds it where this host's Python does: pip install boto3, or put it into the package)"
        raise _Fault("Runtime.ImportModuleError", message) from None
    except SyntaxError as error:
        where = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        message = f"Syntax error in module '{name}': {error}"
        raise _Fault("Runtime.UserCodeSyntaxError", message, [where]) from None
    try:
        return getattr(module, function)
    except AttributeError:
        raise _Fault("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{name}'") from None


class _Record:
    """Shows its slots as AWS's own classes do."""

    __slots__ = ()

    def __init__(self, of):
        for name in self.__slots__:
            setattr(self, name, of.get(name))

    def __repr__(self):
        return f"{type(self).__name__}([{','.join(f'{name}={getattr(self, name)}' for name in self.__slots__)}])"


class CognitoIdentity(_Record):
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class Client(_Record):
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext(_Record):
    __slots__ = ("custom", "env", "client")


def _client_context(text):
    """The context as an object, and the fields of W3C's trace context, which it is not to show."""
    if not text:
        return None, {}
    try:
        of = _parse(text)
    except ValueError as error:
        raise _Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse Client Context JSON: {error}") from None
    if of is None:
        return None, {}
    given = of.pop("w3c", None)
    given = given if isinstance(given, dict) else {}
    context = ClientContext(of)
    if context.client is not None:
        context.client = Client(context.client)
    return context, {name: given[name] for name in ("traceparent", "tracestate", "baggage") if isinstance(given.get(name), str)}


SHOWN = (
    "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb", "function_version",
    "invoked_function_arn", "client_context", "identity", "tenant_id",
)  # fmt: skip


class LambdaContext:
    """What a handler gets beside its event: <https://docs.aws.amazon.com/lambda/latest/dg/python-context.html>."""

    def __init__(self, settings, deadline, request_id, arn, client_context):
        self.aws_request_id = request_id
        self.log_group_name = settings["log_group"]
        self.log_stream_name = settings["log_stream"]
        self.function_name = settings["name"]
        self.function_version = settings["version"]
        self.memory_limit_in_mb = settings["memory"]
        self.invoked_function_arn = arn
        self.tenant_id = None
        self.identity = CognitoIdentity({})
        self.client_context, self._w3c_fields = _client_context(client_context)
        self._epoch_deadline_time_in_ms = deadline

    def get_remaining_time_in_millis(self):
        return max(self._epoch_deadline_time_in_ms - int(now() * 1000), 0)

    def w3c(self):
        return dict(self._w3c_fields)

    def log(self, message):
        _flush()
        _send_log(str(message).removesuffix("\n"))

    def __repr__(self):
        return f"LambdaContext([{','.join(f'{name}={getattr(self, name)}' for name in SHOWN)}])"


# What runs for every invocation is written out, and asks for nothing that can be asked for once.


class _Encoder:
    """Writes what AWS's runtime writes with simplejson: a decimal with all its digits, bytes as the text they are, a named
    tuple as an object; and from Python 3.12 on, no escapes beyond ASCII."""

    def __init__(self):
        self.exact = False
        self.write = self.new_writer()

    def new_writer(self):
        """What JSONEncoder makes for every value anew; one that has failed is not used again."""
        return _writer(self.default, _State.ensure_ascii)

    def default(self, value):
        if isinstance(value, bytes):
            return value.decode("utf-8")
        decimal = sys.modules.get("decimal")
        if decimal and isinstance(value, decimal.Decimal):
            if value.is_nan():
                return float("nan")
            self.exact = True
            return f"{NUMBER}{value}{NUMBER}"
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    def encode(self, value):
        self.exact = False
        if len(tuple.__subclasses__()) > _State.tuples:
            try:
                value = _with_objects(value)
            except RecursionError:
                pass  # what holds itself: the encoder says so
        try:
            text = "".join(self.write(value, 0))
        except BaseException:
            self.write = self.new_writer()
            raise
        return text.replace(f'"{NUMBER}', "").replace(f'{NUMBER}"', "") if self.exact else text


def _with_objects(value):
    """Named tuples as objects, in what is a list, a tuple or a dictionary. What holds none of them is not copied."""
    if isinstance(value, dict):
        items = {key: _with_objects(item) for key, item in value.items() if isinstance(item, (dict, list, tuple))}
        return {**value, **items} if any(value[key] is not item for key, item in items.items()) else value
    if isinstance(value, tuple) and callable(getattr(value, "_asdict", None)):
        return _with_objects(value._asdict())
    if isinstance(value, (list, tuple)):
        items = [_with_objects(item) for item in value]
        return items if any(a is not b for a, b in zip(items, value)) else value
    return value


def _parse(data):
    """As json.loads, which looks for white space around the value first."""
    text = data.decode("utf-8", "surrogatepass")
    try:
        value, end = _scan(text, 0)
        if end == len(text):
            return value
    except (StopIteration, ValueError, RecursionError):
        pass
    import json

    return json.loads(text)  # what stands around it is white space, or wrong


def _serialize(value):
    if isinstance(value, bytes):
        return value
    try:
        return _State.encoder.encode(value).encode("utf-8")
    except Exception as error:
        raise _Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


TRACE = b"_X_AMZN_TRACE_ID"
_putenv, _variables = os.putenv, os.environ._data


def _invoke(handler, frame):
    # Kind, deadline, four texts, and the event is the rest.
    deadline, n = deadline_at(frame, 5)
    end = 17 + n
    request_id = frame[17:end].decode()
    at = end + 4
    end = at + length_at(frame, end)[0]
    arn = frame[at:end].decode()
    at = end + 4
    end = at + length_at(frame, end)[0]
    # As os.environ does it, which would encode what was decoded.
    _variables[TRACE] = trace = frame[at:end]
    _putenv(TRACE, trace)
    at = end + 4
    end = at + length_at(frame, end)[0]
    client_context = frame[at:end]
    _State.request_id = request_id
    try:
        try:
            event = _parse(frame[end:])
        except ValueError as error:
            raise _Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
        context = LambdaContext(_State.settings, deadline, request_id, arn, client_context)
        body = _serialize(handler(event, context))
        if getpid() != _State.pid:
            os_exit(0)  # a child that the handler forked and that came back with it: the answer is its parent's
    except Exception as error:
        if getpid() != _State.pid:
            os_exit(1)
        _send(FAULT, _fault_bytes(error, request_id))
        return
    finally:
        _flush()
    if len(body) > _State.response_max:
        _send(TOO_LARGE, b"")
    else:
        _send(RESULT, body)


# ---- start


def _apply_init(frame):
    fields = _Fields(frame)
    names = ("root", "handler", "runtime", "name", "version", "memory", "log_group", "log_stream")
    settings = {name: fields.text() for name in names}
    _State.settings, _State.response_max = settings, fields.u32()
    count = fields.u32()
    # The largest number: the process was started with its variables, and a wrapper may have changed them.
    if count != 0xFFFFFFFF:
        os.environ.clear()
        for _ in range(count):
            name = fields.text()
            os.environ[name] = fields.text()
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        _State.json_logs, _State.log_level = True, os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
        if "logging" in sys.modules:
            _use_json_logs(sys.modules["logging"])
    _State.ensure_ascii = settings["runtime"] in ASCII_RUNTIMES
    _State.encoder, _State.tuples = _Encoder(), len(tuple.__subclasses__())
    time.tzset()
    os.chdir(settings["root"])
    own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    shared = [p.replace("python*", own) for p in os.environ.get("PYTHONPATH", "").split(":") if p]
    os.environ["PYTHONPATH"] = ":".join(shared)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [settings["root"]] + shared + [p for p in sys.path if p != here]
    # What was not there before is. The standard library is what it was, and Python's own way loads much from 3.13 on.
    for place in [settings["root"]] + shared:
        sys.path_importer_cache.pop(place, None)
    _use_compiled(settings["root"])
    _forget_sdk()
    return settings


def _warm_up():
    """Only in a process of the pool, where nobody waits for it: what most functions import."""
    for name in ("json", "logging", "traceback", "base64", "collections", "datetime", "decimal", "hashlib", "hmac", "http.client", "random", "re", "ssl", "typing", "urllib.parse", "urllib.request", "uuid"):
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    # A process's first compilation costs more than a millisecond, and what is imported from bytecode asks for none.
    compile("def warm(): pass", "warm", "exec", dont_inherit=True)


def _load_sdk():
    """Loads boto3, and what it reads to make a client of DynamoDB, for the default session. That session keeps nothing of
    the process as it is now: clients are tried with another one that shares only the service models."""
    import boto3
    import botocore.session

    boto3.setup_default_session()
    kept = boto3.DEFAULT_SESSION._session
    models = kept.get_component("data_loader")
    tried = botocore.session.get_session()
    tried.register_component("data_loader", models)
    trial = boto3.session.Session(aws_access_key_id="warm", aws_secret_access_key="warm", region_name="us-east-1", botocore_session=tried)
    for make in (trial.client, trial.resource):
        make("dynamodb")
    for read in ("_config", "_profile_map"):
        setattr(kept, read, None)


def _forget_sdk():
    """The default session is the function's own where its variables say where models are."""
    boto3 = sys.modules.get("boto3")
    if boto3 and "AWS_DATA_PATH" in os.environ:
        boto3.DEFAULT_SESSION = None


def main():
    sys.stdout = sys.__stdout__ = _standard_stream(1)
    sys.stderr = sys.__stderr__ = _standard_stream(2)
    _add_builtins()
    if "logging" in sys.modules:
        _set_up_logging(sys.modules["logging"])
    if os.environ.get("RUSHLIGHT_WARM"):
        _warm_up()
    if os.environ.get("RUSHLIGHT_WARM") == "sdk":
        try:
            _load_sdk()
        except Exception:
            pass  # the function's own attempt says why
    _write(head_of(1, STARTED))
    frame = _read_frame()
    began = time.perf_counter_ns()
    if frame[4] != INIT:
        os_exit(70)
    settings = _apply_init(frame)
    try:
        handler = _load(settings["handler"])
    except Exception as error:
        import logging

        logging.warning(INIT_WARNING)
        _send(INIT_FAULT, _fault_bytes(error, ""))
        os_exit(1)
    _flush()
    took = (time.perf_counter_ns() - began) // 1000
    _write(head_and_u32(13, READY, _max_rss()) + struct.pack("<Q", took))
    while True:
        frame = _read_frame()
        if frame[4] != INVOKE:
            os_exit(70)
        _invoke(handler, frame)
        _State.request_id = None
