// The client that GetSdk makes of a stage: in Node.js as in a page of another origin in Chromium, before a server that
// verifies signatures.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as v1 from "@aws-sdk/client-api-gateway";
import { strFromU8, unzipSync } from "fflate";
import { chromium } from "playwright-core";
import { Server } from "../server.mjs";

const executablePath = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const skip = executablePath === "none" && "left out by CHROMIUM_BIN=none";
const folder = mkdtempSync(join(tmpdir(), "rushlight-sdk-"));
const KEYS = { accessKey: "AKIADEFAULT", secretKey: "a/secret+of=theirs" };

let server, rest, backend, restApiId, files, apigClientFactory;

// Tells what came of a request, and lets every page read it.
function echo(request, reply) {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const { method, url, headers } = request;
    const [status, kind] = url === "/gone" ? [410, "text/plain"] : [200, "application/json"];
    reply.writeHead(status, { "content-type": kind, "access-control-allow-origin": "*", "x-from": "backend" });
    const told = { method, url, type: headers["content-type"] ?? null, accept: headers.accept, a: headers["x-a"] ?? null };
    reply.end(status === 410 ? "gone" : JSON.stringify({ ...told, body: Buffer.concat(pieces).toString() }));
  });
}

function definition(origin) {
  const proxy = (path, httpMethod, ...variables) => ({
    type: "http_proxy",
    httpMethod,
    uri: `${origin}${path}`,
    requestParameters: Object.fromEntries(variables.map((name) => [`integration.request.path.${name}`, `method.request.path.${name}`])),
  });
  const parameter = (where, name, required) => ({ in: where, name, required, schema: { type: "string" } });
  const to = (integration, more) => ({ responses: { 200: { description: "OK" } }, "x-amazon-apigateway-integration": integration, ...more });
  const allow = (name, value) => [`method.response.header.Access-Control-Allow-${name}`, `'${value}'`];
  const header = { schema: { type: "string" } };
  const names = ["Origin", "Methods", "Headers"].map((name) => [`Access-Control-Allow-${name}`, header]);
  const options = {
    responses: { 200: { description: "OK", headers: Object.fromEntries(names) } },
    "x-amazon-apigateway-integration": {
      type: "mock",
      requestTemplates: { "application/json": '{"statusCode":200}' },
      responses: {
        default: {
          statusCode: "200",
          responseParameters: Object.fromEntries([
            allow("Origin", "*"),
            allow("Methods", "GET,POST"),
            allow("Headers", "Content-Type,X-A,X-Amz-Date,Authorization,X-Api-Key"),
          ]),
        },
      },
    },
  };
  const pet = [parameter("path", "petId", true), parameter("query", "type", false), parameter("header", "X-A", false)];
  const path = [parameter("path", "path", true)];
  return {
    openapi: "3.0.1",
    info: { title: "sdk", version: "1" },
    paths: {
      "/": { get: to(proxy("/root", "GET")) },
      "/gone": { get: to(proxy("/gone", "GET")) },
      "/pets": { post: to(proxy("/pets", "POST")) },
      "/pets/{petId}": { get: to(proxy("/pets/{petId}", "GET", "petId"), { parameters: pet }), options },
      "/files/{path+}": { get: to(proxy("/files/{path}", "GET", "path"), { parameters: path }) },
      "/keyed": { get: to(proxy("/keyed", "GET"), { security: [{ api_key: [] }] }) },
      "/mine/{petId}": {
        post: to(proxy("/mine/{petId}", "POST", "petId"), { parameters: pet, security: [{ sigv4: [] }] }),
        options,
      },
    },
    components: {
      securitySchemes: {
        api_key: { type: "apiKey", name: "x-api-key", in: "header" },
        sigv4: { type: "apiKey", name: "Authorization", in: "header", "x-amazon-apigateway-authtype": "awsSigv4" },
      },
    },
  };
}

