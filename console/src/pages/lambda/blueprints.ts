// What a new function begins with.
import type { EventSourcePosition, Runtime } from "../../aws/generated/lambda";

export interface Blueprint {
  id: string;
  runtime: Runtime;
  file: string;
  handler: string;
  code: string;
  // It is triggered by a table.
  trigger?: boolean;
  description?: string;
}

export interface Trigger {
  table: string;
  batchSize: number;
  position: EventSourcePosition;
}

const HELLO_NODE = `exports.handler = async (event, context, callback) => {
  let name = event.name || "no name";
  context.succeed(\`Hello \${name}\`);
};
`;

const HELLO_PYTHON = `def lambda_handler(event, context):
    name = event.get("name") or "no name"
    return f"Hello {name}"
`;

const STREAM_NODE = `console.log('Loading function');

exports.handler = async (event) => {
    for (const record of event.Records) {
        console.log(record.eventID, record.eventName);
        console.log('DynamoDB Record: %j', record.dynamodb);
    }
    return \`Successfully processed \${event.Records.length} records.\`;
};
`;

const STREAM_PYTHON = `import json

print('Loading function')


def lambda_handler(event, context):
    for record in event['Records']:
        print(record['eventID'], record['eventName'])
        print("DynamoDB Record: " + json.dumps(record['dynamodb'], indent=2))
    return 'Successfully processed {} records.'.format(len(event['Records']))
`;

export const SCRATCH: Blueprint[] = [
  { id: "nodejs", runtime: "nodejs20.x", file: "index.js", handler: "index.handler", code: HELLO_NODE },
  { id: "python", runtime: "python3.13", file: "lambda_function.py", handler: "lambda_function.lambda_handler", code: HELLO_PYTHON },
];

export const BLUEPRINTS: Blueprint[] = [
  { id: "dynamodb-process-stream", runtime: "nodejs20.x", file: "index.js", handler: "index.handler", code: STREAM_NODE, trigger: true, description: "An Amazon DynamoDB trigger that logs the updates made to a table." },
  { id: "dynamodb-process-stream-python", runtime: "python3.13", file: "lambda_function.py", handler: "lambda_function.lambda_handler", code: STREAM_PYTHON, trigger: true, description: "An Amazon DynamoDB trigger that logs the updates made to a table." },
];

// Runtimes whose code can be written here, newest first.
export const RUNTIMES: Runtime[] = ["nodejs24.x", "nodejs22.x", "nodejs20.x", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9"];

export function startOf(runtime: Runtime): Blueprint {
  const [node, python] = SCRATCH as [Blueprint, Blueprint];
  return runtime.startsWith("python") ? python : node;
}
