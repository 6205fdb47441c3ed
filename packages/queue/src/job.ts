/**
 * Training jobs of the queue: plain settings of one known step. Everybody who can write to Redis can write jobs, so
 * each is validated here before anything is done: jobs contain no code, paths or option names, and their networks and
 * recipes are checked by the usual parsers.
 */
import { mostTextBytes } from "@phinets/core/data";
import { type Network, parseNetwork } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { parseRecipe, type Recipe } from "@phinets/core/training";
import { requireTrainable } from "@phinets/node/steps";
import { trialHash } from "@phinets/node/sweep";
import { z } from "zod";
import { checkJob, hex, ownVersionFields, refuse, versionFields } from "./job-checks.js";
import { mostUploadBytes } from "./store/protocol.js";

const format = "phinets-job-1";

const number = z.number();

const document = z.strictObject({
  format: z.literal(format),
  ...versionFields,
  step: z.enum(["train", "quantize"]),
  /** Id of the store that has its files. */
  store: hex(16),
  trial: hex(16),
  task: z.enum(["detect", "classify"]),
  /** Total epochs trained when it is done. */
  epochs: z.int().min(1).max(100_000),
  /** Checked by `parseNetwork` and `parseRecipe`. */
  network: z.unknown(),
  recipe: z.unknown(),
  valEvery: z.int().nonnegative().max(100_000).optional(),
  /** Key of the pictures that the trial is trained on. */
  dataKey: hex(64),
  /**
   * Index of the pictures that the step reads: those of the trial or, for calibration, those before a fraction was
   * drawn.
   */
  data: z.strictObject({ key: hex(64), sha256: hex(64), bytes: z.int().positive().max(mostTextBytes) }),
  loading: z.strictObject({
    skipBad: z.boolean().optional(),
    pixelRange: z.strictObject({ low: number, high: number }).optional(),
  }),
  /** Weights to start from, and the network of their run. */
  start: z
    .strictObject({
      sha256: hex(64),
      bytes: z.int().positive().max(mostUploadBytes),
      network: z.unknown().optional(),
    })
    .optional(),
});

export interface JobDocument extends z.infer<typeof document> {
  readonly network: Network;
  readonly recipe: Recipe;
}

/** The fields of a job apart from those that all jobs share. */
export type JobSettings = Omit<JobDocument, "format" | "phinets" | "kernelsSha256">;

export const makeJob = (settings: JobSettings): JobDocument => ({
  ...{ format, ...ownVersionFields() },
  ...settings,
});

type Named = Pick<JobDocument, "store" | "trial" | "epochs" | "step">;

/** Name of a job. The same step of the same trial has the same name, so that it is in the queue only once. */
export const jobName = ({ store, trial, epochs, step }: Named): string =>
  `${store}-${trial}-${epochs}${step === "quantize" ? "-int8" : ""}`;

/**
 * @param name of the job in the queue
 * @throws PhinetsError `queue.job` for anything that `makeJob` does not produce, or that is of another version
 */
export function parseJob(value: unknown, name: string): JobDocument {
  const parsed = checkJob(document, value, { name, nameOf: jobName });
  try {
    const job = { ...parsed, network: parseNetwork(parsed.network), recipe: parseRecipe(parsed.task, parsed.recipe) };
    if (job.start?.network !== undefined) parseNetwork(job.start.network);
    requireTrainable(job.network, job.recipe);
    requireOwnBits(job.recipe);
    if (job.epochs > job.recipe.epochs)
      return refuse(`epochs is ${job.epochs}, more than the recipe's ${job.recipe.epochs}`);
    const hash = trialHash(job);
    return hash === job.trial ? job : refuse(`trial is ${job.trial}, and its settings are those of ${hash}`);
  } catch (error) {
    // Parsers of networks and recipes may throw anything on hostile input.
    return error instanceof PhinetsError && error.code === "queue.job"
      ? refuse(error.message)
      : refuse((error as Error).message);
  }
}

/**
 * Requires that a trial gives the same bits on all machines. @throws PhinetsError `queue.job` where they depend on the
 * machine
 */
export function requireOwnBits({ device = "cpu", fast = false }: Recipe): void {
  if (device === "cpu" && !fast) return;
  const [option, value] = device === "cpu" ? ["fast", "true"] : ["device", device];
  throw new PhinetsError(
    "queue.job",
    `${option} is ${value}: its bits are a machine's own, and a queue's machines are to agree; leave it out`,
  );
}
