/** Messages between a worker and the process that does its shards, as JSON over their IPC channel. */
import { z } from "zod";
import { looking } from "./job.js";

const work = {
  /** Folder laid out as a run folder. */
  run: z.string().min(1),
  /** Path of the shard's input file. */
  input: z.string().min(1),
  pictures: z.int().positive(),
  /** Path of the result's file. */
  output: z.string().min(1),
} as const;

/** Orders to the process, which does one shard at a time. */
export const shardOrder = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("val"),
    ...work,
    on: z.enum(["float", "int8", "firmware"]),
    threads: z.int().positive(),
  }),
  z.strictObject({
    kind: z.literal("predict"),
    ...work,
    on: z.enum(["float", "int8"]),
    options: looking,
    /** Folder of the pictures that the input lists. */
    folder: z.string().min(1),
  }),
  /** Gives up the current shard. */
  z.strictObject({ kind: z.literal("stop") }),
]);

export type ShardOrder = z.infer<typeof shardOrder>;
export type ShardWork = Exclude<ShardOrder, { kind: "stop" }>;

/** Answers of the process, one per shard. */
export const shardAnswer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("done") }),
  z.strictObject({ kind: z.literal("stopped") }),
  z.strictObject({
    kind: z.literal("error"),
    message: z.string(),
    /** Code of a PhinetsError. */
    code: z.string().optional(),
    /** Whether the shard is at fault, not this machine. */
    ofShard: z.boolean(),
  }),
]);

export type ShardAnswer = z.infer<typeof shardAnswer>;
