// Lists of all that there is, page after page.
import { call } from "./call";
import { apigateway, type RestApi } from "./generated/apigateway";
import { apigatewayv2, type Api } from "./generated/apigatewayv2";
import { dynamodb } from "./generated/dynamodb";
import { lambda, type FunctionConfiguration } from "./generated/lambda";

// Told of what has come so far after every page.
type Progress<T> = (so_far: T[]) => void;

async function pages<T>(progress: Progress<T> | undefined, next: (token: string | undefined) => Promise<[items: T[], token: string | undefined]>): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const [items, following] = await next(token);
    all.push(...items);
    if (following) progress?.([...all]);
    token = following || undefined;
  } while (token);
  return all;
}

export function functions(progress?: Progress<FunctionConfiguration>): Promise<FunctionConfiguration[]> {
  return pages(progress, async (Marker) => {
    const page = await call(lambda, "ListFunctions", { Marker, MaxItems: 50 });
    return [page.Functions ?? [], page.NextMarker];
  });
}

export function tableNames(progress?: Progress<string>): Promise<string[]> {
  return pages(progress, async (ExclusiveStartTableName) => {
    const page = await call(dynamodb, "ListTables", { ExclusiveStartTableName, Limit: 100 });
    return [page.TableNames ?? [], page.LastEvaluatedTableName];
  });
}

// Of API Gateway's lists.
export function positioned<T>(next: (position: string | undefined) => Promise<{ item?: T[]; position?: string }>, progress?: Progress<T>): Promise<T[]> {
  return pages(progress, async (position) => {
    const page = await next(position);
    return [page.item ?? [], page.position];
  });
}

export function restApis(progress?: Progress<RestApi>): Promise<RestApi[]> {
  return positioned((position) => call(apigateway, "GetRestApis", { position, limit: 500 }), progress);
}

export function httpApis(progress?: Progress<Api>): Promise<Api[]> {
  return pages(progress, async (nextToken) => {
    const page = await call(apigatewayv2, "GetApis", { nextToken, maxResults: "500" });
    return [page.items ?? [], page.nextToken];
  });
}
