// Bundles the AWS SDK clients of package.json into `dist/`, a `node_modules` folder of a few files:
// one bundle with every module wrapped and run on first use, and a stub package for each public name.
// Run by `cargo xtask runtimes`; what it writes depends on package-lock.json alone.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const require = createRequire(join(here, "package.json"));
const dist = join(here, "dist");
const manifest = (name) => JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8"));

// The names a function may require: the listed clients, and the building blocks that users sign and send with.
const clients = Object.keys(manifest_root().dependencies);
const blocks = readdirSync(join(here, "node_modules/@smithy")).map((name) => `@smithy/${name}`);
const names = [...clients, ...blocks].filter(isRequirable).sort();

rmSync(dist, { recursive: true, force: true });
await bundle();
for (const name of names) stub(name);
notices();

function manifest_root() {
  return JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
}

function isRequirable(name) {
  try {
    return Object.keys(require(name)).length > 0;
  } catch {
    return false; // types only
  }
}

async function bundle() {
  const table = names.map((name) => `  get ${JSON.stringify(name)}() { return require(${JSON.stringify(name)}); },`);
  await build({
    stdin: { contents: `module.exports = {\n${table.join("\n")}\n};\n`, resolveDir: here },
    outfile: join(dist, "rushlight-aws-sdk/index.js"),
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node18",
    // Names stay: the SDK and users' code read `constructor.name`.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    logLevel: "warning",
  });
  writeFileSync(join(dist, "rushlight-aws-sdk/package.json"), '{"name":"rushlight-aws-sdk","main":"index.js","type":"commonjs"}\n');
}

// `require` gets the module of the bundle; `import` gets the same object by its names.
function stub(name) {
  const folder = join(dist, name);
  const exported = Object.keys(require(name)).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== "default");
  const up = "../".repeat(name.split("/").length);
  mkdirSync(folder, { recursive: true });
  const exports = { ".": { import: "./index.mjs", require: "./index.js" }, "./package.json": "./package.json" };
  const { version, license } = manifest(name);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, license, main: "index.js", type: "commonjs", exports }) + "\n");
  writeFileSync(join(folder, "index.js"), `module.exports=require(${JSON.stringify(`${up}rushlight-aws-sdk`)})[${JSON.stringify(name)}];\n`);
  writeFileSync(
    join(folder, "index.mjs"),
    `import sdk from "./index.js";\nexport default sdk;\nexport const {${exported.join(",")}}=sdk;\n`,
  );
}

// Every package that went into the bundle, with its licence text.
function notices() {
  const lock = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8")).packages;
  const texts = new Map();
  for (const path of Object.keys(lock).filter((p) => p.startsWith("node_modules/") && !lock[p].dev).sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(here, path, "package.json"), "utf8"));
    const file = readdirSync(join(here, path)).find((f) => /^licen[cs]e/i.test(f));
    const text = file ? readFileSync(join(here, path, file), "utf8").trim() : `Licensed under ${license}.`;
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const parts = [...texts].map(([text, packages]) => `${packages.join("\n")}\n\n${text}\n`);
  mkdirSync(dirname(join(dist, "NOTICES")), { recursive: true });
  writeFileSync(join(dist, "NOTICES"), parts.join(`\n${"-".repeat(80)}\n\n`));
}
