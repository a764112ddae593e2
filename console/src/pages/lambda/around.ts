// What belongs to a function and may not be there. Lists are asked where there are some: an error of 404 would be a line in
// the browser's console.
import { AwsError, call } from "../../aws/call";
import { lambda, type FunctionEventInvokeConfig, type FunctionUrlConfig } from "../../aws/generated/lambda";

export interface Statement {
  Sid: string;
  Action: string | string[];
  Principal: unknown;
  Condition?: { ArnLike?: Record<string, string> };
}

export async function policyOf(FunctionName: string): Promise<Statement[]> {
  try {
    const { Policy } = await call(lambda, "GetPolicy", { FunctionName });
    return Policy ? (JSON.parse(Policy) as { Statement: Statement[] }).Statement : [];
  } catch (error) {
    if (error instanceof AwsError && error.status === 404) return [];
    throw error;
  }
}

// Of the function itself, not of an alias.
export async function urlOf(FunctionName: string): Promise<FunctionUrlConfig | undefined> {
  const { FunctionUrlConfigs: all } = await call(lambda, "ListFunctionUrlConfigs", { FunctionName });
  return all.find((one) => one.FunctionArn.split(":").length === 7);
}

export async function eventConfigOf(FunctionName: string): Promise<FunctionEventInvokeConfig | undefined> {
  const { FunctionEventInvokeConfigs: all = [] } = await call(lambda, "ListFunctionEventInvokeConfigs", { FunctionName });
  return all.find((one) => one.FunctionArn?.endsWith(":$LATEST") || one.FunctionArn?.split(":").length === 7);
}
