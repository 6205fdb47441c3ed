/**
 * A store in an S3 bucket, or on a compatible server. Requests are signed (Signature Version 4). An upload is signed
 * with its SHA-256, which is also its name, so that the server accepts no other bytes.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { PhinetsError } from "@phinets/core/tensor";
import { visible } from "@phinets/node/text";
import { AwsV4Signer } from "aws4fetch";
import { nameWhole } from "./folder-store.js";
import { Away, type RetryOptions, untilBack } from "./retry.js";
import type { S3Place } from "./s3-place.js";
import { digestFile, missing, type OwnStore, requireOwnBytes, type Stored, type StoreOptions } from "./store.js";
import { type AskOptions, ask, download, textOf, Untrusted } from "./transfer.js";

/** SHA-256 of the empty string. */
const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Remedies by S3's error code. */
const remedies: Readonly<Record<string, string>> = {
  NoSuchBucket: "there is no such bucket; make it, or correct --store",
  AccessDenied: "access is denied; let the key list the bucket, and get, put and delete objects below the prefix",
  AllAccessDisabled: "the bucket is closed; name another with --store",
  InvalidAccessKeyId: "the key is not known there; correct AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "the secret is not that of the key; correct AWS_SECRET_ACCESS_KEY",
  RequestTimeTooSkewed: "this machine's clock is minutes off; set it",
  ExpiredToken: "the session has expired; get another AWS_SESSION_TOKEN",
  InvalidToken: "the session's token is not one; correct AWS_SESSION_TOKEN",
  PermanentRedirect: "the bucket is in another region; name it in AWS_REGION",
  AuthorizationHeaderMalformed: "the bucket is in another region; name it in AWS_REGION",
  IllegalLocationConstraintException: "the bucket is in another region; name it in AWS_REGION",
};

/** Temporary errors: the server's own faults and throttling. */
const passing = /^(SlowDown|InternalError|ServiceUnavailable|RequestTimeout|OperationAborted|TooManyRequests)$/;

type S3StoreOptions = Pick<RetryOptions, "onAway" | "onBack">;

export class S3Store implements OwnStore {
  readonly name: string;

  constructor(
    readonly place: S3Place,
    readonly options: S3StoreOptions = {},
  ) {
    this.name = place.name;
  }

