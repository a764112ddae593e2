// Which page is shown: the part of the address behind "#", so that every place has a link. Knows no page.

class Route {
  path: string = $state(here());
  // What has to be asked before the page is left, because something is not saved.
  guard: (() => boolean) | undefined;

  get parts(): string[] {
    return this.path.split("?")[0]!.split("/").filter(Boolean).map(decodeURIComponent);
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.path.split("?")[1] ?? "");
  }
}

export const route = new Route();

addEventListener("hashchange", () => {
  if (here() === route.path) return;
  if (route.guard && !route.guard()) {
    history.replaceState(null, "", `#${route.path}`);
    return;
  }
  route.guard = undefined;
  route.path = here();
  scrollTo(0, 0);
});

// A link to a place: link`/lambda/${name}/code` encodes what is put in.
export function link(strings: TemplateStringsArray, ...values: (string | number)[]): string {
  return `#${String.raw({ raw: strings }, ...values.map((value) => encodeURIComponent(value)))}`;
}

export function go(to: string): void {
  location.hash = to;
}

function here(): string {
  return location.hash.slice(1) || "/";
}
