// Numbers, sizes and times as people read them.

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
