// Which page belongs to which path. Each is loaded when it is first opened.
import type { Component } from "svelte";

type Page = Component<{ parts: string[] }>;
type Entry = [pattern: string, load: () => Promise<{ default: Page }>];

// A part that begins with ":" is any name; "*" at the end is the rest.
const PAGES: Entry[] = [
  ["", () => import("./Home.svelte")],
  ["lambda", () => import("./lambda/Functions.svelte")],
  ["lambda/create", () => import("./lambda/CreateFunction.svelte")],
  ["lambda/functions/:name/*", () => import("./lambda/Function.svelte")],
  ["dynamodb", () => import("./dynamodb/Tables.svelte")],
  ["dynamodb/create", () => import("./dynamodb/CreateTable.svelte")],
  ["dynamodb/tables/:name/*", () => import("./dynamodb/Table.svelte")],
  ["apigateway", () => import("./apigateway/Apis.svelte")],
  ["apigateway/create/*", () => import("./apigateway/CreateApi.svelte")],
  ["apigateway/rest/:api/*", () => import("./apigateway/RestApi.svelte")],
  ["apigateway/v2/:api/*", () => import("./apigateway/HttpApi.svelte")],
  ["traces", () => import("./traces/Traces.svelte")],
  ["traces/:id/:span/replay", () => import("./traces/Replay.svelte")],
  ["traces/:id/*", () => import("./traces/Trace.svelte")],
  ["tail", () => import("./traces/Tail.svelte")],
  ["map", () => import("./traces/Map.svelte")],
  ["events", () => import("./traces/Events.svelte")],
];

// Names of functions, tables and APIs come after the pattern's own words.
export function find(parts: string[]): Entry | undefined {
  return PAGES.find(([pattern]) => {
    const wanted = pattern.split("/").filter(Boolean);
    const open = wanted.at(-1) === "*";
    if (open) wanted.pop();
    if (open ? parts.length < wanted.length : parts.length !== wanted.length) return false;
    return wanted.every((word, i) => word.startsWith(":") || word === parts[i]);
  });
}
