/** Inputs other than pictures: raw int8 values from a file. */
import { readFileSync } from "node:fs";
import type { Network } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import type { OptionDefinition } from "../terminal/definition.js";
import { groups } from "./shared-options.js";

export const tensor: OptionDefinition = {
  flags: "--tensor <file>",
  help: "file of raw int8 inputs (NHWC, one after the other), for networks whose input is not a picture, such as sensor data",
  group: groups.data,
  completes: "path",
};

/**
 * The file's inputs. Throws PhinetsError `tensor.file` where it cannot be read or its size is not a multiple of the
 * input's.
 */
export function readTensors(file: string, { input: { height, width, channels } }: Network): Int8Array[] {
  const fail = (problem: string): never => {
    throw new PhinetsError("tensor.file", `${file}: ${problem}`, file);
  };
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return fail(`cannot be read (${(error as NodeJS.ErrnoException).code}); name a file of int8 values`);
  }
  const length = height * width * channels;
  if (bytes.length === 0 || bytes.length % length !== 0)
    fail(
      `has ${bytes.length} bytes; an input is ${height}x${width}x${channels}, so that a multiple of ${length} is needed`,
    );
  return Array.from({ length: bytes.length / length }, (_, i) =>
    Int8Array.from(bytes.subarray(i * length, (i + 1) * length)),
  );
}

/** Throws PhinetsError `tensor.picture` for a network whose input cannot be a picture. */
export function requirePictureInput({ input: { height, width, channels } }: Network, path: string): void {
  if (channels === 1 || channels === 3) return;
  throw new PhinetsError(
    "tensor.picture",
    `${path}: the network takes ${height}x${width}x${channels} values, which no picture has; give them with --tensor FILE`,
    path,
  );
}
