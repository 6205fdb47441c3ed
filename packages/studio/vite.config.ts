import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { pagePolicy } from "./src/shared/policy.js";

const root = fileURLToPath(new URL("src/page", import.meta.url));

/** The page: built from source, so that it needs no dist of the other packages. Every path in it is relative. */
export default defineConfig({
  root,
  base: "./",
  logLevel: "warn",
  resolve: { conditions: ["@phinets/source", "module", "browser", "production"] },
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("dist/page", import.meta.url)),
    emptyOutDir: true,
    target: "es2023",
    // Anything inline would need an exception in the page's policy.
    assetsInlineLimit: 0,
    // The second is what a telephone gets at the door for it.
    rollupOptions: { input: ["index.html", "phone.html"].map((name) => `${root}/${name}`) },
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
  },
  plugins: [
    {
      // A static host need not send headers.
      name: "policy",
      apply: "build",
      transformIndexHtml: () => [
        {
          tag: "meta",
          attrs: { "http-equiv": "Content-Security-Policy", content: pagePolicy },
          injectTo: "head-prepend",
        },
      ],
    },
  ],
});
