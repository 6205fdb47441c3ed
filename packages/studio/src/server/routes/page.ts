/**
 * Serves the built page's files: they are read once and looked up by their full names, so that no path can lead
 * elsewhere.
 */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { PhinetsError } from "@phinets/core/tensor";
import type { MiddlewareHandler } from "hono";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

interface PageFile {
  readonly type: string;
  readonly gzipped: Uint8Array<ArrayBuffer>;
  readonly plain: Uint8Array<ArrayBuffer>;
}

export interface PageFilesOptions {
  /** The file that is served as the page. */
  readonly index?: string;
}

export function pageFiles(folder: string, { index = "index.html" }: PageFilesOptions = {}): MiddlewareHandler {
  const files = readPage(folder);
  return async (context, next) => {
    const { path } = context.req;
    const file = files.get(path === "/" ? `/${index}` : path);
    if (file === undefined) return next();
    // Names of assets contain a digest of their content.
    const forever = path.startsWith("/assets/");
    context.header("Cache-Control", forever ? "private, max-age=31536000, immutable" : "no-store");
    context.header("Vary", "Accept-Encoding");
    if (!/\bgzip\b/.test(context.req.header("accept-encoding") ?? ""))
      return context.body(file.plain, 200, { "Content-Type": file.type });
    return context.body(file.gzipped, 200, { "Content-Type": file.type, "Content-Encoding": "gzip" });
  };
}

function readPage(folder: string): ReadonlyMap<string, PageFile> {
  try {
    const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    return new Map(
      entries.map((entry) => {
        const path = join(entry.parentPath ?? entry.path, entry.name);
        const plain = new Uint8Array(readFileSync(path));
        const type = types[extname(path)] ?? "application/octet-stream";
        return [
          `/${relative(folder, path).split(sep).join("/")}`,
          { type, plain, gzipped: new Uint8Array(gzipSync(plain)) },
        ];
      }),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PhinetsError("studio.page", `${folder}: the page is not there (${code}); npm run build makes it`, folder);
  }
}
