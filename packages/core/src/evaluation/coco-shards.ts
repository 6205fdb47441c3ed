/**
 * COCO's evaluation in shards: pictures are matched in shards, anywhere and in any order, and the matches are joined.
 */
import { PhinetsError } from "../tensor/index.js";
import { type CocoDetection, type CocoGroundTruth, type CocoMatches, type CocoResult, summarizeCoco } from "./coco.js";
import { accumulateMatches, joinMatches } from "./coco-category.js";
import { checkDetections, ranksOf } from "./coco-columns.js";

/**
 * The metrics of matches that were computed separately, bit-identical to those of all pictures at once. Throws
 * `evaluation.coco` if two shards' picture ids overlap, or their categories differ.
 */
export function evaluateCocoMatches(shards: readonly CocoMatches[]): CocoResult {
  const inOrder = shards.filter(({ pictures }) => pictures).sort((a, b) => a.pictures![0] - b.pictures![0]);
  for (const [i, { pictures, categories }] of inOrder.entries()) {
    const before = inOrder[i - 1];
    if (before === undefined) continue;
    if (before.pictures![1] >= pictures![0]) {
      throw new PhinetsError(
        "evaluation.coco",
        `coco: two shards have picture ${pictures![0]} between their first and last`,
      );
    }
    if (before.categories.map(({ id }) => id).join() !== categories.map(({ id }) => id).join()) {
      throw new PhinetsError("evaluation.coco", "coco: the shards have different categories");
    }
  }
  const first = inOrder[0] ?? shards[0] ?? { categories: [] };
  return summarizeCoco(
    first.categories.map(({ id, name }, c) => {
      const matches =
        inOrder.length > 0 ? inOrder.map((shard) => shard.categories[c].matches) : [first.categories[c].matches];
      return { id, name, accumulation: accumulateMatches(joinMatches(matches)) };
    }),
  );
}

/** Divides truth and detections by ascending picture id into `count` shards with about equally many boxes. */
export function shardCoco(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  count: number,
): { readonly truth: CocoGroundTruth; readonly detections: readonly CocoDetection[] }[] {
  const pictures = ranksOf(truth.images.map(({ id }) => id));
  checkDetections(detections, pictures);
  const weights = new Float64Array(pictures.size).fill(1);
  for (const each of [...truth.annotations, ...detections]) {
    const rank = pictures.get(each.image_id);
    if (rank !== undefined) weights[rank]++;
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shardOf = new Map<number, number>();
  let before = 0;
  for (const [id, rank] of pictures) {
    shardOf.set(id, Math.min(count - 1, Math.floor((before / total) * count)));
    before += weights[rank];
  }
  const shards = Array.from({ length: count }, () => ({
    truth: {
      images: [] as { id: number }[],
      categories: truth.categories,
      annotations: [] as CocoGroundTruth["annotations"][number][],
    },
    detections: [] as CocoDetection[],
  }));
  for (const id of pictures.keys()) shards[shardOf.get(id)!].truth.images.push({ id });
  for (const each of truth.annotations) {
    const shard = shardOf.get(each.image_id);
    if (shard !== undefined) shards[shard].truth.annotations.push(each);
  }
  for (const each of detections) shards[shardOf.get(each.image_id)!].detections.push(each);
  return shards;
}
