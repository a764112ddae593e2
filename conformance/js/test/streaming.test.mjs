// Streamed answers with the SDK and with fetch: the first piece comes while the function still runs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AddPermissionCommand, CreateFunctionCommand, CreateFunctionUrlConfigCommand, InvokeWithResponseStreamCommand,
  LambdaClient, PutFunctionConcurrencyCommand,
} from "@aws-sdk/client-lambda";
import { ROLE, Server, zipped } from "../server.mjs";

let server, lambda;
before(async () => {
  server = await Server.start();
  lambda = new LambdaClient({
    endpoint: server.url, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
});
after(() => server.end("SIGTERM"));

// Waits until its own concurrency is reserved. An ES module: `awslambda` is global there too.
const CODE = `
import { pipeline } from 'node:stream/promises';
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.requestContext) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 203, headers: { a: 'b' } });
  const url = process.env.AWS_ENDPOINT_URL + '/2019-09-30/functions/' + context.functionName + '/concurrency';
  await pipeline(async function* () {
    yield 'first ';
    while (!(await (await fetch(url)).text()).includes('Reserved')) await new Promise((go) => setTimeout(go, 5));
    yield 'last';
  }, stream);
});`;

async function deploy(name) {
  const Code = { ZipFile: zipped({ "index.mjs": CODE }) };
  await lambda.send(new CreateFunctionCommand({
    FunctionName: name, Runtime: "nodejs20.x", Role: ROLE, Handler: "index.handler", Timeout: 20, Code,
  }));
}

const goOn = (name) =>
  lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: name, ReservedConcurrentExecutions: 5 }));
const text = (bytes) => new TextDecoder().decode(bytes);

test("InvokeWithResponseStream gives events as they come", async () => {
  await deploy("events");
  const { EventStream } = await lambda.send(new InvokeWithResponseStreamCommand({ FunctionName: "events", Payload: "{}" }));
  const seen = [];
  for await (const event of EventStream) {
    if (event.PayloadChunk) seen.push(text(event.PayloadChunk.Payload));
    if (event.InvokeComplete) seen.push(event.InvokeComplete.ErrorCode ?? "complete");
    if (seen.length === 1) await goOn("events");
  }
  assert.deepEqual(seen, ["first ", "last", "complete"]);
});

test("fetch reads a function's URL as it comes", async () => {
  await deploy("url");
  const { FunctionUrl } = await lambda.send(
    new CreateFunctionUrlConfigCommand({ FunctionName: "url", AuthType: "NONE", InvokeMode: "RESPONSE_STREAM" }));
  for (const permission of [
    { StatementId: "url", Action: "lambda:InvokeFunctionUrl", FunctionUrlAuthType: "NONE" },
    { StatementId: "invoke", Action: "lambda:InvokeFunction", InvokedViaFunctionUrl: true },
  ]) await lambda.send(new AddPermissionCommand({ FunctionName: "url", Principal: "*", ...permission }));
  const reply = await fetch(FunctionUrl);
  assert.equal(`${reply.status} ${reply.headers.get("a")}`, "203 b");
  const reader = reply.body.getReader();
  assert.equal(text((await reader.read()).value), "first ");
  await goOn("url");
  assert.equal(text((await reader.read()).value), "last");
  assert.equal((await reader.read()).done, true);
});
