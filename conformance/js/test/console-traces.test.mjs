// What happened, in the console: a request's waterfall down to the table calls of its function, why it was refused or
// failed, the tail, the map, queued events and stream batches, an event replayed after an edit, counts by the minute;
// and that nothing of what is shown is markup.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import * as v1 from "@aws-sdk/client-api-gateway";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as lambda from "@aws-sdk/client-lambda";
import { Console, skip } from "../chromium.mjs";
import { ROLE, Server, until, zipped } from "../server.mjs";

const EVIL = "<img src=x onerror=globalThis.harmed=true>";
const CODE = {
  keeper: `
const { DynamoDBClient, PutItemCommand } = require("@aws-sdk/client-dynamodb");
const table = new DynamoDBClient();
exports.handler = async (event) => {
  const { name } = JSON.parse(event.body);
  console.log("keeps", name);
  await table.send(new PutItemCommand({ TableName: "users", Item: { id: { S: name }, place: { S: "here" } } }));
  return { statusCode: 201, headers: { "x-said": ${JSON.stringify(EVIL)} }, body: JSON.stringify({ kept: name }) };
};`,
  thrower: `exports.handler = async () => { throw new Error("out of oil ${EVIL}"); };`,
  guard: `exports.handler = async (event) => ({
  principalId: "nobody",
  policyDocument: { Version: "2012-10-17", Statement: [{ Action: "execute-api:Invoke", Effect: event.authorizationToken === "let me" ? "Allow" : "Deny", Resource: "*" }] },
});`,
  "on-users": `exports.handler = async ({ Records }) => console.log("told of", Records.map((one) => one.dynamodb.Keys.id.S).join());`,
  loser: `exports.handler = async () => { throw new Error("lost"); };`,
  greeter: `exports.handler = async ({ name }) => ({ greeting: "Hello " + name });`,
};

let made, page, lam, rest, api, url;
const traces = async (query) => (await (await fetch(`${made.server.url}/_rushlight/traces?${query}`)).json()).traces;

