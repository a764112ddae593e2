// Minutes in a row, with those without traffic. Pure.
import type { Point } from "../../aws/traces";

const MINUTE_MS = 60_000;

// What is counted is 0 in an empty minute; what is measured has no value there.
export type Counted = "count" | "failed" | "throttled" | "coldStarts" | "concurrent" | "capacityUnits" | "status4xx" | "status5xx";
export type Measured = "averageMs" | "minMs" | "maxMs" | "p50Ms" | "p90Ms" | "p99Ms" | "iteratorAgeMs";
const COUNTED: ReadonlySet<string> = new Set<Counted>(["count", "failed", "throttled", "coldStarts", "concurrent", "capacityUnits", "status4xx", "status5xx"]);

export interface Minutes {
  // Seconds since 1970.
  times: number[];
  of: (member: Counted | Measured | "success") => (number | null)[];
}

export function minutes(points: Point[], count: number, now: number): Minutes {
  const last = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const all = Array.from({ length: count }, (_, i) => last - (count - 1 - i) * MINUTE_MS);
  const known = new Map(points.map((point) => [point.minute, point]));
  const success = ({ count, failed }: Point) => (count > 0 ? (100 * (count - failed)) / count : null);
  return {
    times: all.map((ms) => ms / 1000),
    of: (member) =>
      all.map((ms) => {
        const point = known.get(ms);
        if (member === "success") return point ? success(point) : null;
        return point?.[member] ?? (COUNTED.has(member) ? 0 : null);
      }),
  };
}
