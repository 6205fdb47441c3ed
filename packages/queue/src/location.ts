/** Where a sweep's store is reached, as the sweep says in Redis: who may take its jobs may ask for its files. */
import { problemOf } from "@phinets/node/host";
import type { Redis } from "ioredis";
import { z } from "zod";
import { keptSeconds, storeKey } from "./names.js";
import { FolderStore } from "./store/folder-store.js";
import { HttpStore, type HttpStoreOptions, type StoreLocation } from "./store/http-store.js";
import type { Store } from "./store/store.js";

const location = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  token: z.string().min(16).max(200),
  /** PEM, to be trusted. */
  certificate: z.string().max(100_000).optional(),
});

export async function tellLocation(redis: Redis, store: string, where: StoreLocation): Promise<void> {
  await redis.set(storeKey(store), JSON.stringify(where), "EX", keptSeconds);
}

export interface FindStoreOptions extends Pick<HttpStoreOptions, "onAway" | "onBack"> {
  /** A folder that this machine shares with the sweep, and the id of the store in it. */
  readonly folder?: { readonly path: string; readonly id: string };
}

/** The store of that id; undefined where nothing says where it is. */
export async function findStore(
  redis: Redis,
  id: string,
  { folder, ...told }: FindStoreOptions,
): Promise<Store | undefined> {
  if (folder?.id === id) return new FolderStore(folder.path);
  const relocate = () => readLocation(redis, id);
  const where = await relocate();
  return where && new HttpStore({ ...where, ...told, relocate });
}

async function readLocation(redis: Redis, id: string): Promise<StoreLocation | undefined> {
  const text = await redis.get(storeKey(id));
  if (text === null) return undefined;
  let where: unknown;
  try {
    where = JSON.parse(text);
  } catch {
    return undefined;
  }
  return problemOf(location, where) === undefined ? location.parse(where) : undefined;
}
