/** Checks byte order: typed arrays use the processor's, while files and WebAssembly are little-endian. */
import { PhinetsError } from "./errors.js";

export function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

/** Throws PhinetsError `tensor.endianness` on a big-endian machine, which would misread the numbers in files. */
export function requireLittleEndian(little = isLittleEndian()): void {
  if (little) return;
  throw new PhinetsError(
    "tensor.endianness",
    "this processor is big-endian, and weights are read as they lie in files, the low byte first; use a little-endian machine: x86-64, arm64, riscv64 or ppc64le",
  );
}
