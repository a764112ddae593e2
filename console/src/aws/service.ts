// How a service's operations are described: by data, which `cargo xtask codegen` writes from AWS's models.

// Where the members of a REST operation go; those that are not named go into the body.
export interface Binding {
  http?: string; // "POST /2015-03-31/functions/{FunctionName}/invocations"
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Record<string, string>; // members that have another name in the body
  payload?: string; // the member that is the body
  answer?: Record<string, string>; // member -> header, ":status" or ":body"
}

// `Operations` names for each operation what it takes and what it gives.
export interface Service<Operations> {
  name: string;
  signing: string;
  target?: string;
  jsonVersion?: string;
  operations: { [Name in keyof Operations]: Binding };
}

export type InputOf<Operations, Name extends keyof Operations> = Operations[Name] extends [infer Input, unknown] ? Input : never;
export type OutputOf<Operations, Name extends keyof Operations> = Operations[Name] extends [unknown, infer Output] ? Output : never;
