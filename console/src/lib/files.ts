// What a file's name says of it.
import type { Language } from "./editor";

export function languageOf(path: string): Language {
  if (/\.(ts|mts|cts)$/.test(path)) return "typescript";
  if (/\.(js|mjs|cjs)$/.test(path)) return "javascript";
  if (path.endsWith(".py")) return "python";
  return path.endsWith(".json") ? "json" : "text";
}
