/** Identity of a store: store.json in its folder or below its prefix, created with the store. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError, parseDocument, problemOf, readDocument, writeFileAtomic } from "@phinets/node/host";
import { z } from "zod";
import type { S3Store } from "./s3-store.js";
import type { StoreOptions } from "./store.js";

const document = z.strictObject({
  format: z.literal("phinets-store-1"),
  /** The same folder has the same id, wherever it is mounted. */
  id: z.string().regex(/^[0-9a-f]{16}$/, "16 hexadecimal digits"),
  /** Bearer token for access over HTTP. */
  token: z.string().regex(/^[\w-]{32,64}$/, "32 letters, digits, - and _"),
});

export type StoreIdentity = z.infer<typeof document>;

const options = { code: "store.identity", remedy: "name the folder of a store, or an empty one" };
const key = "store.json";

const made = (): StoreIdentity => ({
  format: "phinets-store-1",
  id: randomBytes(8).toString("hex"),
  token: randomBytes(24).toString("base64url"),
});
const textOf = (identity: StoreIdentity): string => `${JSON.stringify(identity, undefined, 1)}\n`;

/** Makes a folder a store, unless it is one. */
export function openStoreFolder(folder: string): StoreIdentity {
  const path = join(folder, key);
  if (existsSync(path)) return readStoreFolder(folder);
  const identity = made();
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  writeFileAtomic(path, textOf(identity));
  chmodSync(path, 0o600);
  return identity;
}

/** @throws PhinetsError `store.identity` where the folder is not a store */
export function readStoreFolder(folder: string): StoreIdentity {
  const path = join(folder, key);
  return parseIdentity(readDocument(path, options), path);
}

/**
 * Makes a bucket's prefix a store, unless it is one. If two processes do so at once, both get the identity that
 * remains.
 */
export async function openS3Identity(store: S3Store, told: StoreOptions): Promise<StoreIdentity> {
  if ((await store.readText(key, told)) === undefined) await store.putText(key, textOf(made()), told);
  return readS3Identity(store, told);
}

/** @throws PhinetsError `store.identity` where the prefix is not a store */
export async function readS3Identity(store: S3Store, told: StoreOptions): Promise<StoreIdentity> {
  const text = await store.readText(key, told);
  if (text !== undefined) return parseIdentity(text, `${store.name}/${key}`);
  throw new PhinetsError(options.code, `${store.name}: is no store yet; start what fills it first`, store.name);
}

function parseIdentity(text: string, path: string): StoreIdentity {
  const found = parseDocument(text, path, options);
  const problem = problemOf(document, found);
  if (problem !== undefined) throw new PhinetsError(options.code, `${path}: ${problem}; ${options.remedy}`, path);
  return document.parse(found);
}
