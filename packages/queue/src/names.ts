/** Names in Redis. Everything is below `phinets:`, so that one Redis may serve others too, and an ACL may say `~phinets:*`. */
import { kernelsSha256 } from "@phinets/core/kernels";
import { ownVersion } from "@phinets/node/steps";

/** In front of every key. */
export const keyPrefix = "phinets";

/** The queue of this version and these kernels: others train other bits, and have others' jobs. */
export const ownQueue = (): string => `${ownVersion()}-${kernelsSha256.slice(0, 12)}`;

export const isQueueName = (text: string): boolean => /^\d+\.\d+\.\d+[0-9A-Za-z.-]{0,40}-[0-9a-f]{12}$/.test(text);

/** A set: names of the queues that sweeps have used. */
export const queuesKey = `${keyPrefix}:queues`;
/** The jobs of a queue that nobody has taken, a list. */
export const waitingKey = (queue: string): string => `${keyPrefix}:${queue}:wait`;
/** Where a store is reached, a JSON. */
export const storeKey = (store: string): string => `${keyPrefix}:store:${store}`;
/** How far the trials of a store are, a hash by trial. */
export const recordsKey = (store: string): string => `${keyPrefix}:records:${store}`;
/** What is known of a command's shards, a hash by their range. */
export const shardsKey = (store: string, task: string): string => `${keyPrefix}:shards:${store}:${task}`;

/** Seconds after which what nobody has touched is forgotten. */
export const keptSeconds = 30 * 24 * 3600;
