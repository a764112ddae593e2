// Where the map's nodes stand and how its edges run: clients left, then gateways, functions, and what these use. Pure.
import type { Traffic } from "../../aws/traces";

export interface Placed {
  id: string;
  x: number;
  y: number;
}

export interface Drawn {
  from: string;
  to: string;
  count: number;
  failed: number;
  averageUs: number;
  path: string;
  isBack: boolean;
  // Of its label.
  x: number;
  y: number;
}

export interface Drawing {
  nodes: Placed[];
  edges: Drawn[];
  width: number;
  height: number;
}

export const NODE = { width: 190, height: 52 };
const GAP = { x: 110, y: 34 };
const MARGIN = 16;
const SWEEPS = 4;

function column(id: string): number {
  if (id === "client") return 0;
  if (id.startsWith("apigateway:")) return 1;
  return id.startsWith("lambda:") ? 2 : 3;
}

export function layout({ nodes, edges }: Traffic): Drawing {
  const columns: string[][] = [[], [], [], []];
  for (const { id } of nodes) columns[column(id)]!.push(id);
  const filled = columns.filter((ids) => ids.length > 0);
  order(filled, edges);
  const tallest = Math.max(1, ...filled.map((ids) => ids.length));
  const height = 2 * MARGIN + tallest * NODE.height + (tallest - 1) * GAP.y;
  const places = new Map<string, Placed>();
  filled.forEach((ids, x) => {
    const own = ids.length * NODE.height + (ids.length - 1) * GAP.y;
    ids.forEach((id, y) => {
      places.set(id, { id, x: MARGIN + x * (NODE.width + GAP.x), y: (height - own) / 2 + y * (NODE.height + GAP.y) });
    });
  });
  const loops = edges.some(({ from, to }) => places.get(from)?.x === places.get(to)?.x);
  const width = 2 * MARGIN + filled.length * NODE.width + Math.max(0, filled.length - 1) * GAP.x + (loops ? GAP.x / 2 : 0);
  const drawn = edges.flatMap((edge) => {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (!from || !to) return [];
    return [{ ...edge, ...(from.x > to.x ? returning(from, to) : forward(from, to)) }];
  });
  return { nodes: [...places.values()], edges: drawn, width, height };
}

// Each stands at the middle of its neighbours: forth and back a few times.
function order(columns: string[][], edges: Traffic["edges"]): void {
  const at = new Map<string, number>();
  const number = (ids: string[]) => ids.forEach((id, i) => at.set(id, i / Math.max(1, ids.length)));
  columns.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const ids of sweep % 2 ? [...columns].reverse() : columns) {
      const middle = new Map(
        ids.map((id) => {
          const around = edges.flatMap(({ from, to }) => (from === id ? [to] : to === id ? [from] : [])).map((other) => at.get(other) ?? 0);
          return [id, around.length ? around.reduce((sum, one) => sum + one, 0) / around.length : at.get(id)!];
        }),
      );
      ids.sort((a, b) => middle.get(a)! - middle.get(b)! || a.localeCompare(b));
      number(ids);
    }
  }
}

type Course = Pick<Drawn, "path" | "isBack" | "x" | "y">;

function forward(from: Placed, to: Placed): Course {
  const [x1, y1, y2] = [from.x + NODE.width, from.y + NODE.height / 2, to.y + NODE.height / 2];
  if (from.x === to.x) {
    const bend = x1 + GAP.x / 2;
    return { path: `M${x1} ${y1} C${bend} ${y1} ${bend} ${y2} ${x1} ${y2}`, x: x1 + GAP.x / 3, y: (y1 + y2) / 2, isBack: false };
  }
  const [x2, middle] = [to.x, (x1 + to.x) / 2];
  return { path: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`, x: middle, y: (y1 + y2) / 2, isBack: false };
}

// A trigger, from a table to a function: from the left side of the one, below what comes, to the right side of the other.
function returning(from: Placed, to: Placed): Course {
  const down = (3 * NODE.height) / 4;
  const [x1, y1, x2, y2] = [from.x, from.y + down, to.x + NODE.width, to.y + down];
  const middle = (x1 + x2) / 2;
  return { path: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`, x: middle, y: (y1 + y2) / 2 + 18, isBack: true };
}
