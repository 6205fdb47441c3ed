/** Location of a sweep's store, as the sweep publishes it in Redis: whoever may take its jobs may read its files. */
import { problemOf } from "@phinets/node/host";
import type { Redis } from "ioredis";
import { z } from "zod";
import { keptSeconds, storeKey } from "./names.js";
import { HttpStore, type HttpStoreOptions, type StoreLocation } from "./store/http-store.js";
import type { OpenedStore } from "./store/open.js";
import type { Store } from "./store/store.js";

const location = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  token: z.string().min(16).max(200),
  /** Certificate to trust, in PEM. */
  certificate: z.string().max(100_000).optional(),
});

export async function tellLocation(redis: Redis, store: string, where: StoreLocation): Promise<void> {
  await redis.set(storeKey(store), JSON.stringify(where), "EX", keptSeconds);
}

export interface FindStoreOptions extends Pick<HttpStoreOptions, "onAway" | "onBack"> {
  /** The store that was named on this machine. */
  readonly own?: OpenedStore;
}

/** Opens the store of an id; undefined where its location is unknown. */
export async function findStore(
  redis: Redis,
  id: string,
  { own, ...told }: FindStoreOptions,
): Promise<Store | undefined> {
  if (own?.id === id) return own.store;
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
