// Test events that were saved: the server keeps them, so that all browsers have them.
import { ask } from "../aws/own";

export interface SavedEvent {
  name: string;
  event: string;
}

const PLACE = "test-events";

export async function savedEvents(functionName: string): Promise<SavedEvent[]> {
  const { events } = (await ask("GET", [PLACE, functionName])) as { events: SavedEvent[] };
  return events;
}

export async function saveEvent(functionName: string, { name, event }: SavedEvent): Promise<void> {
  await ask("PUT", [PLACE, functionName, name], event);
}

export async function deleteEvent(functionName: string, name: string): Promise<void> {
  await ask("DELETE", [PLACE, functionName, name]);
}
