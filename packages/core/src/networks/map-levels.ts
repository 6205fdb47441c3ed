/** Matches the outputs of an imported network with the levels of a head that reads several maps. */
import { formatShape, type Shape } from "../tensor/index.js";
import { countOf } from "./fields.js";
import type { Yolov5Head, Yolov8Head } from "./map-heads.js";

/**
 * The levels of a YOLOv8 head: for each, the index of the output with its distances and of the output with its class
 * logits, which are equal where one map holds both. Undefined where the outputs do not fit the head.
 */
export function levelsOf(
  { bins, classes: given }: Yolov8Head,
  outputs: readonly Shape[],
): { readonly boxes: number; readonly classes: number }[] | undefined {
  const [sides, classes] = [4 * bins, countOf(given)];
  const levels: { boxes: number; classes: number }[] = [];
  const left = new Set(outputs.keys());
  for (const [i, [batch, height, width, channels]] of outputs.entries()) {
    if (!left.delete(i)) continue;
    if (batch !== 1 || outputs[i].length !== 4) return undefined;
    if (channels === sides + classes) {
      levels.push({ boxes: i, classes: i });
      continue;
    }
    const wanted = channels === sides ? classes : channels === classes ? sides : 0;
    const other = [...left].find((j) => outputs[j].join() === [1, height, width, wanted].join());
    if (other === undefined) return undefined;
    left.delete(other);
    levels.push(channels === sides ? { boxes: i, classes: other } : { boxes: other, classes: i });
  }
  return levels;
}

/** Why outputs of these shapes do not suit a head of several maps, worded as by `headProblem`. */
export function mapsProblem(head: Yolov5Head | Yolov8Head, outputs: readonly Shape[]): string | undefined {
  const count = countOf(head.classes);
  const gives = `gives ${outputs.map(formatShape).join(" and ")}`;
  if (head.kind === "yolov8") {
    if (levelsOf(head, outputs) !== undefined) return undefined;
    const sides = 4 * head.bins;
    return `${gives}; ${head.bins} bins and ${count} classes need maps [1,height,width,${sides + count}], or pairs of ${sides} and ${count} channels`;
  }
  const needed = head.anchors.map((anchors) => anchors.length * (5 + count));
  const fits = ([batch, ...map]: Shape, i: number): boolean => batch === 1 && map.length === 3 && map[2] === needed[i];
  if (outputs.length === needed.length && outputs.every(fits)) return undefined;
  return `${gives}; the head's anchors and ${count} classes need ${needed.map((channels) => `[1,height,width,${channels}]`).join(" and ")}, in this order (import --outputs says which)`;
}
