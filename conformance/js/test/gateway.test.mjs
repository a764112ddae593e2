// What asks APIs from JavaScript: `ws` and `wscat` in a chat whose functions speak back by the SDK, an Express app over
// every HTTP client that it may have, and a signer for AWS_IAM.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as v1 from "@aws-sdk/client-api-gateway";
import * as v2 from "@aws-sdk/client-apigatewayv2";
import * as management from "@aws-sdk/client-apigatewaymanagementapi";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as lambda from "@aws-sdk/client-lambda";
import { AwsClient } from "aws4fetch";
import axios from "axios";
import express from "express";
import nodeFetch from "node-fetch";
import rp from "request-promise";
import WebSocket from "ws";
import { ROLE, Server, until, zipped } from "../server.mjs";

let server, lam, rest, http, dynamo;

before(async () => {
  server = await Server.start();
  lam = new lambda.LambdaClient(server.config);
  rest = new v1.APIGatewayClient(server.config);
  http = new v2.ApiGatewayV2Client(server.config);
  dynamo = new dynamodb.DynamoDBClient(server.config);
});

after(() => server?.end("SIGTERM"));

async function deployFunction(name, code) {
  const { FunctionArn } = await lam.send(
    new lambda.CreateFunctionCommand({
      FunctionName: name,
      Runtime: "nodejs20.x",
      Role: ROLE,
      Handler: "index.handler",
      Timeout: 15,
      Code: { ZipFile: zipped({ "index.js": code }) },
    }),
  );
  await lambda.waitUntilFunctionActiveV2({ client: lam, maxWaitTime: 60 }, { FunctionName: name });
  await lam.send(
    new lambda.AddPermissionCommand({
      FunctionName: name,
      StatementId: "api",
      Action: "lambda:InvokeFunction",
      Principal: "apigateway.amazonaws.com",
    }),
  );
  return `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${FunctionArn}/invocations`;
}

// Who is there stands in a table: any environment of the function may be asked.
const CHAT = `
const { ApiGatewayManagementApiClient, PostToConnectionCommand } = require("@aws-sdk/client-apigatewaymanagementapi");
const { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } = require("@aws-sdk/client-dynamodb");
const table = new DynamoDBClient();
const TableName = "present";
exports.handler = async (event) => {
  const { connectionId, routeKey, apiId, stage } = event.requestContext;
  const key = { id: { S: connectionId } };
  if (routeKey === "$connect") await table.send(new PutItemCommand({ TableName, Item: key }));
  if (routeKey === "$disconnect") await table.send(new DeleteItemCommand({ TableName, Key: key }));
  if (routeKey === "sendmessage") {
    const endpoint = process.env.AWS_ENDPOINT_URL + "/_aws/execute-api/" + apiId + "/" + stage;
    const client = new ApiGatewayManagementApiClient({ endpoint });
    const { data } = JSON.parse(event.body);
    const { Items } = await table.send(new ScanCommand({ TableName, ConsistentRead: true }));
    const others = Items.map(({ id }) => id.S).filter((id) => id !== connectionId);
    const told = await Promise.allSettled(
      others.map((ConnectionId) => client.send(new PostToConnectionCommand({ ConnectionId, Data: data }))));
    const failed = told.filter((one) => one.status === "rejected").map((one) => one.reason.name);
    return { statusCode: 200, body: JSON.stringify({ told: told.length - failed.length, failed }) };
  }
  return { statusCode: 200, body: "{}" };
};`;

async function chat() {
  await dynamo.send(
    new dynamodb.CreateTableCommand({
      TableName: "present",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    }),
  );
  const IntegrationUri = await deployFunction("chat", CHAT);
  const { ApiId, ApiEndpoint } = await http.send(
    new v2.CreateApiCommand({
      Name: "chat",
      ProtocolType: "WEBSOCKET",
      RouteSelectionExpression: "$request.body.action",
    }),
  );
  const { IntegrationId } = await http.send(
    new v2.CreateIntegrationCommand({ ApiId, IntegrationType: "AWS_PROXY", IntegrationUri }),
  );
  for (const RouteKey of ["$connect", "$disconnect", "sendmessage"]) {
    const { RouteId } = await http.send(
      new v2.CreateRouteCommand({
        ApiId,
        RouteKey,
        Target: `integrations/${IntegrationId}`,
        RouteResponseSelectionExpression: RouteKey === "sendmessage" ? "$default" : undefined,
      }),
    );
    if (RouteKey === "sendmessage") {
      await http.send(new v2.CreateRouteResponseCommand({ ApiId, RouteId, RouteResponseKey: "$default" }));
    }
  }
  await http.send(new v2.CreateStageCommand({ ApiId, StageName: "production", AutoDeploy: true }));
  return { url: `${ApiEndpoint}/production`, endpoint: `${server.url}/_aws/execute-api/${ApiId}/production` };
}

// What `wscat` prints (where no terminal looks on, what comes in alone), and a hand on its keyboard.
function wscat(url, ...words) {
  const program = join(import.meta.dirname, "../node_modules/wscat/bin/wscat");
  const child = spawn(process.execPath, [program, "--no-color", "--connect", url, ...words]);
  const printed = { text: "", child };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (printed.text += data));
  return printed;
}

