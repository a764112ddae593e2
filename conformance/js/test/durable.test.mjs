// A durable function with the official SDK for JavaScript, unmodified: steps, waits, maps and parallel branches.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import * as lambda from "@aws-sdk/client-lambda";
import { ROLE, Server, zipped } from "../server.mjs";

const modules = join(import.meta.dirname, "../node_modules");
const WORKFLOW = `
const { withDurableExecution } = require("@aws/durable-execution-sdk-js");
exports.handler = withDurableExecution(async (event, context) => {
  const first = await context.step("first", async () => event.start);
  await context.wait("nap", { seconds: 1 });
  const tens = await context.map("tens", [1, 2, 3], async (child, x) => child.step(async () => x * 10));
  const both = await context.parallel("both", [
    async (child) => { await child.wait({ seconds: 1 }); return "waited"; },
    async (child) => child.step(async () => "stepped"),
  ]);
  return { first, tens: tens.getResults(), both: both.getResults() };
});`;

let server, lam;
before(async () => {
  server = await Server.start();
  lam = new lambda.LambdaClient(server.config);
});
after(() => server?.end("SIGTERM"));

// As npm lays it out; its own dependency, the client for Lambda, is the runtime's.
function packaged() {
  const files = { "index.js": WORKFLOW };
  const add = (folder) => {
    for (const entry of readdirSync(join(modules, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && /\.(js|json|cjs)$/.test(entry.name)) {
        files[`node_modules/${relative(modules, path)}`] = readFileSync(path, "utf8");
      }
    }
  };
  add("@aws/durable-execution-sdk-js");
  add("@aws/lambda-invoke-store");
  return zipped(files);
}

test("an execution suspends, goes on and ends", async () => {
  await lam.send(
    new lambda.CreateFunctionCommand({
      FunctionName: "workflow",
      Runtime: "nodejs22.x",
      Role: ROLE,
      Handler: "index.handler",
      Timeout: 20,
      MemorySize: 512,
      Code: { ZipFile: packaged() },
      DurableConfig: { ExecutionTimeout: 60 },
    }),
  );
  await lambda.waitUntilFunctionActiveV2({ client: lam, maxWaitTime: 20 }, { FunctionName: "workflow" });
  const answer = await lam.send(
    new lambda.InvokeCommand({ FunctionName: "workflow:$LATEST", Payload: JSON.stringify({ start: 20 }) }),
  );
  assert.equal(answer.FunctionError, undefined, answer.Payload.transformToString());
  assert.deepEqual(JSON.parse(answer.Payload.transformToString()), {
    first: 20,
    tens: [10, 20, 30],
    both: ["waited", "stepped"],
  });
  const history = await lam.send(
    new lambda.GetDurableExecutionHistoryCommand({ DurableExecutionArn: answer.DurableExecutionArn }),
  );
  const kinds = history.Events.map((event) => event.EventType);
  assert.equal(kinds.filter((kind) => kind === "InvocationCompleted").length, 3);
  assert.equal(kinds.at(-1), "ExecutionSucceeded");
});
