/** What a sweep and the process of one of its slots say to each other, as JSON over the channel between them. */
import { z } from "zod";

const work = {
  /** Run folder of the trial. */
  run: z.string().min(1),
  /** Of the trial's pictures and labels. */
  dataKey: z.string().min(1),
  /** Folder of all runs: its cache keeps decoded pictures. */
  project: z.string().min(1),
  threads: z.int().positive(),
} as const;

/** To the slot: one piece of work at a time. */
export const slotOrder = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("train"), ...work, epochs: z.int().positive() }),
  z.strictObject({ kind: z.literal("quantize"), ...work }),
  /** The work in hand ends at its next safe point. */
  z.strictObject({ kind: z.literal("stop") }),
]);

export type SlotOrder = z.infer<typeof slotOrder>;
export type SlotWork = Exclude<SlotOrder, { kind: "stop" }>;

/** From the slot: epochs as they are done, and one of the others, which ends the work. */
export const slotAnswer = z.discriminatedUnion("kind", [
  /** So many epochs are done in all. */
  z.strictObject({ kind: z.literal("epoch"), done: z.int().nonnegative() }),
  /** `failed`: the training diverged. */
  z.strictObject({ kind: z.literal("trained"), failed: z.string().optional() }),
  z.strictObject({ kind: z.literal("quantized"), figures: z.record(z.string(), z.number()) }),
  /** It was told to stop. */
  z.strictObject({ kind: z.literal("stopped") }),
  z.strictObject({ kind: z.literal("error"), message: z.string() }),
]);

export type SlotAnswer = z.infer<typeof slotAnswer>;
