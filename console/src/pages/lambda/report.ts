// What the last lines of a function's log say of an invocation. Pure.
import type { InvocationResponse } from "../../aws/generated/lambda";

export interface Report {
  requestId?: string;
  duration?: string;
  billed?: string;
  init?: string;
  memory?: string;
  used?: string;
}

// The end of an invocation's log, as it comes with the answer.
export function logOf({ LogResult }: InvocationResponse): string {
  return LogResult ? new TextDecoder().decode(Uint8Array.from(atob(LogResult), (letter) => letter.charCodeAt(0))) : "";
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
