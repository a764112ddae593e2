// Numbers, sizes and times as people read them; headers as they write them.

export function bytes(count: number | undefined): string {
  if (count === undefined) return "–";
  const units = ["B", "KB", "MB", "GB"];
  let [size, unit] = [count, 0];
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

// A time in AWS's forms: seconds since 1970, or text.
export function moment(time: number | string | undefined, language: string): string {
  if (time === undefined) return "–";
  const date = new Date(typeof time === "number" ? time * 1000 : time.replace(/\+0000$/, "Z"));
  return Number.isNaN(date.getTime()) ? String(time) : date.toLocaleString(language, { dateStyle: "medium", timeStyle: "medium" });
}

export function nameOfArn(arn: string): string {
  return arn.split(":").pop()!.split("/").pop()!;
}

// A length of time in microseconds.
export function duration(us: number | undefined): string {
  if (us === undefined) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${(us / 1000).toFixed(us < 10_000 ? 2 : us < 100_000 ? 1 : 0)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}

// JSON on several lines, if it has parts; any other text as it is. Its numbers stay as they are written.
export function indented(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return text;
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let [out, depth] = ["", 0];
  const line = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, i) => {
    const opens = (one: string | undefined) => one === "{" || one === "[";
    const closes = (one: string | undefined) => one === "}" || one === "]";
    if (opens(token) && !closes(tokens[i + 1])) {
      depth++;
      out += token + line();
    } else if (closes(token) && !opens(tokens[i - 1])) {
      depth--;
      out += line() + token;
    } else {
      out += token === "," ? token + line() : token === ":" ? ": " : token;
    }
  });
  return out;
}

// Headers as people write them, one a line.
export function headersOf(text: string): Record<string, string> {
  const split = (line: string): [string, string] => {
    const at = line.indexOf(":");
    return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  };
  return Object.fromEntries(text.split("\n").filter((line) => line.trim()).map(split));
}
