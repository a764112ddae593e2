// Short messages that come and go: what was done, and what could not be.

export interface Notice {
  id: number;
  text: string;
  error?: unknown;
}

const SHOWN_MS = 6000;
let last = 0;

class Notices {
  all: Notice[] = $state([]);

  tell(text: string): void {
    const id = ++last;
    this.all.push({ id, text });
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  // Errors stay until they are dismissed.
  fail(text: string, error: unknown): void {
    this.all.push({ id: ++last, text, error });
  }

  dismiss(id: number): void {
    this.all = this.all.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