  async has(sha256: string, { signal }: StoreOptions = {}): Promise<boolean> {
    return this.#retry(signal, async () => {
      const answer = await this.#ask("HEAD", keyOf(sha256), { signal });
      answer.resume();
      if (answer.statusCode === 200 || answer.statusCode === 404) return answer.statusCode === 200;
      // An answer to HEAD has no body, and therefore no error code: read one byte instead.
      return (await this.#read(keyOf(sha256), { signal, headers: { Range: "bytes=0-0" } })) !== undefined;
    });
  }

  async get(file: Stored, path: string, { signal }: StoreOptions = {}): Promise<void> {
    const part = `${path}.part`;
    const open = async (headers: Readonly<Record<string, string>>): Promise<IncomingMessage> => {
      const answer = await this.#ask("GET", keyOf(file.sha256), { signal, headers });
      if (answer.statusCode === ("Range" in headers ? 206 : 200)) return answer;
      const { code, error } = await this.#faultOf(answer);
      throw code === "NoSuchKey" ? missing(file.sha256, this.name) : error;
    };
    await this.#retry(signal, () => download(file, part, open, signal));
    await requireOwnBytes(part, file, this.name);
    nameWhole(part, path);
  }

  async put(path: string, { signal }: StoreOptions = {}): Promise<Stored> {
    const stored = await digestFile(path, { signal });
    if (await this.has(stored.sha256, { signal })) return stored;
    await this.#retry(signal, async () => {
      const headers = { "Content-Length": String(stored.bytes) };
      const body = createReadStream(path);
      await this.#put(keyOf(stored.sha256), { sha256: stored.sha256, body, headers, signal });
    });
    return stored;
  }

  async remove(sha256: string): Promise<void> {
    try {
      (await this.#ask("DELETE", keyOf(sha256), {})).resume();
    } catch {}
  }

  /** Reads a small object outside of the store's files; undefined where it does not exist. */
  readText(key: string, { signal }: StoreOptions = {}): Promise<string | undefined> {
    return this.#retry(signal, () => this.#read(key, { signal }));
  }

  /** Writes a small object unless it exists; servers without conditional writes overwrite it. */
  async putText(key: string, text: string, { signal }: StoreOptions = {}): Promise<void> {
    const bytes = Buffer.from(text);
    const headers = { "Content-Length": String(bytes.length), "If-None-Match": "*" };
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await this.#retry(signal, () => this.#put(key, { sha256, headers, body: Readable.from([bytes]), signal }));
  }

  async #put(
    key: string,
    { sha256, ...options }: Pick<AskOptions, "headers" | "body" | "signal"> & { readonly sha256: string },
  ): Promise<void> {
    const answer = await this.#ask("PUT", key, options, sha256);
    if (answer.statusCode === 200 || answer.statusCode === 412) {
      answer.resume();
      return;
    }
    const { code, error } = await this.#faultOf(answer);
    if (code === "XAmzContentSHA256Mismatch")
      throw new PhinetsError("store.corrupt", `${this.name}: a file changed while it was put there; do it again`);
    throw error;
  }

  async #read(key: string, options: Pick<AskOptions, "headers" | "signal">): Promise<string | undefined> {
    const answer = await this.#ask("GET", key, options);
    if (answer.statusCode === 200 || answer.statusCode === 206) return textOf(answer);
    const { code, error } = await this.#faultOf(answer);
    if (code === "NoSuchKey") return undefined;
    throw error;
  }

  #retry<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const { onAway, onBack } = this.options;
    return untilBack(work, { signal, onBack, onAway: (why) => onAway?.(`${this.name}: ${why}`) });
  }

  async #ask(
    method: string,
    key: string,
    options: Pick<AskOptions, "headers" | "body" | "signal">,
    sha256 = emptySha256,
  ): Promise<IncomingMessage> {
    const { base, region, accessKeyId, secretAccessKey, sessionToken } = this.place;
    const address = new URL(key, base);
    const headers = { ...options.headers, "X-Amz-Content-Sha256": sha256 };
    const keys = { accessKeyId, secretAccessKey, sessionToken };
    const signer = new AwsV4Signer({ method, url: address.href, headers, service: "s3", region, ...keys });
    const signed = await signer.sign();
    try {
      return await ask(address, { ...options, method, headers: Object.fromEntries(signed.headers) });
    } catch (error) {
      if (!(error instanceof Untrusted)) throw error;
      const remedy = "name its authority's file in NODE_EXTRA_CA_CERTS";
      throw new PhinetsError(
        "store.refused",
        `${this.name}: its certificate is not trusted (${error.message}); ${remedy}`,
      );
    }
  }

  /** The error in an answer that refuses a request. */
  async #faultOf(answer: IncomingMessage): Promise<{ readonly code: string; readonly error: Error }> {
    const { statusCode = 0, headers } = answer;
    const text = await textOf(answer);
    const field = (name: string): string | undefined => new RegExp(`<${name}>([^<]{0,300})</${name}>`).exec(text)?.[1];
    const code = field("Code") ?? (statusCode === 404 ? "NoSuchKey" : String(statusCode));
    if (statusCode >= 500 || statusCode === 429 || passing.test(code)) return { code, error: new Away(code) };
    const region = headers["x-amz-bucket-region"];
    const where = typeof region === "string" ? ` (${region})` : "";
    const why = remedies[code] ?? `${visible(field("Message") ?? "it says no more")}; correct --store`;
    return {
      code,
      error: new PhinetsError("store.refused", `${this.name}: ${visible(code)}: ${why}${where}`),
    };
  }
}

const keyOf = (sha256: string): string => `objects/${sha256.slice(0, 2)}/${sha256}`;
