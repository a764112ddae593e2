// Behind POST /members: puts the posted member into the table named by TABLE.
const { DynamoDBClient, PutItemCommand } = require("@aws-sdk/client-dynamodb");
const { marshall } = require("@aws-sdk/util-dynamodb");

const client = new DynamoDBClient({});

exports.handler = async (event) => {
  const member = JSON.parse(event.body);
  await client.send(new PutItemCommand({ TableName: process.env.TABLE, Item: marshall(member) }));
  return {
    statusCode: 201,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ saved: member.id, stage: event.requestContext.stage, path: event.path }),
  };
};
