/**
 * Names of Redis keys. All keys are below `phinets:`, so that the Redis can serve other programs too, and an ACL can
 * say `~phinets:*`.
 */
import { kernelsSha256 } from "@phinets/core/kernels";
import { ownVersion } from "@phinets/node/steps";

export const keyPrefix = "phinets";

/** Queue of this version and these kernels: others would train other bits, so they have other queues. */
export const ownQueue = (): string => `${ownVersion()}-${kernelsSha256.slice(0, 12)}`;

export const isQueueName = (text: string): boolean => /^\d+\.\d+\.\d+[0-9A-Za-z.-]{0,40}-[0-9a-f]{12}$/.test(text);

/** Set of the names of all queues that sweeps have used. */
export const queuesKey = `${keyPrefix}:queues`;
/** List of a queue's jobs that no worker has taken. */
export const waitingKey = (queue: string): string => `${keyPrefix}:${queue}:wait`;
/** Location of a store, as JSON. */
export const storeKey = (store: string): string => `${keyPrefix}:store:${store}`;
/** Progress of a store's trials, a hash by trial. */
export const recordsKey = (store: string): string => `${keyPrefix}:records:${store}`;
/** Records of a command's shards, a hash by range. */
export const shardsKey = (store: string, task: string): string => `${keyPrefix}:shards:${store}:${task}`;

/** Seconds after which unused keys expire. */
export const keptSeconds = 30 * 24 * 3600;
