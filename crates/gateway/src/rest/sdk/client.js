// A client of one stage of a REST API. README.md beside it says how it is used.
var apigClientFactory = (function () {
  "use strict";

  // Where the stage is, in which region, and its methods: the name of the function, the verb, the path, which
  // parameters are headers and which are of the query, and which of all of them must be there.
  const STAGE = "%STAGE%";

  const utf8 = (text) => new TextEncoder().encode(text);
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

  // SHA-256 of our own: browsers have theirs only for pages that came by TLS. Its constants are the fractions of the
  // roots of the first primes.
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  const fraction = (number) => ((number - Math.floor(number)) * 2 ** 32) >>> 0;
  const ROUNDS = primes.map((prime) => fraction(Math.cbrt(prime)));
  const INITIAL = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
  const turned = (word, by) => (word >>> by) | (word << (32 - by));

  function compress(state, words) {
    for (let i = 16; i < 64; i += 1) {
      const [near, far] = [words[i - 2], words[i - 15]];
      const first = turned(far, 7) ^ turned(far, 18) ^ (far >>> 3);
      const second = turned(near, 17) ^ turned(near, 19) ^ (near >>> 10);
      words[i] = words[i - 16] + first + words[i - 7] + second;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const chosen = (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g));
      const most = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      const sum = h + chosen + ROUNDS[i] + words[i];
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + sum) | 0, c, b, a, (sum + most) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => {
      state[i] += word;
    });
  }

  function sha256(bytes) {
    const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
    view.setUint32(padded.length - 4, (bytes.length * 8) >>> 0);
    const state = Uint32Array.from(INITIAL);
    const words = new Uint32Array(64);
    for (let block = 0; block < padded.length; block += 64) {
      for (let i = 0; i < 16; i += 1) words[i] = view.getUint32(block + 4 * i);
      compress(state, words);
    }
    const hash = new DataView(new ArrayBuffer(32));
    state.forEach((word, i) => hash.setUint32(4 * i, word));
    return new Uint8Array(hash.buffer);
  }

  function joined(first, second) {
    const whole = new Uint8Array(first.length + second.length);
    whole.set(first);
    whole.set(second, first.length);
    return whole;
  }

  function hmac(key, text) {
    const block = new Uint8Array(64);
    block.set(key.length > 64 ? sha256(key) : key);
    const inner = sha256(joined(block.map((byte) => byte ^ 0x36), utf8(text)));
    return sha256(joined(block.map((byte) => byte ^ 0x5c), inner));
  }

  // As RFC 3986 has it: encodeURIComponent leaves five more as they are.
  const encoded = (text) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (kept) => `%${kept.charCodeAt(0).toString(16).toUpperCase()}`);

  // A path in the form that is signed: encoded twice, without empty segments.
  function canonicalPath(path) {
    const segments = path.split("/").filter((segment) => segment !== "");
    const end = segments.length > 0 && path.endsWith("/") ? "/" : "";
    return `/${segments.map(encoded).join("/")}${end}`;
  }

  // The headers that sign a request. Source: AWS's "Create a signed AWS API request".
  function signature(config, verb, url, pairs, body, now) {
    const time = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
    const headers = { host: url.host, "x-amz-date": time };
    if (config.sessionToken) headers["x-amz-security-token"] = config.sessionToken;
    const names = Object.keys(headers).sort();
    const signed = names.join(";");
    const order = (one, other) => (one < other ? -1 : Number(one > other));
    const query = [...pairs].sort((one, other) => order(one[0], other[0]) || order(one[1], other[1]));
    const canonical = [
      verb,
      canonicalPath(url.pathname),
      query.map((pair) => pair.join("=")).join("&"),
      ...names.map((name) => `${name}:${headers[name]}`),
      "",
      signed,
      hex(sha256(body)),
    ].join("\n");
    const scope = [time.slice(0, 8), config.region, "execute-api", "aws4_request"];
    const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), hex(sha256(utf8(canonical)))].join("\n");
    const key = scope.reduce(hmac, utf8(`AWS4${config.secretKey}`));
    const credential = `${config.accessKey}/${scope.join("/")}`;
    // Who sends the request says to which host.
    delete headers.host;
    headers.Authorization =
      `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signed}, Signature=${hex(hmac(key, text))}`;
    return headers;
  }

  const given = (value) => value !== undefined && value !== null;

  // `{name}` is one segment, `{name+}` is all that are left.
  function filled(path, params) {
    return path.replace(/\{([^}+]+)(\+?)\}/g, (_, name, greedy) =>
      greedy ? String(params[name]).split("/").map(encoded).join("/") : encoded(String(params[name])),
    );
  }

  function picked(names, params) {
    return Object.fromEntries(names.filter((name) => given(params[name])).map((name) => [name, params[name]]));
  }

  // A body as it is sent; an object without members is none.
  function bytesOf(body) {
    if (typeof body === "string") return utf8(body);
    if (body instanceof Uint8Array) return body;
    if (body instanceof ArrayBuffer) return new Uint8Array(body);
    const none = !given(body) || (typeof body === "object" && Object.keys(body).length === 0);
    return none ? new Uint8Array(0) : utf8(JSON.stringify(body));
  }

  function headersOf(config, method, params, additional) {
    const all = { Accept: config.defaultAcceptType, "Content-Type": config.defaultContentType };
    const named = { ...picked(method.headers, params), ...additional.headers };
    if (given(config.apiKey) && config.apiKey !== "") named["x-api-key"] = config.apiKey;
    for (const [name, value] of Object.entries(named)) {
      const same = Object.keys(all).find((known) => known.toLowerCase() === name.toLowerCase());
      if (same !== undefined) delete all[same];
      all[name] = String(value);
    }
    return all;
  }

  async function answerOf(reply) {
    const text = await reply.text();
    let data = text;
    try {
      data = JSON.parse(text);
    } catch {
      // What is no JSON is given as it came.
    }
    const headers = Object.fromEntries(reply.headers.entries());
    return { status: reply.status, statusText: reply.statusText, headers, data };
  }

  async function send(config, method, params, body, additional) {
    const queryParams = { ...picked(method.query, params), ...additional.queryParams };
    const pairs = Object.entries(queryParams).flatMap(([name, values]) =>
      [values].flat().filter(given).map((value) => [encoded(name), encoded(String(value))]),
    );
    const query = pairs.map((pair) => pair.join("=")).join("&");
    const url = new URL(STAGE.url + filled(method.path, params) + (query && `?${query}`));
    const hasBody = !["GET", "HEAD"].includes(method.verb);
    const bytes = hasBody ? bytesOf(body) : new Uint8Array(0);
    const headers = headersOf(config, method, params, additional);
    if (bytes.length === 0) {
      const kind = Object.keys(headers).find((name) => name.toLowerCase() === "content-type");
      delete headers[kind];
    }
    if (config.accessKey && config.secretKey) {
      Object.assign(headers, signature(config, method.verb, url, pairs, bytes, new Date()));
    }
    const sent = { method: method.verb, headers, body: bytes.length > 0 ? bytes : undefined };
    const answer = await answerOf(await fetch(url, sent));
    if (answer.status >= 200 && answer.status < 300) return answer;
    const error = new Error(`Request failed with status code ${answer.status}`);
    throw Object.assign(error, answer, { response: answer });
  }

  function newClient(config) {
    const settings = {
      accessKey: "",
      secretKey: "",
      sessionToken: "",
      region: STAGE.region,
      apiKey: "",
      defaultContentType: "application/json",
      defaultAcceptType: "application/json",
      ...Object.fromEntries(Object.entries(config || {}).filter(([, value]) => given(value))),
    };
    const client = {};
    for (const method of STAGE.methods) {
      client[method.name] = (params, body, additionalParams) => {
        for (const name of method.required) {
          if (!given((params || {})[name])) throw new Error(`${name} must be defined`);
        }
        return send(settings, method, params || {}, body, additionalParams || {});
      };
    }
    return client;
  }

  return { newClient };
})();

if (typeof module === "object" && module.exports) {
  module.exports = apigClientFactory;
}
