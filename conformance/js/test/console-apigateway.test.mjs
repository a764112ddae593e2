// The console's pages of API Gateway in Chromium: the main act of each, and that requests then meet what was set.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Console, skip } from "../chromium.mjs";

let shown, page, api;
const evil = "<img src=x onerror=globalThis.harmed=true>";

before(async () => {
  if (skip) return;
  shown = await Console.open();
  page = shown.page;
  await shown.goto("/lambda/create");
  await shown.field("Function name").fill("guard");
  await shown.button("Create function").click();
  await shown.write("index.js", `exports.handler = async (event) => {
  const token = event.authorizationToken ?? event.headers?.authorization;
  if (event.routeArn) return { isAuthorized: token === "open" };
  if (token === undefined) return { statusCode: 200, body: event.body ?? "nothing" };
  return {
    principalId: "sy",
    policyDocument: { Version: "2012-10-17", Statement: [{ Action: "execute-api:Invoke", Effect: token === "open" ? "Allow" : "Deny", Resource: event.methodArn }] },
  };
};
`);
  await shown.button("Deploy", shown.section("Code source")).click();
  await page.getByText("The code is deployed.").waitFor();
  api = (await ask("POST", "/restapis", { name: "pets" })).id;
  const [{ id: root }] = (await ask("GET", `/restapis/${api}/resources`)).item;
  const method = `/restapis/${api}/resources/${root}/methods/POST`;
  await ask("PUT", method, { authorizationType: "NONE" });
  await ask("PUT", `${method}/integration`, { type: "MOCK", requestTemplates: { "application/json": '{"statusCode": 200}' } });
  await ask("PUT", `${method}/responses/200`, {});
  await ask("PUT", `${method}/integration/responses/200`, { responseTemplates: { "application/json": '"$stageVariables.word"' } });
  await deploy();
});

after(() => shown?.close());

