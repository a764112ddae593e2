// Packages of functions: files by path. Loaded when used.
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";

// A file that is no text is kept as it came.
export type Files = Map<string, string | Uint8Array>;

export function pack(files: Files): Uint8Array {
  const entries = [...files].map(([path, file]) => [path, typeof file === "string" ? strToU8(file) : file]);
  return zipSync(Object.fromEntries(entries), { level: 6, mtime: new Date("1980-01-01T00:00:00") });
}

export function unpack(zip: Uint8Array): Files {
  const files: Files = new Map();
  for (const [path, bytes] of Object.entries(unzipSync(zip))) {
    if (path.endsWith("/")) continue;
    files.set(path, textOf(bytes) ?? bytes);
  }
  return files;
}

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > 3_000_000 || bytes.includes(0)) return undefined;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return strFromU8(bytes);
  } catch {
    return undefined;
  }
}
