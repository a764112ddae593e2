// A scan or a query as people put it together, as the calls that DynamoDB takes. Pure.
import type { AttributeValue, QueryInput, ScanInput } from "../../aws/generated/dynamodb";
import { fromText, type Type } from "../../lib/attributes";
import type { Key } from "./keys";

export const OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "between", "begins_with", "contains", "not contains", "exists", "not exists"] as const;
export type Operator = (typeof OPERATORS)[number];
export const SORT_OPERATORS: Operator[] = ["=", "<", "<=", ">", ">=", "between", "begins_with"];

export interface Condition {
  attribute: string;
  operator: Operator;
  type: Type;
  value: string;
  upper: string; // of "between"
}

export interface Search {
  kind: "scan" | "query";
  index: string;
  partition: string;
  sort: Pick<Condition, "operator" | "value" | "upper">;
  isReversed: boolean;
  filters: Condition[];
}

export function emptyCondition(): Condition {
  return { attribute: "", operator: "=", type: "S", value: "", upper: "" };
}

export function input(TableName: string, key: Key, search: Search, page: { limit: number; from: Record<string, AttributeValue> | undefined }): ScanInput | QueryInput {
  const names: Record<string, string> = {};
  const values: Record<string, AttributeValue> = {};
  const term = (condition: Condition): string => {
    const name = `#n${Object.keys(names).length}`;
    names[name] = condition.attribute;
    const place = (text: string) => {
      const value = `:v${Object.keys(values).length}`;
      values[value] = fromText(condition.type, text);
      return value;
    };
    switch (condition.operator) {
      case "exists":
        return `attribute_exists(${name})`;
      case "not exists":
        return `attribute_not_exists(${name})`;
      case "begins_with":
      case "contains":
        return `${condition.operator}(${name}, ${place(condition.value)})`;
      case "not contains":
        return `NOT contains(${name}, ${place(condition.value)})`;
      case "between":
        return `${name} BETWEEN ${place(condition.value)} AND ${place(condition.upper)}`;
      default:
        return `${name} ${condition.operator} ${place(condition.value)}`;
    }
  };
  const keys: string[] = [];
  if (search.kind === "query") {
    keys.push(term({ ...emptyCondition(), attribute: key.partition.name, type: key.partition.type, value: search.partition }));
    if (key.sort && search.sort.value) keys.push(term({ ...search.sort, attribute: key.sort.name, type: key.sort.type }));
  }
  const filters = search.filters.filter((one) => one.attribute).map(term);
  return {
    TableName,
    Limit: page.limit,
    ReturnConsumedCapacity: "TOTAL",
    ...(search.index ? { IndexName: search.index } : {}),
    ...(keys.length > 0 ? { KeyConditionExpression: keys.join(" AND "), ScanIndexForward: !search.isReversed } : {}),
    ...(filters.length > 0 ? { FilterExpression: filters.join(" AND ") } : {}),
    ...(Object.keys(names).length > 0 ? { ExpressionAttributeNames: names } : {}),
    ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {}),
    ...(page.from ? { ExclusiveStartKey: page.from } : {}),
  };
}
