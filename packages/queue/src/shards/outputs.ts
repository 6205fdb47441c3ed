/**
 * A network's raw outputs as a file, bit for bit: a line of JSON, then the values, little-endian, picture after
 * picture.
 */
import type { OutputMap } from "@phinets/core/detection";
import { PhinetsError } from "@phinets/core/tensor";
import { problemOf } from "@phinets/node/host";
import { z } from "zod";

const kinds = { float32: Float32Array, float64: Float64Array } as const;

const header = z.strictObject({
  format: z.literal("phinets-outputs-1"),
  kind: z.enum(["float32", "float64"]),
  pictures: z.int().positive(),
  /** Number of values per picture. */
  length: z.int().positive(),
});

/** Most characters of the first line. */
const mostHeader = 200;

/** @param outputs at least one, all of the same kind and length */
export function encodeOutputs(outputs: readonly OutputMap[]): Uint8Array {
  const [first] = outputs;
  const kind = first instanceof Float64Array ? "float64" : "float32";
  const line = `${JSON.stringify({ format: "phinets-outputs-1", kind, pictures: outputs.length, length: first.length })}\n`;
  const bytes = first.BYTES_PER_ELEMENT;
  const file = new Uint8Array(line.length + outputs.length * first.length * bytes);
  file.set(Buffer.from(line, "latin1"));
  const view = new DataView(file.buffer, line.length);
  let at = 0;
  for (const output of outputs)
    for (const value of output) {
      if (kind === "float64") view.setFloat64(at, value, true);
      else view.setFloat32(at, value, true);
      at += bytes;
    }
  return file;
}

/** @throws PhinetsError `queue.output` for anything that `encodeOutputs` does not produce for `pictures` pictures */
export function decodeOutputs(file: Uint8Array, pictures: number): OutputMap[] {
  const fail = (problem: string): never => {
    throw new PhinetsError("queue.output", `what a worker delivered is no outputs of ${pictures} pictures: ${problem}`);
  };
  const end = file.subarray(0, mostHeader).indexOf(10);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(file.subarray(0, Math.max(0, end))).toString("latin1"));
  } catch {
    return fail("its first line is no JSON");
  }
  const problem = problemOf(header, value);
  if (problem !== undefined) return fail(problem);
  const { kind, length, ...found } = header.parse(value);
  if (found.pictures !== pictures) return fail(`it has ${found.pictures}`);
  const bytes = kinds[kind].BYTES_PER_ELEMENT;
  if (file.length - end - 1 !== pictures * length * bytes) return fail(`it has ${file.length} bytes`);
  const view = new DataView(file.buffer, file.byteOffset + end + 1);
  return Array.from({ length: pictures }, (_, n) => {
    const output = new kinds[kind](length);
    for (let i = 0; i < length; i++) {
      const at = (n * length + i) * bytes;
      output[i] = kind === "float64" ? view.getFloat64(at, true) : view.getFloat32(at, true);
    }
    return output;
  });
}
