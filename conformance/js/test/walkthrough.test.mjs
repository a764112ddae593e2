// The document's walk-through with the AWS SDK for JavaScript v3, ended by an Express app that posts to the stage URL
// with request-promise; then once more after kill -9 and a restart on the same data.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import * as apigateway from "@aws-sdk/client-api-gateway";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as db from "@aws-sdk/client-dynamodb";
import * as lambda from "@aws-sdk/client-lambda";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand, DeleteCommand } from "@aws-sdk/lib-dynamodb";
import express from "express";
import rp from "request-promise";
import { ROLE, Server, source, until, zipped } from "../server.mjs";

let server, lam, dynamo, doc, api, watch, app, stageUrl;

before(async () => {
  server = await Server.start();
  lam = new lambda.LambdaClient(server.config);
  dynamo = new db.DynamoDBClient(server.config);
  doc = DynamoDBDocumentClient.from(dynamo);
  api = new apigateway.APIGatewayClient(server.config);
  watch = new logs.CloudWatchLogsClient(server.config);
});

after(async () => {
  app?.close();
  await server?.end("SIGTERM");
});

async function deployFunction(name, code, variables = {}) {
  const made = await lam.send(
    new lambda.CreateFunctionCommand({
      FunctionName: name,
      Runtime: "nodejs20.x",
      Role: ROLE,
      Handler: "index.handler",
      Timeout: 15,
      Code: { ZipFile: zipped({ "index.js": code }) },
      Environment: { Variables: variables },
    }),
  );
  await lambda.waitUntilFunctionActiveV2({ client: lam, maxWaitTime: 60 }, { FunctionName: name });
  return made.FunctionArn;
}

async function invoke(name, event) {
  const reply = await lam.send(
    new lambda.InvokeCommand({ FunctionName: name, Payload: Buffer.from(event), LogType: "Tail" }),
  );
  return { body: Buffer.from(reply.Payload).toString(), log: Buffer.from(reply.LogResult, "base64").toString() };
}

async function changes() {
  const { events } = await watch.send(new logs.FilterLogEventsCommand({ logGroupName: "/aws/lambda/changes" }));
  return events
    .filter((event) => event.message.includes("CHANGE "))
    .map((event) => JSON.parse(event.message.split("CHANGE ")[1]))
    .map((change) => `${change.name} ${change.key}`);
}

test("the caller is an account", async () => {
  const who = await new STSClient(server.config).send(new GetCallerIdentityCommand({}));
  assert.equal(who.Account, "000000000000");
});

