/**
 * A shard: a range of a command's pictures as a job of the queue. It has plain settings and names of files in the
 * store; the content of those files is parsed in a separate process.
 */
import { z } from "zod";
import { checkJob, hex, ownVersionFields, refuse, storedFile, versionFields } from "../job-checks.js";

export const shardFormat = "phinets-shard-1";

/** Most pictures of one command. */
const mostPictures = 100_000_000;

const count = z.int().nonnegative().max(mostPictures);
const share = z.number().min(0).max(1);

/** Files of a run folder, by purpose. */
const modelFiles = z.strictObject({
  network: storedFile,
  weights: storedFile.optional(),
  quantized: storedFile.optional(),
  quantizedWeights: storedFile.optional(),
  /** The board that the run was made for. */
  target: storedFile.optional(),
});
export type ModelFiles = z.infer<typeof modelFiles>;

/** Path of each file in a run folder. */
export const modelPlaces: Readonly<Record<keyof ModelFiles, string>> = {
  network: "network.json",
  weights: "weights/best.safetensors",
  quantized: "quantized.json",
  quantizedWeights: "quantized.safetensors",
  target: "target.json",
};

const common = {
  format: z.literal(shardFormat),
  ...versionFields,
  /** Id of the store that has its files. */
  store: hex(16),
  /** Digest of the command's model, settings and pictures. */
  task: hex(64),
  /** The range of the command's pictures; `to` is exclusive. */
  from: count,
  to: count,
  model: modelFiles,
} as const;

/** Raw outputs of a network; `input` has its pixels, concatenated. */
const val = z.strictObject({
  ...common,
  step: z.literal("val"),
  on: z.enum(["float", "int8", "firmware"]),
  input: storedFile,
});

/** Options of a model's predictions for picture files, which `input` lists. */
export const looking = z.strictObject({
  conf: share.optional(),
  iou: share.optional(),
  maxDet: z.int().positive().max(1_000_000).optional(),
  /** Number of classes to report for a classifier's picture, best first. */
  maxClasses: z.int().positive().max(1_000_000).optional(),
  tiles: z.strictObject({ columns: z.int().min(1).max(64), rows: z.int().min(1).max(64) }).optional(),
  pixelRange: z.strictObject({ low: z.number(), high: z.number() }).optional(),
});
export type Looking = Readonly<z.infer<typeof looking>>;
const predict = z.strictObject({
  ...common,
  step: z.literal("predict"),
  on: z.enum(["float", "int8"]),
  options: looking,
  input: storedFile,
});

const document = z.discriminatedUnion("step", [val, predict]);

export type ShardDocument = z.infer<typeof document>;

/** The fields of a shard apart from those that all shards share. */
type Settings<T> = T extends unknown ? Omit<T, "format" | "phinets" | "kernelsSha256"> : never;
export type ShardSettings = Settings<ShardDocument>;

export const makeShard = (settings: ShardSettings): ShardDocument => ({
  ...{ format: shardFormat, ...ownVersionFields() },
  ...settings,
});

/**
 * Name of a shard's job. The same pictures of the same command have the same name, so that they are in the queue only
 * once.
 */
export const shardName = ({ store, task, from, to }: Pick<ShardDocument, "store" | "task" | "from" | "to">): string =>
  `${store}-${task}-${from}-${to}`;

/** Title for messages. */
export const shardTitle = ({ task, from, to }: Pick<ShardDocument, "task" | "from" | "to">): string =>
  `${task.slice(0, 12)}: pictures ${from + 1} to ${to}`;

/** Whether a job of the queue claims to be a shard. */
export const isShard = (value: unknown): boolean => (value as { format?: unknown } | null)?.format === shardFormat;

/**
 * @param name of the job in the queue
 * @throws PhinetsError `queue.job` for anything that `makeShard` does not produce, or that is of another version
 */
export function parseShard(value: unknown, name: string): ShardDocument {
  const shard = checkJob(document, value, { name, nameOf: shardName });
  if (shard.from >= shard.to) refuse(`its pictures are ${shard.from} up to ${shard.to}: there are none`);
  const { model, on } = shard;
  if (on !== "float" && (model.quantized === undefined || model.quantizedWeights === undefined))
    refuse(`on is ${on}, and its model has no int8 network`);
  return shard;
}
