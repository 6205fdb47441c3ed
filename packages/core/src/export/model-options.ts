/** The C options that follow from a run's network: class names and the head's anchors. */
import { classNames, findsBoxes, type Network } from "../networks/index.js";
import type { CDetector, COptions } from "./c/index.js";

/** @param thresholds of a detector; the header has the defaults where they are left out */
export function modelOptions(
  { head }: Network,
  thresholds: Pick<CDetector, "scoreThreshold" | "nmsIou"> = {},
): Pick<COptions, "detector" | "classes"> {
  if (findsBoxes(head)) return { detector: { head, ...thresholds } };
  return head.kind === "classifier" ? { classes: classNames(head) } : {};
}
