/**
 * The HTTP protocol of a store, with `Authorization: Bearer TOKEN`:
 *
 *     GET   /objects/SHA256/state                  {"bytes": N} of a file that is there, else {"received": N} of its upload
 *     GET   /objects/SHA256          (Range)       its bytes, from where the range begins
 *     PATCH /objects/SHA256?offset=N&bytes=TOTAL   more of its bytes, from N on; whole and right, the file is there
 *
 * An interrupted transfer resumes where it stopped.
 */
import { z } from "zod";

/** Largest upload in bytes: a checkpoint of the largest network has some hundred million. */
export const mostUploadBytes = 2 ** 32;

const count = z.int().nonnegative();

export const objectState = z.union([z.strictObject({ bytes: count }), z.strictObject({ received: count })]);
export type ObjectState = z.infer<typeof objectState>;

export const objectPath = (sha256: string): string => `/objects/${sha256}`;