test("people chat by ws and wscat, and functions speak to them by the SDK", async () => {
  const { url, endpoint } = await chat();
  const first = new WebSocket(url);
  const heard = [];
  first.on("message", (data) => heard.push(data.toString()));
  await once(first, "open");
  const second = wscat(url);
  try {
    // It takes no words before it is connected, and says nowhere that it is.
    await until(async () => {
      first.send(JSON.stringify({ action: "sendmessage", data: "welcome" }));
      await once(first, "message");
      return second.text.includes("welcome");
    }, 20, () => second.text);
    second.child.stdin.write('{"action":"sendmessage","data":"hello from a shell"}\n');
    await until(() => heard.includes("hello from a shell"), 20, () => heard.join());
    await until(() => second.text.includes('{"told":1,"failed":[]}'), 20, () => second.text);
    first.send(JSON.stringify({ action: "sendmessage", data: "hello from a program" }));
    await until(() => second.text.includes("hello from a program"), 20, () => second.text);
    // No route fits, and none is the default.
    first.send('{"action":"none"}');
    await until(() => heard.some((text) => text.includes('"message": "Forbidden"')), 20, () => heard.join());
  } finally {
    second.child.kill();
  }
  await once(second.child, "exit");
  // Who left is not told any more.
  await until(async () => {
    first.send(JSON.stringify({ action: "sendmessage", data: "anybody?" }));
    await once(first, "message");
    return heard.at(-1) === '{"told":0,"failed":[]}';
  }, 20, () => heard.join());
  const { connectionId } = JSON.parse(heard.find((text) => text.includes("connectionId")));
  const client = new management.ApiGatewayManagementApiClient({ ...server.config, endpoint });
  const at = { ConnectionId: connectionId };
  assert.equal((await client.send(new management.GetConnectionCommand(at))).Identity.SourceIp, "127.0.0.1");
  await client.send(new management.DeleteConnectionCommand(at));
  await once(first, "close");
  await assert.rejects(client.send(new management.PostToConnectionCommand({ ...at, Data: "x" })), {
    name: "GoneException",
    $fault: "client",
  });
});

const ECHO = `exports.handler = async (event) => ({
  statusCode: 201,
  headers: { "content-type": "application/json", "x-method": event.httpMethod },
  multiValueHeaders: { "set-cookie": ["a=1", "b=2"] },
  body: JSON.stringify({ body: event.body, query: event.multiValueQueryStringParameters, path: event.path,
    user: event.requestContext.identity.userArn, key: event.requestContext.identity.accessKey }),
});`;

async function proxied(name, authorizationType) {
  const uri = await deployFunction(name, ECHO);
  const { id: restApiId, rootResourceId } = await rest.send(new v1.CreateRestApiCommand({ name }));
  const { id: resourceId } = await rest.send(
    new v1.CreateResourceCommand({ restApiId, parentId: rootResourceId, pathPart: "{proxy+}" }),
  );
  const method = { restApiId, resourceId, httpMethod: "ANY" };
  await rest.send(new v1.PutMethodCommand({ ...method, authorizationType }));
  await rest.send(new v1.PutIntegrationCommand({ ...method, type: "AWS_PROXY", integrationHttpMethod: "POST", uri }));
  await rest.send(new v1.CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  return restApiId;
}

// One way each to post JSON and to tell the status, a header, the cookies and the body.
const CLIENTS = {
  fetch: async (url, body, headers) => {
    const reply = await fetch(url, { method: "POST", body, headers });
    return [reply.status, reply.headers.get("x-method"), reply.headers.getSetCookie(), await reply.json()];
  },
  "node-fetch": async (url, body, headers) => {
    const reply = await nodeFetch(url, { method: "POST", body, headers });
    return [reply.status, reply.headers.get("x-method"), reply.headers.raw()["set-cookie"], await reply.json()];
  },
  axios: async (url, body, headers) => {
    const reply = await axios.post(url, body, { headers });
    return [reply.status, reply.headers["x-method"], reply.headers["set-cookie"], reply.data];
  },
  "request-promise": async (url, body, headers) => {
    const reply = await rp({ method: "POST", uri: url, body, headers, resolveWithFullResponse: true });
    return [reply.statusCode, reply.headers["x-method"], reply.headers["set-cookie"], JSON.parse(reply.body)];
  },
};

test("an Express app asks a stage by every client", async () => {
  const api = await proxied("echo", "NONE");
  const app = express()
    .use(express.text({ type: "*/*" }))
    .post("/:client", async (request, reply) => {
      const url = `${server.url}/restapis/${api}/dev/_user_request_/deep/path?a=1&a=2&b=%C3%BC`;
      const client = CLIENTS[request.params.client];
      reply.json(await client(url, request.body, { "content-type": "application/json" }));
    })
    .listen(0, "127.0.0.1");
  try {
    await once(app, "listening");
    for (const name of Object.keys(CLIENTS)) {
      const reply = await fetch(`http://127.0.0.1:${app.address().port}/${name}`, { method: "POST", body: '{"from":"grüße"}' });
      const [status, method, cookies, told] = await reply.json();
      assert.deepEqual([status, method, cookies], [201, "POST", ["a=1", "b=2"]], name);
      assert.deepEqual([told.body, told.query, told.path], ['{"from":"grüße"}', { a: ["1", "2"], b: ["ü"] }, "/deep/path"], name);
    }
  } finally {
    app.close();
    app.closeAllConnections();
  }
});

test("AWS_IAM lets in who signs", async () => {
  const api = await proxied("guarded", "AWS_IAM");
  const url = `${server.url}/restapis/${api}/dev/_user_request_/private/a%20b?z=1&a=x%20y`;
  const { accessKeyId, secretAccessKey } = server.config.credentials;
  const signer = new AwsClient({ accessKeyId, secretAccessKey, service: "execute-api", region: "us-east-1", retries: 0 });
  const signed = await signer.fetch(url, { method: "POST", body: '{"a":1}' });
  const text = await signed.text();
  assert.equal(signed.status, 201, text);
  assert.equal(JSON.parse(text).key, accessKeyId);
  const unsigned = await fetch(url, { method: "POST", body: "{}" });
  assert.deepEqual([unsigned.status, await unsigned.json()], [403, { message: "Missing Authentication Token" }]);
});
