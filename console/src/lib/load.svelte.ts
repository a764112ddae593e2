// Something that is fetched: what came, whether it is under way, and what went wrong. Older answers never overwrite newer ones.

export class Load<T> {
  value: T | undefined = $state.raw();
  error: unknown = $state.raw();
  isBusy = $state(false);
  #turn = 0;

  constructor(private readonly fetch: (progress: (part: T) => void) => Promise<T>) {}

  run = async (): Promise<void> => {
    const turn = ++this.#turn;
    const progress = (part: T) => {
      if (turn === this.#turn) this.value = part;
    };
    this.isBusy = true;
    try {
      progress(await this.fetch(progress));
      if (turn === this.#turn) this.error = undefined;
    } catch (error) {
      if (turn === this.#turn) this.error = error;
    } finally {
      if (turn === this.#turn) this.isBusy = false;
    }
  };
}

// Fetches at once.
export function load<T>(fetch: (progress: (part: T) => void) => Promise<T>): Load<T> {
  const made = new Load(fetch);
  void made.run();
  return made;
}
