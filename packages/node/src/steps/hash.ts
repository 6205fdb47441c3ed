import { createHash } from "node:crypto";

/** SHA-256 of bytes or text, in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of values that JSON can express: equal values give equal keys. The order of an object's keys counts. */
export function keyOf(...values: unknown[]): string {
  return sha256(JSON.stringify(values));
}
