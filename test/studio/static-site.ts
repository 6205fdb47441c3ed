/** Serves the built page as a static site below a path, as GitHub Pages does. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** @param page folder of the built page */
export async function serveStatic(page: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    try {
      const path = request.url === "/site/" ? "index.html" : request.url!.slice("/site/".length);
      response.setHeader("Content-Type", types[extname(path)]);
      response.end(readFileSync(join(page, path)));
    } catch {
      response.writeHead(404).end("<!doctype html>nothing");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/site/`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
