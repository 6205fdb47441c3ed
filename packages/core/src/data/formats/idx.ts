/**
 * idx files, the format of MNIST and its kin (described on MNIST's page, yann.lecun.com/exdb/mnist): big-endian; two zero
 * bytes, the element type (8 = unsigned byte), the number of dimensions, one uint32 a dimension, then the elements.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Picture } from "../types.js";

export interface IdxImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** `[count, height, width]`, 0..255; a view of the file's bytes. */
  readonly data: Uint8Array;
}

function parse(
  bytes: Uint8Array,
  file: string,
  dimensions: number,
  what: string,
): { sizes: number[]; data: Uint8Array } {
  const fail = (problem: string): never => {
    throw new PhinetsError("data.idx", `${file}: ${problem}`, file);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) fail(`has ${bytes.length} bytes; an idx file starts with a magic number of 4`);
  const magic = view.getUint32(0);
  const expected = 0x800 + dimensions;
  if (magic !== expected) {
    const hex = (n: number) => `0x${n.toString(16).padStart(8, "0")}`;
    fail(`starts with ${hex(magic)}; an idx file of ${what} starts with ${hex(expected)}`);
  }
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) fail(`ends inside its header; get the file again`);
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const size = sizes.reduce((a, b) => a * b, 1);
  if (bytes.length !== header + size) {
    fail(`has ${bytes.length} bytes; ${sizes.join("x")} ${what} need ${header + size}; get the file again`);
  }
  return { sizes, data: bytes.subarray(header) };
}

/** Pictures of an idx3 file (already gunzipped). */
export function parseIdxImages(bytes: Uint8Array, file: string): IdxImages {
  const { sizes, data } = parse(bytes, file, 3, "pictures");
  return { count: sizes[0], height: sizes[1], width: sizes[2], data };
}

/** Classes of an idx1 file (already gunzipped). */
export function parseIdxLabels(bytes: Uint8Array, file: string): Uint8Array {
  return parse(bytes, file, 1, "labels").data;
}

/** Picture n, counted from 0, as a view. */
export function idxPicture(images: IdxImages, n: number): Picture {
  const { height, width } = images;
  return { width, height, channels: 1, data: images.data.subarray(n * width * height, (n + 1) * width * height) };
}
