// `rushlight dev`: what was saved before a request is what it runs, in JavaScript, Python and TypeScript.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { Server, freePort, until } from "../server.mjs";

const modules = join(import.meta.dirname, "../node_modules");
const serving = [];
after(() => Promise.all(serving.map((server) => server.end("SIGTERM"))));

function project(files) {
  const folder = mkdtempSync(join(tmpdir(), "project-"));
  chmodSync(folder, 0o755);
  for (const [name, text] of Object.entries(files)) save(folder, name, text);
  return folder;
}

function save(folder, name, text) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

async function dev(folder, ...flags) {
  const server = await Server.start("dev", folder, ...flags);
  serving.push(server);
  const said = () => readFileSync(join(server.folder, "log"), "utf8");
  server.urlOf = (name) =>
    until(() => said().match(new RegExp(`^  ${name} +(http\\S+)`, "m"))?.[1], 20, said);
  return server;
}

const text = (url) => fetch(url).then((reply) => reply.text());
const answering = (value) => `exports.handler = async () => ${JSON.stringify(value)};`;

test("a save is live at the next request, however it was written", async () => {
  const folder = project({ "hello.js": answering("0"), "lib/n.js": "", "list.py": "def handler(e, c): return '0'\n" });
  const server = await dev(folder);
  const [hello, list] = await Promise.all([server.urlOf("hello"), server.urlOf("list")]);
  for (let n = 1; n <= 20; n++) {
    save(folder, "hello.js", answering(String(n)));
    assert.equal(await text(hello), String(n), "written in place");
    save(folder, "hello.js.new", answering(`renamed ${n}`));
    renameSync(join(folder, "hello.js.new"), join(folder, "hello.js"));
    assert.equal(await text(hello), `renamed ${n}`);
    save(folder, "list.py", `def handler(e, c): return '${n}'\n`);
    assert.equal(await text(list), String(n));
  }
  save(folder, "lib/n.js", "module.exports = 'a library';");
  save(folder, "hello.js", "exports.handler = async () => require('./lib/n.js');");
  assert.equal(await text(hello), "a library");
  save(folder, "lib/n.js", "module.exports = 'another';");
  assert.equal(await text(hello), "another");
  // One more function while it runs, and one that is named by no template.
  save(folder, "functions/late.mjs", "export const handler = async () => 'late';");
  assert.equal(await text(await server.urlOf("late")), "late");
});

test("rushlight.toml names functions and what they are given", async () => {
  const folder = project({
    "src/api.js": "exports.get = async () => process.env.GREETING + ' ' + process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE;",
    "rushlight.toml": '[functions.greeter]\nhandler = "src/api.get"\nmemory = 192\nenvironment = { GREETING = "hi" }\n',
  });
  const server = await dev(folder);
  const url = await server.urlOf("greeter");
  assert.equal(await text(url), "hi 192");
  const template = readFileSync(join(folder, "rushlight.toml"), "utf8");
  save(folder, "rushlight.toml", template.replace('"hi"', '"ho"'));
  await until(async () => (await text(url)) === "ho 192", 10);
});

test("TypeScript is built by the project's compiler before the next request", async () => {
  const source = (value) => `import { wrap } from "./wrap";\nexport const handler = async (): Promise<string> => wrap(${value});`;
  const folder = project({
    "src/typed.ts": source("1"),
    "src/wrap.ts": "export const wrap = (n: number): string => `<${n}>`;",
    "package.json": "{}",
  });
  symlinkSync(modules, join(folder, "node_modules"));
  const server = await dev(folder);
  const url = await server.urlOf("typed");
  for (let n = 2; n < 6; n++) {
    save(folder, "src/typed.ts", source(n));
    assert.equal(await text(url), `<${n}>`);
  }
  save(folder, "src/wrap.ts", "export const wrap = (n: number): string => `[${n}]`;");
  assert.equal(await text(url), "[5]");
  save(folder, "src/typed.ts", "export const handler = async ( => {");
  assert.equal((await fetch(url)).status, 502, "what does not compile does not run the code before it");
  save(folder, "src/typed.ts", source(7));
  assert.equal(await text(url), "[7]");
});

test("tsc builds a project that has no more than that, and one with settings of its own", async () => {
  const source = (value) => `export const handler = async (): Promise<number> => ${value};`;
  const settings = '{ "compilerOptions": { "outDir": "dist", "noEmit": true, "module": "nodenext", "target": "es2022" } }';
  for (const more of [{}, { "package.json": '{ "type": "module" }', "tsconfig.json": settings }]) {
    const folder = project({ "src/typed.ts": source("1"), ...more });
    mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
    symlinkSync(join(modules, ".bin/tsc"), join(folder, "node_modules/.bin/tsc"));
    const server = await dev(folder);
    const url = await server.urlOf("typed");
    assert.equal(await text(url), "1");
    save(folder, "src/typed.ts", source('"no number"'));
    assert.equal((await fetch(url)).status, 502);
    save(folder, "src/typed.ts", source("2"));
    assert.equal(await text(url), "2");
  }
});

test("a debugger sees an environment, and time stands still for it", async () => {
  const folder = project({ "hello.js": answering("1") });
  const port = await freePort();
  const server = await dev(folder, `--inspect=${port}`);
  const url = await server.urlOf("hello");
  for (const value of ["2", "3"]) {
    save(folder, "hello.js", answering(value));
    assert.equal(await text(url), value);
    const [target] = await fetch(`http://127.0.0.1:${port}/json/list`).then((reply) => reply.json());
    assert.match(target.webSocketDebuggerUrl, new RegExp(`^ws://127.0.0.1:${port}/`));
  }
  rmSync(folder, { recursive: true });
});
