// What the server has beside AWS's APIs, under `/_rushlight/`.
import { AwsError } from "./call";
import { session } from "./session.svelte";
import { sign, strictly } from "./sign";

export type Query = Record<string, string | number | undefined>;

interface Asked {
  method: "GET" | "PUT" | "DELETE";
  parts: string[];
  query?: Query;
  body?: string;
  signal?: AbortSignal;
}

export async function ask(method: "GET" | "PUT" | "DELETE", parts: string[], body?: string): Promise<unknown> {
  const text = await (await send({ method, parts, body })).text();
  return text ? JSON.parse(text) : {};
}

export async function get<T>(parts: string[], query?: Query): Promise<T> {
  return (await (await send({ method: "GET", parts, query })).json()) as T;
}

export async function text(parts: string[]): Promise<string> {
  return (await send({ method: "GET", parts })).text();
}

// Lines of JSON that go on until `signal` ends them.
export async function follow<T>(parts: string[], signal: AbortSignal, take: (line: T) => void): Promise<void> {
  const { body } = await send({ method: "GET", parts, signal });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let kept = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (kept + value).split("\n");
    kept = lines.pop()!;
    for (const line of lines) if (line) take(JSON.parse(line) as T);
  }
}

async function send({ method, parts, query = {}, body, signal }: Asked): Promise<Response> {
  const encode = (text: string) => strictly(encodeURIComponent(text));
  const path = `/_rushlight/${parts.map(encode).join("/")}`;
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = pairs.map(([name, value]) => `${encode(name)}=${encode(String(value))}`).sort().join("&");
  const bytes = new TextEncoder().encode(body ?? "");
  const place = { region: session.region, service: "lambda", now: new Date() };
  const headers = sign({ method, host: location.host, path, query: search, headers: {}, body: bytes }, session.keys, place);
  const init: RequestInit = { method, headers, signal: signal ?? null };
  if (body !== undefined) init.body = bytes;
  const response = await fetch(search ? `${path}?${search}` : path, init).catch((error: unknown) => {
    throw signal?.aborted ? error : new AwsError("Unreachable", String(error), 0, null);
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<AwsError> {
  const text = await response.text();
  let answer: Record<string, string> = {};
  try {
    answer = JSON.parse(text);
  } catch {
    answer = { message: text };
  }
  return new AwsError(answer.__type ?? answer.code ?? `Http${response.status}`, answer.message ?? response.statusText, response.status, null);
}
