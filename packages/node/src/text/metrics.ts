/** What an evaluation found, said in a line or a table. */
import { headline, type Metrics } from "@phinets/core/learning";
import { formatTable } from "./table.js";

export { headline, type Metrics };

/** The figure that shows best what rounding costs: AP, whose strict thresholds feel every shift of a box, or top-1. */
export function fidelity(metrics: Metrics): number {
  return metrics.task === "detect" ? metrics.AP : metrics.top1;
}

/** Below this AP50 a detector is of no use. */
const leastUseful = 0.1;

/** In plain words that a detector is of no use; undefined where it may be, where nothing can be told, and of a classifier. */
export function verdict(metrics: Metrics): string | undefined {
  if (metrics.task !== "detect" || metrics.AP50 < 0 || metrics.AP50 >= leastUseful) return undefined;
  return `AP50 ${metrics.AP50.toFixed(3)}: this detector is useless as it is, it misses nearly all or finds what is not there; train longer (--epochs), on more pictures, start from trained weights (--weights), or see what phinets doctor says of the data`;
}

/** A detector's figures by class, for people; undefined where no box is labelled, and for a classifier. */
export function describeClasses(metrics: Metrics): string | undefined {
  if (metrics.task !== "detect" || metrics.AP50 < 0) return undefined;
  const figure = (value: number) => (value < 0 ? "-" : value.toFixed(3));
  const rows = metrics.perClass.map((each) => [
    each.name,
    each.truths,
    figure(each.AP50),
    figure(each.AP),
    ...(each.truths > 0 ? [figure(each.precision), figure(each.recall)] : ["-", "-"]),
  ]);
  return formatTable(["class", "boxes", "AP50", "AP", "precision", "recall"], rows);
}

/** One line for people. */
export function describeMetrics(metrics: Metrics): string {
  if (metrics.images === 0) return "unknown: there are no pictures to measure on";
  if (metrics.task === "detect") {
    const { AP50, AP, precision, recall, confidence, images } = metrics;
    if (AP50 < 0) return `AP50 unknown: no box is labelled on ${images} pictures`;
    return `AP50 ${AP50.toFixed(3)}  AP ${AP.toFixed(3)}  precision ${precision.toFixed(3)}  recall ${recall.toFixed(3)} (at ${confidence.toFixed(2)})  on ${images} pictures`;
  }
  const { calibrationError } = metrics;
  const calibration = calibrationError === undefined ? "" : `  calibration error ${calibrationError.toFixed(3)}`;
  return `top-1 ${(100 * metrics.top1).toFixed(2)} %  top-5 ${(100 * metrics.top5).toFixed(2)} %${calibration}  on ${metrics.images} pictures`;
}
