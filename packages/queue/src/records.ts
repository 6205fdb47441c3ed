/**
 * How far the trials of a store are: a checkpoint and what came out, as names of files in the store. Kept in Redis, where a
 * worker that goes on with a trial and the sweep that waits for it look. A record only ever moves on.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { readAs, storedFile } from "./job-checks.js";
import { keptSeconds, recordsKey } from "./names.js";

const count = z.int().nonnegative().max(100_000);

const record = z.strictObject({
  /** Epochs that the checkpoint has; 0: there is none. */
  epoch: count,
  /** Epochs of the longest rung that is done; 0: none. A quantisation counts as one. */
  rung: count,
  /** Why the training failed in a way that is the setting's own: it diverged. */
  failed: z.string().max(2000).optional(),
  /** Of the int8 network. */
  figures: z.record(z.string().max(40), z.number()).optional(),
  files: z
    .strictObject({
      ...{ last: storedFile, best: storedFile, results: storedFile },
      ...{ quantized: storedFile, quantizedWeights: storedFile, report: storedFile },
    })
    .partial(),
});

export type TrialRecord = z.infer<typeof record>;
export type RecordFile = keyof TrialRecord["files"];

/** Where a run folder has each. */
export const placeOf: Readonly<Record<RecordFile, string>> = {
  last: "weights/last.safetensors",
  best: "weights/best.safetensors",
  results: "results.csv",
  quantized: "quantized.json",
  quantizedWeights: "quantized.safetensors",
  report: "quant_report.json",
};

/** A worker that was slow, or lost its job meanwhile, puts no record back. */
const moveOn = `
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then
  local ok, was = pcall(cjson.decode, old)
  local rung, epoch = tonumber(ARGV[3]), tonumber(ARGV[4])
  if ok and type(was) == 'table' and type(was.rung) == 'number' and type(was.epoch) == 'number' then
    if was.rung > rung or (was.rung == rung and was.epoch >= epoch) then return 0 end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1`;

/** @param step of a trial: "train", or "quantize" */
export const recordName = (trial: string, step: "train" | "quantize"): string =>
  step === "train" ? trial : `${trial}:int8`;

export class Records {
  readonly #key: string;

  constructor(
    readonly redis: Redis,
    store: string,
  ) {
    this.#key = recordsKey(store);
  }

  /** Undefined for one that nobody wrote; what is no record is removed, as nothing could move on from it. */
  async find(name: string): Promise<TrialRecord | undefined> {
    const [text] = await this.texts([name]);
    if (text === null) return undefined;
    const record = parseRecord(text);
    if (record === undefined) await this.redis.hdel(this.#key, name);
    return record;
  }

  /** As they stand, for who looks often. */
  texts(names: readonly string[]): Promise<(string | null)[]> {
    return this.redis.hmget(this.#key, ...names);
  }

  async save(name: string, record: TrialRecord): Promise<void> {
    const { rung, epoch } = record;
    await this.redis.eval(moveOn, 1, this.#key, name, JSON.stringify(record), rung, epoch, keptSeconds);
  }
}

export const parseRecord = (text: string): TrialRecord | undefined => readAs(record, text);
