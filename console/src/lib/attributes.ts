// Items as JSON: with their types, as DynamoDB writes them, or plain where nothing is lost by it. Pure.
import type { AttributeValue } from "../aws/generated/dynamodb";

export type Item = Record<string, AttributeValue>;

export const TYPES = ["S", "N", "BOOL", "NULL", "B", "SS", "NS", "BS", "L", "M"] as const;
export type Type = (typeof TYPES)[number];

export function typeOf(value: AttributeValue): Type {
  return Object.keys(value)[0] as Type;
}

// `undefined` if JSON has no form that comes back as the same item: sets, binaries, numbers of many digits.
export function plain(value: AttributeValue): unknown {
  const [type, inner] = Object.entries(value)[0] as [Type, never];
  switch (type) {
    case "S":
    case "BOOL":
      return inner;
    case "NULL":
      return null;
    case "N":
      return String(Number(inner)) === inner ? Number(inner) : undefined;
    case "L":
      return all((inner as AttributeValue[]).map(plain));
    case "M":
      return plainItem(inner as Item);
    default:
      return undefined;
  }
}

export function plainItem(item: Item): Record<string, unknown> | undefined {
  const entries = Object.entries(item).map(([name, value]) => [name, plain(value)] as const);
  return entries.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(entries);
}

export function typed(value: unknown): AttributeValue {
  if (value === null) return { NULL: true };
  if (typeof value === "string") return { S: value };
  if (typeof value === "number") return { N: String(value) };
  if (typeof value === "boolean") return { BOOL: value };
  if (Array.isArray(value)) return { L: value.map(typed) };
  return { M: typedItem(value as object) };
}

export function typedItem(value: object): Item {
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, typed(inner)]));
}

// A value as a cell of a table shows it.
export function shown(value: AttributeValue | undefined): string {
  if (!value) return "";
  const [type, inner] = Object.entries(value)[0] as [Type, unknown];
  if (type === "NULL") return "null";
  if (type === "L" || type === "M") return JSON.stringify(plain(value) ?? inner);
  return Array.isArray(inner) ? inner.join(", ") : String(inner);
}

// A value out of a form's text.
export function fromText(type: Type, text: string): AttributeValue {
  switch (type) {
    case "BOOL":
      return { BOOL: text === "true" };
    case "NULL":
      return { NULL: true };
    case "S":
    case "N":
    case "B":
      return { [type]: type === "S" ? text : text.trim() };
    case "SS":
    case "NS":
    case "BS":
      return { [type]: text.split("\n").map((line) => line.trim()).filter(Boolean) };
    case "L":
    case "M":
      return { [type]: JSON.parse(text) };
  }
}

export function toText(value: AttributeValue): string {
  const [type, inner] = Object.entries(value)[0] as [Type, unknown];
  if (type === "NULL") return "";
  if (type === "L" || type === "M") return JSON.stringify(inner, null, 2);
  return Array.isArray(inner) ? inner.join("\n") : String(inner);
}

function all(values: unknown[]): unknown[] | undefined {
  return values.includes(undefined) ? undefined : values;
}
