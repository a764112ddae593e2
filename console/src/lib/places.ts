// All that can be gone to by name.
import type { Text } from "../text/language.svelte";
import { restApis, tableNames, functions, httpApis } from "../aws/lists";

export interface Place {
  name: string;
  kind: string;
  href: string;
}

export async function everything(text: Text, found: (places: Place[]) => void): Promise<void> {
  const t = text.palette;
  found([
    { name: t.home, kind: "", href: "/" },
    { name: text.functions.create, kind: "Lambda", href: "/lambda/create" },
    { name: text.tables.create, kind: "DynamoDB", href: "/dynamodb/create" },
    { name: text.apis.create, kind: "API Gateway", href: "/apigateway/create" },
    ...(["traces", "tail", "map", "events"] as const).map((page) => ({ name: text.trace.pages[page], kind: "", href: `/${page}` })),
  ]);
  const at = (path: string, name: string) => `${path}/${encodeURIComponent(name)}`;
  await Promise.allSettled([
    functions().then((all) => found(all.map(({ FunctionName: name = "" }) => ({ name, kind: t.function, href: at("/lambda/functions", name) })))),
    tableNames().then((all) => found(all.map((name) => ({ name, kind: t.table, href: at("/dynamodb/tables", name) })))),
    restApis().then((all) => found(all.map(({ name = "", id = "" }) => ({ name, kind: `REST API ${id}`, href: at("/apigateway/rest", id) })))),
    httpApis().then((all) => found(all.map(({ name, apiId = "", protocolType }) => ({ name, kind: `${protocolType} API ${apiId}`, href: at("/apigateway/v2", apiId) })))),
  ]);
}
