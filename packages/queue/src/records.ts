/**
 * Records of a store's trials: the latest checkpoint and the results, as names of files in the store. They are in
 * Redis, where workers that continue a trial and the sweep that waits for it read them. A record never moves backwards.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { readAs, storedFile } from "./job-checks.js";
import { keptSeconds, recordsKey } from "./names.js";

const count = z.int().nonnegative().max(100_000);

const record = z.strictObject({
  /** Epochs of the checkpoint; 0: there is none. */
  epoch: count,
  /** Epochs of the longest finished rung; 0: none. A finished quantisation counts as one. */
  rung: count,
  /** Why the training failed because of its setting: it diverged. */
  failed: z.string().max(2000).optional(),
  /** Figures of the int8 network. */
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

/** Path of each file in a run folder. */
export const placeOf: Readonly<Record<RecordFile, string>> = {
  last: "weights/last.safetensors",
  best: "weights/best.safetensors",
  results: "results.csv",
  quantized: "quantized.json",
  quantizedWeights: "quantized.safetensors",
  report: "quant_report.json",
};

/** A slow worker, or one that has lost its job, must not overwrite a newer record. */
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

  /** Undefined where there is no record; an invalid one is removed, because no record could replace it. */
  async find(name: string): Promise<TrialRecord | undefined> {
    const [text] = await this.texts([name]);
    if (text === null) return undefined;
    const record = parseRecord(text);
    if (record === undefined) await this.redis.hdel(this.#key, name);
    return record;
  }

  /** The records' texts, unparsed, for frequent polling. */
  texts(names: readonly string[]): Promise<(string | null)[]> {
    return this.redis.hmget(this.#key, ...names);
  }

  async save(name: string, record: TrialRecord): Promise<void> {
    const { rung, epoch } = record;
    await this.redis.eval(moveOn, 1, this.#key, name, JSON.stringify(record), rung, epoch, keptSeconds);
  }
}

export const parseRecord = (text: string): TrialRecord | undefined => readAs(record, text);
