// Again and again while the page is looked at, each time after the last is through, until `run` says false. Gives what
// ends it before.

export function repeat(everyMs: number, run: () => Promise<boolean | void>): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let isOver = false;
  const turn = async () => {
    if (!document.hidden && (await run()) === false) isOver = true;
    if (!isOver) timer = setTimeout(turn, everyMs);
  };
  void turn();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
