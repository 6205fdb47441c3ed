/** A store of another machine's, over HTTP. Transfers that break go on where they broke, for as long as it takes. */
import { createReadStream, createWriteStream, mkdirSync, rmSync, statSync } from "node:fs";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "@phinets/node/host";
import { nameWhole } from "./folder-store.js";
import { type ObjectState, objectPath, objectState } from "./protocol.js";
import { Away, type RetryOptions, untilBack } from "./retry.js";
import { digestFile, missing, requireOwnBytes, type Store, type Stored, type StoreOptions } from "./store.js";

/** Where a store is asked. */
export interface StoreLocation {
  /** `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly url: string;
  readonly token: string;
  /** The certificate to trust, PEM; default: those that this machine trusts. */
  readonly certificate?: string;
}

export interface HttpStoreOptions extends StoreLocation, Pick<RetryOptions, "onAway" | "onBack"> {
  /** Asked while the store is away: where it is now. */
  readonly relocate?: () => Promise<StoreLocation | undefined>;
}

/** Milliseconds in which nothing comes. */
const silenceMs = 30_000;

export class HttpStore implements Store {
  #where: StoreLocation;

  constructor(readonly options: HttpStoreOptions) {
    this.#where = options;
  }

  get name(): string {
    return this.#where.url;
  }

  async has(sha256: string, { signal }: StoreOptions = {}): Promise<boolean> {
    return "bytes" in (await this.#retry(signal, () => this.#state(sha256, signal)));
  }

  async get(file: Stored, path: string, { signal }: StoreOptions = {}): Promise<void> {
    const part = `${path}.part`;
    await this.#retry(signal, () => this.#download(file, part, signal));
    await requireOwnBytes(part, file, this.name);
    nameWhole(part, path);
  }

  async put(path: string, { signal }: StoreOptions = {}): Promise<Stored> {
    const stored = await digestFile(path, { signal });
    await this.#retry(signal, () => this.#upload(stored, path, signal));
    return stored;
  }

  #retry<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const { onAway, onBack, relocate } = this.options;
    const ask = async (): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        // Started again, its process may have another address.
        if (error instanceof Away) this.#where = (await relocate?.()) ?? this.#where;
        throw error;
      }
    };
    return untilBack(ask, { signal, onBack, onAway: (why) => onAway?.(`${this.name}: ${why}`) });
  }

  async #state(sha256: string, signal?: AbortSignal): Promise<ObjectState> {
    const answer = await this.#ask("GET", `${objectPath(sha256)}/state`, { signal });
    return objectState.parse(JSON.parse(await textOf(await this.#expect(answer, [200]))));
  }

  async #download({ sha256, bytes }: Stored, part: string, signal?: AbortSignal): Promise<void> {
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
    const headers: Record<string, string> = start === 0 ? {} : { Range: `bytes=${start}-` };
    const answer = await this.#ask("GET", objectPath(sha256), { signal, headers });
    if (answer.statusCode === 404) {
      answer.resume();
      throw missing(sha256, this.name);
    }
    await this.#expect(answer, start === 0 ? [200] : [206]);
    let room = bytes - start;
    const bounded = async function* (parts: AsyncIterable<Uint8Array>) {
      for await (const each of parts) {
        room -= each.length;
        if (room < 0)
          throw new PhinetsError(
            "store.corrupt",
            `${sha256}: has more than the ${bytes} bytes that it was said to have`,
          );
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
      if (error instanceof PhinetsError) rmSync(part, { force: true });
      throw error instanceof PhinetsError
        ? error
        : written?.code && isOfDisk(written.code)
          ? describeWriteError(written, part)
          : new Away(reasonOf(error));
    }
    if (room > 0) throw new Away("the transfer broke off");
  }

  async #upload({ sha256, bytes }: Stored, path: string, signal?: AbortSignal): Promise<void> {
    const state = await this.#state(sha256, signal);
    if ("bytes" in state) return;
    const { received } = state;
    const body = createReadStream(path, { start: received });
    const answer = await this.#ask("PATCH", `${objectPath(sha256)}?offset=${received}&bytes=${bytes}`, {
      signal,
      body,
      headers: { "Content-Length": String(bytes - received) },
    });
    const text = await textOf(answer);
    switch (answer.statusCode) {
      case 200:
      case 201:
        return;
      case 202: // not yet all
      case 409: // somebody else went on with it
      case 423:
        throw new Away("another brings the same file");
      case 422:
        throw new PhinetsError(
          "store.corrupt",
          `${this.name}: refused ${path}: ${text}; it is sent again with the next rung`,
          path,
        );
      default:
        await this.#expect(answer, [], text);
    }
  }

  #ask(
    method: string,
    path: string,
    {
      signal,
      headers,
      body,
    }: {
      readonly signal?: AbortSignal;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: NodeJS.ReadableStream;
    },
  ): Promise<IncomingMessage> {
    const { url, token, certificate } = this.#where;
    const address = new URL(path, url);
    const ask = address.protocol === "https:" ? tlsRequest : plainRequest;
    return new Promise((resolve, reject) => {
      const sent = ask(
        address,
        {
          method,
          signal,
          timeout: silenceMs,
          headers: { ...headers, Authorization: `Bearer ${token}` },
          ...(certificate !== undefined && { ca: certificate }),
        },
        resolve,
      );
      sent.on("timeout", () => sent.destroy(new Away("says nothing")));
      sent.on("error", (error) => {
        if (signal?.aborted) reject(signal.reason);
        else
          reject(
            isUntrusted(error)
              ? this.#refused(`its certificate is not trusted (${error.message})`)
              : new Away(reasonOf(error)),
          );
      });
      if (body === undefined) sent.end();
      else pipeline(body, sent).catch(() => {}); // what broke it is the request's error
    });
  }

  /** The answer, if its status is one of these; other servers' faults may pass, what it refuses does not. */
  async #expect(answer: IncomingMessage, statuses: readonly number[], read?: string): Promise<IncomingMessage> {
    const { statusCode = 0 } = answer;
    if (statuses.includes(statusCode)) return answer;
    const text = read ?? (await textOf(answer));
    if (statusCode === 401) throw this.#refused("does not take the token (401)");
    if (statusCode >= 500) throw new Away(`${statusCode} ${text}`.trim());
    throw this.#refused(`${statusCode} ${text}`.trim());
  }

  #refused(why: string): PhinetsError {
    return new PhinetsError(
      "store.refused",
      `${this.name}: ${why}; start the sweep again, which tells its workers anew`,
    );
  }
}

const isOfDisk = (code: string): boolean =>
  ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES", "EPERM"].includes(code);

const isUntrusted = ({ code }: NodeJS.ErrnoException): boolean =>
  code !== undefined && /CERT|SIGNED|ERR_TLS|UNABLE_TO/.test(code);

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** Of an answer that is a line or two. */
async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const part of answer.setEncoding("utf8")) {
      text += part;
      if (text.length > 4096) break;
    }
  } catch (error) {
    throw new Away(reasonOf(error));
  }
  return text.slice(0, 4096);
}
