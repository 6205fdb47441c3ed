/**
 * Checks common to all jobs of the queue. Everybody who can write to Redis can write jobs, so each is validated before
 * anything is done.
 */
import { kernelsSha256 } from "@phinets/core/kernels";
import { PhinetsError, requireShallow } from "@phinets/core/tensor";
import { problemOf } from "@phinets/node/host";
import { ownVersion } from "@phinets/node/steps";
import { z } from "zod";
import { mostUploadBytes } from "./store/protocol.js";

export const hex = (digits: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} hexadecimal digits`);

/** A file in the store. */
export const storedFile = z.strictObject({ sha256: hex(64), bytes: z.int().nonnegative().max(mostUploadBytes) });

/** A job's version and kernels: with others the results' bits may differ. */
export const versionFields = { phinets: z.string().max(60), kernelsSha256: hex(64) } as const;

export const ownVersionFields = (): { readonly phinets: string; readonly kernelsSha256: string } => ({
  phinets: ownVersion(),
  kernelsSha256,
});

/** Largest JSON of a job in bytes: an imported network's graph is the longest part. */
const mostJobBytes = 2 ** 22;

export function refuse(problem: string): never {
  throw new PhinetsError("queue.job", problem);
}

/**
 * Validates a job.
 * @param nameOf computes the name from the job's settings; it must equal `name`, its name in the queue
 * @throws PhinetsError `queue.job` where the job does not match the schema, or is of another version or name
 */
export function checkJob<T extends { readonly phinets: string; readonly kernelsSha256: string }>(
  schema: z.ZodType<T>,
  value: unknown,
  { name, nameOf }: { readonly name: string; readonly nameOf: (job: T) => string },
): T {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? "");
  if (bytes > mostJobBytes) refuse(`it has ${bytes} bytes; at most ${mostJobBytes} are taken`);
  try {
    requireShallow(value);
  } catch (error) {
    refuse((error as Error).message);
  }
  const problem = problemOf(schema, value);
  if (problem !== undefined) refuse(problem);
  const job = schema.parse(value);
  if (job.phinets !== ownVersion()) refuse(`it is of phinets ${job.phinets}, this is ${ownVersion()}`);
  if (job.kernelsSha256 !== kernelsSha256)
    refuse(`it is of the kernels ${job.kernelsSha256.slice(0, 12)}, these are ${kernelsSha256.slice(0, 12)}`);
  if (nameOf(job) !== name) refuse(`its name is not ${nameOf(job)}, as its settings say`);
  return job;
}

/** Parses JSON by a schema; undefined where it does not match, because anybody may write to Redis. */
export function readAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // not JSON
  }
}
