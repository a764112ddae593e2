// Loads a Node.js handler and runs it once for each frame on an inherited socket. Frames: see crates/sandbox/src/frame.rs.
//
// Between invocations the process stands in a blocking read: timers and sockets of the function are frozen, as on AWS.
// What the function may replace later (fs, JSON, console, process) is taken here, before any code of its own runs.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const util = require('node:util');
const Module = require('node:module');
const vm = require('node:vm');
const { pathToFileURL } = require('node:url');

const FD = Number(process.argv[2]);
process.argv.splice(2);

const INIT = 1, INVOKE = 2;
const READY = 16, INIT_FAULT = 17, RESULT = 18, FAULT = 19, LOG = 20, TOO_LARGE = 21, FATAL = 22, STREAM = 23, CHUNK = 24, STARTED = 25, OUTPUT = 26;
const LOG_BYTES_MAX = 256 * 1024;
const OUTPUT_BYTES_MAX = 64 * 1024;

const { readSync, writeSync, write: writeAsync, existsSync, readFileSync } = fs;
const { parse: parseJson, stringify: toJson } = JSON;
const { now } = Date;
const exitProcess = process.exit.bind(process);
const resourceUsage = process.resourceUsage.bind(process);
const hrtime = process.hrtime.bigint;
const later = setImmediate;
const { formatWithOptions, inspect, types } = util;
const bufferOf = Buffer.from, allocBuffer = Buffer.allocUnsafe, concatBuffers = Buffer.concat;

// ---- frames

let inbox = allocBuffer(64 * 1024);
const outbox = allocBuffer(64 * 1024);

function readFully(target, length) {
  let at = 0;
  while (at < length) {
    let n;
    try {
      n = readSync(FD, target, at, length - at, null);
    } catch (error) {
      if (error.code === 'EINTR' || error.code === 'EAGAIN') continue;
      throw error;
    }
    if (n === 0) exitProcess(0); // the server has gone
    at += n;
  }
}

// Reads one frame; as a frame is mostly there at once, one read asks for all of it.
let have = 0;
function readFrame() {
  while (have < 5) {
    let n;
    try {
      n = readSync(FD, inbox, have, inbox.length - have, null);
    } catch (error) {
      if (error.code === 'EINTR' || error.code === 'EAGAIN') continue;
      throw error;
    }
    if (n === 0) exitProcess(0);
    have += n;
  }
  const total = 4 + inbox.readUInt32LE(0);
  if (total > inbox.length) {
    const whole = allocBuffer(total);
    inbox.copy(whole, 0, 0, have);
    readFully(whole.subarray(have), total - have);
    have = 0;
    return whole;
  }
  if (have < total) {
    readFully(inbox.subarray(have), total - have);
    have = total;
  }
  const frame = inbox.subarray(0, total);
  if (have > total) {
    const rest = bufferOf(inbox.subarray(total, have));
    const copy = bufferOf(frame);
    rest.copy(inbox, 0);
    have = rest.length;
    return copy;
  }
  have = 0;
  return frame;
}

// A chunk of a streamed answer leaves without holding the function up, as the server may take it slowly. No other frame
// may come between its parts: they wait, and who must not go on before they have left waits too.
let inFlight = false;
let waiting = [];
let whenLeft = [];

function writeLater(buffer, done) {
  inFlight = true;
  const step = (at) => writeAsync(FD, buffer, at, buffer.length - at, null, (error, n) => {
    if (error && error.code !== 'EINTR' && error.code !== 'EAGAIN') exitProcess(0); // the server has gone
    const next = at + (error ? 0 : n);
    if (next < buffer.length) { step(next); return; }
    inFlight = false;
    const frames = waiting, actions = whenLeft;
    waiting = [];
    whenLeft = [];
    for (const frame of frames) writeFully(frame, frame.length);
    for (const action of actions) action();
    done();
  });
  step(0);
}

function afterAllLeft(action) {
  if (inFlight) whenLeft.push(action);
  else action();
}

// A function that ends its process while a chunk is on its way: its log lines take the way that is free.
process.on('exit', () => {
  for (const frame of waiting) {
    if (frame[4] === OUTPUT) writeFully(frame.subarray(14), frame.length - 14, frame[13]);
    if (frame[4] !== LOG) continue;
    const line = concatBuffers([frame.subarray(13), bufferOf('\n')]);
    writeFully(line, line.length, 2);
  }
});

// While the process warms itself up, nothing leaves it.
let muted = false;

function writeFully(buffer, length, fd = FD) {
  if (muted) return;
  if (inFlight && fd === FD) {
    waiting.push(bufferOf(buffer.subarray(0, length)));
    return;
  }
  let at = 0;
  while (at < length) {
    try {
      at += writeSync(fd, buffer, at, length - at);
    } catch (error) {
      if (error.code === 'EINTR' || error.code === 'EAGAIN') continue;
      throw error;
    }
  }
}