before(async () => {
  writeFileSync(join(folder, "keys"), `[default]\naws_access_key_id = ${KEYS.accessKey}\naws_secret_access_key = ${KEYS.secretKey}\n`);
  server = await Server.start("start", "--auth", "required", "--credentials", join(folder, "keys"));
  const credentials = { accessKeyId: KEYS.accessKey, secretAccessKey: KEYS.secretKey };
  rest = new v1.APIGatewayClient({ ...server.config, credentials });
  backend = createServer(echo).listen(0, "127.0.0.1");
  await once(backend, "listening");
  const body = JSON.stringify(definition(`http://127.0.0.1:${backend.address().port}`));
  ({ id: restApiId } = await rest.send(new v1.ImportRestApiCommand({ body })));
  await rest.send(new v1.CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  const sdk = await rest.send(new v1.GetSdkCommand({ restApiId, stageName: "dev", sdkType: "javascript" }));
  assert.equal(sdk.contentType, "application/octet-stream");
  assert.match(sdk.contentDisposition, /^attachment; filename="javascript_\d{4}-\d\d-\d\d_\d\d-\d\dZ\.zip"$/);
  files = unzipSync(sdk.body);
  mkdirSync(join(folder, "apiGateway-js-sdk"));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  apigClientFactory = createRequire(import.meta.url)(join(folder, "apiGateway-js-sdk/apigClient.js"));
});

after(async () => {
  backend?.close();
  backend?.closeAllConnections();
  await server?.end("SIGTERM");
});

test("the client has a function for each method", () => {
  const names = ["filesPathGet", "goneGet", "keyedGet", "minePetIdOptions", "minePetIdPost", "petsPetIdGet", "petsPetIdOptions", "petsPost", "rootGet"];
  assert.deepEqual(Object.keys(apigClientFactory.newClient()).sort(), names);
  const readme = strFromU8(files["apiGateway-js-sdk/README.md"]);
  for (const name of names) assert.ok(readme.includes(`\`${name}\``), name);
});

test("parameters go where the API says", async () => {
  const client = apigClientFactory.newClient();
  const params = { petId: "a b/c", type: "x&y", "X-A": "mine", other: "nowhere" };
  const additional = { headers: { accept: "text/x" }, queryParams: { page: [1, 2], none: undefined } };
  const { status, statusText, headers, data } = await client.petsPetIdGet(params, {}, additional);
  assert.deepEqual([status, statusText, headers["x-from"]], [200, "OK", "backend"]);
  const { method, url, type, accept, a, body } = data;
  assert.deepEqual({ method, type, accept, a, body }, { method: "GET", type: null, accept: "text/x", a: "mine", body: "" });
  const target = new URL(url, "http://h");
  assert.deepEqual([...target.searchParams], [["type", "x&y"], ["page", "1"], ["page", "2"]]);
  assert.equal(target.pathname, "/pets/a%20b%2Fc");
  assert.equal((await client.filesPathGet({ path: "x/y/z.txt" })).data.url, "/files/x/y/z.txt");
  assert.equal((await client.rootGet()).data.url, "/root");
  assert.throws(() => client.petsPetIdGet({}), /petId must be defined/);
});

test("bodies go as JSON or as they are", async () => {
  const client = apigClientFactory.newClient({ defaultContentType: "application/x-mine" });
  const sent = async (body, more) => {
    const { data } = await client.petsPost({}, body, more);
    return [data.type, data.body];
  };
  assert.deepEqual(await sent({ name: "é" }), ["application/x-mine", '{"name":"é"}']);
  assert.deepEqual(await sent("text", { headers: { "content-type": "text/plain" } }), ["text/plain", "text"]);
  assert.deepEqual(await sent(new TextEncoder().encode("bytes")), ["application/x-mine", "bytes"]);
  assert.equal((await sent({}))[1], "");
});

test("what is no success rejects", async () => {
  const client = apigClientFactory.newClient();
  const gone = await client.goneGet().catch((error) => error);
  assert.equal(gone.message, "Request failed with status code 410");
  assert.deepEqual([gone.status, gone.data, gone.response.data, gone.response.headers["x-from"]], [410, "gone", "gone", "backend"]);
  const keyless = await client.keyedGet().catch((error) => error);
  assert.deepEqual([keyless.status, keyless.data], [403, { message: "Forbidden" }]);
});

test("an API key goes with every request", async () => {
  const { id: keyId, value: apiKey } = await rest.send(new v1.CreateApiKeyCommand({ enabled: true, name: "sdk" }));
  const apiStages = [{ apiId: restApiId, stage: "dev" }];
  const { id: usagePlanId } = await rest.send(new v1.CreateUsagePlanCommand({ name: "sdk", apiStages }));
  await rest.send(new v1.CreateUsagePlanKeyCommand({ usagePlanId, keyId, keyType: "API_KEY" }));
  assert.equal((await apigClientFactory.newClient({ apiKey }).keyedGet()).data.url, "/keyed");
  const other = await apigClientFactory.newClient({ apiKey: "another" }).keyedGet().catch((error) => error);
  assert.equal(other.status, 403);
});

test("requests are signed when there are keys", async () => {
  const client = apigClientFactory.newClient({ ...KEYS, region: "us-east-1" });
  const params = { petId: "a b'(1)*!~/ü", type: "x y+z/é=&" };
  const additional = { queryParams: { "a-b": "1", a: ["2", "10"], empty: "" } };
  // Longer than a block of SHA-256, and over its bound for the length.
  for (const body of [undefined, { name: "x" }, "é".repeat(1_000), "x".repeat(55), "x".repeat(56), "x".repeat(64)]) {
    const { status, data } = await client.minePetIdPost(params, body, additional);
    assert.equal(status, 200);
    assert.equal(data.body, typeof body === "object" ? JSON.stringify(body) : (body ?? ""));
  }
  const signed = await client.filesPathGet({ path: "x//y/" });
  assert.equal(signed.status, 200);
  const refusal = async (config) => (await apigClientFactory.newClient(config).minePetIdPost(params, "x").catch((error) => error)).status;
  assert.equal(await refusal({}), 403);
  assert.equal(await refusal({ ...KEYS, secretKey: "another" }), 403);
});

test("the client works in a page of another origin", { skip }, async () => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const pages = createServer((request, reply) => {
    if (request.url === "/apigClient.js") return reply.end(Buffer.from(files["apiGateway-js-sdk/apigClient.js"]));
    return reply.setHeader("content-type", "text/html").end('<script src="apigClient.js"></script>');
  }).listen(0, "127.0.0.1");
  try {
    await once(pages, "listening");
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${pages.address().port}/`);
    const told = await page.evaluate(async (keys) => {
      const client = globalThis.apigClientFactory.newClient(keys);
      const read = await client.petsPetIdGet({ petId: "1", type: "cat", "X-A": "page" }, undefined, {});
      const written = await client.minePetIdPost({ petId: "ü 1" }, { a: 1 });
      return [read.status, read.data.url, read.data.a, written.status, written.data.body];
    }, KEYS);
    assert.deepEqual(told, [200, "/pets/1?type=cat", "page", 200, '{"a":1}']);
  } finally {
    pages.close();
    pages.closeAllConnections();
    await browser.close();
  }
});
