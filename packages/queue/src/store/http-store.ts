/** A store on another machine, over HTTP. Interrupted transfers resume where they stopped, as often as needed. */
import { createReadStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { PhinetsError } from "@phinets/core/tensor";
import { nameWhole } from "./folder-store.js";
import { type ObjectState, objectPath, objectState } from "./protocol.js";
import { Away, type RetryOptions, untilBack } from "./retry.js";
import { digestFile, missing, requireOwnBytes, type Store, type Stored, type StoreOptions } from "./store.js";
import { type AskOptions, ask, download, textOf, Untrusted } from "./transfer.js";

/** Location and credentials of a store. */
export interface StoreLocation {
  /** `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly url: string;
  readonly token: string;
  /** Certificate to trust, in PEM; default: those that this machine trusts. */
  readonly certificate?: string;
}

export interface HttpStoreOptions extends StoreLocation, Pick<RetryOptions, "onAway" | "onBack"> {
  /** Called while the store is unreachable: returns its current location. */
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
        // A restarted process may have another address.
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
      case 202: // incomplete so far
      case 409: // another client has continued the upload
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

  /** Returns the answer if it has one of the statuses. A server error is temporary (`Away`), a refusal is final. */
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
