// The console in Chromium: the blog's walk-through, by nothing but clicks and keys, ending with Express calling the URL;
// the main act of each page; names that would be markup; pages of other origins.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { Console, launch, skip } from "../chromium.mjs";

const require = createRequire(import.meta.url);

let made, server, browser, page, complaints;

before(async () => {
  if (skip) return;
  made = await Console.open();
  ({ server, browser, page, complaints } = made);
});

after(() => made?.close());

const open = (path) => made.goto(path);
const button = (name, within) => made.button(name, within);
const field = (name, within) => made.field(name, within);
const section = (name) => made.section(name);
const write = (label, text) => made.write(label, text);

test("the walk-through: from nothing to a URL that Express calls", { skip }, async () => {
  await page.goto(server.url);
  assert.equal(new URL(page.url()).pathname, "/_console/");
  await page.getByRole("link", { name: "Create a function and test it with an event" }).click();
  await field("Function name").fill("hello");
  await button("Create function").click();
  await write("index.js", 'exports.handler = async (event, context) => {\n  let name = event.name || "no name";\n  context.succeed(`Hello ${name}`);\n};\n');
  await page.getByText("Undeployed changes").waitFor();
  await button("Deploy", section("Code source")).click();
  await page.getByText("Undeployed changes").waitFor({ state: "detached" });

  await page.getByRole("link", { name: "Test", exact: true }).click();
  await field("Event name").fill("sy");
  await write("Event JSON", '{ "name" : "sy" }');
  await button("Save", section("Test event")).click();
  await page.getByText("Event sy is saved.").waitFor();
  await button("Test", section("Test event")).click();
  await page.getByText("Executing function: succeeded").waitFor();
  assert.equal(await page.getByTestId("answer").innerText(), '"Hello sy"');
  const result = await section("Test event").innerText();
  for (const said of [/Request ID\s+[0-9a-f-]{36}/, /Duration\s+[\d.]+ ms/, /Billed duration\s+\d+ ms/, /Max memory used\s+\d+ MB/, /START RequestId/, /REPORT RequestId/]) {
    assert.match(result, said);
  }

  await page.getByRole("link", { name: "DynamoDB", exact: true }).click();
  await page.getByRole("link", { name: "Create table" }).first().click();
  await field("Table name").fill("members");
  await field("Partition key").fill("id");
  await button("Create table").click();
  await page.getByRole("heading", { name: "members" }).waitFor();

  await open("/lambda/create?blueprint=dynamodb-process-stream");
  await field("Function name").fill("on-members");
  await field("DynamoDB table").selectOption("members");
  await field("Starting position").selectOption("TRIM_HORIZON");
  await button("Create function").click();
  await page.getByRole("region", { name: "Function overview" }).getByRole("link", { name: "members" }).waitFor();

  await page.getByRole("link", { name: "API Gateway", exact: true }).click();
  await page.getByRole("link", { name: "Create API" }).first().click();
  await page.getByRole("link", { name: /REST API/ }).click();
  await field("API name").fill("blog");
  await button("Create API").click();
  const tree = page.getByRole("navigation", { name: "Resources" });
  await tree.getByRole("link", { name: "/", exact: true }).waitFor();
  assert.equal(await tree.getByRole("link").count(), 1, "only the root");
  await button("Create resource").click();
  await field("Resource name").fill("greeting");
  await button("Create resource", page.getByRole("dialog")).click();
  await page.getByRole("heading", { name: "/greeting" }).waitFor();
  await button("Create method").click();
  await field("Method type").selectOption("POST");
  await page.getByRole("combobox", { name: "Lambda function" }).fill("hello");
  await button("Create method", page.getByRole("dialog")).click();
  await page.getByRole("heading", { name: "POST /greeting" }).waitFor();
  await page.getByText("Not deployed yet").waitFor();

  await button("Test").click();
  await write("Request body", '{ "name": "gateway" }');
  await button("Test", section("Test method")).click();
  assert.equal(await page.getByTestId("answer").innerText(), '"Hello gateway"');
  assert.match(await section("Test method").innerText(), /Execution log for request/);

  await button("Deploy API").click();
  const dialog = page.getByRole("dialog");
  await button("Deploy", dialog).click();
  assert.equal(await dialog.count(), 1, "the stage is required");
  await field("Stage", dialog).selectOption({ label: "New stage" });
  await field("Stage name", dialog).fill("dev");
  await button("Deploy", dialog).click();
  const url = await page.getByTestId("invoke-url").innerText();
  assert.match(url, /\/_aws\/execute-api\/[a-z0-9]{10}\/dev$/);
  await page.getByText("Deployed", { exact: true }).waitFor();

  // The snippet is the program: it is run as it is shown.
  const program = await page.getByTestId("snippet").innerText();
  assert.ok(program.includes(`${url}/greeting`), program);
  assert.equal(await answerOf(program, { name: "express" }), '"Hello express"');
  for (const client of ["Express + axios", "Express + request-promise"]) {
    await field("From").selectOption(client);
    assert.equal(await answerOf(await page.getByTestId("snippet").innerText(), { name: client }), `"Hello ${client}"`);
  }

  await page.getByRole("link", { name: "Resources" }).click();
  await tree.getByRole("link", { name: "/greeting" }).click();
  await button("Create method").click();
  await field("Method type").selectOption("GET");
  await page.getByRole("radio", { name: "Mock" }).check();
  await button("Create method", page.getByRole("dialog")).click();
  await page.getByText("Changes are not deployed").waitFor();
  assert.deepEqual(complaints, []);
});

