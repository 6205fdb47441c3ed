/**
 * How far a command's shards are: a field a range of pictures, planned, or done with what came out as the name of a file in
 * the store. Kept in Redis, so that a command that is given again has the same ranges and what is done of them.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { readAs, storedFile } from "../job-checks.js";
import { keptSeconds, shardsKey } from "../names.js";
import type { Range } from "./ranges.js";

const record = z.strictObject({
  /** Of no use any more. */
  input: storedFile,
  output: storedFile,
  /** Milliseconds that the worker took. */
  ms: z.number().nonnegative(),
});
export type ShardRecord = z.infer<typeof record>;

/** Of a range that nobody has done yet. */
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

  /** All ranges that were ever planned; what is no range and no record is left out. */
  async all(): Promise<{ readonly range: Range; readonly record?: ShardRecord }[]> {
    const fields = Object.entries(await this.redis.hgetall(this.#key));
    return fields.flatMap(([field, text]) => {
      const [, from, to] = /^(\d{1,9})-(\d{1,9})$/.exec(field) ?? [];
      return to === undefined
        ? []
        : [{ range: { from: Number(from), to: Number(to) }, record: parseShardRecord(text) }];
    });
  }

  /** Those of ranges that are done. */
  async find(ranges: readonly Range[]): Promise<(ShardRecord | undefined)[]> {
    if (ranges.length === 0) return [];
    const texts = await this.redis.hmget(this.#key, ...ranges.map(fieldOf));
    return texts.map((text) => (text === null ? undefined : parseShardRecord(text)));
  }

  /** Says that a range will be asked for. One that is done stays so. */
  async plan(range: Range): Promise<void> {
    await this.redis.hsetnx(this.#key, fieldOf(range), planned);
    await this.redis.expire(this.#key, keptSeconds);
  }

  async save(range: Range, done: ShardRecord): Promise<void> {
    await this.redis.hset(this.#key, fieldOf(range), JSON.stringify(done));
    await this.redis.expire(this.#key, keptSeconds);
  }

  /** What is done of a range is gone: it is to be done again. */
  async forget(range: Range): Promise<void> {
    await this.redis.hset(this.#key, fieldOf(range), planned);
  }

  /** When all is done and taken. */
  async remove(): Promise<void> {
    await this.redis.del(this.#key);
  }
}

export const parseShardRecord = (text: string): ShardRecord | undefined => readAs(record, text);
