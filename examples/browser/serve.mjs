/**
 * Bundles trainer.js and serves the page with the headers that shared memory needs. `node examples/browser/serve.mjs`
 * after `npm install`; the page's address is printed.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const folder = new URL("./", import.meta.url);

/**
 * @param {{ port?: number, conditionNames?: string[], isolated?: boolean }} options
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function serve({ port = 0, conditionNames, isolated = true } = {}) {
  const bundle = await rolldown({
    input: fileURLToPath(new URL("trainer.js", folder)),
    platform: "browser",
    ...(conditionNames === undefined ? {} : { resolve: { conditionNames } }),
  });
  const { output } = await bundle.generate({ format: "esm", entryFileNames: "trainer.js" });
  await bundle.close();
  const files = new Map(output.map(({ fileName, code }) => [`/${fileName}`, { type: "text/javascript", text: code }]));
  files.set("/", { type: "text/html; charset=utf-8", text: readFileSync(new URL("index.html", folder), "utf8") });
  const headers = isolated
    ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
    : {};
  const server = createServer((request, response) => {
    const file = files.get(new URL(request.url, "http://localhost").pathname);
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...headers, "Content-Type": file.type }).end(file.text);
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://localhost:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

if (argv[1] === fileURLToPath(import.meta.url)) console.log((await serve({ port: Number(argv[2] ?? 8080) })).url);
