/** Typed arrays have the processor's byte order; files and WebAssembly have the low byte first. */
import { PhinetsError } from "./errors.js";

export function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

/**
 * Throws PhinetsError `tensor.endianness` on a machine whose numbers have the high byte first: what lies in files would be
 * read as other numbers.
 */
export function requireLittleEndian(little = isLittleEndian()): void {
  if (little) return;
  throw new PhinetsError(
    "tensor.endianness",
    "this processor is big-endian, and weights are read as they lie in files, the low byte first; use a little-endian machine: x86-64, arm64, riscv64 or ppc64le",
  );
}
