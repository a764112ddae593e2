// Patch operations of API Gateway, out of what there is and what is wanted. Pure.
export type Patch = { op: "add" | "remove" | "replace" | "copy"; path: string; value?: string; from?: string };

// A name as a part of a path.
export function segment(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

export function replace(path: string, value: string): Patch {
  return { op: "replace", path, value };
}

// Of a text or a number: nothing if it stays, a removal if it is cleared.
export function changed(path: string, before: string | undefined, after: string): Patch[] {
  return (before ?? "") === after ? [] : [replace(path, after)];
}

// Of names with values below a path.
export function entries(path: string, before: Record<string, string> = {}, after: Record<string, string> = {}): Patch[] {
  const at = (name: string) => `${path}/${segment(name)}`;
  const gone = Object.keys(before).filter((name) => !(name in after));
  const set = Object.entries(after).filter(([name, value]) => before[name] !== value);
  return [...gone.map((name) => ({ op: "remove" as const, path: at(name) })), ...set.map(([name, value]) => ({ op: name in before ? ("replace" as const) : ("add" as const), path: at(name), value }))];
}

// Of a list whose members are the values of operations on one path.
export function members(path: string, before: string[] = [], after: string[] = []): Patch[] {
  const gone = before.filter((one) => !after.includes(one));
  const come = after.filter((one) => !before.includes(one));
  return [...come.map((value) => ({ op: "add" as const, path, value })), ...gone.map((value) => ({ op: "remove" as const, path, value }))];
}

// The words of a text, by commas and white space.
export function words(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
