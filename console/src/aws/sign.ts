// Signature Version 4 of a request's headers.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { hex, hmac, sha256 } from "./sha256";

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface Unsigned {
  method: string;
  host: string;
  path: string; // percent-encoded, without the query
  query: string; // percent-encoded, sorted
  headers: Record<string, string>; // names in lower case
  body: Uint8Array;
}

const utf8 = new TextEncoder();

// The headers that a request needs besides its own.
export function sign(request: Unsigned, keys: Keys, scope: { region: string; service: string; now: Date }): Record<string, string> {
  const time = scope.now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const added = { "x-amz-date": time, "x-amz-content-sha256": hex(sha256(request.body)) };
  const headers: Record<string, string> = { ...request.headers, ...added, host: request.host };
  const names = Object.keys(headers).sort();
  const signed = names.join(";");
  const path = request.path.split("/").map(encodeURIComponent).map(strictly).join("/");
  const lines = names.map((name) => `${name}:${headers[name]!.trim().replace(/ +/g, " ")}\n`).join("");
  const canonical = [request.method, path, request.query, lines, signed, added["x-amz-content-sha256"]].join("\n");
  const place = `${time.slice(0, 8)}/${scope.region}/${scope.service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, place, hex(sha256(utf8.encode(canonical)))].join("\n");
  const secret: Uint8Array = utf8.encode(`AWS4${keys.secretAccessKey}`);
  const key = place.split("/").reduce((key, part) => hmac(key, utf8.encode(part)), secret);
  const signature = hex(hmac(key, utf8.encode(text)));
  const credential = `Credential=${keys.accessKeyId}/${place}`;
  return { ...added, authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${signed}, Signature=${signature}` };
}

// What encodeURIComponent leaves as it is, and AWS does not.
export function strictly(encoded: string): string {
  return encoded.replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}
