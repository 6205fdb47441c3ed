/**
 * Records of a command's shards: one field per range of pictures, planned or done with the name of its result in the
 * store. They are in Redis, so that a repeated command has the same ranges and finds their results.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { readAs, storedFile } from "../job-checks.js";
import { keptSeconds, shardsKey } from "../names.js";
import type { Range } from "./ranges.js";

const record = z.strictObject({
  /** The shard's input, which may then be removed. */
  input: storedFile,
  output: storedFile,
  /** Milliseconds that the worker took. */
  ms: z.number().nonnegative(),
});
export type ShardRecord = z.infer<typeof record>;

/** Value of a range that is not done yet. */
const planned = "planned";

const fieldOf = ({ from, to }: Range): string => `${from}-${to}`;

export class ShardRecords {
  readonly #key: string;

  constructor(
    readonly redis: Redis,
    { store, task }: { readonly store: string; readonly task: string },
  ) {
    this.#key = shardsKey(store, task);
  }

  /** All ranges that were ever planned; invalid fields are left out. */
  async all(): Promise<{ readonly range: Range; readonly record?: ShardRecord }[]> {
    const fields = Object.entries(await this.redis.hgetall(this.#key));
    return fields.flatMap(([field, text]) => {
      const [, from, to] = /^(\d{1,9})-(\d{1,9})$/.exec(field) ?? [];
      return to === undefined
        ? []
        : [{ range: { from: Number(from), to: Number(to) }, record: parseShardRecord(text) }];
    });
  }

  /** The records of ranges; undefined for those that are not done. */
  async find(ranges: readonly Range[]): Promise<(ShardRecord | undefined)[]> {
    if (ranges.length === 0) return [];
    const texts = await this.redis.hmget(this.#key, ...ranges.map(fieldOf));
    return texts.map((text) => (text === null ? undefined : parseShardRecord(text)));
  }

  /** Records that a range will be requested, unless it is done. */
  async plan(range: Range): Promise<void> {
    await this.redis.hsetnx(this.#key, fieldOf(range), planned);
    await this.redis.expire(this.#key, keptSeconds);
  }

  async save(range: Range, done: ShardRecord): Promise<void> {
    await this.redis.hset(this.#key, fieldOf(range), JSON.stringify(done));
    await this.redis.expire(this.#key, keptSeconds);
  }

  /** Forgets a range's lost result, so that it is done again. */
  async forget(range: Range): Promise<void> {
    await this.redis.hset(this.#key, fieldOf(range), planned);
  }

  /** Removes all records, once every result is taken. */
  async remove(): Promise<void> {
    await this.redis.del(this.#key);
  }
}

export const parseShardRecord = (text: string): ShardRecord | undefined => readAs(record, text);
