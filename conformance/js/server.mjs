// Starts the release binary as a user would, over one data folder; `kill` is SIGKILL.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { strToU8, zipSync } from "fflate";

const root = join(import.meta.dirname, "../..");
const binary = process.env.RUSHLIGHT_BIN ?? join(root, "target/release/rushlight");

export const ROLE = "arn:aws:iam::000000000000:role/any";
export const source = (name) => readFileSync(join(root, "conformance/functions", name), "utf8");
export const zipped = (files) =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));

export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

// Polls: what is waited for has no event that a client could await.
export async function until(check, seconds, why = () => "") {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await delay(20)) {
    const value = await check();
    if (value) return value;
  }
  throw new Error(`not true after ${seconds} s: ${await why()}`);
}

export class Server {
  // The words are those of another verb than `start`.
  static async start(...words) {
    const server = new Server();
    server.words = words.length ? words : ["start"];
    server.folder = mkdtempSync(join(tmpdir(), "rushlight-"));
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    await server.start();
    return server;
  }

  async start() {
    const log = openSync(join(this.folder, "log"), "a");
    const words = [...this.words, "--listen", `127.0.0.1:${this.port}`, "--data", join(this.folder, "data")];
    this.process = spawn(binary, words, { stdio: ["ignore", log, log] });
    await until(() => this.healthy(), 20, () => readFileSync(join(this.folder, "log"), "utf8").slice(-2000));
  }

  async healthy() {
    if (this.process.exitCode !== null) throw new Error(readFileSync(join(this.folder, "log"), "utf8"));
    return fetch(`${this.url}/_rushlight/health`).then((reply) => reply.ok, () => false);
  }

  async end(signal) {
    this.process.kill(signal);
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, "exit");
  }

  // What a user configures: an endpoint, any credentials, a region.
  get config() {
    return { endpoint: this.url, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  }
}
