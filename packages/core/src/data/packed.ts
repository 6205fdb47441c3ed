/** Decoded pictures in a few long buffers, which several threads read without copying. */

import { PhinetsError } from "../tensor/index.js";
import type { LabelledPicture, PictureSource } from "./batches.js";
import { moveBoxes } from "./move-boxes.js";
import { fitRect } from "./resize.js";
import type { Fit, PictureSize, Sample } from "./types.js";

/** Pixels that stay in a file. */
export interface PixelFile {
  readonly path: string;
  /** Byte offset in the file of the shard's first pixel. */
  readonly start: number;
}

/** Pictures of a data set; can be posted to a worker thread. */
export interface PackedPictures {
  readonly channels: number;
  /** "training": pictures at up to 1.5 times the input's size, for jittered crops. "evaluation": at the input's size. */
  readonly use: "training" | "evaluation";
  readonly input: PictureSize;
  readonly fit: Fit;
  /** Buffers or files; each picture's pixels are in one of them. */
  readonly shards: readonly (SharedArrayBuffer | PixelFile)[];
  /** `[pictures, 6]`: shard, offset in it, width, height, width and height of the original picture. */
  readonly table: Float64Array;
}

/** Reads `length` bytes of a shard stored in a file, starting at `offset` of its pixels. */
export type ReadPixels = (file: PixelFile, offset: number, length: number) => Uint8Array;

/** The part of a file system that is used; node:fs provides it. */
export interface PixelFileSystem {
  openSync(path: string, flags: string): number;
  readSync(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  closeSync(descriptor: number): void;
}

/** Maximum number of files kept open. */
const mostOpen = 200;

/**
 * Reads pixel files and keeps them open, so that a file deleted meanwhile can still be read. Throws `data.cache` naming
 * a bad file.
 */
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

/** Packed pictures with their labels, from which batches are assembled. */
export class PackedSource<S extends Pick<Sample, "labels" | "class"> = Pick<Sample, "labels" | "class">>
  implements PictureSource
{
  /** @param read required if a shard is a file */
  constructor(
    readonly packed: PackedPictures,
    readonly samples: readonly S[],
    readonly read?: ReadPixels,
  ) {}

  get length(): number {
    return this.samples.length;
  }

  /** Size of the original picture, for boxes in source pixels. */
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
