/** What a run's network adds to its C: names and anchors of the head. */
import { classNames, findsBoxes, type Network } from "../networks/index.js";
import type { CDetector, COptions } from "./c/index.js";

/** @param thresholds of a detector; where left out, the header has the usual ones */
export function modelOptions(
  { head }: Network,
  thresholds: Pick<CDetector, "scoreThreshold" | "nmsIou"> = {},
): Pick<COptions, "detector" | "classes"> {
  if (findsBoxes(head)) return { detector: { head, ...thresholds } };
  return head.kind === "classifier" ? { classes: classNames(head) } : {};
}
