// What lets API Gateway call a function, and the name by which it does.
import { describe, type Call } from "../../aws/call";
import { lambda } from "../../aws/generated/lambda";
import { session } from "../../aws/session.svelte";

export function freshStatement(): string {
  return `apigateway-${Math.random().toString(36).slice(2, 12)}`;
}

// `source`: what of the account's APIs may call, such as `API/*`.
export function permission(FunctionName: string, StatementId: string, source: string): Call {
  return describe(lambda, "AddPermission", {
    FunctionName,
    StatementId,
    Action: "lambda:InvokeFunction",
    Principal: "apigateway.amazonaws.com",
    SourceArn: `arn:aws:execute-api:${session.region}:${session.account}:${source}`,
  });
}

export function functionArn(name: string): string {
  return `arn:aws:lambda:${session.region}:${session.account}:function:${name}`;
}

export function invocationUri(name: string): string {
  return `arn:aws:apigateway:${session.region}:lambda:path/2015-03-31/functions/${functionArn(name)}/invocations`;
}

// The function of such a URI, or of a function's ARN.
export function functionOf(uri: string | undefined): string | undefined {
  return uri?.match(/:function:([^/]+)/)?.[1];
}
