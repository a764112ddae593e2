// The page of a function, a table or a stage that a trace names.
import { restApis } from "../../aws/lists";
import { load } from "../../lib/load.svelte";
import { link } from "../../lib/route.svelte";

// Of an API it takes a look at which are there to know its kind.
export class Places {
  #rest = load(async () => new Set((await restApis()).map(({ id }) => id)));

  of(resource: string): string | undefined {
    const at = resource.indexOf(":");
    const [service, name] = [resource.slice(0, at), resource.slice(at + 1)];
    switch (service) {
      case "lambda":
        return link`/lambda/functions/${name}/monitor`;
      case "dynamodb":
        return link`/dynamodb/tables/${name}/monitor`;
      case "apigateway": {
        const [api = "", stage = ""] = name.split("/");
        if (!this.#rest.value) return undefined;
        return this.#rest.value.has(api) ? link`/apigateway/rest/${api}/stages/${stage}` : link`/apigateway/v2/${api}/stages`;
      }
      default:
        return undefined;
    }
  }
}
