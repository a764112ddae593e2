// What of a step can be done again. Pure.
import type { Span } from "../../aws/traces";

export interface Sent {
  method: string;
  path: string;
  headers: [name: string, value: string][];
}

// What a browser sets itself, or what belongs to the connection or the trace of before.
const NOT_SENT = /^(host|connection|content-length|transfer-encoding|accept-encoding|user-agent|origin|referer|cookie|te|trailer|upgrade|keep-alive|x-amzn-trace-id|traceparent|tracestate|sec-.*|proxy-.*)$/i;

const MASK = "***";

export function isReplayable(span: Span): boolean {
  return span.kind === "request" ? pathOf(span) !== undefined : isEvent(span) && span.request !== undefined;
}

export function isEvent({ kind }: Span): boolean {
  return kind === "invocation" || kind === "event" || kind === "batch";
}

export function functionOf({ resource = "" }: { resource?: string }): string {
  return resource.startsWith("lambda:") ? resource.slice("lambda:".length) : "";
}

// A request to a stage or a function's URL, as it can be sent from this page: by a path, whatever host it came to.
export function sentOf(span: Span): Sent {
  const { method = "GET", query = "", headers = "" } = span.attributes;
  const lines = String(headers).split("\n").filter(Boolean);
  return {
    method: String(method),
    path: `${pathOf(span) ?? "/"}${query ? `?${query}` : ""}`,
    headers: lines.map(split).filter(([name]) => !NOT_SENT.test(name)),
  };
}

function pathOf({ attributes, resource = "" }: Span): string | undefined {
  const { path, method } = attributes;
  if (typeof path !== "string" || method === undefined) return undefined;
  if (path.startsWith("/_aws/") || path.startsWith("/restapis/")) return path;
  const api = resource.match(/^apigateway:([^/]+)\//)?.[1];
  return api && `/_aws/execute-api/${api}${path}`;
}

function split(line: string): [string, string] {
  const at = line.indexOf(":");
  return [line.slice(0, at), line.slice(at + 1).trim()];
}

// Secrets are not kept: where they were.
export function isMasked(text: string): boolean {
  return text.includes(MASK);
}
