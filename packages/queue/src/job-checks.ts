/**
 * What every job of the queue is held to, whatever its step: whoever can write to Redis can write jobs, so each is checked
 * before anything is done.
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

/** Of which version a job is, and of which kernels: others have other bits. */
export const versionFields = { phinets: z.string().max(60), kernelsSha256: hex(64) } as const;

export const ownVersionFields = (): { readonly phinets: string; readonly kernelsSha256: string } => ({
  phinets: ownVersion(),
  kernelsSha256,
});

/** Bytes of a job's JSON: an imported network's graph is the longest part. */
const mostJobBytes = 2 ** 22;

export function refuse(problem: string): never {
  throw new PhinetsError("queue.job", problem);
}

/**
 * @param nameOf what the job is called, by its settings; `name` is what it is called in the queue
 * @throws PhinetsError `queue.job` for what the schema does not take, or that is of another version or name
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

/** What a text says by a schema; undefined where it is not that: anybody may write into a Redis. */
export function readAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON
  }
}
