// What is followed, joined by request: a block a trace. Pure.
import type { Followed, Span } from "../../aws/traces";

type Taken = Extract<Followed, { trace: string }>;

export interface Part {
  started: number;
  span: Span;
  others: Span[];
  log: string[];
}

export interface Block {
  trace: string;
  started: number;
  durationUs: number;
  parts: Part[];
  lines: number;
}

function partOf({ started, spans, log }: Taken): Part | undefined {
  const [span, ...others] = spans;
  if (!span) return undefined;
  return { started, span, others, log: log ? log.replace(/\n$/, "").split("\n") : [] };
}

// Each record goes to the block of its trace, and makes one if there is none. The oldest go when there are too many lines.
export function joined(blocks: Block[], taken: Taken[], linesMax: number): Block[] {
  const all = new Map(blocks.map((block) => [block.trace, block]));
  for (const one of taken) {
    const part = partOf(one);
    if (!part) continue;
    const before = all.get(one.trace);
    const lines = 1 + (part.others.length > 0 ? 1 : 0) + part.log.length;
    all.set(one.trace, {
      trace: one.trace,
      started: Math.min(one.started, before?.started ?? one.started),
      durationUs: Math.max(one.durationUs, before?.durationUs ?? 0),
      parts: [...(before?.parts ?? []), part].sort((a, b) => a.started - b.started),
      lines: (before?.lines ?? 0) + lines,
    });
  }
  const found = [...all.values()];
  let count = found.reduce((sum, { lines }) => sum + lines, 0);
  let gone = 0;
  for (; count > linesMax && gone < found.length - 1; gone++) count -= found[gone]!.lines;
  return found.slice(gone).map((block) => (block.lines > linesMax ? shortened(block, linesMax) : block));
}

// One that is too long by itself keeps its end.
function shortened(block: Block, linesMax: number): Block {
  const parts = block.parts.slice(-linesMax).map((part) => ({ ...part, log: part.log.slice(-Math.floor(linesMax / block.parts.length)) }));
  return { ...block, parts, lines: parts.reduce((sum, part) => sum + 2 + part.log.length, 0) };
}

export function textOf({ trace, parts }: Block): string {
  return [trace, ...parts.flatMap(({ span, others, log }) => [...[span, ...others].flatMap((one) => [one.name, one.resource, one.failure?.code, one.failure?.message]), ...log])].join("\n").toLowerCase();
}
