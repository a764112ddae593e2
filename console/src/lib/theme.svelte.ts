// Dark or light: as the system has it, until somebody chooses.

export type Theme = "light" | "dark";

class Look {
  theme: Theme = $state((localStorage.getItem("theme") as Theme | null) ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));

  apply(): void {
    document.documentElement.dataset.theme = this.theme;
  }

  toggle(): void {
    this.theme = this.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", this.theme);
    this.apply();
  }
}

export const look = new Look();