// kind, up to 8 bytes of numbers written by `head`, then text.
function send(kind, headLength, head, text) {
  const room = 5 + headLength + text.length * 3;
  if (room <= outbox.length) {
    const n = outbox.write(text, 5 + headLength, 'utf8');
    outbox.writeUInt32LE(1 + headLength + n, 0);
    outbox[4] = kind;
    head(outbox);
    writeFully(outbox, 5 + headLength + n);
    return;
  }
  const body = bufferOf(text, 'utf8');
  const frame = allocBuffer(5 + headLength + body.length);
  frame.writeUInt32LE(1 + headLength + body.length, 0);
  frame[4] = kind;
  head(frame);
  body.copy(frame, 5 + headLength);
  writeFully(frame, frame.length);
}

const maxRss = (buffer) => buffer.writeUInt32LE(resourceUsage().maxRSS >>> 0, 5);

function sendLog(text) {
  if (text.length > LOG_BYTES_MAX / 3) {
    let body = bufferOf(text, 'utf8');
    if (body.length > LOG_BYTES_MAX) {
      body = body.subarray(0, LOG_BYTES_MAX);
      text = body.toString('utf8');
    }
  }
  const at = now();
  send(LOG, 8, (b) => { b.writeUInt32LE(at % 0x100000000, 5); b.writeUInt32LE(Math.floor(at / 0x100000000), 9); }, text);
}

class Fields {
  constructor(buffer, at) { this.buffer = buffer; this.at = at; }
  u32() { const v = this.buffer.readUInt32LE(this.at); this.at += 4; return v; }
  u64() { const low = this.u32(); return low + this.u32() * 0x100000000; }
  text() { const n = this.u32(); const s = this.buffer.toString('utf8', this.at, this.at + n); this.at += n; return s; }
  rest() { return this.buffer.toString('utf8', this.at); }
}

// ---- errors, in AWS's shapes

class RuntimeError extends Error {
  constructor(type, message) { super(message); this.name = type; }
}

const isError = (value) => value instanceof Error || types.isNativeError(value);

// The one control character that AWS's runtime escapes in what the caller gets.
const visible = (text) => text.replaceAll('\x7f', '%7F');

function traceOf(error) {
  const stack = typeof error.stack === 'string' ? error.stack : '';
  return stack.split('\n');
}

// What the caller of the function gets.
function faultBody(error) {
  try {
    if (isError(error)) {
      const body = {
        errorType: visible(String(error.name)),
        errorMessage: visible(String(error.message)),
      };
      body.trace = traceOf(error).map(visible);
      return toJson(body);
    }
    return toJson({ errorType: typeof error, errorMessage: String(error), trace: [] });
  } catch {
    return '{"errorType":"handled","errorMessage":"callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack","trace":[]}';
  }
}

// What stands in the log: all own members, the stack as a list. What is no error is made one, as on AWS.
function logBody(thrown) {
  let error = thrown;
  try {
    if (!isError(error)) error = new Error(String(thrown));
    const body = { errorType: error.name, errorMessage: error.message };
    if (error.code !== undefined) body.code = error.code;
    if (error instanceof RuntimeError) Object.assign(body, settings && !settings.callbacks ? { name: error.name } : {}, error.extra);
    else Object.assign(body, error);
    body.stack = traceOf(error);
    return toJson(body);
  } catch (failure) {
    return toJson({ errorType: String(error && error.name), errorMessage: String(error && error.message), stack: [] });
  }
}

// ---- console

let requestId; // of the invocation that runs, else undefined

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
let jsonLogs = false; // the function's log format is JSON
let lowest = 0; // of LEVELS, what is written in JSON

const errorFields = (error) => ({
  errorType: error.constructor?.name ?? 'UnknownError',
  errorMessage: error.message,
  stackTrace: traceOf(error),
});
const errorsAsObjects = (_, value) => (value instanceof Error ? Object.assign(errorFields(value), value) : value);

// One argument stays what it is, an error an object; of several what is said of the first error stands beside the text.
function jsonLine(level, args) {
  const line = { timestamp: new Date(now()).toISOString(), level, requestId };
  if (args.length === 1) {
    line.message = args[0];
    let text;
    try { text = toJson(line, errorsAsObjects); } catch { text = toJson({ ...line, message: formatWithOptions({}, args[0]) }); }
    sendLog(text);
    return;
  }
  line.message = formatWithOptions({}, ...args);
  const error = args.find((arg) => arg instanceof Error);
  sendLog(toJson(error ? Object.assign(line, errorFields(error)) : line));
}

// What the runtime itself says of an error.
function logError(label, error) {
  if (jsonLogs) jsonLine('ERROR', [isError(error) ? error : new Error(String(error))]);
  else logLine('ERROR', `${label} \t${logBody(error)}`);
}

