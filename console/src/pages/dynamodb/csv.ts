// Items as comma-separated values, a column an attribute. Numbers come back as numbers, all else as text. Pure.
import { shown, type Item } from "../../lib/attributes";
import type { Key } from "./keys";

export function toCsv(names: string[], items: Item[]): string {
  const line = (cells: string[]) => cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",");
  return [line(names), ...items.map((item) => line(names.map((name) => shown(item[name]))))].join("\r\n") + "\r\n";
}

// The key's parts have the types that the table gives them; empty cells are no attributes.
export function fromCsv(text: string, key: Key): Item[] {
  const [names = [], ...lines] = rows(text);
  const types = new Map([key.partition, ...(key.sort ? [key.sort] : [])].map(({ name, type }) => [name, type]));
  return lines.map((cells) => {
    const item: Item = {};
    names.forEach((name, i) => {
      const cell = cells[i] ?? "";
      if (cell === "" && !types.has(name)) return;
      const type = types.get(name) ?? (/^-?\d+(\.\d+)?$/.test(cell) ? "N" : "S");
      item[name] = { [type]: cell };
    });
    return item;
  });
}

function rows(text: string): string[][] {
  const all: string[][] = [];
  let [row, cell, isQuoted]: [string[], string, boolean] = [[], "", false];
  const endRow = () => {
    row.push(cell);
    if (row.length > 1 || row[0] !== "") all.push(row);
    [row, cell] = [[], ""];
  };
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[i + 1] === '"') cell += text[++i];
      else isQuoted = false;
    } else if (letter === '"') isQuoted = true;
    else if (letter === ",") {
      row.push(cell);
      cell = "";
    } else if (letter === "\n") endRow();
    else if (letter !== "\r") cell += letter;
  }
  if (cell !== "" || row.length > 0) endRow();
  return all;
}
