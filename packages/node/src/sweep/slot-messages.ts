/** Messages between a sweep and its slot processes, as JSON over their IPC channel. */
import { z } from "zod";

const work = {
  /** Run folder of the trial. */
  run: z.string().min(1),
  /** Key of the trial's pictures and labels. */
  dataKey: z.string().min(1),
  /** Folder of all runs: its cache keeps decoded pictures. */
  project: z.string().min(1),
  threads: z.int().positive(),
} as const;

/** Orders to a slot, which does one piece of work at a time. */
export const slotOrder = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("train"), ...work, epochs: z.int().positive() }),
  z.strictObject({ kind: z.literal("quantize"), ...work }),
  /** Ends the current work at its next safe point. */
  z.strictObject({ kind: z.literal("stop") }),
]);

export type SlotOrder = z.infer<typeof slotOrder>;
export type SlotWork = Exclude<SlotOrder, { kind: "stop" }>;

/** Answers of a slot: epochs as they are done, then one of the other kinds, which ends the work. */
export const slotAnswer = z.discriminatedUnion("kind", [
  /** Total number of epochs done. */
  z.strictObject({ kind: z.literal("epoch"), done: z.int().nonnegative() }),
  /** `failed`: the training diverged. */
  z.strictObject({ kind: z.literal("trained"), failed: z.string().optional() }),
  z.strictObject({ kind: z.literal("quantized"), figures: z.record(z.string(), z.number()) }),
  /** The work ended because of a "stop" order. */
  z.strictObject({ kind: z.literal("stopped") }),
  z.strictObject({ kind: z.literal("error"), message: z.string() }),
]);

export type SlotAnswer = z.infer<typeof slotAnswer>;
