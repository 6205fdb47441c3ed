/**
 * What a job of the queue says: plain settings of one known step, and nothing else. Whoever can write to Redis can write
 * jobs, so each is checked here before anything is done: no code, no paths, no names of options; what a network and a
 * recipe are their own readers say.
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
  /** The store that has its files. */
  store: hex(16),
  trial: hex(16),
  task: z.enum(["detect", "classify"]),
  /** Trained in all when it is done. */
  epochs: z.int().min(1).max(100_000),
  /** Checked by `parseNetwork` and `parseRecipe`. */
  network: z.unknown(),
  recipe: z.unknown(),
  valEvery: z.int().nonnegative().max(100_000).optional(),
  /** Of the pictures that the trial is trained on. */
  dataKey: hex(64),
  /** The index of the pictures that the step reads: those, or to calibrate on, those before a share of them was drawn. */
  data: z.strictObject({ key: hex(64), sha256: hex(64), bytes: z.int().positive().max(mostTextBytes) }),
  loading: z.strictObject({
    skipBad: z.boolean().optional(),
    pixelRange: z.strictObject({ low: number, high: number }).optional(),
  }),
  /** Weights to start from, and the network of the run that they are of. */
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

/** What a job says beside what is the same in all of them. */
export type JobSettings = Omit<JobDocument, "format" | "phinets" | "kernelsSha256">;

export const makeJob = (settings: JobSettings): JobDocument => ({
  ...{ format, ...ownVersionFields() },
  ...settings,
});

type Named = Pick<JobDocument, "store" | "trial" | "epochs" | "step">;

/** The same step of the same trial, the same name: it is in the queue once. */
export const jobName = ({ store, trial, epochs, step }: Named): string =>
  `${store}-${trial}-${epochs}${step === "quantize" ? "-int8" : ""}`;

/**
 * @param name of the job in the queue
 * @throws PhinetsError `queue.job` for anything that `makeJob` does not make, or that is of another version
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
    // Readers of networks and recipes meet things of any kind here.
    return error instanceof PhinetsError && error.code === "queue.job"
      ? refuse(error.message)
      : refuse((error as Error).message);
  }
}

/** What a trial is on one machine it is to be on all. @throws PhinetsError `queue.job` where bits are a machine's own */
export function requireOwnBits({ device = "cpu", fast = false }: Recipe): void {
  if (device === "cpu" && !fast) return;
  const [option, value] = device === "cpu" ? ["fast", "true"] : ["device", device];
  throw new PhinetsError(
    "queue.job",
    `${option} is ${value}: its bits are a machine's own, and a queue's machines are to agree; leave it out`,
  );
}