function logLine(level, message) {
  const id = requestId === undefined ? 'undefined' : requestId;
  sendLog(`${new Date(now()).toISOString()}\t${id}\t${level}\t${message}`);
}

function patchConsole() {
  // At least one argument, as of AWS's functions: without any, it is `undefined`.
  const at = (level) => function (message, ...more) {
    if (LEVELS.indexOf(level) < lowest) return;
    if (jsonLogs) jsonLine(level, [message, ...more]);
    else logLine(level, formatWithOptions({}, message, ...more));
  };
  for (const level of LEVELS) console[level.toLowerCase()] = at(level);
  console.log = console.info;
}

// By a frame, so that it stands in order with the lines of the log.
function sendOutput(fd, chunk) {
  const at = now();
  for (let from = 0; from < chunk.length; from += OUTPUT_BYTES_MAX) {
    const piece = chunk.subarray(from, from + OUTPUT_BYTES_MAX);
    const frame = allocBuffer(14 + piece.length);
    frame.writeUInt32LE(10 + piece.length, 0);
    frame[4] = OUTPUT;
    frame.writeUInt32LE(at % 0x100000000, 5);
    frame.writeUInt32LE(Math.floor(at / 0x100000000), 9);
    frame[13] = fd;
    piece.copy(frame, 14);
    writeFully(frame, frame.length);
  }
}

// Node's own streams on a pipe keep what does not fit and write it later: a process that stands still between
// invocations would keep it for the next one. These write all of it before they return.
function patchStreams() {
  const { Writable } = require('node:stream');
  const make = (fd) => {
    const stream = new Writable({
      write(chunk, encoding, done) { sendOutput(fd, chunk); done(); },
      destroy(error, done) { done(error); },
    });
    stream.fd = fd;
    stream._type = 'fs';
    stream._isStdio = true;
    stream.destroySoon = stream.destroy;
    return stream;
  };
  for (const [name, fd] of [['stdout', 1], ['stderr', 2]]) {
    let made;
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get() { return (made ??= make(fd)); } });
  }
}

// ---- loading the handler