test("the document's handlers", async () => {
  await deployFunction("event", source("seed_event.js"));
  const event = await invoke("event", '{"a":1}');
  assert.match(JSON.parse(event.body), /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
  assert.match(event.log, /EVENT: \s{\s {2}"a": 1\s}/);
  assert.match(event.log, /^START RequestId: [0-9a-f-]{36} Version: \$LATEST\n/);
  assert.match(event.log, /REPORT RequestId: [0-9a-f-]{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB/);
  await deployFunction("hello", source("seed_hello.js"));
  assert.equal((await invoke("hello", '{ "name" : "sy" }')).body, '"Hello sy"');
  await assert.rejects(invoke("hello", "{'name':'sy'}"), { name: "InvalidRequestContentException" });
});

test("a table, a trigger, an API on a stage, and Express in front", async () => {
  await dynamo.send(
    new db.CreateTableCommand({
      TableName: "members",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 5 },
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  await db.waitUntilTableExists({ client: dynamo, maxWaitTime: 60 }, { TableName: "members" });
  const { Table } = await dynamo.send(new db.DescribeTableCommand({ TableName: "members" }));
  await deployFunction("changes", source("record_changes.js"));
  await lam.send(
    new lambda.CreateEventSourceMappingCommand({
      FunctionName: "changes",
      EventSourceArn: Table.LatestStreamArn,
      StartingPosition: "LATEST",
    }),
  );
  await until(async () => {
    const { EventSourceMappings } = await lam.send(new lambda.ListEventSourceMappingsCommand({ FunctionName: "changes" }));
    return EventSourceMappings[0]?.State === "Enabled";
  }, 10);
  const functionArn = await deployFunction("save-member", source("put_member.js"), { TABLE: "members" });

  const { id: restApiId } = await api.send(new apigateway.CreateRestApiCommand({ name: "members" }));
  const { items } = await api.send(new apigateway.GetResourcesCommand({ restApiId }));
  const { id: resourceId } = await api.send(
    new apigateway.CreateResourceCommand({ restApiId, parentId: items[0].id, pathPart: "members" }),
  );
  const method = { restApiId, resourceId, httpMethod: "POST" };
  await api.send(new apigateway.PutMethodCommand({ ...method, authorizationType: "NONE" }));
  await api.send(
    new apigateway.PutIntegrationCommand({
      ...method,
      type: "AWS_PROXY",
      integrationHttpMethod: "POST",
      uri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${functionArn}/invocations`,
    }),
  );
  await lam.send(
    new lambda.AddPermissionCommand({
      FunctionName: "save-member",
      StatementId: "api",
      Action: "lambda:InvokeFunction",
      Principal: "apigateway.amazonaws.com",
      SourceArn: `arn:aws:execute-api:us-east-1:000000000000:${restApiId}/*/POST/members`,
    }),
  );
  stageUrl = `${server.url}/restapis/${restApiId}/dev/_user_request_`;
  app = expressApp().listen(0, "127.0.0.1");
  await once(app, "listening");

  assert.equal((await postThroughExpress({ id: "early" })).status, 502);
  await api.send(new apigateway.CreateDeploymentCommand({ restApiId, stageName: "dev" }));
  assert.deepEqual(await postThroughExpress({ id: "sy", name: "So-yeon" }), {
    status: 200,
    body: { saved: "sy", stage: "dev", path: "/members" },
  });
  const { Item } = await doc.send(new GetCommand({ TableName: "members", Key: { id: "sy" } }));
  assert.deepEqual(Item, { id: "sy", name: "So-yeon" });
  await doc.send(
    new UpdateCommand({
      TableName: "members",
      Key: { id: "sy" },
      UpdateExpression: "SET #n = :n, visits = if_not_exists(visits, :zero) + :one",
      ExpressionAttributeNames: { "#n": "name" },
      ExpressionAttributeValues: { ":n": "Soyeon", ":zero": 0, ":one": 1 },
    }),
  );
  await doc.send(new DeleteCommand({ TableName: "members", Key: { id: "sy" } }));
  await until(async () => (await changes()).length >= 3, 20, changes);
  assert.deepEqual(await changes(), ["INSERT sy", "MODIFY sy", "REMOVE sy"]);
});

test("the same after kill -9 and a restart", async () => {
  await doc.send(new PutCommand({ TableName: "members", Item: { id: "kept", list: [1, "two", null, { deep: true }] } }));
  await server.end("SIGKILL");
  await server.start();
  const { Item } = await doc.send(new GetCommand({ TableName: "members", Key: { id: "kept" } }));
  assert.deepEqual(Item, { id: "kept", list: [1, "two", null, { deep: true }] });
  assert.equal((await invoke("hello", '{ "name" : "sy" }')).body, '"Hello sy"');
  assert.equal((await postThroughExpress({ id: "after" })).status, 200);
  await until(async () => (await changes()).includes("INSERT after"), 20, changes);
});

// The user's own app: it knows the stage URL and nothing else.
function expressApp() {
  const app = express();
  app.use(express.json());
  app.post("/join", (request, response) =>
    rp({ method: "POST", uri: `${stageUrl}/members`, body: request.body, json: true }).then(
      (saved) => response.json(saved),
      (error) => response.status(502).json({ status: error.statusCode, ...error.error }),
    ),
  );
  return app;
}

async function postThroughExpress(member) {
  const reply = await fetch(`http://127.0.0.1:${app.address().port}/join`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(member),
  });
  return { status: reply.status, body: await reply.json() };
}
