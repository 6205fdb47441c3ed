/** Measures how rounding an output map changes its boxes; the map's int8 range is chosen by this measure. */
import { exp, log, sigmoid } from "../tensor/index.js";
import { iouCentre } from "./boxes.js";
import type { DetectionHead, OutputMap } from "./decode.js";
import { softmax } from "./loss.js";

/** Lower scores are ignored, since no threshold in use lets them pass. */
const leastScore = 0.01;

/**
 * Sum over a map's boxes of (p - p')^2 + p * ((1 - IoU)^2 + sum of (class - class')^2), where p is the objectness and '
 * marks the rounded map. Boxes with p and p' below 0.01 do not count.
 *
 * @returns a function of two maps `[height, width, anchors * (5 + classes)]` of one picture
 */
export function detectionRoundingError({
  anchors,
  classes,
  decoder = "yolov2",
}: DetectionHead): (exact: OutputMap, rounded: OutputMap) => number {
  const entries = 5 + classes;
  const spread = decoder === "scaled" ? 2 : 1;
  const least = -log(1 / leastScore - 1);
  const [a, b] = [new Float64Array(classes), new Float64Array(classes)];
  return (exact, rounded) => {
    let error = 0;
    for (let at = 0; at < exact.length; at += entries) {
      if (exact[at + 4] < least && rounded[at + 4] < least) continue;
      const p = sigmoid(exact[at + 4]);
      error += (p - sigmoid(rounded[at + 4])) ** 2;
      const [width, height] = anchors[(at / entries) % anchors.length];
      const box = (map: OutputMap): [number, number, number, number] => [
        spread * sigmoid(map[at]),
        spread * sigmoid(map[at + 1]),
        width * exp(map[at + 2]),
        height * exp(map[at + 3]),
      ];
      error += p * (1 - iouCentre(...box(exact), ...box(rounded))) ** 2;
      softmax(exact.subarray(at + 5, at + entries), a);
      softmax(rounded.subarray(at + 5, at + entries), b);
      for (let c = 0; c < classes; c++) error += p * (a[c] - b[c]) ** 2;
    }
    return error;
  };
}
