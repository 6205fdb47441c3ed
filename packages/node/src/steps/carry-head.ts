/**
 * Matches a trained head with another data set's head, so that predictions of boxes and of classes with equal names can
 * be reused.
 */
import { sharesClasses } from "@phinets/core/learning";
import { classNames, type Head } from "@phinets/core/networks";
import { type Tensor, tensor } from "@phinets/core/tensor";

export interface CarriedHead {
  /** Classes whose predictions are reused, and those that are initialised anew. */
  readonly kept: readonly string[];
  readonly added: readonly string[];
  /** For each channel of the new prediction layer, the trained channel of the same meaning, or -1. */
  readonly channels: readonly number[];
}

/**
 * Maps the channels of `head`'s prediction layer to `trained`'s: boxes and objectness by anchor, classes by name.
 * Undefined where nothing corresponds: another kind of head, no common class, other anchors or another decoder.
 */
export function carryHead(trained: Head, head: Head): CarriedHead | undefined {
  const [before, now] = [classNames(trained), classNames(head)];
  if (!sharesClasses(trained, now)) return undefined;
  const rows = now.map((name) => before.indexOf(name));
  const parts = { kept: now.filter((_, i) => rows[i] >= 0), added: now.filter((_, i) => rows[i] < 0) };
  if (trained.kind === "classifier" && head.kind === "classifier") return { ...parts, channels: rows };
  if (trained.kind !== "yolov2" || head.kind !== "yolov2") return undefined;
  const same = trained.decoder === head.decoder && JSON.stringify(trained.anchors) === JSON.stringify(head.anchors);
  if (!same) return undefined;
  const channels = head.anchors.flatMap((_, anchor) => {
    const first = anchor * (5 + before.length);
    const box = [0, 1, 2, 3, 4].map((i) => first + i);
    return [...box, ...rows.map((row) => (row < 0 ? -1 : first + 5 + row))];
  });
  return { ...parts, channels };
}

/**
 * Copies the rows of a trained `[channels, ...]` parameter in the order of `channels`; rows of new channels (-1) are 0.
 */
export function carryChannels(trained: Tensor<"float32">, channels: readonly number[]): Tensor<"float32"> {
  const size = trained.data.length / trained.shape[0];
  const data = new Float32Array(channels.length * size);
  for (const [i, from] of channels.entries())
    if (from >= 0) data.set(trained.data.subarray(from * size, (from + 1) * size), i * size);
  return tensor("float32", [channels.length, ...trained.shape.slice(1)], data);
}
