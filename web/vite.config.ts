import { defineConfig } from "vite";

// `firnline serve --port 8770` answers the API while the pages are worked on with `npm run dev`.
export default defineConfig({
  build: {
    outDir: "../src/firnline/server/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "api.html"] },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8770" } },
});
