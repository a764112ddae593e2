// Attempts at asynchronous events, batches of streams and what was sent to destinations, out of traces. Pure.
import type { Span, Trace } from "../../aws/traces";

export interface Attempt {
  trace: string;
  started: number; // ms since 1970
  span: Span;
  // The function or the table that it is of.
  of: string;
}

export interface Attempts {
  events: Attempt[];
  batches: Attempt[];
  deliveries: Attempt[];
}

// The newest first.
export function attempts(found: Trace[]): Attempts {
  const of = (kind: Span["kind"]) =>
    found
      .flatMap((trace) => trace.spans.filter((span) => span.kind === kind).map((span) => attempt(trace, span)))
      .sort((a, b) => b.started - a.started);
  return { events: of("event"), batches: of("batch"), deliveries: of("destination") };
}

function attempt({ id, started, spans }: Trace, span: Span): Attempt {
  const own = span.resource ?? spans.find((one) => one.id === span.parent)?.resource ?? "";
  return { trace: id, started: started + span.startUs / 1000, span, of: own };
}
