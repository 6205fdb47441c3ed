/** Runs the comparison in headless Chromium, with the headers that shared memory requires. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const executablePath = process.env.PHINETS_CHROMIUM ?? "/usr/bin/chromium";
const require = createRequire(import.meta.url);

/**
 * Returns `measure(folder, threads, rounds)` and `close()`; undefined, with a line that says why, if Chromium is
 * missing.
 */
export async function openChromium() {
  if (!existsSync(executablePath)) {
    console.error(`left out: ${executablePath} is absent; npm run setup installs it, PHINETS_CHROMIUM names another`);
    return undefined;
  }
  const { chromium } = await import("playwright-core");
  const script = await bundle();
  const roots = { ort: dirname(require.resolve("onnxruntime-web")), tflite: tfliteFolder() };
  let model;
  const server = createServer((request, response) => {
    const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
    const answer = (type, body) => response.writeHead(200, { ...headers, "Content-Type": type }).end(body);
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const [, root, ...rest] = pathname.split("/");
    const folder = root === "model" ? model : roots[root];
    const file = folder === undefined || rest.includes("..") ? undefined : join(folder, ...rest);
    if (pathname === "/") answer("text/html", pageHtml);
    else if (pathname === "/page.js") answer("text/javascript", script);
    else if (file === undefined || !existsSync(file) || !statSync(file).isFile()) response.writeHead(404).end();
    else answer(/\.m?js$/.test(file) ? "text/javascript" : "application/wasm", readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath, args });
  return {
    async measure(folder, threads, rounds) {
      model = folder;
      const page = await browser.newPage();
      page.on("pageerror", (error) => console.error(`page: ${error.message}`));
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      const { ms, loadMs } = await page.evaluate((request) => window.measure(request), { threads, rounds });
      await page.close();
      return { runtime: `Chromium ${browser.version().split(".")[0]}`, threads, ms, int8: { loadMs } };
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

const pageHtml = `<!doctype html><title>engines</title>
<script>
window.measure = (request) => new Promise((resolve, reject) => {
  const worker = new Worker("/page.js", { type: "module" });
  worker.onerror = (event) => reject(new Error(event.message));
  worker.onmessage = ({ data }) => {
    worker.terminate();
    if (data.error === undefined) resolve(data.result);
    else reject(new Error(data.error));
  };
  worker.postMessage(request);
});
</script>`;

function tfliteFolder() {
  try {
    return join(dirname(require.resolve("@tensorflow/tfjs-tflite/package.json")), "wasm");
  } catch {
    return undefined;
  }
}

async function bundle() {
  const { rolldown } = await import("rolldown");
  const input = fileURLToPath(new URL("page.mjs", import.meta.url));
  const build = await rolldown({ input, platform: "browser" });
  const { output } = await build.generate({ format: "esm", codeSplitting: false });
  await build.close();
  return output[0].code;
}
