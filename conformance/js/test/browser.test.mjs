// A page in Chromium that asks APIs of another origin: what the browser lets it see is what CORS says.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import * as v1 from "@aws-sdk/client-api-gateway";
import * as v2 from "@aws-sdk/client-apigatewayv2";
import { chromium } from "playwright-core";
import { Server } from "../server.mjs";

const executablePath = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const skip = executablePath === "none" && "left out by CHROMIUM_BIN=none";

let server, rest, http, pages, browser, backend;

async function listening(answer) {
  const made = createServer(answer).listen(0, "127.0.0.1");
  await once(made, "listening");
  return made;
}

const origin = (host, made = pages) => `http://${host}:${made.address().port}`;

before(async () => {
  if (skip) return;
  server = await Server.start();
  rest = new v1.APIGatewayClient(server.config);
  http = new v2.ApiGatewayV2Client(server.config);
  pages = await listening((_, reply) => reply.setHeader("content-type", "text/html").end("<title>page</title>"));
  backend = await listening((request, reply) => {
    reply.setHeader("x-secret", "for the page");
    reply.setHeader("set-cookie", "seen=1; SameSite=None; Secure");
    reply.end(JSON.stringify({ method: request.method, custom: request.headers["x-custom"], cookie: request.headers.cookie }));
  });
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});

after(async () => {
  await browser?.close();
  pages?.close();
  backend?.close();
  backend?.closeAllConnections();
  await server?.end("SIGTERM");
});

// What a script of a page on `from` is told: the answer, or that the browser keeps it.
async function asks(from, url, init) {
  const page = await browser.newPage();
  try {
    await page.goto(from);
    return await page.evaluate(
      ([url, init]) =>
        fetch(url, init).then(
          async (reply) => ({ status: reply.status, body: await reply.text(), secret: reply.headers.get("x-secret") }),
          (error) => error.name,
        ),
      [url, init],
    );
  } finally {
    await page.close();
  }
}

const PUT = { method: "PUT", headers: { "x-custom": "mine", "content-type": "application/json" }, body: "{}" };

// As the console enables CORS: an OPTIONS method that mocks, and headers of the method's own answers.
async function restApi(allowed) {
  const mock = { type: "mock", requestTemplates: { "application/json": '{"statusCode":200}' } };
  const answers = (headers, body = "{}") => ({
    responses: {
      200: {
        description: "OK",
        headers: Object.fromEntries(Object.keys(headers).map((name) => [name, { schema: { type: "string" } }])),
      },
    },
    "x-amazon-apigateway-integration": {
      ...mock,
      responses: {
        default: {
          statusCode: "200",
          responseTemplates: { "application/json": body },
          responseParameters: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [`method.response.header.${name}`, `'${value}'`]),
          ),
        },
      },
    },
  });
  const origins = { "Access-Control-Allow-Origin": allowed, "Access-Control-Allow-Credentials": "true" };
  const preflight = { ...origins, "Access-Control-Allow-Methods": "OPTIONS,PUT", "Access-Control-Allow-Headers": "Content-Type,X-Custom" };
  const document = {
    openapi: "3.0.1",
    info: { title: "page", version: "1" },
    paths: {
      "/things": {
        put: answers({ ...origins, "X-Secret": "for the page", "Access-Control-Expose-Headers": "X-Secret" }, '{"put":true}'),
        options: answers(preflight),
      },
    },
    "x-amazon-apigateway-gateway-responses": {
      DEFAULT_4XX: { responseParameters: { "gatewayresponse.header.Access-Control-Allow-Origin": `'${allowed}'` } },
    },
  };
  const { id: restApiId } = await rest.send(new v1.ImportRestApiCommand({ body: JSON.stringify(document) }));
  await rest.send(new v1.CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  return `${server.url}/restapis/${restApiId}/dev/_user_request_`;
}

