/** What a run's network adds to its C: names and anchors of the head. */
import { classNames, type Network } from "../networks/index.js";
import type { CDetector, COptions } from "./c/index.js";

/** @param thresholds of a detector; where left out, the header has the usual ones */
export function modelOptions(
  { head }: Network,
  thresholds: Pick<CDetector, "scoreThreshold" | "nmsIou"> = {},
): Pick<COptions, "detector" | "classes"> {
  switch (head.kind) {
    case "yolov2":
      return { detector: { classes: classNames(head), anchors: head.anchors, decoder: head.decoder, ...thresholds } };
    case "classifier":
      return { classes: classNames(head) };
    // The firmware gives the maps as they are: who reads them makes boxes.
    case "yolov5":
    case "yolov8":
      return { classes: classNames(head) };
    case "none":
      return {};
  }
}