before(async () => {
  if (skip) return;
  made = await Console.open();
  page = made.page;
  lam = new lambda.LambdaClient(made.server.config);
  rest = new v1.APIGatewayClient(made.server.config);
  const tables = new dynamodb.DynamoDBClient(made.server.config);
  const { TableDescription: table } = await tables.send(
    new dynamodb.CreateTableCommand({
      TableName: "users",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  const arns = {};
  for (const [FunctionName, code] of Object.entries(CODE)) {
    const settings = { FunctionName, Runtime: "nodejs22.x", Role: ROLE, Handler: "index.handler", Timeout: 15, Code: { ZipFile: zipped({ "index.js": code }) } };
    arns[FunctionName] = (await lam.send(new lambda.CreateFunctionCommand(settings))).FunctionArn;
    await lambda.waitUntilFunctionActiveV2({ client: lam, maxWaitTime: 60 }, { FunctionName });
    await lam.send(new lambda.AddPermissionCommand({ FunctionName, StatementId: "api", Action: "lambda:InvokeFunction", Principal: "apigateway.amazonaws.com" }));
  }
  const toGreeter = { OnFailure: { Destination: arns.greeter } };
  await lam.send(new lambda.PutFunctionEventInvokeConfigCommand({ FunctionName: "loser", MaximumRetryAttempts: 0, DestinationConfig: toGreeter }));
  await lam.send(new lambda.CreateEventSourceMappingCommand({ FunctionName: "on-users", EventSourceArn: table.LatestStreamArn, StartingPosition: "TRIM_HORIZON" }));
  const invocation = (name) => `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${arns[name]}/invocations`;
  const { id: restApiId } = await rest.send(new v1.CreateRestApiCommand({ name: "people" }));
  api = restApiId;
  const { id: authorizerId } = await rest.send(
    new v1.CreateAuthorizerCommand({ restApiId, name: "guard", type: "TOKEN", authorizerUri: invocation("guard"), identitySource: "method.request.header.Authorization" }),
  );
  const { items } = await rest.send(new v1.GetResourcesCommand({ restApiId }));
  for (const [pathPart, name, auth] of [["users", "keeper", {}], ["broken", "thrower", {}], ["guarded", "greeter", { authorizationType: "CUSTOM", authorizerId }]]) {
    const { id: resourceId } = await rest.send(new v1.CreateResourceCommand({ restApiId, parentId: items[0].id, pathPart }));
    const at = { restApiId, resourceId, httpMethod: "POST" };
    await rest.send(new v1.PutMethodCommand({ ...at, authorizationType: "NONE", ...auth }));
    await rest.send(new v1.PutIntegrationCommand({ ...at, type: "AWS_PROXY", integrationHttpMethod: "POST", uri: invocation(name) }));
  }
  await rest.send(new v1.CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  url = `${made.server.url}/_aws/execute-api/${api}/dev`;
});

after(() => made?.close());

const rowOf = (...words) => words.reduce((rows, hasText) => rows.filter({ hasText }), page.getByRole("treegrid").getByRole("row"));
// Answers that tell of a failure do not name their trace: each request brings one.
async function post(path, body, headers = {}) {
  const trace = `1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString("hex")}`;
  const init = { method: "POST", headers: { "content-type": "application/json", "x-amzn-trace-id": `Root=${trace}`, ...headers }, body: JSON.stringify(body) };
  return { trace, reply: await fetch(url + path, init) };
}

async function openTrace(id) {
  await made.goto(`/traces/${id}`);
  await page.getByRole("treegrid").waitFor();
}

test("a request is one tree: gateway, cold start, handler, the table call in it", { skip }, async () => {
  const { trace, reply } = await post("/users", { name: EVIL, password: "hidden" }, { "x-note": EVIL, authorization: "Bearer hidden" });
  assert.deepEqual([reply.status, await reply.json()], [201, { kept: EVIL }]);
  await openTrace(trace);
  const levelOf = async (row) => Number(await row.getAttribute("aria-level"));
  const [whole, invocation, handler, put] = [rowOf("POST /", "201").first(), rowOf("Invocation"), rowOf("Handler").first(), rowOf("PutItem")];
  await put.waitFor();
  await rowOf("cold start").waitFor();
  await rowOf("Init").first().waitFor();
  const levels = await Promise.all([whole, invocation, handler, put].map(levelOf));
  assert.ok(levels.every((level, i) => i === 0 || level > levels[i - 1]), String(levels));
  assert.equal(await rowOf("Handler").filter({ hasText: "PutItem" }).count(), 0);

  // By keys alone: down, fold, unfold, open.
  await whole.focus();
  const count = await page.getByRole("treegrid").getByRole("row").count();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.getByRole("treegrid").getByRole("row").count(), 2, "the head, and the folded one");
  assert.equal(await whole.getAttribute("aria-expanded"), "false");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("treegrid").getByRole("row").count(), count);
  await page.keyboard.press("End");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  const details = made.section("Details of the step");
  await details.getByText(`x-note: ${EVIL}`).waitFor();
  await details.getByText("authorization: ***").waitFor();
  await invocation.click();
  await details.getByText("keeps").waitFor();
  const request = await details.getByRole("textbox", { name: "Request" }).innerText();
  assert.ok(request.includes('"httpMethod": "POST"'), request);
  assert.ok(!(await details.innerText()).includes("Bearer hidden"));
  await put.click();
  await details.getByRole("link", { name: "dynamodb:users" }).waitFor();
  await details.getByRole("textbox", { name: "Request" }).getByText('"TableName"').waitFor();
  assert.equal(await page.evaluate(() => globalThis.harmed), undefined);
  assert.equal(await page.locator("main img").count(), 0);
  assert.deepEqual(made.complaints, []);
});

test("why 403, why 502: on the step that failed", { skip }, async () => {
  const refused = await post("/guarded", {}, { authorization: "no" });
  assert.equal(refused.reply.status, 403);
  await openTrace(refused.trace);
  await made.section("Why 403?").waitFor();
  assert.match(await made.section("Why 403?").innerText(), /ACCESS_DENIED|AccessDenied|not authorized/i);
  await rowOf("✕").filter({ hasText: /not authorized/i }).first().waitFor();
  await rowOf("Authorizer").first().waitFor();

  const failed = await post("/broken", {});
  assert.equal(failed.reply.status, 502);
  await openTrace(failed.trace);
  const why = made.section("Why 502?");
  await why.getByText("out of oil").waitFor();
  await rowOf("Handler", `out of oil ${EVIL}`).first().waitFor();
  await made.button("Show this step", why).click();
  assert.equal(await page.getByRole("treegrid").locator('[aria-selected="true"]').count(), 1);
  assert.equal(await page.locator("main img").count(), 0);
  assert.deepEqual(made.complaints, []);
});

test("traces come by themselves and are found", { skip }, async () => {
  await made.goto("/traces");
  const list = page.getByRole("table", { name: "Traces" });
  await list.getByRole("link", { name: "POST /dev/" }).first().waitFor();
  await made.field("Failed only").check();
  await list.getByText("502").waitFor();
  assert.equal(await list.getByText("201").count(), 0);
  await made.field("Failed only").uncheck();
  await made.field("Resource").fill("lambda:greeter");
  await page.getByText("None that fits").waitFor();
  await lam.send(new lambda.InvokeCommand({ FunctionName: "greeter", Payload: '{"name":"sy"}' }));
  await list.getByRole("link", { name: "Invoke" }).first().click();
  await rowOf("Invocation").waitFor();
  assert.deepEqual(made.complaints, []);
});

test("an event is edited and given to a function again", { skip }, async () => {
  const { Version } = await lam.send(new lambda.PublishVersionCommand({ FunctionName: "greeter" }));
  await lam.send(new lambda.CreateAliasCommand({ FunctionName: "greeter", Name: "live", FunctionVersion: Version }));
  await rowOf("Invocation").click();
  await page.getByRole("link", { name: "Edit and replay" }).click();
  await made.field("Version or alias").selectOption({ label: "Alias live" });
  await made.write("Event JSON", '{ "name": "lamp" }');
  await made.button("Invoke").click();
  const lines = page.getByTestId("difference");
  await lines.getByText('+   "greeting": "Hello lamp"').waitFor();
  await lines.getByText('-   "greeting": "Hello sy"').waitFor();
  await page.getByRole("status").getByText("REPORT RequestId").waitFor();
  await page.getByRole("status").getByRole("link", { name: "Show its trace" }).click();
  await rowOf("Invocation").click();
  await made.section("Details of the step").getByRole("textbox", { name: "Request" }).getByText('"lamp"').waitFor();

  const { trace } = await post("/users", { name: "first" }, { authorization: "Bearer hidden" });
  await openTrace(trace);
  await rowOf("POST /").first().click();
  await page.getByRole("link", { name: "Edit and replay" }).click();
  await page.getByText("Secrets are not kept").waitFor();
  await made.write("Body", '{ "name": "second" }');
  await made.button("Send").click();
  await page.getByTestId("difference").getByText('+   "kept": "second"').waitFor();
  assert.deepEqual(made.complaints, []);
});

test("the tail joins what belongs to one request", { skip }, async () => {
  await made.goto("/tail");
  await page.getByText("live", { exact: true }).waitFor();
  const { trace } = await post("/users", { name: "tailed" });
  const block = page.locator(`article[data-trace="${trace}"]`);
  await block.getByText("keeps tailed").waitFor();
  await block.getByText("PutItem").first().waitFor();
  await made.button("Pause").click();
  await post("/users", { name: "held" });
  await made.button("Go on (0)").or(page.getByRole("button", { name: /^Go on \(\d/ })).waitFor();
  assert.equal(await page.getByText("keeps held").count(), 0);
  await page.getByRole("button", { name: /^Go on/ }).click();
  await page.getByText("keeps held").waitFor();
  await made.field("Find in names and failures").fill("tailed");
  await page.getByText("keeps held").waitFor({ state: "detached" });
  await block.getByText("keeps tailed").waitFor();
  await made.button("Clear").click();
  await page.getByText("Nothing yet").waitFor();
  assert.deepEqual(made.complaints, []);
});

test("the map shows what calls what, and the way back by the trigger", { skip }, async () => {
  await until(async () => (await traces("q=batch")).length > 0, 20);
  await made.goto("/map");
  const list = made.section("Traffic as a list");
  for (const [from, to] of [["Clients", `apigateway:${api}/dev`], [`apigateway:${api}/dev`, "lambda:keeper"], ["lambda:keeper", "dynamodb:users"], ["dynamodb:users", "lambda:on-users"]]) {
    const row = list.getByRole("row").filter({ has: page.getByRole("cell").first().getByText(from) }).filter({ hasText: to });
    await row.first().waitFor();
  }
  await list.getByRole("row").filter({ hasText: "lambda:thrower" }).locator(".badge.bad").waitFor();
  await page.getByRole("group", { name: "Map of the traffic" }).getByRole("link", { name: "keeper" }).click();
  await page.getByRole("heading", { name: "keeper" }).waitFor();
  assert.deepEqual(made.complaints, []);
});

test("queued events, their attempts and stream batches lead to their traces", { skip }, async () => {
  await lam.send(new lambda.InvokeCommand({ FunctionName: "thrower", InvocationType: "Event", Payload: JSON.stringify({ note: EVIL }) }));
  await made.goto("/events");
  const queue = made.section("Waiting in the queue").first();
  await queue.getByText("thrower").first().waitFor();
  await queue.getByText(EVIL).first().waitFor();
  const attempts = made.section("Attempts at asynchronous events").first();
  await attempts.getByText("lambda:thrower").first().waitFor();
  await attempts.getByText(/^Again at/).first().waitFor();
  await made.button("Replay", queue).click();
  const dialog = page.getByRole("dialog");
  await made.field("Function", dialog).waitFor();
  await made.button("Close", dialog).first().click();
  await lam.send(new lambda.InvokeCommand({ FunctionName: "loser", InvocationType: "Event", Payload: "{}" }));
  await attempts.getByRole("row").filter({ hasText: "lambda:loser" }).getByText("RetriesExhausted").waitFor();
  await made.section("Destinations and dead letters").getByRole("row").filter({ hasText: "lambda:loser" }).getByText(/function:greeter$/).waitFor();

  await made.field("Function").selectOption("on-users");
  await attempts.getByText("lambda:loser").waitFor({ state: "detached" });
  const batches = made.section("Stream batches").first();
  await batches.getByText("Taken", { exact: true }).first().waitFor();
  await batches.getByRole("link", { name: "Replay" }).first().click();
  await page.getByRole("textbox", { name: "Event JSON" }).waitFor();
  assert.equal(await made.field("Function").inputValue(), "on-users");
  await made.button("Invoke").click();
  await page.getByRole("status").getByText("told of").waitFor();
  await page.goBack();
  await batches.getByRole("link", { name: "Trace" }).first().click();
  await rowOf("Stream batch").first().waitFor();
  await rowOf("Invocation").first().waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  assert.deepEqual(made.complaints, []);
});

test("functions, tables and stages are counted by the minute", { skip }, async () => {
  const chart = (name) => page.getByRole("figure").filter({ has: page.getByRole("heading", { name, exact: true }) });
  await made.goto("/lambda/functions/greeter/monitor");
  await chart("Invocations").getByText("Sum 3").waitFor();
  await chart("Cold starts").getByText(/Sum [23]/).waitFor();
  await chart("Duration").getByText(/Average [\d.]+ ms/).waitFor();
  await chart("Invocations").locator("canvas").waitFor();
  await page.getByRole("table", { name: "Recent traces" }).getByRole("link", { name: "Invoke" }).first().waitFor();
  await made.goto("/lambda/functions/thrower/monitor");
  await chart("Success rate").getByText("0% succeeded").waitFor();
  await made.goto("/dynamodb/tables/users/monitor");
  await chart("Requests").getByText(/Sum [4-9]/).waitFor();
  await chart("Consumed capacity units").getByText(/Sum [4-9]/).waitFor();
  await made.goto(`/apigateway/rest/${api}/stages/dev`);
  await chart("4xx").getByText("Sum 1", { exact: true }).waitFor();
  await chart("5xx").getByText("Sum 1", { exact: true }).waitFor();
  await made.button("24 h").click();
  await chart("5xx").getByText("Sum 1", { exact: true }).waitFor();
  assert.deepEqual(made.complaints, []);
});

test("a panel that did something leads to its trace", { skip }, async () => {
  await made.goto("/lambda/functions/greeter/test");
  await made.button("Test", made.section("Test event")).click();
  await made.section("Test event").getByRole("link", { name: "Show its trace" }).click();
  await rowOf("Invocation").waitFor();
  await made.goto(`/apigateway/rest/${api}/stages/dev`);
  const panel = made.section("Call it");
  await made.field("Method", panel).first().selectOption({ label: "POST /broken" });
  await made.button("Send", panel).click();
  await panel.getByRole("link", { name: "Show its trace" }).click();
  await made.section("Why 502?").waitFor();
  made.complaints.splice(0).forEach((text) => assert.match(text, /\b502\b/));
});

test("a server that records nothing says how it does", { skip }, async () => {
  const off = await Server.start("start", "--trace-memory", "0");
  const reader = await made.browser.newPage();
  try {
    for (const path of ["/traces", "/tail", "/map", "/events", "/traces/1-00000000-000000000000000000000000"]) {
      await reader.goto("about:blank");
      await reader.goto(`${off.url}/_console/#${path}`);
      await reader.getByRole("alert").getByText("--trace-memory 64").waitFor();
    }
  } finally {
    await reader.close();
    await off.end("SIGTERM");
  }
});

test("pages of what happened can be read and worked by everybody", { skip }, async () => {
  const [trace] = await traces("q=broken");
  const { spans } = await (await fetch(`${made.server.url}/_rushlight/traces/${trace.id}`)).json();
  const { id: span } = spans.find(({ kind }) => kind === "invocation");
  // They ask again and again: what tells that they are there is their own.
  const there = {
    "/traces": "[role=table]", "/tail": ".badge.good", "/map": "svg", "/events": "table",
    [`/traces/${trace.id}/${span}`]: "[aria-selected=true]", [`/traces/${trace.id}/${span}/replay`]: ".editor",
    "/lambda/functions/greeter/monitor": "canvas", "/dynamodb/tables/users/monitor": "canvas",
  };
  const found = await made.amiss(Object.keys(there), (reader, path) => reader.locator(there[path]).first().waitFor());
  assert.deepEqual(found, []);
});
