// Who asks, and in which region. The key pair stays in the tab.
import type { Keys } from "./sign";

// On a server that asks nobody who he is, any pair will do, and twelve digits name the account.
const ANYBODY: Keys = { accessKeyId: "000000000000", secretAccessKey: "any" };

class Session {
  keys: Keys = $state(read(sessionStorage, "keys") ?? ANYBODY);
  region: string = $state(read(localStorage, "region") ?? "us-east-1");

  get account(): string {
    return /^\d{12}$/.test(this.keys.accessKeyId) ? this.keys.accessKeyId : "000000000000";
  }

  get isAnybody(): boolean {
    return this.keys.accessKeyId === ANYBODY.accessKeyId && this.keys.secretAccessKey === ANYBODY.secretAccessKey;
  }

  signIn(keys: Keys): void {
    this.keys = keys;
    sessionStorage.setItem("keys", JSON.stringify(keys));
  }

  signOut(): void {
    this.keys = ANYBODY;
    sessionStorage.removeItem("keys");
  }

  choose(region: string): void {
    this.region = region;
    localStorage.setItem("region", JSON.stringify(region));
  }
}

function read<T>(storage: Storage, name: string): T | undefined {
  const text = storage.getItem(name);
  return text === null ? undefined : (JSON.parse(text) as T);
}

export const session = new Session();
