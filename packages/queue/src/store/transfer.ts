/** Requests of stores over HTTP, and downloads that go on where they broke. What another try may mend is `Away`. */
import { createWriteStream, mkdirSync, rmSync, statSync } from "node:fs";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "@phinets/node/host";
import { Away } from "./retry.js";
import type { Stored } from "./store.js";

/** Milliseconds in which nothing comes. */
const silenceMs = 30_000;

/** The other side's certificate is not one that is trusted. */
export class Untrusted extends Error {}

export interface AskOptions {
  readonly method: string;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: NodeJS.ReadableStream;
  /** The certificate to trust, PEM; default: those that this machine trusts. */
  readonly certificate?: string;
}

/** The answer, whatever its status. */
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
    else pipeline(body, sent).catch(() => {}); // what broke it is the request's error
  });
}

/**
 * Brings a file's bytes to `part`, from where it ends. They are not compared with the SHA-256 here.
 * @param open asks for them, with a Range where some are there; 200 and 206 are what it gives
 * @throws PhinetsError `store.corrupt` where more comes than the file has
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
    // The file may be made only now: it is opened while the first bytes come.
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

/** Characters of an answer that is a line or two. */
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
