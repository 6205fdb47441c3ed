/** HTTP requests of stores, and downloads that resume where they stopped. Temporary errors are thrown as `Away`. */
import { createWriteStream, mkdirSync, rmSync, statSync } from "node:fs";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "@phinets/node/host";
import { Away } from "./retry.js";
import type { Stored } from "./store.js";

/** Milliseconds without data after which a request fails. */
const silenceMs = 30_000;

/** The server's certificate is not trusted. */
export class Untrusted extends Error {}

export interface AskOptions {
  readonly method: string;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: NodeJS.ReadableStream;
  /** Certificate to trust, in PEM; default: those that this machine trusts. */
  readonly certificate?: string;
}

/** Sends a request and returns the answer, whatever its status. */
export function ask(
  address: URL,
  { method, signal, headers, body, certificate }: AskOptions,
): Promise<IncomingMessage> {
  const request = address.protocol === "https:" ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request(
      address,
      { method, signal, headers, timeout: silenceMs, ...(certificate !== undefined && { ca: certificate }) },
      resolve,
    );
    sent.on("timeout", () => sent.destroy(new Away("says nothing")));
    sent.on("error", (error) => {
      if (signal?.aborted) reject(signal.reason);
      else reject(isUntrusted(error) ? new Untrusted(error.message) : new Away(reasonOf(error)));
    });
    if (body === undefined) sent.end();
    else pipeline(body, sent).catch(() => {}); // the request reports the error
  });
}

/**
 * Downloads a file's bytes to `part`, resuming where it ends. The SHA-256 is not checked here.
 * @param open requests the bytes, with a Range where some exist; must answer with 200 or 206
 * @throws PhinetsError `store.corrupt` where more bytes arrive than the file has
 */
export async function download(
  { sha256, bytes }: Stored,
  part: string,
  open: (headers: Readonly<Record<string, string>>) => Promise<IncomingMessage>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    mkdirSync(dirname(part), { recursive: true });
  } catch (error) {
    throw describeWriteError(error, part);
  }
  let start = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  if (start > bytes) {
    rmSync(part, { force: true });
    start = 0;
  }
  if (start === bytes && bytes > 0) return;
  const answer = await open(start === 0 ? {} : { Range: `bytes=${start}-` });
  let room = bytes - start;
  const bounded = async function* (parts: AsyncIterable<Uint8Array>) {
    for await (const each of parts) {
      room -= each.length;
      if (room < 0)
        throw new PhinetsError("store.corrupt", `${sha256}: has more than the ${bytes} bytes that it was said to have`);
      yield each;
    }
  };
  const out = createWriteStream(part, { flags: "a" });
  let written: NodeJS.ErrnoException | undefined;
  out.on("error", (error) => {
    written = error;
  });
  try {
    await pipeline(answer, bounded, out);
  } catch (error) {
    signal?.throwIfAborted();
    // The file may be opened only now, while the first bytes arrive.
    if (!out.closed) await new Promise<void>((done) => out.once("close", () => done()));
    if (error instanceof PhinetsError) rmSync(part, { force: true });
    throw error instanceof PhinetsError
      ? error
      : written?.code && isOfDisk(written.code)
        ? describeWriteError(written, part)
        : new Away(reasonOf(error));
  }
  if (room > 0) throw new Away("the transfer broke off");
}

/** Most characters of a short textual answer. */
const mostText = 4096;

export async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const part of answer.setEncoding("utf8")) {
      text += part;
      if (text.length > mostText) break;
    }
  } catch (error) {
    throw new Away(reasonOf(error));
  }
  return text.slice(0, mostText);
}

const isOfDisk = (code: string): boolean =>
  ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "EPERM"].includes(code);

const isUntrusted = ({ code }: NodeJS.ErrnoException): boolean =>
  code !== undefined && /CERT|SIGNED|ERR_TLS|UNABLE_TO/.test(code);

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
