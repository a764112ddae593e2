// Keys as DynamoDB is told of them, and as a table tells them. Pure.
import type { AttributeDefinition, KeySchemaElement, ScalarAttributeType, TableDescription } from "../../aws/generated/dynamodb";

type Part = [name: string, type: ScalarAttributeType];

export function keyInputs(partition: Part, sort?: Part): { AttributeDefinitions: AttributeDefinition[]; KeySchema: KeySchemaElement[] } {
  const parts = sort ? [partition, sort] : [partition];
  return {
    AttributeDefinitions: parts.map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    KeySchema: parts.map(([AttributeName], i) => ({ AttributeName, KeyType: i === 0 ? "HASH" : "RANGE" })),
  };
}

export interface Key {
  partition: { name: string; type: ScalarAttributeType };
  sort: { name: string; type: ScalarAttributeType } | undefined;
}

// Of the table, or of one of its indexes.
export function keyOf(table: TableDescription, index?: string): Key {
  const indexes = [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])];
  const schema = (index ? indexes.find((one) => one.IndexName === index)?.KeySchema : table.KeySchema) ?? [];
  const part = (kind: "HASH" | "RANGE") => {
    const name = schema.find((one) => one.KeyType === kind)?.AttributeName;
    const type = table.AttributeDefinitions?.find((one) => one.AttributeName === name)?.AttributeType;
    return name && type ? { name, type } : undefined;
  };
  return { partition: part("HASH") ?? { name: "", type: "S" }, sort: part("RANGE") };
}

export function indexNames(table: TableDescription): string[] {
  return [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])].map((one) => one.IndexName ?? "");
}
