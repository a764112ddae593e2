// Whether what an API is now is what its stages serve.
import { ask } from "../../aws/own";

export type Deployed = "never" | "same" | "changed";

interface Stage {
  name: string;
  isCurrent: boolean;
}

export async function undeployed(restApiId: string): Promise<Deployed> {
  const { stages } = (await ask("GET", ["rest-apis", restApiId, "stages"])) as { stages: Stage[] };
  if (stages.length === 0) return "never";
  return stages.some((stage) => stage.isCurrent) ? "same" : "changed";
}
