/**
 * What a store says over HTTP, with `Authorization: Bearer TOKEN`:
 *
 *     GET   /objects/SHA256/state                  {"bytes": N} of a file that is there, else {"received": N} of its upload
 *     GET   /objects/SHA256          (Range)       its bytes, from where the range begins
 *     PATCH /objects/SHA256?offset=N&bytes=TOTAL   more of its bytes, from N on; whole and right, the file is there
 *
 * A transfer that breaks goes on where it broke.
 */
import { z } from "zod";

/** Bytes of a file that is taken in: a checkpoint of the largest network is some hundred million. */
export const mostUploadBytes = 2 ** 32;

const count = z.int().nonnegative();

export const objectState = z.union([z.strictObject({ bytes: count }), z.strictObject({ received: count })]);
export type ObjectState = z.infer<typeof objectState>;

export const objectPath = (sha256: string): string => `/objects/${sha256}`;