// Runs a program of Express on a free port, and asks it.
async function answerOf(program, body) {
  const express = require("express");
  let made;
  const listening = () => {
    const app = express();
    app.listen = () => (made = Object.getPrototypeOf(app).listen?.call(app, 0, "127.0.0.1") ?? express.application.listen.call(app, 0, "127.0.0.1"));
    return app;
  };
  const shaped = Object.assign(listening, express);
  new Function("require", program)((name) => (name === "express" ? shaped : require(name)));
  await once(made, "listening");
  try {
    const reply = await fetch(`http://127.0.0.1:${made.address().port}/`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return await reply.text();
  } finally {
    made.close();
    made.closeAllConnections();
  }
}


test("items are made, found, edited and removed", { skip }, async () => {
  const rows = page.getByRole("table", { name: "Items returned" }).getByRole("row");
  await open("/dynamodb/tables/members/items");
  await button("Create item").first().click();
  const dialog = page.getByRole("dialog");
  await field("id: Value", dialog).fill("m1");
  await button("Add attribute", dialog).click();
  await field("Attribute name 2", dialog).fill("age");
  await field("age: Type", dialog).selectOption("N");
  await field("age: Value", dialog).fill("41");
  await button("DynamoDB JSON", dialog).click();
  await write("typed", '{ "id": { "S": "m1" }, "age": { "N": "41" }, "tags": { "SS": ["a", "b"] } }');
  assert.equal(await button("JSON", dialog).isDisabled(), true, "sets have no plain form");
  await button("Create item", dialog).click();
  await rows.filter({ hasText: "m1" }).waitFor();

  const csv = "id,age,name\r\nm2,7,\"Kim, \"\"sy\"\"\"\r\nm3,8,<img src=x onerror=alert(1)>\r\n";
  await field("Import").setInputFiles({ name: "members.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await rows.filter({ hasText: "m3" }).waitFor();
  await field("Scan or query").selectOption("Query");
  await field("id (partition key)").fill("m2");
  await button("Run").click();
  await rows.filter({ hasText: 'Kim, "sy"' }).waitFor();
  assert.equal(await rows.count(), 2, "the head, and one");

  await button("m2").click();
  await field("age: Value", dialog).fill("70");
  await button("Save", dialog).click();
  await rows.filter({ hasText: "70" }).waitFor();
  await field("Scan or query").selectOption("Scan");
  await button("Add filter").click();
  await field("Filter 1: Attribute name").fill("age");
  await field("Filter 1: Condition").selectOption(">");
  await field("Filter 1: Type").selectOption("N");
  await field("Filter 1: Value").fill("40");
  await button("Run").click();
  await page.getByText("3 read").waitFor();
  assert.equal(await rows.count(), 3);

  const download = page.waitForEvent("download");
  await button("JSON").click();
  const text = await (await download).createReadStream().then((stream) => stream.toArray()).then((parts) => Buffer.concat(parts).toString());
  assert.deepEqual(JSON.parse(text).find((item) => item.id === "m2"), { id: "m2", age: 70, name: 'Kim, "sy"' });
  page.once("dialog", (asked) => asked.accept());
  await field("Choose m1").check();
  await button("Delete", page.getByRole("main").filter({ has: rows.first() })).last().click();
  await rows.filter({ hasText: "m1" }).waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
});

test("statements, settings, triggers: what they say is what they send", { skip }, async () => {
  await open("/dynamodb/tables/members/partiql");
  await field("Statement").fill(`INSERT INTO "members" VALUE {'id': 'p1'}`);
  await button("Run").click();
  await page.getByText("The statement is executed.").waitFor();
  await field("Statement").fill(`SELECT * FROM "members" WHERE id = 'p1'`);
  await button("Run").click();
  await page.getByRole("table", { name: "PartiQL" }).getByText("p1").waitFor();

  await open("/dynamodb/tables/members/settings");
  const ttl = section("Time to live (TTL)");
  await field("TTL attribute", ttl).fill("until");
  await ttl.getByText("As a command").click();
  await ttl.locator("pre").filter({ hasText: /aws dynamodb update-time-to-live .*--table-name members/s }).waitFor();
  await button("JavaScript SDK", ttl).click();
  await ttl.locator("pre").filter({ hasText: /new UpdateTimeToLiveCommand\(\{/ }).waitFor();
  await button("Turn on", ttl).click();
  await ttl.getByText("ENABLED", { exact: true }).waitFor();

  await open("/lambda/functions/hello/configuration/environment");
  const variables = section("Environment variables");
  await button("Add", variables).click();
  await field("Environment variables 1: Name", variables).fill("TABLE");
  await field("Environment variables 1: Value", variables).fill("members");
  await button("Save", variables).click();
  await page.getByText("Saved.").first().waitFor();
  await page.reload();
  assert.equal(await field("Environment variables 1: Value").inputValue(), "members");

  await open("/lambda/functions/hello/configuration/concurrency");
  await page.getByRole("radio", { name: "Reserve concurrency" }).check();
  await field("Reserved concurrency").fill("0");
  await button("Save", section("Concurrency")).click();
  await page.getByText("Saved.").first().waitFor();
  await open("/lambda/functions/hello/test");
  await button("Test", section("Test event")).click();
  await page.getByText("TooManyRequestsException").waitFor();
  complaints.splice(0).forEach((text) => assert.match(text, /\b429\b/));
});

test("nothing that users write is markup, and nothing goes without its name", { skip }, async () => {
  const evil = "<img src=x onerror=globalThis.harmed=true>";
  await fetch(`${server.url}/restapis`, { method: "POST", body: JSON.stringify({ name: evil, description: evil }) });
  await open("/apigateway");
  const link = page.getByRole("link", { name: evil });
  await link.click();
  await page.getByRole("heading", { name: evil }).waitFor();
  await button("Delete").first().click();
  const dialog = page.getByRole("dialog");
  assert.equal(await button("Delete", dialog).isDisabled(), true);
  await dialog.getByRole("textbox").fill("another");
  assert.equal(await button("Delete", dialog).isDisabled(), true);
  await dialog.getByRole("textbox").fill(evil);
  await button("Delete", dialog).click();
  await page.waitForURL(/#\/apigateway$/);
  await link.waitFor({ state: "detached" });
  await open(`/lambda/functions/${encodeURIComponent(evil)}/code`);
  await page.getByRole("alert").waitFor();
  await open("/dynamodb/tables/members/items");
  await page.getByText("<img src=x onerror=alert(1)>").waitFor();
  assert.equal(await page.evaluate(() => globalThis.harmed), undefined);
  assert.equal(await page.locator("main img").count(), 0);
  complaints.splice(0).forEach((text) => assert.match(text, /\b40[04]\b/));
});

test("pages of other origins change nothing, and a name that was rebound reads nothing", { skip }, async () => {
  const foreign = await browser.newContext({ ignoreHTTPSErrors: true });
  try {
    const stranger = await foreign.newPage();
    await foreign.route("http://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: "<title>evil</title>" }));
    await stranger.goto("http://evil.example/");
    const told = await stranger.evaluate(
      async (url) => {
        const ask = (path, init) => fetch(url + path, { mode: "no-cors", ...init }).then((reply) => reply.type, (error) => error.name);
        return [
          await ask("/2015-03-31/functions/hello/invocations", { method: "POST", body: "{}" }),
          await ask("/_rushlight/test-events/hello/evil", { method: "PUT", mode: "cors", body: "{}" }),
          await ask("/restapis", { method: "POST", body: '{"name":"evil"}' }),
        ];
      },
      server.url,
    );
    assert.equal(told[1], "TypeError");
  } finally {
    await foreign.close();
  }
  const read = async (path) => (await fetch(server.url + path)).json();
  assert.deepEqual((await read("/_rushlight/test-events/hello")).events.map(({ name }) => name), ["sy"]);
  assert.deepEqual((await read("/restapis")).item.map(({ name }) => name), ["blog"]);

  // The browser believes that the name is this machine's.
  const { hostname, port } = new URL(server.url);
  const rebound = await launch(`--host-resolver-rules=MAP evil.example ${hostname}`);
  try {
    const stranger = await rebound.newPage();
    for (const path of ["/_console/", "/2015-03-31/functions", "/_rushlight/health"]) {
      const reply = await stranger.goto(`http://evil.example:${port}${path}`);
      assert.equal(reply.status(), 403, path);
    }
  } finally {
    await rebound.close();
  }
});

// Of the main pages, in both languages and both colours: labels, contrast, order of headings and the like.
test("pages can be read and worked by everybody", { skip }, async () => {
  const api = (await (await fetch(`${server.url}/restapis`)).json()).item[0].id;
  const socket = { name: "plain", protocolType: "WEBSOCKET", routeSelectionExpression: "$request.body.a" };
  const { apiId } = await (await fetch(`${server.url}/v2/apis`, { method: "POST", body: JSON.stringify(socket) })).json();
  await fetch(`${server.url}/v2/apis/${apiId}/stages`, { method: "POST", body: '{"stageName":"dev","autoDeploy":true}' });
  const found = await made.amiss([
    "/", "/lambda", "/lambda/create?blueprint=dynamodb-process-stream", "/lambda/functions/hello/code", "/lambda/functions/hello/test",
    "/lambda/functions/hello/configuration/triggers", "/lambda/functions/hello/versions", "/dynamodb", "/dynamodb/create",
    "/dynamodb/tables/members/items", "/dynamodb/tables/members/settings", "/apigateway", "/apigateway/create",
    `/apigateway/rest/${api}/resources`, `/apigateway/rest/${api}/stages/dev`, `/apigateway/v2/${apiId}/routes`, `/apigateway/v2/${apiId}/stages`,
  ]);
  assert.deepEqual(found, []);
});

test("HTTP and WebSocket APIs: a route, a stage, a talk", { skip }, async () => {
  await open("/lambda/create");
  await field("Function name").fill("answers");
  await button("Create function").click();
  await write("index.js", 'exports.handler = async (event) => ({ statusCode: 200, body: `${event.requestContext.routeKey ?? event.routeKey}: ${event.body ?? "nothing"}` });\n');
  await button("Deploy", section("Code source")).click();
  await page.getByText("The code is deployed.").waitFor();

  await open("/apigateway/create/http");
  await field("API name").fill("web");
  await button("Create API").click();
  await page.getByText("No routes yet").waitFor();
  const routes = section("Create route");
  await field("Method", routes).selectOption("POST");
  await field("Path", routes).fill("/say/{word}");
  await page.getByRole("combobox", { name: "Lambda function" }).fill("answers");
  await button("Create route", routes).click();
  await section("Routes").getByText("POST /say/{word}").waitFor();
  await page.getByRole("link", { name: "Stages" }).click();
  await button("Create stage", section("Create stage")).click();
  const url = await section("$default").getByRole("link").innerText();
  const reply = await fetch(`${url}/say/hello`, { method: "POST", body: "hi" });
  assert.deepEqual([reply.status, await reply.text()], [200, "POST /say/{word}: hi"]);

  await open("/apigateway/create/websocket");
  await field("API name").fill("talk");
  await button("Create API").click();
  await field("Route key", routes).fill("say");
  await page.getByRole("combobox", { name: "Lambda function" }).fill("answers");
  await button("Create route", routes).click();
  await section("Routes").getByText("say", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Stages" }).click();
  await button("Create stage", section("Create stage")).click();
  const stage = section("dev");
  await button("Connect", stage).click();
  const log = stage.getByRole("log");
  await log.getByText("connected").waitFor();
  await field("Message", stage).fill('{ "action": "say" }');
  await button("Send", stage).click();
  await log.getByText('← say: { "action": "say" }').waitFor();
  await field("Message", stage).fill("nonsense");
  await button("Send", stage).click();
  await log.getByText(/← .*Forbidden/).waitFor();
  await button("Disconnect", stage).click();
  await log.getByText(/closed: 1005/).waitFor();
  assert.deepEqual(complaints, []);
});
