/**
 * Bundles and serves two pages: one that trains (/), with the headers that shared memory needs, and one that detects
 * (/detect.html). `node examples/browser/serve.mjs` after `npm install`; the address is printed.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import process, { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const folder = new URL("./", import.meta.url);
const model = new URL("../../models/person-192/", folder);

const ownHosts = ["localhost", "127.0.0.1", "[::1]"];

/** The host of a Host header, without its port. */
function hostOf(header = "") {
  return header.toLowerCase().replace(/:\d*$/, "");
}

/**
 * @param {{ port?: number, conditionNames?: string[], isolated?: boolean }} options
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function serve({ port = 0, conditionNames, isolated = true } = {}) {
  const files = new Map();
  for (const name of ["trainer.js", "detect.js"]) {
    const bundle = await rolldown({
      input: fileURLToPath(new URL(name, folder)),
      platform: "browser",
      ...(conditionNames === undefined ? {} : { resolve: { conditionNames } }),
    });
    const { output } = await bundle.generate({ format: "esm", entryFileNames: name });
    await bundle.close();
    for (const { fileName, code } of output) files.set(`/${fileName}`, { type: "text/javascript", text: code });
  }
  for (const name of ["network.json", "quantized.json", "quantized.safetensors"])
    files.set(`/model/${name}`, { type: "application/octet-stream", text: readFileSync(new URL(name, model)) });
  const detect = readFileSync(new URL("detect.html", folder), "utf8");
  files.set("/detect.html", { type: "text/html; charset=utf-8", text: detect });
  files.set("/", { type: "text/html; charset=utf-8", text: readFileSync(new URL("index.html", folder), "utf8") });
  const headers = isolated
    ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
    : {};
  const server = createServer((request, response) => {
    const { url = "", method } = request;
    const host = hostOf(request.headers.host);
    // A page elsewhere can lead its own name to this machine: only who asks for this machine by its name is answered.
    if (!ownHosts.includes(host)) response.writeHead(403).end("only localhost is served here\n");
    else if (method !== "GET" && method !== "HEAD") response.writeHead(405, { Allow: "GET, HEAD" }).end();
    else {
      // The path as it was asked for: nothing but whole names is known, so there is nothing to take apart.
      const file = files.get(url.split(/[?#]/, 1)[0]);
      if (file === undefined) response.writeHead(404).end();
      else response.writeHead(200, { ...headers, "Content-Type": file.type }).end(method === "HEAD" ? "" : file.text);
    }
  });
  server.on("clientError", (_, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    else socket.destroy();
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

if (argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(argv[2] ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    console.error(`error: port is ${argv[2]}; a number in 0..65535 is needed`);
    process.exitCode = 2;
  } else
    try {
      console.log((await serve({ port })).url);
    } catch (error) {
      console.error(`error: ${error.code === "EADDRINUSE" ? `port ${port} is taken; name another` : error.message}`);
      process.exitCode = 1;
    }
}
