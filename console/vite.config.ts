import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    target: "es2022",
    // Scripts of text would be refused by the page's content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  server: {
    host: "127.0.0.1",
    // Requests of `npm run dev` go on to a server that runs.
    proxy: { "^/(?!(src|node_modules|@vite|@id|@fs|index\\.html|$))": { target: "http://127.0.0.1:4566" } },
  },
});
