/** A store of another machine's, over HTTP. Transfers that break go on where they broke, for as long as it takes. */
import { createReadStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { PhinetsError } from "@phinets/core/tensor";
import { nameWhole } from "./folder-store.js";
import { type ObjectState, objectPath, objectState } from "./protocol.js";
import { Away, type RetryOptions, untilBack } from "./retry.js";
import { digestFile, missing, requireOwnBytes, type Store, type Stored, type StoreOptions } from "./store.js";
import { type AskOptions, ask, download, textOf, Untrusted } from "./transfer.js";

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

  #download(file: Stored, part: string, signal?: AbortSignal): Promise<void> {
    const open = async (headers: Readonly<Record<string, string>>): Promise<IncomingMessage> => {
      const answer = await this.#ask("GET", objectPath(file.sha256), { signal, headers });
      if (answer.statusCode === 404) {
        answer.resume();
        throw missing(file.sha256, this.name);
      }
      return this.#expect(answer, "Range" in headers ? [206] : [200]);
    };
    return download(file, part, open, signal);
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

  async #ask(
    method: string,
    path: string,
    options: Pick<AskOptions, "signal" | "headers" | "body">,
  ): Promise<IncomingMessage> {
    const { url, token, certificate } = this.#where;
    const headers = { ...options.headers, Authorization: `Bearer ${token}` };
    try {
      return await ask(new URL(path, url), { ...options, method, headers, certificate });
    } catch (error) {
      throw error instanceof Untrusted ? this.#refused(`its certificate is not trusted (${error.message})`) : error;
    }
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