function splitHandler(text) {
  const slash = text.lastIndexOf('/') + 1;
  const folder = text.slice(0, slash);
  const match = /^([^.]*)\.(.+)$/.exec(text.slice(slash));
  if (!match || text.includes('..')) {
    if (text.includes('..')) {
      throw new RuntimeError('Runtime.MalformedHandlerName', `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
    }
    throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler');
  }
  return { folder, file: match[1], names: match[2].split('.') };
}

const isFile = (name) => { try { return fs.statSync(name).isFile(); } catch { return false; } };

function isModulePackage(folder, root) {
  for (;;) {
    const file = path.join(folder, 'package.json');
    if (isFile(file)) {
      try { return parseJson(readFileSync(file, 'utf8')).type === 'module'; } catch { return false; }
    }
    const parent = path.dirname(folder);
    if (folder === root || parent === folder) return false;
    folder = parent;
  }
}

// Folders of NODE_PATH, of which Node's own way to find ES modules knows nothing; AWS's runtime looks there from
// nodejs18.x on. What the runtime itself brings is found without it: in the jail a link at the root leads to it.
let sharedModules = [];
let shared = false;

// The source of a function, as the older way takes it only as text.
const resolver = (bases, mayWait) => `${mayWait ? 'async ' : ''}function resolve(name, context, next) {
  const bases = ${toJson(bases)};
  try { return ${mayWait ? 'await ' : ''}next(name, context); } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|:/.test(name)) throw error;
    for (const base of bases) {
      try { return ${mayWait ? 'await ' : ''}next(name, { ...context, parentURL: base }); } catch { /* the next one */ }
    }
    throw error;
  } }`;

function shareModules(isNeeded) {
  if (shared || !sharedModules.length) return;
  const bases = sharedModules.map((d) => pathToFileURL(path.join(d, 'x.js')).href);
  if (Module.registerHooks) {
    Module.registerHooks({ resolve: new Function(`return ${resolver(bases, false)}`)() });
  } else if (isNeeded && Module.register) {
    // Starts a thread of its own, which takes some tens of milliseconds.
    Module.register('data:text/javascript,' + encodeURIComponent(`export ${resolver(bases, true)}`));
  } else {
    return;
  }
  shared = true;
}

async function importModule(file) {
  shareModules(true);
  return import(pathToFileURL(file).href);
}

async function loadModule(root, folder, name) {
  const base = path.resolve(root, folder, name);
  if (isFile(base)) return require(base);
  if (isFile(base + '.js')) {
    return isModulePackage(path.dirname(base), root) ? importModule(base + '.js') : require(base + '.js');
  }
  if (isFile(base + '.mjs')) return importModule(base + '.mjs');
  if (isFile(base + '.cjs')) return require(base + '.cjs');
  try {
    const found = require.resolve(name, { paths: [path.resolve(root, folder)] });
    return require(found);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') {
      const missing = new Error(`Cannot find module '${path.join(folder, name)}'\nRequire stack:\n- /var/runtime/index.mjs`);
      missing.code = 'MODULE_NOT_FOUND';
      throw missing;
    }
    throw error;
  }
}

// ---- what V8 has compiled of the package

const COMPILED = path.join(__dirname, 'compiled');
const COMPILER = 'rushlight compiles ';
const DIGEST_BYTES = 20;
const COMPILED_BYTES_MAX = 2 << 20;

// What V8 gives back of a script has lost what `import()` in it means, so another function stands there under a name as
// long: nothing moves. Where it is no call but text, it must stay.
const IMPORT = 'import';
const IMPORTER = '$1mp0r';
const IMPORTS = /\bimport(?=\s*(\(|\/[*/]))/g;
const IMPORTS_MAX = 64;
const WRAPPER = [`(function (${IMPORTER}) { return function (exports, require, module, __filename, __dirname) { `, '\n} })'];

let scripts = null; // by file, in the process that compiles: script and where it imports

function scriptOf(file, source, places, cachedData) {
  let text = WRAPPER[0], from = 0;
  for (const place of places) {
    text += source.slice(from, place) + IMPORTER;
    from = place + IMPORT.length;
  }
  text += source.slice(from) + WRAPPER[1];
  return new vm.Script(text, { filename: file, columnOffset: -WRAPPER[0].length, cachedData });
}

// Where a source calls `import()`; nothing where that is not sure. V8 is asked: a private name that nobody declared is
// wrong in code, and is none in a string, a comment or a regular expression.
function importsOf(file, source) {
  if (source.includes(IMPORTER)) return undefined;
  const found = [...source.matchAll(IMPORTS)];
  if (found.length > IMPORTS_MAX) return undefined;
  const isCall = ({ index }) => {
    const text = `${WRAPPER[0]}${source.slice(0, index)}imp#rt${source.slice(index + IMPORT.length)}${WRAPPER[1]}`;
    try { new vm.Script(text, { filename: file }); return false; } catch { return true; }
  };
  return found.filter(isCall).map(({ index }) => index);
}

// V8 does not look whether it reads what it wrote, and would fall over anything else.
function digest(data) {
  return require('node:crypto').createHash('sha1').update(data).digest();
}

// After the digest: number of places, places, data.
function packed(places, data) {
  const head = allocBuffer(4 + 4 * places.length);
  [places.length, ...places].forEach((number, at) => head.writeUInt32LE(number, 4 * at));
  const body = concatBuffers([head, data]);
  return concatBuffers([digest(body), body]);
}

// `source` may not be what stands in the file: there are tools that change it on its way.
function unpacked(file, source) {
  let found;
  try { found = readFileSync(`${COMPILED}${file}.v8`); } catch { return undefined; }
  const body = found.subarray(DIGEST_BYTES);
  if (!digest(body).equals(found.subarray(0, DIGEST_BYTES)) || !readFileSync(file).equals(bufferOf(source))) return undefined;
  const numbers = Array.from({ length: body.readUInt32LE(0) + 1 }, (_, at) => body.readUInt32LE(4 * at));
  return { places: numbers.slice(1), data: body.subarray(4 * numbers.length) };
}

function requireOf(module) {
  const require = (id) => module.require(id);
  require.resolve = (request, options) => Module._resolveFilename(request, module, false, options);
  require.resolve.paths = (request) => Module._resolveLookupPaths(request, module);
  require.main = process.mainModule;
  require.extensions = Module._extensions;
  require.cache = Module._cache;
  return require;
}

// CommonJS alone: Node has no way to give an ES module what was compiled of it.
function useCompiled(root) {
  if (!scripts && !existsSync(COMPILED + root)) return;
  const compile = Module.prototype._compile;
  // Node's own: it knows what `import` means in this file.
  const importer = (file) => {
    const stem = new Module(file);
    stem.filename = file;
    Reflect.apply(compile, stem, ['module.exports = (name, options) => import(name, options);', file]);
    return stem.exports;
  };
  Module.prototype._compile = function _compile(source, file, format, ...more) {
    const plain = () => Reflect.apply(compile, this, [source, file, format, ...more]);
    const known = typeof source === 'string' && (format === undefined || format === 'commonjs') && file.startsWith(`${root}/`);
    if (!known || process.sourceMapsEnabled) return plain();
    let script, places;
    try {
      const found = scripts ? { places: importsOf(file, source) } : unpacked(file, source);
      if (!found || !found.places) return plain();
      places = found.places;
      script = scriptOf(file, source, places, found.data);
    } catch { return plain(); } // Node says what is wrong, or knows what it is
    if (scripts) scripts.set(file, { script, places });
    const run = script.runInThisContext()(places.length ? importer(file) : undefined);
    return Reflect.apply(run, this.exports, [this.exports, requireOf(this), this, file, path.dirname(file)]);
  };
}

// What is compiled of the sources from this one on, as many as fit into an answer.
async function compiledFrom(first) {
  const pieces = [];
  const field = (bytes) => {
    const length = allocBuffer(4);
    length.writeUInt32LE(bytes.length, 0);
    pieces.push(length, bytes);
  };
  const all = [...scripts];
  let number = first, size = 0;
  for (; number < all.length && size < COMPILED_BYTES_MAX; number++) {
    const [file, { script, places }] = all[number];
    const data = script.createCachedData();
    if (data.length > COMPILED_BYTES_MAX) continue;
    field(bufferOf(`${file.slice(1)}.v8`));
    field(packed(places, data));
    size += data.length;
  }
  const following = allocBuffer(4);
  following.writeUInt32LE(number < all.length ? number : 0, 0);
  return concatBuffers([following, ...pieces]).toString('base64');
}

async function loadHandler(root, text) {
  const { folder, file, names } = splitHandler(text);
  let loaded;
  try {
    loaded = await loadModule(root, folder, file);
  } catch (error) {
    if (error instanceof SyntaxError) throw wrapped('Runtime.UserCodeSyntaxError', error);
    // Not ERR_MODULE_NOT_FOUND: of what an ES module imports, AWS tells Node's own error.
    if (error && error.code === 'MODULE_NOT_FOUND') throw wrapped('Runtime.ImportModuleError', error);
    throw error;
  }
  const find = (from) => names.reduce((value, name) => (value === undefined || value === null ? undefined : value[name]), from);
  let handler = find(loaded);
  if (!handler && !settings?.callbacks && loaded && loaded.default) handler = find(loaded.default);
  if (!handler) throw new RuntimeError('Runtime.HandlerNotFound', `${text} is undefined or not exported`);
  if (typeof handler !== 'function') throw new RuntimeError('Runtime.HandlerNotFound', `${text} is not a function`);
  return handler;
}

// On AWS the runtime is one file.
const asOnAws = (text) => text.replaceAll(`- ${__filename}`, '- /var/runtime/index.mjs');

// AWS's own first line. A stack of a syntax error begins with the place, which AWS shows from nodejs24.x on; here it is
// behind that line before, too.
function wrapped(type, error) {
  const message = asOnAws(`${error}`), stack = asOnAws(String(error.stack || error));
  const failure = new RuntimeError(type, message);
  const isSyntax = type === 'Runtime.UserCodeSyntaxError';
  if (isSyntax) failure.stack = settings.callbacks ? `${type}: ${message}\n${stack}` : stack;
  else failure.stack = `${type}: ${stack}`;
  return failure;
}

// ---- response streaming

// AWS's own marks on a handler: libraries set them too.
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const CHUNK_BYTES_MAX = 256 * 1024;
const isStreaming = (handler) => handler[STREAMING] === 'response';

function installStreaming() {
  globalThis.awslambda = {
    streamifyResponse(streaming, options) {
      streaming[STREAMING] = 'response';
      if (options && typeof options.highWaterMark === 'number') streaming[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
      return streaming;
    },
    HttpResponseStream: class HttpResponseStream {
      static from(stream, metadata) {
        stream.setContentType('application/vnd.awslambda.http-integration-response');
        const prelude = toJson(metadata);
        stream._onBeforeFirstWrite = (write) => {
          write(prelude);
          write(allocBuffer(8).fill(0));
        };
        return stream;
      }
    },
  };
}

// The bytes as frames in one buffer.
function chunkFrames(bytes) {
  const count = Math.ceil(bytes.length / CHUNK_BYTES_MAX);
  const frames = allocBuffer(bytes.length + 5 * count);
  let at = 0;
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES_MAX) {
    const piece = bytes.subarray(from, from + CHUNK_BYTES_MAX);
    frames.writeUInt32LE(1 + piece.length, at);
    frames[at + 4] = CHUNK;
    frames.set(piece, at + 5);
    at += 5 + piece.length;
  }
  return frames;
}

// What a streaming handler writes to. Each chunk leaves when the one before it has been taken, so that `write` and
// 'drain' tell a slow reader's pace.
function makeResponseStream(highWaterMark) {
  const { Writable } = require('node:stream');
  let contentType = 'application/octet-stream';
  let begun = false;
  const begin = () => {
    if (!begun) send(STREAM, 0, () => {}, contentType);
    begun = true;
  };
  const stream = new Writable({
    highWaterMark,
    write(chunk, encoding, done) {
      begin();
      if (chunk.length === 0) done();
      else writeLater(chunkFrames(chunk), done);
    },
    writev(chunks, done) {
      begin();
      const bytes = concatBuffers(chunks.map(({ chunk }) => chunk));
      if (bytes.length === 0) done();
      else writeLater(chunkFrames(bytes), done);
    },
    // A function that ends its stream without a word has answered with nothing, in a stream.
    final(done) { begin(); done(); },
  });
  let written = false;
  const write = stream.write.bind(stream), end = stream.end.bind(stream);
  stream.write = (chunk, encoding, done) => {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) chunk = toJson(chunk);
    if (!written) {
      written = true;
      if (typeof stream._onBeforeFirstWrite === 'function') stream._onBeforeFirstWrite((first) => write(first));
    }
    return write(chunk, encoding, done);
  };
  stream.end = (chunk, encoding, done) => {
    if (typeof chunk === 'function') return end(chunk);
    if (chunk !== undefined && chunk !== null) stream.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    return end(typeof encoding === 'function' ? encoding : done);
  };
  stream.setContentType = (type) => {
    if (written || begun) throw new RuntimeError('Runtime.InvalidStreamingOperation', 'Cannot set content-type, too late.');
    contentType = String(type);
  };
  // Ends without a word of the handler's: what it wrote before it failed is still said.
  stream.finishQuietly = () => new Promise((resolve) => {
    if (!begun && stream.writableLength === 0) { stream.destroy(); resolve(); return; }
    if (stream.writableFinished || stream.destroyed) { resolve(); return; }
    stream.once('finish', resolve);
    stream.once('error', resolve);
    if (!stream.writableEnded) end();
  });
  return stream;
}

// ---- one invocation

let settings;
let handler;
let whenEmpty = null; // what to do when the event loop runs empty
let answer = null; // ends the invocation that runs with a fault; null between invocations

process.on('beforeExit', () => {
  const action = whenEmpty;
  whenEmpty = null;
  if (action) action();
  else if (handler) later(next); // nothing of ours is pending: wait for the next event
});

function serialize(value) {
  try {
    const text = toJson(value === undefined ? null : value);
    return text === undefined ? 'null' : text;
  } catch {
    const message = 'Unable to stringify response body';
    throw settings.callbacks ? new Error(message) : new RuntimeError('Runtime.JSONStringifyError', message);
  }
}

function contextOf(head, complete) {
  return settings.callbacks ? contextWithCallbacks(head, complete) : { context: contextFields(head), waits: () => true };
}

// From nodejs24.x on there is nothing by which a handler could end but its own end.
function contextFields(head) {
  return {
    clientContext: head.clientContext === '' ? undefined : parseJson(head.clientContext),
    identity: undefined,
    invokedFunctionArn: head.arn,
    awsRequestId: head.requestId,
    tenantId: undefined,
    xRayTraceId: head.trace,
    getRemainingTimeInMillis: () => head.deadline - now(),
    functionName: settings.name,
    functionVersion: settings.version,
    memoryLimitInMB: settings.memory,
    logGroupName: settings.logGroup,
    logStreamName: settings.logStream,
  };
}

function contextWithCallbacks(head, complete) {
  let waits = true;
  const done = (error, value) => complete.now(error, value);
  const context = {
    get callbackWaitsForEmptyEventLoop() { return waits; },
    set callbackWaitsForEmptyEventLoop(value) { waits = Boolean(value); },
    succeed: (value) => done(null, value),
    fail: (error) => done(error === undefined || error === null ? 'handled' : error),
    done: (error, value) => done(error, value),
    functionVersion: settings.version,
    functionName: settings.name,
    memoryLimitInMB: settings.memory,
    logGroupName: settings.logGroup,
    logStreamName: settings.logStream,
    clientContext: head.clientContext === '' ? undefined : parseJson(head.clientContext),
    identity: undefined,
    invokedFunctionArn: head.arn,
    awsRequestId: head.requestId,
    getRemainingTimeInMillis: () => Math.max(head.deadline - now(), 0),
  };
  return { context, waits: () => waits };
}

// The ways in which an invocation may end; the first one counts.
function completion() {
  let over = false;
  const end = (write) => {
    if (over) return;
    over = true;
    whenEmpty = null;
    answer = null;
    write();
    if (!muted) afterAllLeft(() => later(next));
  };
  const fail = (error) => end(() => {
    logError('Invoke Error', error);
    send(FAULT, 4, maxRss, faultBody(error));
  });
  const succeed = (value) => {
    if (over) return;
    let text;
    try { text = serialize(value); } catch (error) { fail(error); return; }
    end(() => sendResult(text));
  };
  const complete = (error, value) => (error === undefined || error === null ? succeed(value) : fail(error));
  return { now: complete, failed: fail, isOver: () => over, sent: () => end(() => send(RESULT, 4, maxRss, '')) };
}

function sendResult(text) {
  if (text.length > settings.responseMax || (text.length * 3 > settings.responseMax && Buffer.byteLength(text) > settings.responseMax)) {
    send(TOO_LARGE, 4, maxRss, '');
  } else {
    send(RESULT, 4, maxRss, text);
  }
}

const NODEJS_EXIT = 'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes';

const isThenable = (value) => value !== null && typeof value === 'object' && typeof value.then === 'function';
const isAsync = (f) => f.constructor && f.constructor.name === 'AsyncFunction';

function runStreaming(head, payload) {
  const complete = completion();
  const stream = makeResponseStream(handler[HIGH_WATER_MARK]);
  const fail = (error) => stream.finishQuietly().then(() => complete.now(error === undefined || error === null ? 'handled' : error));
  answer = fail;
  whenEmpty = () => complete.now(new RuntimeError('Runtime.NodeJsExit', NODEJS_EXIT));
  const ended = new Promise((resolve, reject) => {
    stream.once('finish', resolve);
    stream.once('error', reject);
    stream.once('close', () => (stream.writableFinished ? resolve() : reject(new Error('Response stream is not finished.'))));
  });
  ended.catch(() => {});
  const { context } = contextOf(head, complete);
  for (const name of ['succeed', 'fail', 'done']) delete context[name];
  const begin = () => {
    let event;
    try { event = payload === '' ? undefined : parseJson(payload); } catch (error) {
      throw new RuntimeError('Runtime.UnmarshalError', error.message);
    }
    const value = handler(event, stream, context);
    if (!isThenable(value)) {
      const message = 'Streaming does not support non-async handlers.';
      throw settings.callbacks ? message : new Error(message);
    }
    return value;
  };
  let running;
  try { running = begin(); } catch (error) { fail(error); return; }
  running.then((value) => {
    if (value !== undefined) console.warn('Streaming handlers ignore return values.');
    return ended;
  }).then(() => complete.sent(), fail);
}

function run(head, payload) {
  const complete = completion();
  answer = (error) => complete.now(error);
  const { context, waits } = contextOf(head, complete);
  let called = false;
  const callback = (error, value) => {
    if (called) return;
    called = true;
    if ((error !== undefined && error !== null) || !waits()) complete.now(error, value);
    else if (!complete.isOver()) whenEmpty = () => complete.now(null, value);
  };
  whenEmpty = () => {
    if (isAsync(handler) || !settings.callbacks) {
      complete.now(new RuntimeError('Runtime.NodeJsExit', NODEJS_EXIT));
    } else {
      complete.now(null, null);
    }
  };
  try {
    let event;
    try { event = payload === '' ? undefined : parseJson(payload); } catch (error) {
      throw new RuntimeError('Runtime.UnmarshalError', error.message);
    }
    if (!settings.callbacks) {
      // What is returned counts, awaited or not.
      const ended = (error) => complete.failed(error);
      Promise.resolve(handler(event, context)).then((value) => complete.now(null, value), ended);
      return;
    }
    const value = handler(event, context, callback);
    if (isThenable(value)) value.then(context.succeed, context.fail);
  } catch (error) {
    if (settings.callbacks) complete.now(error);
    else complete.failed(error);
  }
}

function next() {
  requestId = undefined;
  const frame = readFrame();
  if (frame[4] !== INVOKE) exitProcess(70);
  const fields = new Fields(frame, 5);
  const head = {
    deadline: fields.u64(), requestId: fields.text(), arn: fields.text(), trace: fields.text(), clientContext: fields.text(),
  };
  requestId = head.requestId;
  process.env._X_AMZN_TRACE_ID = head.trace;
  if (isStreaming(handler)) runStreaming(head, fields.rest());
  else run(head, fields.rest());
}

// A fault that no handler can catch ends the process, after it has answered.
function lastWords(label, error) {
  try {
    logError(label, error);
    if (handler && requestId !== undefined) {
      if (answer) send(FATAL, 4, maxRss, faultBody(error));
    } else {
      send(INIT_FAULT, 4, maxRss, faultBody(error));
    }
  } finally {
    afterAllLeft(() => exitProcess(label === 'Unhandled Promise Rejection' ? 128 : 129));
  }
}

process.on('uncaughtException', (error) => lastWords('Uncaught Exception', error));
process.on('unhandledRejection', (reason, promise) => {
  const failure = new RuntimeError('Runtime.UnhandledPromiseRejection', isError(reason) ? `${reason}` : String(reason));
  failure.extra = { reason: isError(reason) ? parseJson(logBody(reason)) : reason, promise: {} };
  if (isError(reason)) failure.stack = `Runtime.UnhandledPromiseRejection: ${reason}\n${traceOf(new Error()).slice(1).join('\n')}`;
  void promise;
  lastWords('Unhandled Promise Rejection', failure);
});

// ---- start

// Only where nobody waits for it: in a process of the pool.
async function warmUp() {
  muted = true;
  for (const name of ['http', 'https', 'crypto', 'stream', 'zlib', 'net', 'tls', 'dns', 'os', 'querystring', 'events', 'async_hooks', 'http2', 'child_process', 'string_decoder', 'timers/promises', 'fs/promises', 'stream/promises', 'worker_threads']) {
    try { require(name); } catch { /* built without it */ }
  }
  handler = await loadHandler(__dirname, 'warm.handler');
  await import(pathToFileURL(path.join(__dirname, 'warm.mjs')).href);
  settings = { responseMax: 1 << 20, callbacks: true };
  for (let i = 0; i < 3; i++) {
    requestId = 'warm';
    run({ deadline: now(), requestId: 'warm', arn: '', trace: '', clientContext: '' }, '{"warm":true}');
    logLine('INFO', formatWithOptions({}, '%s', 'warm', { warm: [1] }));
    await new Promise((resolve) => later(resolve));
  }
  delete require.cache[require.resolve(path.join(__dirname, 'warm.js'))];
  settings = handler = requestId = undefined;
  if (process.env.RUSHLIGHT_WARM === 'sdk') await loadSdk().catch(() => {}); // the function's own attempt says why
  muted = false;
}

// The SDK as a function will find it, and one call made and answered within this process, so that its way is compiled.
// Nothing of the host or of a function is kept: no file of settings is read, and a client keeps its own.
async function loadSdk() {
  process.env.AWS_CONFIG_FILE = process.env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null';
  const load = Module.createRequire(path.join(__dirname, 'bootstrap.js'));
  const { DynamoDBClient } = load('@aws-sdk/client-dynamodb');
  const { DynamoDBDocumentClient, GetCommand } = load('@aws-sdk/lib-dynamodb');
  for (const name of ['client-dynamodb', 'lib-dynamodb']) {
    await import(pathToFileURL(path.join(__dirname, 'node_modules/@aws-sdk', name, 'index.mjs')).href);
  }
  const body = () => require('node:stream').Readable.from([bufferOf('{}')]);
  const answer = () => ({ statusCode: 200, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: body() });
  const client = new DynamoDBClient({
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:9',
    credentials: { accessKeyId: 'warm', secretAccessKey: 'warm' },
    requestHandler: { handle: async () => ({ response: answer() }) },
  });
  await DynamoDBDocumentClient.from(client).send(new GetCommand({ TableName: 'warm', Key: { id: 'warm' } }));
}

function applyInit(fields) {
  settings = {
    root: fields.text(), handler: fields.text(), runtime: fields.text(), name: fields.text(), version: fields.text(), memory: fields.text(),
    logGroup: fields.text(), logStream: fields.text(), responseMax: fields.u32(),
  };
  const count = fields.u32();
  // The largest number: the process was started with its variables, and a wrapper may have changed them.
  if (count !== 0xffffffff) {
    for (const name of Object.keys(process.env)) delete process.env[name];
    for (let n = count; n > 0; n--) {
      const name = fields.text();
      process.env[name] = fields.text();
    }
  }
  if (settings.handler.startsWith(COMPILER)) {
    scripts = new Map();
    process.env._HANDLER = settings.handler = settings.handler.slice(COMPILER.length);
  }
  jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
  lowest = Math.max(LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL), 0);
  const major = /^nodejs(\d+)/.exec(settings.runtime);
  settings.callbacks = !major || Number(major[1]) < 24;
  const brought = settings.root === '/var/task' ? path.join(__dirname, 'node_modules') : undefined;
  sharedModules = (process.env.NODE_PATH || '').split(':').filter((d) => d.endsWith('node_modules') && d !== brought && existsSync(d));
  shareModules(false);
  process.chdir(settings.root);
  Module._initPaths();
  useCompiled(settings.root);
}

async function start() {
  patchConsole();
  patchStreams();
  installStreaming();
  if (process.env.RUSHLIGHT_WARM) await warmUp();
  send(STARTED, 0, () => {}, '');
  const frame = readFrame();
  const began = hrtime();
  if (frame[4] !== INIT) exitProcess(70);
  applyInit(new Fields(frame, 5));
  // An unsettled top-level await leaves the event loop empty before there is a handler.
  whenEmpty = () => exitProcess(13);
  try {
    const loaded = await loadHandler(settings.root, settings.handler);
    if (!settings.callbacks && loaded.length >= 3 && !isStreaming(loaded)) {
      throw new RuntimeError('Runtime.CallbackHandlerDeprecated', 'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.');
    }
    // A promise that was rejected while the module was loaded fails the init, not the first invocation.
    await new Promise((resolve) => later(resolve));
    handler = scripts ? compiledFrom : loaded;
  } catch (error) {
    logError(settings.callbacks ? 'Uncaught Exception' : 'Init Error', error);
    send(INIT_FAULT, 4, maxRss, faultBody(error));
    exitProcess(1);
  }
  whenEmpty = null;
  const took = hrtime() - began;
  send(READY, 12, (b) => { maxRss(b); b.writeBigUInt64LE(took / 1000n, 9); }, '');
  later(next);
}

start();
