// Behind POST /members: puts the posted member into the table that TABLE names.
const { DynamoDBClient, PutItemCommand } = require("@aws-sdk/client-dynamodb");

const client = new DynamoDBClient({});

exports.handler = async (event) => {
  const member = JSON.parse(event.body);
  await client.send(new PutItemCommand({
    TableName: process.env.TABLE,
    Item: { id: { S: String(member.id) }, name: { S: String(member.name) } },
  }));
  return {
    statusCode: 201,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ saved: member.id, stage: event.requestContext.stage }),
  };
};
