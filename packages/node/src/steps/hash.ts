import { createHash } from "node:crypto";

/** SHA-256 of bytes or text, in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a JSON-able value: equal values, equal keys. Object keys count in the order in which they were made. */
export function keyOf(...values: unknown[]): string {
  return sha256(JSON.stringify(values));
}
