// What the last lines of a function's log say of an invocation. Pure.

export interface Report {
  requestId?: string;
  duration?: string;
  billed?: string;
  init?: string;
  memory?: string;
  used?: string;
}

export function report(log: string): Report {
  const line = log.split("\n").findLast((line) => line.startsWith("REPORT ")) ?? "";
  const of = (name: string) => line.match(new RegExp(`(?:^REPORT |\\t)${name}: ([^\\t\\n]+)`))?.[1]?.trim();
  return {
    requestId: of("RequestId"),
    duration: of("Duration"),
    billed: of("Billed Duration"),
    init: of("Init Duration"),
    memory: of("Memory Size"),
    used: of("Max Memory Used"),
  };
}
