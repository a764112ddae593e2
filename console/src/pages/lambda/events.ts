// Events to begin a test with, in the form in which services send them.

export const TEMPLATES: Record<string, unknown> = {
  "hello-world": { key1: "value1", key2: "value2", key3: "value3" },
  "apigateway-aws-proxy": {
    resource: "/{proxy+}",
    path: "/path/to/resource",
    httpMethod: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", Host: "1234567890.execute-api.us-east-1.amazonaws.com" },
    multiValueHeaders: { Accept: ["application/json"], "Content-Type": ["application/json"] },
    queryStringParameters: { foo: "bar" },
    multiValueQueryStringParameters: { foo: ["bar"] },
    pathParameters: { proxy: "path/to/resource" },
    stageVariables: { baz: "qux" },
    requestContext: {
      accountId: "123456789012",
      resourceId: "123456",
      stage: "prod",
      requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
      requestTime: "09/Apr/2015:12:34:56 +0000",
      requestTimeEpoch: 1428582896000,
      identity: { sourceIp: "127.0.0.1", userAgent: "Custom User Agent String" },
      path: "/prod/path/to/resource",
      resourcePath: "/{proxy+}",
      httpMethod: "POST",
      apiId: "1234567890",
      protocol: "HTTP/1.1",
    },
    body: JSON.stringify({ test: "body" }),
    isBase64Encoded: false,
  },
  "apigateway-http-api-proxy": {
    version: "2.0",
    routeKey: "$default",
    rawPath: "/path/to/resource",
    rawQueryString: "parameter1=value1",
    headers: { "content-type": "application/json" },
    queryStringParameters: { parameter1: "value1" },
    requestContext: {
      accountId: "123456789012",
      apiId: "api-id",
      domainName: "id.execute-api.us-east-1.amazonaws.com",
      http: { method: "POST", path: "/path/to/resource", protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "agent" },
      requestId: "id",
      routeKey: "$default",
      stage: "$default",
      time: "12/Mar/2020:19:03:58 +0000",
      timeEpoch: 1583348638390,
    },
    body: JSON.stringify({ test: "body" }),
    isBase64Encoded: false,
  },
  "dynamodb-update": {
    Records: [
      record("1", "INSERT", { NewImage: { Message: { S: "New item!" }, Id: { N: "101" } }, StreamViewType: "NEW_AND_OLD_IMAGES" }),
      record("2", "MODIFY", { NewImage: { Message: { S: "This item has changed" }, Id: { N: "101" } }, OldImage: { Message: { S: "New item!" }, Id: { N: "101" } }, StreamViewType: "NEW_AND_OLD_IMAGES" }),
      record("3", "REMOVE", { OldImage: { Message: { S: "This item has changed" }, Id: { N: "101" } }, StreamViewType: "NEW_AND_OLD_IMAGES" }),
    ],
  },
};

function record(id: string, eventName: string, images: object): object {
  return {
    eventID: id,
    eventVersion: "1.0",
    dynamodb: { Keys: { Id: { N: "101" } }, SequenceNumber: `${id}11`, SizeBytes: 26, ...images },
    awsRegion: "us-east-1",
    eventName,
    eventSourceARN: "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTableWithStream/stream/2015-06-27T00:48:05.899",
    eventSource: "aws:dynamodb",
  };
}
