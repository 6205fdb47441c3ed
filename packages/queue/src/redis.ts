/** Connects to Redis (or Valkey); a lost connection is restored automatically. */
import { PhinetsError } from "@phinets/core/tensor";
import { Redis } from "ioredis";

export interface RedisAddress {
  /** URL including the password. */
  readonly url: string;
  /** URL without the password, for messages. */
  readonly shown: string;
}

/** Environment variable with the password for an address without one. */
const passwordVariable = "PHINETS_REDIS_PASSWORD";

/**
 * @param text `redis://USER:PASSWORD@HOST:PORT/DB`, `rediss://` for TLS
 * @throws PhinetsError `queue.address` for anything else
 */
export function redisAddress(text: string): RedisAddress {
  const fail = (): never => {
    throw new PhinetsError(
      "queue.address",
      "--queue is no address of a Redis; it is redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS",
    );
  };
  if (!URL.canParse(text)) return fail();
  const url = new URL(text);
  const { protocol, host, pathname } = url;
  if (!/^rediss?:$/.test(protocol) || host === "" || !/^(\/\d{0,5})?$/.test(pathname)) return fail();
  const password = process.env[passwordVariable];
  if (url.password === "" && password !== undefined) url.password = encodeURIComponent(password);
  return { url: url.href, shown: `${protocol}//${host}${pathname}` };
}

export interface RedisEvents {
  /** The connection is lost; requests wait until it is back. */
  readonly onAway: (why: string) => void;
  readonly onBack: () => void;
}

/** Milliseconds within which Redis must accept the first connection. */
const patienceMs = 5000;
/** Milliseconds between attempts to reconnect. */
const retryMs = (tries: number): number => Math.min(3000, 100 * tries);

/** @throws PhinetsError `queue.redis` where no Redis answers at the address, or it refuses the connection */
export async function connectRedis({ url, shown }: RedisAddress, { onAway, onBack }: RedisEvents): Promise<Redis> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy: retryMs });
  let why = "";
  redis.on("error", (error: NodeJS.ErrnoException) => {
    why = error.message || (error.code ?? "");
  });
  try {
    await ready(redis);
  } catch (error) {
    redis.disconnect();
    throw new PhinetsError(
      "queue.redis",
      `${shown}: ${why || (error as Error).message}; start Redis there, or correct --queue`,
    );
  }
  let away = false;
  redis.on("close", () => {
    if (away || redis.status === "end") return;
    away = true;
    onAway(why);
  });
  redis.on("ready", () => {
    if (!away) return;
    away = false;
    onBack();
  });
  return redis;
}

/**
 * Resolves when Redis accepts commands. A Redis that is starting gets some seconds for that; a refusal is an error at
 * once.
 */
async function ready(redis: Redis): Promise<void> {
  const patience = AbortSignal.timeout(patienceMs);
  await new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    redis.on("error", (error) => {
      if (error.name === "ReplyError") reject(error);
    });
    patience.addEventListener("abort", () => reject(new Error("says nothing")));
    // A failed attempt is repeated and reported by "error".
    redis.connect().catch(() => {});
  });
  await redis.ping();
}
