/**
 * Batches for training and evaluation. A batch's content depends only on (seed, epoch, sample), so workers may assemble
 * batches in any order and get the same bits.
 */
import { PhinetsError, Random } from "../tensor/index.js";
import { type AugmentOptions, augment } from "./augment.js";
import { blendPictures, drawShare256 } from "./mixup.js";
import { mosaic } from "./mosaic.js";
import { moveBoxes } from "./move-boxes.js";
import { withChannels, writeInput } from "./picture.js";
import { fitPicture, fitRect } from "./resize.js";
import type { BoxLabel, Fit, Picture, PictureSize } from "./types.js";

/** A decoded picture with its labels. */
export interface LabelledPicture {
  readonly picture: Picture;
  readonly labels?: readonly BoxLabel[];
  readonly class?: number;
}

/** Decoded pictures by index, 0..length-1. */
export interface PictureSource {
  readonly length: number;
  at(sample: number): LabelledPicture;
}

export interface BatchOptions extends PictureSize {
  /** 1 (grey) or 3 (RGB). Default 3. */
  readonly channels?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Random augmentation; absent for evaluation. Its own `fit`, if set, takes precedence. */
  readonly augment?: AugmentOptions;
  /** Default "stretch". */
  readonly fit?: Fit;
}

/** The second class of each picture of a batch, and its share. */
export interface MixedClasses {
  readonly classes: Int32Array;
  /** 0..1; the first class has the rest. 0 if nothing was blended in. */
  readonly shares: Float32Array;
}

export interface Batch {
  /** Network input `[batch, height, width, channels]`, in -1..1 as `pixelToInput` defines. */
  readonly input: Float32Array;
  /** Boxes of each picture, in fractions of the input; empty arrays for classification. */
  readonly labels: BoxLabel[][];
  /** Class of each picture; -1 for detection. */
  readonly classes: Int32Array;
  /** Second classes of a classification batch that may contain blended pictures (mixup). */
  readonly mixed?: MixedClasses;
  /** Indices of the samples in the source. */
  readonly samples: Int32Array;
}

/** The order of an epoch: a permutation of 0..count-1 that depends only on (seed, epoch). */
export function epochOrder(count: number, seed: number, epoch: number): Int32Array {
  return new Random(seed, epoch, 0x6f726465).permutation(count);
}

/**
 * Cuts an order into batches. With `dropLast` an incomplete last batch is left out, unless it is the only one; training
 * uses it because batch statistics of a few pictures are unreliable.
 */
export function cutBatches(order: Int32Array, batch: number, dropLast = false): Int32Array[] {
  if (!Number.isInteger(batch) || batch < 1) {
    throw new PhinetsError("data.batch", `batch is ${batch}; it is an integer of at least 1`);
  }
  const batches: Int32Array[] = [];
  for (let i = 0; i < order.length; i += batch) batches.push(order.slice(i, i + batch));
  if (dropLast && batches.length > 1 && batches[batches.length - 1].length < batch) batches.pop();
  return batches;
}

/** One picture as network input: resized, with the right number of channels, augmented if requested, with its boxes. */
export interface PreparedSample {
  readonly picture: Picture;
  readonly labels: BoxLabel[];
  readonly class?: number;
  /** Class of the blended picture, and its share, 0..1. */
  readonly mixed?: { readonly class: number; readonly share: number };
}

// Separate keys for draws that only some options need, so that other draws do not change.
const mosaicKey = 0x6d6f7361;
const mixupKey = 0x6d697875;

/** Other pictures joined with the sample are drawn from the sample's own key. */
export function prepareSample(
  source: PictureSource,
  sample: number,
  epoch: number,
  options: BatchOptions,
): PreparedSample {
  const { height, width, channels = 3, seed = 0, fit = "stretch" } = options;
  if (options.augment === undefined) {
    const entry = source.at(sample);
    const picture = withChannels(fitPicture(entry.picture, { height, width }, fit), channels);
    const rect = fitRect(entry.picture, { height, width }, fit);
    const labels = moveBoxes(entry.labels ?? [], entry.picture, rect, { height, width });
    return { picture, labels, class: entry.class };
  }
  const key = [seed, epoch, sample];
  const prepared = prepareVariant(source, sample, options.augment, key, options);
  const { mixup = 0, mixupAlpha = 8 } = options.augment;
  if (mixup === 0) return prepared;
  const random = new Random(...key, mixupKey);
  if (random.uniform() >= mixup) return prepared;
  const other = random.integer(source.length);
  const share256 = drawShare256(mixupAlpha, random);
  if (share256 === 256) return prepared;
  const second = prepareVariant(source, other, options.augment, [...key, mixupKey, 1], options);
  blendPictures(prepared.picture, second.picture, share256);
  return {
    ...prepared,
    labels: [...prepared.labels, ...second.labels],
    mixed: second.class === undefined ? undefined : { class: second.class, share: 1 - share256 / 256 },
  };
}

/** An augmented picture or mosaic with its own pixels; all draws come from `key`. */
function prepareVariant(
  source: PictureSource,
  sample: number,
  augmentOptions: AugmentOptions,
  key: readonly number[],
  { height, width, channels = 3, fit = "stretch" }: BatchOptions,
): PreparedSample {
  const changes = { fit, ...augmentOptions };
  const entry = source.at(sample);
  if (augmentOptions.mosaic !== undefined && augmentOptions.mosaic > 0) {
    const random = new Random(...key, mosaicKey);
    if (random.uniform() < augmentOptions.mosaic) {
      const entries = [entry, ...[1, 2, 3].map(() => source.at(random.integer(source.length)))];
      const pictures = entries.map(({ picture, labels = [] }) => ({
        picture: withChannels(picture, channels),
        labels,
      }));
      return { ...mosaic(pictures, changes, random, { height, width }), class: entry.class };
    }
  }
  const changed = augment(entry.picture, entry.labels ?? [], changes, new Random(...key), { height, width });
  return { picture: withChannels(changed.picture, channels), labels: changed.labels, class: entry.class };
}

/**
 * Assembles the batch of the given samples.
 * @param input destination; allocated if absent
 */
export function assembleBatch(
  source: PictureSource,
  samples: Int32Array,
  epoch: number,
  options: BatchOptions,
  input?: Float32Array,
): Batch {
  const { height, width, channels = 3 } = options;
  const pictureSize = height * width * channels;
  const target = input ?? new Float32Array(samples.length * pictureSize);
  if (target.length < samples.length * pictureSize) {
    throw new PhinetsError(
      "data.batch",
      `batch: the input has ${target.length} values; ${samples.length} pictures of ${height}x${width}x${channels} need ${samples.length * pictureSize}`,
    );
  }
  const labels: BoxLabel[][] = [];
  const classes = new Int32Array(samples.length).fill(-1);
  const otherClasses = new Int32Array(samples.length);
  const shares = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const prepared = prepareSample(source, samples[i], epoch, options);
    writeInput(prepared.picture.data, target, i * pictureSize);
    labels.push(prepared.labels);
    if (prepared.class !== undefined) classes[i] = prepared.class;
    if (prepared.mixed !== undefined) {
      otherClasses[i] = prepared.mixed.class;
      shares[i] = prepared.mixed.share;
    }
  }
  const blended = options.augment?.mixup !== undefined && options.augment.mixup > 0 && classes.some((c) => c >= 0);
  return { input: target, labels, classes, mixed: blended ? { classes: otherClasses, shares } : undefined, samples };
}
