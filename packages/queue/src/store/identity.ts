/** What a store is known by: store.json in its folder, made with it. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError, problemOf, readJson, writeFileAtomic } from "@phinets/node/host";
import { z } from "zod";

const document = z.strictObject({
  format: z.literal("phinets-store-1"),
  /** The same folder, the same id, whatever it is mounted as. */
  id: z.string().regex(/^[0-9a-f]{16}$/, "16 hexadecimal digits"),
  /** Who has it may ask the store over HTTP. */
  token: z.string().regex(/^[\w-]{32,64}$/, "32 letters, digits, - and _"),
});

export type StoreIdentity = z.infer<typeof document>;

const options = { code: "store.identity", remedy: "name the folder of a store, or an empty one" };

/** Makes the store of a folder, unless it is one. */
export function openStoreFolder(folder: string): StoreIdentity {
  const path = join(folder, "store.json");
  if (existsSync(path)) return readStoreFolder(folder);
  const made: StoreIdentity = {
    format: "phinets-store-1",
    id: randomBytes(8).toString("hex"),
    token: randomBytes(24).toString("base64url"),
  };
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  writeFileAtomic(path, `${JSON.stringify(made, undefined, 1)}\n`);
  chmodSync(path, 0o600);
  return made;
}

/** @throws PhinetsError `store.identity` where the folder is no store's */
export function readStoreFolder(folder: string): StoreIdentity {
  const path = join(folder, "store.json");
  const found = readJson(path, options);
  const problem = problemOf(document, found);
  if (problem !== undefined) throw new PhinetsError(options.code, `${path}: ${problem}; ${options.remedy}`, path);
  return document.parse(found);
}
