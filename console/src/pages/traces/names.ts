// Names of traces and steps as people read them. Pure.
import type { Span } from "../../aws/traces";

// A request to a stage by what it asks of the API: where all APIs answer is left out.
export function shortName(name: string): string {
  return name.replace(/(^| )\/_aws\/execute-api\/[^/]+/, "$1") || name;
}

// A name that says no more than the kind does is none.
export function ownName({ name, kind }: Pick<Span, "name" | "kind">): string {
  return name.toLowerCase() === kind ? "" : shortName(name);
}
