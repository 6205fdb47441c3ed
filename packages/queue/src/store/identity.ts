/** What a store is known by: store.json in its folder or below its prefix, made with it. */
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
  /** The same folder, the same id, whatever it is mounted as. */
  id: z.string().regex(/^[0-9a-f]{16}$/, "16 hexadecimal digits"),
  /** Who has it may ask the store over HTTP. */
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

/** Makes the store of a folder, unless it is one. */
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

/** @throws PhinetsError `store.identity` where the folder is no store's */
export function readStoreFolder(folder: string): StoreIdentity {
  const path = join(folder, key);
  return parseIdentity(readDocument(path, options), path);
}

/** Makes the store of a bucket's prefix, unless it is one. Of two who make it at a time, both have the one that stays. */
export async function openS3Identity(store: S3Store, told: StoreOptions): Promise<StoreIdentity> {
  if ((await store.readText(key, told)) === undefined) await store.putText(key, textOf(made()), told);
  return readS3Identity(store, told);
}

/** @throws PhinetsError `store.identity` where nothing has been made below the prefix */
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
