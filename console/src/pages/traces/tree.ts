// A trace's spans as one tree, and as the rows of a waterfall. Pure.
import type { Kind, Span, Trace } from "../../aws/traces";

export interface Node {
  span: Span;
  children: Node[];
}

export interface Row extends Node {
  level: number; // from 1
  place: number; // among its siblings, from 1
  siblings: number;
}

// Both are told to the microsecond, but not by one clock.
const SKEW_US = 1000;

export function tree({ spans }: Trace): Node[] {
  const nodes = new Map(spans.map((span) => [span.id, { span, children: [] as Node[] }]));
  const roots: Node[] = [];
  for (const span of spans) {
    const node = nodes.get(span.id)!;
    const parent = nodes.get(span.parent ?? "");
    (parent?.children ?? roots).push(node);
  }
  for (const node of nodes.values()) if (node.span.kind === "invocation") nest(node);
  return roots;
}

// What a function asks of others names the invocation above it: it belongs to the step in which the function did so.
function nest(invocation: Node): void {
  const steps = invocation.children.filter(({ span }) => span.kind === "init" || span.kind === "handler");
  invocation.children = invocation.children.filter((child) => {
    if (steps.includes(child) || child.span.kind === "environment") return true;
    const step = steps.findLast(({ span }) => span.startUs <= child.span.startUs + SKEW_US);
    step?.children.push(child);
    return !step;
  });
}

// All that is not below a folded one.
export function rows(roots: Node[], folded: ReadonlySet<string>): Row[] {
  const found: Row[] = [];
  const add = (nodes: Node[], level: number) => {
    nodes.forEach((node, i) => {
      found.push({ ...node, level, place: i + 1, siblings: nodes.length });
      if (!folded.has(node.span.id)) add(node.children, level + 1);
    });
  };
  add(roots, 1);
  return found;
}

export function failed({ failure, status }: Pick<Span, "failure" | "status">): boolean {
  return failure !== undefined || (status ?? 0) >= 400;
}

// Where it began to fail: the last of the failed steps below which none failed, and those above it.
export function cause(roots: Node[]): Span | undefined {
  const last = roots.findLast(({ span }) => failed(span));
  return last && (cause(last.children) ?? last.span);
}

export function spanOf(roots: Node[], id: string): Node | undefined {
  for (const node of roots) {
    const found = node.span.id === id ? node : spanOf(node.children, id);
    if (found) return found;
  }
  return undefined;
}

// The first of a kind in a node, itself or below.
export function first(node: Node, kind: Kind): Span | undefined {
  if (node.span.kind === kind) return node.span;
  for (const child of node.children) {
    const found = first(child, kind);
    if (found) return found;
  }
  return undefined;
}

// Where the axis has its marks: at round times, at most so many.
export function ticks(totalUs: number, count: number): number[] {
  const rough = Math.max(totalUs, 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough)!;
  return Array.from({ length: Math.floor(totalUs / step) + 1 }, (_, i) => i * step);
}
