// A console in Chromium: a server, a browser, a page of it, and what the browser complains of, which a console must never have.
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { Server } from "./server.mjs";

const executablePath = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export const skip = executablePath === "none" && "left out by CHROMIUM_BIN=none";

export function launch(...args) {
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", ...args] });
}

export class Console {
  complaints = [];

  // The words are those that the server is started with.
  static async open(...words) {
    const made = new Console();
    made.server = await Server.start(...words);
    made.browser = await launch();
    const context = await made.browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 } });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    made.page = await context.newPage();
    made.page.setDefaultTimeout(10_000);
    made.page.on("console", (message) => {
      // That a function has no policy is told by a 404 alone, which the browser notes.
      const isExpected = /\b404\b/.test(message.text()) && message.location().url.endsWith("/policy");
      if (message.type() === "error" && !isExpected) made.complaints.push(`${message.text()} ${message.location().url}`);
    });
    made.page.on("pageerror", (error) => made.complaints.push(String(error)));
    return made;
  }

  async close() {
    await this.browser?.close();
    await this.server?.end("SIGTERM");
  }

  goto(path) {
    return this.page.goto(`${this.server.url}/_console/#${path}`);
  }

  button(name, within = this.page) {
    return within.getByRole("button", { name, exact: true });
  }

  field(name, within = this.page) {
    return within.getByLabel(name, { exact: true });
  }

  section(name) {
    return this.page.getByRole("region", { name, exact: true });
  }

  // Into an editor.
  async write(label, text) {
    await this.page.getByRole("textbox", { name: label, exact: true }).click();
    await this.page.keyboard.press("Control+A");
    await this.page.keyboard.insertText(text);
  }

  // What is amiss in pages, in both languages, both colours, and at both widths: labels, contrast, order of headings,
  // what does not fit. Each is looked at once `isThere` has come true in it.
  async amiss(paths, isThere = (reader) => reader.waitForLoadState("networkidle")) {
    const found = [];
    for (const [locale, colorScheme, width] of [["en-US", "light", 1280], ["ko-KR", "dark", 360]]) {
      // The page's own policy would not let the checker in.
      const context = await this.browser.newContext({ locale, colorScheme, viewport: { width, height: 800 }, bypassCSP: true });
      const reader = await context.newPage();
      reader.setDefaultTimeout(10_000);
      for (const path of paths) {
        await reader.goto("about:blank");
        await reader.goto(`${this.server.url}/_console/#${path}`);
        await isThere(reader, path);
        await reader.locator("h1").waitFor();
        const language = await reader.evaluate(() => document.documentElement.lang);
        if (language !== locale.slice(0, 2)) found.push(`${path}: speaks ${language}`);
        const wide = await reader.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) found.push(`${path} at ${width}: ${wide} px too wide`);
        await reader.addScriptTag({ path: axe });
        const { violations } = await reader.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
        for (const { id, nodes } of violations) found.push(`${path} ${colorScheme}: ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
      }
      await context.close();
    }
    return found;
  }
}
