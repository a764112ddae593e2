// One function sends every operation of every service: an operation is data. Knows no page.
import { hex } from "./sha256";
import { session } from "./session.svelte";
import type { Binding, InputOf, OutputOf, Service } from "./service";
import { sign, strictly } from "./sign";

// An operation with its input, before it is sent. Forms show it as commands, too.
export interface Call {
  service: Service<never>;
  operation: string;
  input: Record<string, unknown>;
}

// One of several calls in a row: it may need what those before it gave.
export type Step = Call | ((outputs: unknown[]) => Call);

export function settled(step: Step, outputs: unknown[]): Call {
  return typeof step === "function" ? step(outputs) : step;
}

export interface Prepared {
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  body: Uint8Array | undefined;
}

// An error in AWS's form, or one of the network (code "Unreachable").
export class AwsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly requestId: string | null,
    readonly trace?: string,
  ) {
    super(message);
    this.name = code;
  }
}

const utf8 = new TextEncoder();

// What users do and want to see among the traces. All else the console asks for itself.
const TRACED = new Set([
  "Invoke", "TestInvokeMethod", "TestInvokeAuthorizer",
  "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems",
  "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction",
]);
const UNTRACED = { "x-rushlight-untraced": "1" };

// The name of a trace that begins here. It is sent along, because answers that tell of a failure do not name theirs.
export function newTrace(): string {
  const rest = crypto.getRandomValues(new Uint8Array(12));
  return `1-${Math.floor(Date.now() / 1000).toString(16).padStart(8, "0")}-${hex(rest)}`;
}

export function traceHeader(trace: string): Record<string, string> {
  return { "x-amzn-trace-id": `Root=${trace}` };
}

export function describe<Operations, Name extends keyof Operations & string>(
  service: Service<Operations>,
  operation: Name,
  input: InputOf<Operations, Name>,
): Call {
  return { service: service as Service<never>, operation, input: input as Record<string, unknown> };
}

export async function call<Operations, Name extends keyof Operations & string>(
  service: Service<Operations>,
  operation: Name,
  input: InputOf<Operations, Name>,
): Promise<OutputOf<Operations, Name>> {
  const { output } = await exchange(service, operation, input);
  return output;
}

// An answer, and by what its request is found again.
export interface Exchanged<Output> {
  output: Output;
  requestId: string | null;
  trace: string | undefined;
}

export async function exchange<Operations, Name extends keyof Operations & string>(
  service: Service<Operations>,
  operation: Name,
  input: InputOf<Operations, Name>,
): Promise<Exchanged<OutputOf<Operations, Name>>> {
  return (await send(describe(service, operation, input))) as Exchanged<OutputOf<Operations, Name>>;
}

// Sends what was described.
export async function send(call: Call): Promise<Exchanged<unknown>> {
  const prepared = prepare(call);
  const trace = TRACED.has(call.operation) ? newTrace() : undefined;
  const response = await fetch(url(prepared), request(prepared, call.service.signing, trace ? traceHeader(trace) : UNTRACED)).catch((error: unknown) => {
    throw new AwsError("Unreachable", String(error), 0, null);
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const requestId = response.headers.get("x-amzn-requestid");
  if (!response.ok) throw failure(response, bytes, { requestId, trace });
  return { output: answered(call.service.operations[call.operation as never], response, bytes), requestId, trace };
}

export function prepare({ service, operation, input }: Call): Prepared {
  const binding: Binding = service.operations[operation as never];
  if (!binding.http) {
    const headers = { "content-type": `application/x-amz-json-${service.jsonVersion}`, "x-amz-target": `${service.target}.${operation}` };
    return { method: "POST", path: "/", query: "", headers, body: utf8.encode(JSON.stringify(input)) };
  }
  const [method, uri] = binding.http.split(" ") as [string, string];
  const rest: Record<string, unknown> = { ...input };
  const take = (name: string) => {
    const value = rest[name];
    delete rest[name];
    return value;
  };
  const [template, fixed] = uri.split("?") as [string, string | undefined];
  const path = template.replace(/\{(\w+)(\+?)\}/g, (_, name: string, greedy: string) => {
    const parts = greedy ? String(take(name)).split("/") : [String(take(name))];
    return parts.map(encodeURIComponent).map(strictly).join("/");
  });
  const pairs = fixed ? fixed.split("&").map((pair) => pair.split("=") as [string, string?]) : [];
  for (const [name, wire] of Object.entries(binding.query ?? {})) {
    const value = take(name);
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.push([wire, String(one)]);
  }
  const headers: Record<string, string> = {};
  for (const [name, wire] of Object.entries(binding.headers ?? {})) {
    const value = take(name);
    if (value !== undefined) headers[wire.toLowerCase()] = String(value);
  }
  const body = bodyOf(binding, method, rest);
  if (body) headers["content-type"] = "application/json";
  const encode = (text = "") => strictly(encodeURIComponent(text));
  const query = pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join("&");
  return { method, path, query, headers, body };
}

function bodyOf(binding: Binding, method: string, rest: Record<string, unknown>): Uint8Array | undefined {
  if (binding.payload) {
    const payload = rest[binding.payload];
    return payload === undefined || payload instanceof Uint8Array ? payload : utf8.encode(JSON.stringify(payload));
  }
  const named = Object.entries(rest).map(([name, value]) => [binding.body?.[name] ?? name, value]);
  return method === "GET" || method === "DELETE" ? undefined : utf8.encode(JSON.stringify(Object.fromEntries(named)));
}

function url({ path, query }: Prepared): string {
  return query ? `${path}?${query}` : path;
}

function request(prepared: Prepared, service: string, more: Record<string, string>): RequestInit {
  const { method, headers, body } = prepared;
  const unsigned = { ...prepared, host: location.host, body: body ?? new Uint8Array() };
  const added = sign(unsigned, session.keys, { region: session.region, service, now: new Date() });
  const init: RequestInit = { method, headers: { ...headers, ...added, ...more } };
  return body ? { ...init, body: body as Uint8Array<ArrayBuffer> } : init;
}

function answered(binding: Binding, response: Response, bytes: Uint8Array): unknown {
  const output: Record<string, unknown> = {};
  let isJson = true;
  for (const [member, place] of Object.entries(binding.answer ?? {})) {
    if (place === ":status") output[member] = response.status;
    else if (place === ":body") [output[member], isJson] = [bytes, false];
    else output[member] = response.headers.get(place) ?? undefined;
  }
  const body = isJson && bytes.length > 0 ? JSON.parse(new TextDecoder().decode(bytes)) : {};
  return { ...body, ...output };
}

function failure(response: Response, bytes: Uint8Array, { requestId, trace }: Omit<Exchanged<never>, "output">): AwsError {
  const text = new TextDecoder().decode(bytes);
  let body: Record<string, string> = {};
  try {
    body = JSON.parse(text);
  } catch {
    body = { message: text };
  }
  const type = response.headers.get("x-amzn-errortype") ?? body.__type ?? body.code ?? `Http${response.status}`;
  const code = type.split(":")[0]!.split("#").pop()!;
  return new AwsError(code, body.message ?? body.Message ?? response.statusText, response.status, requestId, trace);
}
