// What happened lately, as the server tells it. Knows no page.
import { AwsError } from "./call";
import { follow, get, text } from "./own";

export const KINDS = ["request", "message", "phase", "authorizer", "integration", "invocation", "environment", "init", "handler", "call", "event", "batch", "destination"] as const;
export type Kind = (typeof KINDS)[number];

export interface Why {
  code: string;
  message: string;
}

// A trace in short.
export interface Summary {
  id: string;
  sequence: number;
  started: number; // ms since 1970
  durationUs: number;
  kind: Kind;
  name: string;
  status?: number;
  failure?: Why;
  resources: string[]; // "lambda:hello"
  spans: number;
}

export interface Payload {
  bytes: number;
  whole: boolean;
}
export const PAYLOADS = ["request", "response", "log"] as const;
export type PayloadName = (typeof PAYLOADS)[number];

export interface Span extends Partial<Record<PayloadName, Payload>> {
  id: string;
  parent?: string;
  kind: Kind;
  name: string;
  startUs: number; // after the trace's start
  durationUs?: number; // none if it was cut off
  resource?: string;
  status?: number;
  failure?: Why;
  attributes: Record<string, string | number | boolean>;
}

export interface Trace {
  id: string;
  started: number;
  durationUs: number;
  spans: Span[];
}

export interface Filter {
  q?: string;
  resource?: string;
  kind?: Kind;
  failed?: 1;
  before?: number;
  limit?: number;
}

// A record that has ended, as it comes; or that some were missed.
export type Followed = { trace: string; started: number; durationUs: number; spans: Span[]; log?: string } | { missed: number };

export interface Traffic {
  nodes: { id: string }[];
  edges: { from: string; to: string; count: number; failed: number; averageUs: number }[];
}

// A minute in which there was something.
export interface Point {
  minute: number;
  count: number;
  failed: number;
  throttled: number;
  averageMs?: number;
  minMs?: number;
  maxMs?: number;
  p50Ms?: number;
  p90Ms?: number;
  p99Ms?: number;
  coldStarts: number;
  concurrent: number;
  iteratorAgeMs?: number;
  capacityUnits: number;
  status4xx: number;
  status5xx: number;
}

// An asynchronous event in the queue.
export interface Waiting {
  requestId: string;
  function: string;
  accepted: number;
  due: number;
  failures: number;
  throttles: number;
  trace?: string;
  payload: string;
}

// Whether nothing is recorded at all: it is of no use to ask again.
export function isOff(error: unknown): boolean {
  return error instanceof AwsError && error.code === "TracingIsOff";
}

export function traces(filter: Filter): Promise<{ traces: Summary[]; next?: number }> {
  return get(["traces"], { ...filter });
}

export function traceById(id: string): Promise<Trace> {
  return get(["traces", id]);
}

export function payloadOf(trace: string, span: string, name: PayloadName): Promise<string> {
  return text(["traces", trace, "spans", span, name]);
}

export function followTraces(signal: AbortSignal, take: (line: Followed) => void): Promise<void> {
  return follow(["traces", "tail"], signal, take);
}

export function traffic(minutes: number): Promise<Traffic> {
  return get(["map"], { minutes });
}

export async function points(resource: string, minutes: number): Promise<Point[]> {
  return (await get<{ points: Point[] }>(["monitor"], { resource, minutes })).points;
}

export async function waiting(name: string): Promise<Waiting[]> {
  return (await get<{ events: Waiting[] }>(["events"], { function: name })).events;
}
