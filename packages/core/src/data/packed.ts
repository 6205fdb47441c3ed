/** Decoded pictures in a few long buffers: several threads read the same ones without a copy. */

import { PhinetsError } from "../tensor/index.js";
import type { LabelledPicture, PictureSource } from "./batches.js";
import { moveBoxes } from "./move-boxes.js";
import { fitRect } from "./resize.js";
import type { Fit, PictureSize, Sample } from "./types.js";

/** Pixels that stay in a file. */
export interface PixelFile {
  readonly path: string;
  /** Byte of the file at which the shard's pixels begin. */
  readonly start: number;
}

/** Pictures of a data set; can be posted to a worker thread as it is. */
export interface PackedPictures {
  readonly channels: number;
  /** "training": pictures at up to 1.5 times the input's size, for jittered crops. "evaluation": at the input's size. */
  readonly use: "training" | "evaluation";
  readonly input: PictureSize;
  readonly fit: Fit;
  /** Each picture's pixels lie in one of them. */
  readonly shards: readonly (SharedArrayBuffer | PixelFile)[];
  /** `[pictures, 6]`: shard, offset in it, width, height, width and height of the file's picture. */
  readonly table: Float64Array;
}

/** Reads `length` bytes of a shard that is a file, from `offset` of its pixels on. */
export type ReadPixels = (file: PixelFile, offset: number, length: number) => Uint8Array;

/** What is used of a file system; node:fs has it. */
export interface PixelFileSystem {
  openSync(path: string, flags: string): number;
  readSync(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  closeSync(descriptor: number): void;
}

/** Files that are kept open at most. */
const mostOpen = 200;

/** Reads pixel files, which stay open: one that is deleted meanwhile is still read. Throws `data.cache` naming a bad one. */
export function pixelReader(fs: PixelFileSystem): ReadPixels {
  const descriptors = new Map<string, number>();
  const fail = (path: string, problem: string): never => {
    throw new PhinetsError(
      "data.cache",
      `${path}: ${problem}; the picture cache is damaged: remove the file and start again (training: with --resume)`,
      path,
    );
  };
  const descriptorOf = (path: string): number => {
    const known = descriptors.get(path);
    if (known !== undefined) return known;
    for (const [oldest, descriptor] of descriptors) {
      if (descriptors.size < mostOpen) break;
      descriptors.delete(oldest);
      fs.closeSync(descriptor);
    }
    const opened = fs.openSync(path, "r");
    descriptors.set(path, opened);
    return opened;
  };
  return ({ path, start }, offset, length) => {
    const bytes = new Uint8Array(length);
    try {
      const descriptor = descriptorOf(path);
      for (let at = 0; at < length; ) {
        const count = fs.readSync(descriptor, bytes, at, length - at, start + offset + at);
        if (count === 0) fail(path, "is cut off");
        at += count;
      }
    } catch (error) {
      if (error instanceof PhinetsError) throw error;
      fail(path, `cannot be read (${(error as { code?: string }).code ?? (error as Error).message})`);
    }
    return bytes;
  };
}

const columns = 6;

/** Packed pictures with their labels: what batches are assembled from. */
export class PackedSource<S extends Pick<Sample, "labels" | "class"> = Pick<Sample, "labels" | "class">>
  implements PictureSource
{
  /** @param read needed where a shard is a file */
  constructor(
    readonly packed: PackedPictures,
    readonly samples: readonly S[],
    readonly read?: ReadPixels,
  ) {}

  get length(): number {
    return this.samples.length;
  }

  /** Size of the file's own picture, for boxes in source pixels. */
  sourceSize(n: number): PictureSize {
    const { table } = this.packed;
    return { width: table[n * columns + 4], height: table[n * columns + 5] };
  }

  at(n: number): LabelledPicture {
    const { table, shards, channels, use, input, fit } = this.packed;
    const [shard, offset, width, height] = table.subarray(n * columns, n * columns + 4);
    const pixels = shards[shard];
    const length = width * height * channels;
    const data = "path" in pixels ? this.read!(pixels, offset, length) : new Uint8Array(pixels, offset, length);
    const { labels, class: c } = this.samples[n];
    const picture = { width, height, channels, data };
    if (use === "training" || labels === undefined) return { picture, labels, class: c };
    const source = this.sourceSize(n);
    return { picture, labels: moveBoxes(labels, source, fitRect(source, input, fit), input), class: c };
  }
}
