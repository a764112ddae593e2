// A request to a stage as people's programs write it. Pure.

export const CLIENTS = ["Express + fetch", "Express + axios", "Express + request-promise", "fetch", "curl", "Python"];

export function snippet(client: string, verb: string, url: string): string {
  const method = verb === "ANY" ? "POST" : verb;
  const hasBody = !["GET", "HEAD", "DELETE"].includes(method);
  switch (client) {
    case "Express + fetch":
      return express([], fetching(method, url, hasBody ? "request.body" : undefined, "  "));
    case "Express + axios": {
      const data = hasBody ? ", data: request.body" : "";
      return express([`const axios = require("axios");`], `  const { data: answer } = await axios({ method: "${method}", url: "${url}"${data} });`);
    }
    case "Express + request-promise": {
      const body = hasBody ? "body: request.body, " : "";
      return express([`const rp = require("request-promise");`], `  const answer = await rp({ method: "${method}", uri: "${url}", ${body}json: true });`);
    }
    case "fetch":
      return fetching(method, url, hasBody ? `{ name: "sy" }` : undefined, "") + "\nconsole.log(answer);\n";
    case "curl":
      return `curl -X ${method} '${url}'${hasBody ? ` \\\n    -H 'Content-Type: application/json' -d '{ "name": "sy" }'` : ""}\n`;
    default:
      return `import requests\n\nanswer = requests.request("${method}", "${url}"${hasBody ? `, json={"name": "sy"}` : ""})\nprint(answer.json())\n`;
  }
}

function express(imports: string[], ask: string): string {
  return [
    `const express = require("express");`,
    ...imports,
    "",
    "const app = express();",
    "app.use(express.json());",
    "",
    `app.post("/", async (request, response) => {`,
    ask,
    "  response.json(answer);",
    "});",
    "",
    "app.listen(3000);",
    "",
  ].join("\n");
}

function fetching(method: string, url: string, body: string | undefined, indent: string): string {
  const init = body ? `{\n  method: "${method}",\n  headers: { "content-type": "application/json" },\n  body: JSON.stringify(${body}),\n}` : `{ method: "${method}" }`;
  const text = `const reply = await fetch("${url}", ${init});\nconst answer = await reply.json();`;
  return text.split("\n").map((line) => indent + line).join("\n");
}