test("a REST API lets in the page that its OPTIONS method names", { skip }, async () => {
  const url = await restApi(origin("127.0.0.1"));
  const told = { status: 200, body: '{"put":true}', secret: "for the page" };
  assert.deepEqual(await asks(origin("127.0.0.1"), `${url}/things`, PUT), told);
  assert.deepEqual(await asks(origin("127.0.0.1"), `${url}/things`, { ...PUT, credentials: "include" }), told);
  // Another origin, and a header that nobody allowed.
  assert.equal(await asks(origin("localhost"), `${url}/things`, PUT), "TypeError");
  const other = { ...PUT, headers: { "x-other": "1" } };
  assert.equal(await asks(origin("127.0.0.1"), `${url}/things`, other), "TypeError");
  // A fault shows itself where its gateway response says so.
  const fault = await asks(origin("127.0.0.1"), `${url}/nowhere`);
  assert.deepEqual([fault.status, fault.body], [403, '{"message":"Missing Authentication Token"}']);
});

test("an HTTP API answers for its backend", { skip }, async () => {
  const { ApiId, ApiEndpoint } = await http.send(
    new v2.CreateApiCommand({
      Name: "page",
      ProtocolType: "HTTP",
      Target: origin("127.0.0.1", backend),
      CorsConfiguration: {
        AllowOrigins: [origin("127.0.0.1")],
        AllowMethods: ["PUT"],
        AllowHeaders: ["x-custom", "content-type"],
        ExposeHeaders: ["x-secret"],
        AllowCredentials: true,
        MaxAge: 60,
      },
    }),
  );
  const told = await asks(origin("127.0.0.1"), ApiEndpoint, { ...PUT, credentials: "include" });
  assert.deepEqual([told.status, told.secret], [200, "for the page"]);
  assert.deepEqual([JSON.parse(told.body).method, JSON.parse(told.body).custom], ["PUT", "mine"]);
  assert.equal(await asks(origin("localhost"), ApiEndpoint, PUT), "TypeError");
  assert.equal(await asks(origin("127.0.0.1"), ApiEndpoint, { ...PUT, method: "DELETE" }), "TypeError");
  assert.equal(await asks(origin("127.0.0.1"), ApiEndpoint, { ...PUT, headers: { "x-other": "1" } }), "TypeError");
  // Nobody is let in any more once the rules are gone.
  await http.send(new v2.DeleteCorsConfigurationCommand({ ApiId }));
  assert.equal(await asks(origin("127.0.0.1"), ApiEndpoint, PUT), "TypeError");
});

test("a page holds a WebSocket", { skip }, async () => {
  const { ApiId, ApiEndpoint } = await http.send(
    new v2.CreateApiCommand({ Name: "page", ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action" }),
  );
  const { IntegrationId } = await http.send(
    new v2.CreateIntegrationCommand({
      ApiId,
      IntegrationType: "MOCK",
      TemplateSelectionExpression: "\\$default",
      RequestTemplates: { $default: '{"statusCode":200}' },
    }),
  );
  await http.send(
    new v2.CreateIntegrationResponseCommand({
      ApiId,
      IntegrationId,
      IntegrationResponseKey: "$default",
      TemplateSelectionExpression: "\\$default",
      ResponseTemplates: { $default: "$context.routeKey of $context.stage" },
    }),
  );
  const { RouteId } = await http.send(
    new v2.CreateRouteCommand({
      ApiId,
      RouteKey: "$default",
      Target: `integrations/${IntegrationId}`,
      RouteResponseSelectionExpression: "$default",
    }),
  );
  await http.send(new v2.CreateRouteResponseCommand({ ApiId, RouteId, RouteResponseKey: "$default" }));
  await http.send(new v2.CreateStageCommand({ ApiId, StageName: "dev", AutoDeploy: true }));
  const page = await browser.newPage();
  await page.goto(origin("localhost"));
  const heard = await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        const heard = [];
        socket.onopen = () => socket.send("hello");
        socket.onmessage = ({ data }) => {
          heard.push(data);
          // More than a frame may have.
          socket.send("x".repeat(40_000));
        };
        socket.onclose = ({ code }) => resolve([...heard, code]);
      }),
    `${ApiEndpoint}/dev`,
  );
  assert.deepEqual(heard, ["$default of dev", 1009]);
  await page.close();
});
