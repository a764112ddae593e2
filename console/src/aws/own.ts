// What the server has beside AWS's APIs, under `/_rushlight/`.
import { AwsError } from "./call";
import { session } from "./session.svelte";
import { sign, strictly } from "./sign";

export async function ask(method: "GET" | "PUT" | "DELETE", parts: string[], body?: string): Promise<unknown> {
  const path = `/_rushlight/${parts.map(encodeURIComponent).map(strictly).join("/")}`;
  const bytes = new TextEncoder().encode(body ?? "");
  const place = { region: session.region, service: "lambda", now: new Date() };
  const headers = sign({ method, host: location.host, path, query: "", headers: {}, body: bytes }, session.keys, place);
  const init: RequestInit = { method, headers };
  if (body !== undefined) init.body = bytes;
  const response = await fetch(path, init);
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  if (!response.ok) throw new AwsError(answer.__type ?? answer.code ?? `Http${response.status}`, answer.message, response.status, null);
  return answer;
}
