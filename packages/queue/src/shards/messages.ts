/** What a worker and the process that looks at a shard's pictures say to each other, as JSON over the channel between them. */
import { z } from "zod";
import { looking } from "./job.js";

const work = {
  /** Folder that is laid out as a run's. */
  run: z.string().min(1),
  /** Input of the shard, a file. */
  input: z.string().min(1),
  pictures: z.int().positive(),
  /** Where the result goes, a file. */
  output: z.string().min(1),
} as const;

/** To the process: one shard at a time. */
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
    /** Folder with the pictures that the input lists. */
    folder: z.string().min(1),
  }),
  /** The shard in hand is given up. */
  z.strictObject({ kind: z.literal("stop") }),
]);

export type ShardOrder = z.infer<typeof shardOrder>;
export type ShardWork = Exclude<ShardOrder, { kind: "stop" }>;

/** From the process, once a shard. */
export const shardAnswer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("done") }),
  z.strictObject({ kind: z.literal("stopped") }),
  z.strictObject({
    kind: z.literal("error"),
    message: z.string(),
    /** Of a PhinetsError. */
    code: z.string().optional(),
    /** What the shard says is wrong, not this machine. */
    ofShard: z.boolean(),
  }),
]);

export type ShardAnswer = z.infer<typeof shardAnswer>;
