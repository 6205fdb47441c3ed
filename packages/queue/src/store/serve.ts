/** Serves a folder's store over HTTP to clients that have its token. */
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type ServerType, serve } from "@hono/node-server";
import { PhinetsError } from "@phinets/core/tensor";
import { describeReadError, describeWriteError } from "@phinets/node/host";
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { type FolderStore, nameWhole } from "./folder-store.js";
import { mostUploadBytes, type ObjectState } from "./protocol.js";
import { digestFile, isSha256 } from "./store.js";

export interface ServeOptions {
  readonly token: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Files of a TLS certificate and its key. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

export interface ServedStore {
  /** Address on this machine: `http://HOST:PORT`. */
  readonly url: string;
  /** Certificate in PEM, which clients have to trust. */
  readonly certificate?: string;
  close(): Promise<void>;
}

/** @throws PhinetsError `store.listen` where it cannot listen at the address */
export async function serveStore(store: FolderStore, options: ServeOptions): Promise<ServedStore> {
  const { token, host, port, tls } = options;
  const certificate = tls && readText(tls.certificate);
  const { fetch } = makeStoreApp(store, token);
  const secure = tls && { createServer: createTlsServer, serverOptions: { cert: certificate, key: readText(tls.key) } };
  const server = await new Promise<ServerType>((resolve, reject) => {
    const listening = serve({ fetch, hostname: host, port, ...secure }, () => resolve(listening));
    listening.on("error", ({ code, message }: NodeJS.ErrnoException) =>
      reject(new PhinetsError("store.listen", `${host}:${port}: ${code ?? message}; name another --serve HOST:PORT`)),
    );
  });
  const { port: found } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${found}`,
    certificate,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Keep-alive connections would keep the server open.
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new PhinetsError("store.tls", `${path}: ${describeReadError(error)}; name a PEM file`, path);
  }
}

/** The HTTP application, which checks the token before anything else. */
export function makeStoreApp(store: FolderStore, token: string): Hono {
  /** Uploads in progress: of two clients that upload the same file, one waits. */
  const busy = new Set<string>();
  const app = new Hono();
  app.use(bearerAuth({ token }));
  app.use("/objects/:sha256/*", async (context, next) => {
    if (!isSha256(context.req.param("sha256"))) return context.text("a SHA-256 names a file here", 404);
    return next();
  });
  const partOf = (sha256: string): string => join(store.folder, "uploads", sha256);
  const stateOf = (sha256: string): ObjectState => {
    const whole = statSync(store.pathOf(sha256), { throwIfNoEntry: false });
    if (whole !== undefined) return { bytes: whole.size };
    return { received: statSync(partOf(sha256), { throwIfNoEntry: false })?.size ?? 0 };
  };
  app.get("/objects/:sha256/state", (context) => context.json(stateOf(context.req.param("sha256"))));
  app.get("/objects/:sha256", (context) => {
    const path = store.pathOf(context.req.param("sha256"));
    if (!existsSync(path)) return context.text("it is not here", 404);
    const { size } = statSync(path);
    const start = Number(/^bytes=(\d{1,15})-$/.exec(context.req.header("range") ?? "")?.[1] ?? 0);
    if (start >= size && size > 0) return context.text("it ends before that", 416);
    const body = Readable.toWeb(createReadStream(path, { start })) as ReadableStream;
    const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(size - start) };
    if (start === 0) return context.body(body, 200, headers);
    return context.body(body, 206, { ...headers, "Content-Range": `bytes ${start}-${size - 1}/${size}` });
  });
  app.patch("/objects/:sha256", async (context) => {
    const sha256 = context.req.param("sha256");
    const [offset, bytes] = [Number(context.req.query("offset")), Number(context.req.query("bytes"))];
    if (![offset, bytes].every((value) => Number.isSafeInteger(value) && value >= 0))
      return context.text("offset and bytes are numbers of bytes", 400);
    if (bytes > mostUploadBytes) return context.text(`at most ${mostUploadBytes} bytes are taken`, 413);
    if (busy.has(sha256)) return context.text("somebody else brings it", 423);
    busy.add(sha256);
    try {
      const before = stateOf(sha256);
      if ("bytes" in before) return context.json(before);
      if (before.received !== offset) return context.json(before, 409);
      const part = partOf(sha256);
      mkdirSync(dirname(part), { recursive: true });
      const { body } = context.req.raw;
      if (body !== null) await appendAtMost(part, Readable.fromWeb(body as never), bytes - offset);
      else if (!existsSync(part)) writeFileSync(part, "");
      const after = stateOf(sha256);
      if (!("received" in after) || after.received < bytes) return context.json(after, 202);
      const found = await digestFile(part);
      if (found.sha256 !== sha256) {
        rmSync(part, { force: true });
        return context.text(`its SHA-256 is ${found.sha256}`, 422);
      }
      nameWhole(part, store.pathOf(sha256));
      return context.json(stateOf(sha256), 201);
    } catch (error) {
      const told = describeWriteError(error, store.folder);
      // Received bytes are kept for the rest to follow.
      if (told instanceof PhinetsError) return context.text(told.message, 507);
      throw error;
    } finally {
      busy.delete(sha256);
    }
  });
  return app;
}

/** Bytes beyond the announced length are not written; they end the request. */
async function appendAtMost(path: string, body: Readable, most: number): Promise<void> {
  let taken = 0;
  const counted = async function* (parts: AsyncIterable<Uint8Array>) {
    for await (const part of parts) {
      taken += part.length;
      if (taken > most) throw new PhinetsError("store.upload", "more bytes came than were said; send it again");
      yield part;
    }
  };
  await pipeline(body, counted, createWriteStream(path, { flags: "a" }));
}