async function ask(verb, path, body) {
  const reply = await fetch(shown.server.url + path, { method: verb, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await reply.text();
  assert.ok(reply.ok, `${verb} ${path}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

const deploy = () => ask("POST", `/restapis/${api}/deployments`, { stageName: "dev" });
const saved = () => page.getByText("Saved.").last().waitFor();

async function requested(init = {}, query = "") {
  const reply = await fetch(`${shown.server.url}/_aws/execute-api/${api}/dev${query}`, { method: "POST", body: "{}", ...init, headers: { "content-type": "application/json", ...init.headers } });
  return [reply.status, await reply.text()];
}

test("a model and a validator keep wrong bodies and missing parameters out", { skip }, async () => {
  await shown.goto(`/apigateway/rest/${api}/models`);
  await shown.field("Model name").fill("Pet");
  await shown.write("Model schema", '{ "type": "object", "required": ["kind"] }');
  await shown.button("Create model").click();
  await shown.section("Pet").waitFor();
  await shown.field("Description").fill(evil);
  await shown.write("Model schema", '{ "type": "object", "required": ["name"] }');
  await shown.button("Save").click();
  await page.reload();
  assert.equal(await shown.field("Description").inputValue(), evil);

  await shown.goto(`/apigateway/rest/${api}/resources`);
  await page.getByRole("link", { name: "POST", exact: true }).click();
  await page.getByRole("button", { name: /^Method request/ }).click();
  await shown.field("Request validator").selectOption("both");
  await shown.button("Add parameter").click();
  await shown.field("Name of parameter 1").fill("q");
  await shown.button("Add model").click();
  await shown.field("Model 1").selectOption("Pet");
  await shown.button("Save").click();
  await saved();
  await deploy();
  assert.deepEqual(await requested(), [400, '{"message": "Missing required request parameters: [q]"}']);
  assert.deepEqual(await requested({}, "?q=1"), [400, '{"message": "Invalid request body"}']);
  assert.equal((await requested({ body: '{"name":"Rex"}' }, "?q=1"))[0], 200);

  await shown.field("Request validator").selectOption("none");
  await page.getByRole("button", { name: "Remove q" }).click();
  await shown.button("Save").click();
  await page.getByRole("button", { name: "Remove q" }).waitFor({ state: "detached" });
  await deploy();
  assert.equal((await requested())[0], 200);

  await shown.goto(`/apigateway/rest/${api}/models/Error`);
  await shown.button("Delete", shown.section("Error")).click();
  const dialog = page.getByRole("dialog");
  assert.equal(await shown.button("Delete", dialog).isDisabled(), true);
  await dialog.getByRole("textbox").fill("Error");
  await shown.button("Delete", dialog).click();
  await page.getByRole("link", { name: "Error", exact: true }).waitFor({ state: "detached" });
  assert.deepEqual(shown.complaints, []);
});

test("an authorizer is made, tested, chosen and obeyed", { skip }, async () => {
  await shown.goto(`/apigateway/rest/${api}/authorizers`);
  await shown.field("Authorizer name").fill("doorman");
  await page.getByRole("combobox", { name: "Lambda function" }).fill("guard");
  await shown.field("Authorization caching (seconds)").fill("0");
  await shown.button("Create authorizer").click();
  const tester = shown.section("Test authorizer");
  for (const [token, effect] of [["open", "Allow"], ["closed", "Deny"]]) {
    await shown.field("Token (Authorization)", tester).fill(token);
    await shown.button("Test authorizer", tester).click();
    await tester.getByTestId("policy").filter({ hasText: `"Effect": "${effect}"` }).waitFor();
  }
  await shown.field("Token validation").fill("^[a-z]+$");
  await shown.button("Save").click();
  await saved();

  await shown.goto(`/apigateway/rest/${api}/resources`);
  await page.getByRole("link", { name: "POST", exact: true }).click();
  await page.getByRole("button", { name: /^Method request/ }).click();
  await shown.field("Authorization").selectOption({ label: "doorman (TOKEN)" });
  await shown.button("Save").click();
  await page.getByRole("button", { name: /Authorization: CUSTOM/ }).waitFor();
  await deploy();
  assert.equal((await requested())[0], 401);
  assert.equal((await requested({ headers: { authorization: "closed" } }))[0], 403);
  assert.equal((await requested({ headers: { authorization: "OPEN" } }))[0], 401, "does not match");
  assert.equal((await requested({ headers: { authorization: "open" } }))[0], 200);

  await shown.field("Authorization").selectOption("NONE");
  await shown.button("Save").click();
  await page.getByRole("button", { name: /Authorization: NONE/ }).waitFor();
  await deploy();
  assert.equal((await requested())[0], 200);
  await shown.goto(`/apigateway/rest/${api}/authorizers`);
  await shown.field("Authorizer name").fill("issued");
  await shown.field("Authorizer type").selectOption("JWT");
  await shown.field("Issuer").fill("http://127.0.0.1:9/issuer");
  await shown.field("Audience").fill("a, b");
  await shown.button("Create authorizer").click();
  await shown.section("issued").waitFor();
  await shown.field("Audience").fill("c");
  await shown.button("Save").click();
  await saved();
  const { item } = await ask("GET", `/restapis/${api}/authorizers`);
  assert.deepEqual(item.find(({ name }) => name === "issued").jwtConfiguration.issuers[0].audiences, ["c"]);
  assert.deepEqual(shown.complaints, []);
});

test("a gateway response is changed and put back", { skip }, async () => {
  await shown.goto(`/apigateway/rest/${api}/responses`);
  const types = page.getByRole("navigation", { name: "Gateway responses" }).getByRole("link");
  await types.first().waitFor();
  assert.equal(await types.count(), 21);
  await page.getByRole("link", { name: "MISSING_AUTHENTICATION_TOKEN" }).click();
  await shown.field("Status code").fill("404");
  await shown.button("Add").click();
  await shown.field("Response headers 1: Name").fill("x-said");
  await shown.field("Response headers 1: Value").fill("'nothing here'");
  await shown.write("Template (application/json)", '{"no": "such page"}');
  await shown.button("Save").click();
  await page.getByText("Changed", { exact: true }).waitFor();
  await deploy();
  const missed = () => fetch(`${shown.server.url}/_aws/execute-api/${api}/dev/missing`);
  const reply = await missed();
  assert.deepEqual([reply.status, reply.headers.get("x-said"), await reply.text()], [404, "nothing here", '{"no": "such page"}']);
  await shown.button("Reset").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("MISSING_AUTHENTICATION_TOKEN");
  await shown.button("Delete", dialog).click();
  await page.getByText("Default", { exact: true }).waitFor();
  await deploy();
  assert.equal((await missed()).status, 403);
  assert.deepEqual(shown.complaints, []);
});

test("the settings of an API are kept, and its policy is obeyed", { skip }, async () => {
  await shown.goto(`/apigateway/rest/${api}/settings`);
  const content = shown.section("Content");
  await shown.field("Binary media types", content).fill("image/png\nimage/*");
  await shown.field("Minimum compression size (bytes)", content).fill("1024");
  await shown.button("Save", content).click();
  await saved();
  const tags = shown.section("Tags");
  await shown.button("Add", tags).click();
  await shown.field("Tags 1: Name").fill("team");
  await shown.field("Tags 1: Value").fill(evil);
  await shown.button("Save", tags).click();
  await saved();
  const statement = { Effect: "Deny", Principal: "*", Action: "execute-api:Invoke", Resource: "*" };
  await shown.write("Resource policy", JSON.stringify({ Version: "2012-10-17", Statement: [statement] }));
  await shown.button("Save", shown.section("Resource policy")).click();
  await saved();
  await page.reload();
  assert.equal(await shown.field("Binary media types").inputValue(), "image/png\nimage/*");
  assert.equal(await shown.field("Minimum compression size (bytes)").inputValue(), "1024");
  assert.equal(await shown.field("Tags 1: Value").inputValue(), evil);
  await deploy();
  assert.equal((await requested())[0], 403);
  await shown.write("Resource policy", "");
  await shown.button("Save", shown.section("Resource policy")).click();
  await saved();
  await deploy();
  assert.equal((await requested())[0], 200);
  assert.deepEqual(shown.complaints, []);
});

test("pages can be read and worked by everybody, and show what users write as text", { skip }, async () => {
  const authorizer = (await ask("GET", `/restapis/${api}/authorizers`)).item[0].id;
  const [{ id: root }] = (await ask("GET", `/restapis/${api}/resources`)).item;
  const paths = [
    `/apigateway/rest/${api}/models/Pet`, `/apigateway/rest/${api}/authorizers`, `/apigateway/rest/${api}/authorizers/${authorizer}`,
    `/apigateway/rest/${api}/responses`, `/apigateway/rest/${api}/settings`, `/apigateway/rest/${api}/resources/${root}/POST`,
  ];
  const unharmed = async (reader) => {
    await reader.waitForLoadState("networkidle");
    assert.equal(await reader.evaluate(() => globalThis.harmed), undefined);
  };
  assert.deepEqual(await shown.amiss(paths, unharmed), []);
});
