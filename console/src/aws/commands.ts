// The same call as others would make it: AWS CLI, SDK for JavaScript, curl. Pure.
import { prepare, type Call } from "./call";

export interface Command {
  tool: "AWS CLI" | "JavaScript SDK" | "Python" | "curl";
  text: string;
}

const CLIENTS: Record<string, [client: string, module: string]> = {
  apigateway: ["APIGatewayClient", "@aws-sdk/client-api-gateway"],
  apigatewayv2: ["ApiGatewayV2Client", "@aws-sdk/client-apigatewayv2"],
  dynamodb: ["DynamoDBClient", "@aws-sdk/client-dynamodb"],
  dynamodbstreams: ["DynamoDBStreamsClient", "@aws-sdk/client-dynamodb-streams"],
  lambda: ["LambdaClient", "@aws-sdk/client-lambda"],
  logs: ["CloudWatchLogsClient", "@aws-sdk/client-cloudwatch-logs"],
};

export function commands(calls: Call[], endpoint: string, region: string): Command[] {
  const each = (write: (call: Call) => string) => calls.map(write).join("\n\n");
  return [
    { tool: "AWS CLI", text: each((call) => cli(call, endpoint)) },
    { tool: "JavaScript SDK", text: javascript(calls, endpoint, region) },
    { tool: "Python", text: python(calls, endpoint, region) },
    { tool: "curl", text: each((call) => curl(call, endpoint, region)) },
  ];
}

// `CreateFunction` as the CLI and boto3 write it, `by` "-" or "_".
export function spaced(name: string, by: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, `$1${by}$2`).replace(/([A-Z]+)([A-Z][a-z])/g, `$1${by}$2`).toLowerCase();
}

function cli({ service, operation, input }: Call, endpoint: string): string {
  const words = [`aws ${service.name} ${spaced(operation, "-")} --endpoint-url ${endpoint}`];
  const after: string[] = [];
  for (const [name, value] of entries(input)) {
    if (value instanceof Uint8Array && operation.startsWith("Invoke")) {
      words.push(`--cli-binary-format raw-in-base64-out --payload ${quoted(text(value))}`);
      after.push("/dev/stdout");
      continue;
    }
    const option = `--${spaced(name, "-")}`;
    if (name === "Code" && isObject(value) && "ZipFile" in value) words.push("--zip-file fileb://function.zip");
    else if (name === "ZipFile") words.push("--zip-file fileb://function.zip");
    else if (typeof value === "boolean") words.push(value ? option : `--no-${spaced(name, "-")}`);
    else if (Array.isArray(value) && value.every((one) => typeof one === "string")) words.push([option, ...value.map(quoted)].join(" "));
    else words.push(`${option} ${quoted(typeof value === "object" ? JSON.stringify(value) : String(value))}`);
  }
  return [...words, ...after].join(" \\\n    ");
}

function javascript(calls: Call[], endpoint: string, region: string): string {
  const services = grouped(calls);
  const [imports, clients]: [string[], string[]] = [[], []];
  for (const [name, of] of services) {
    const [client, module] = CLIENTS[name] ?? [name, name];
    const commands = [...new Set(of.map((call) => `${call.operation}Command`))];
    imports.push(`import { ${[client, ...commands].join(", ")} } from "${module}";`);
    clients.push(`const ${name} = new ${client}({ endpoint: "${endpoint}", region: "${region}" });`);
  }
  const sent = calls.map((call) => `await ${call.service.name}.send(new ${call.operation}Command(${literal(inputFor(call), "js")}));`);
  return [...imports, "", ...clients, ...sent].join("\n");
}

function python(calls: Call[], endpoint: string, region: string): string {
  const clients = [...grouped(calls).keys()].map((name) => `${name} = boto3.client("${name}", endpoint_url="${endpoint}", region_name="${region}")`);
  const sent = calls.map((call) => {
    const given = entries(inputFor(call)).map(([name, value]) => `    ${name}=${indented(literal(value, "py"), 4)},\n`);
    return `${call.service.name}.${spaced(call.operation, "_")}(${given.length > 0 ? `\n${given.join("")}` : ""})`;
  });
  return ["import boto3", "", ...clients, ...sent].join("\n");
}

function grouped(calls: Call[]): Map<string, Call[]> {
  return Map.groupBy(calls, (call) => call.service.name);
}

function curl(call: Call, endpoint: string, region: string): string {
  const { method, path, query, headers, body } = prepare(call);
  const words = [`curl -X ${method} ${quoted(endpoint + path + (query && `?${query}`))}`];
  words.push(`--aws-sigv4 aws:amz:${region}:${call.service.signing} --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`);
  for (const [name, value] of Object.entries(headers)) words.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body) words.push(`-d ${quoted(shortened(text(body)))}`);
  return words.join(" \\\n    ");
}

// SDKs for API Gateway's second version write their members with capitals.
function inputFor({ service, input }: Call): Record<string, unknown> {
  return service.name === "apigatewayv2" ? (capital(input) as Record<string, unknown>) : input;
}

const KEPT = new Set(["requestParameters", "requestTemplates", "stageVariables", "tags", "responseParameters", "requestModels"]);

function capital(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(capital);
  if (!isObject(value)) return value;
  const entry = ([name, inner]: [string, unknown]) => [name[0]!.toUpperCase() + name.slice(1), KEPT.has(name) ? inner : capital(inner)];
  return Object.fromEntries(Object.entries(value).map(entry));
}

function literal(value: unknown, language: "js" | "py"): string {
  if (value instanceof Uint8Array) return (language === "js" ? "" : "b") + JSON.stringify(shortened(text(value)));
  if (Array.isArray(value)) return `[${value.map((one) => literal(one, language)).join(", ")}]`;
  if (isObject(value)) {
    const inner = entries(value).map(([name, one]) => {
      const zip = name === "ZipFile";
      const given = zip ? (language === "js" ? `readFileSync("function.zip")` : `open("function.zip", "rb").read()`) : literal(one, language);
      const key = language === "js" && /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
      return `  ${key}: ${indented(given, 2)},\n`;
    });
    return inner.length > 0 ? `{\n${inner.join("")}}` : "{}";
  }
  if (language === "py" && typeof value === "boolean") return value ? "True" : "False";
  if (language === "py" && value === null) return "None";
  return JSON.stringify(value);
}

function entries(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, one]) => one !== undefined);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function indented(block: string, by: number): string {
  return block.replaceAll("\n", `\n${" ".repeat(by)}`);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function shortened(long: string): string {
  return long.length > 2000 ? `${long.slice(0, 2000)}…` : long;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
