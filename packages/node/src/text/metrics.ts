/** Describes an evaluation's metrics in a line or a table. */
import { headline, type Metrics } from "@phinets/core/learning";
import { formatTable } from "./table.js";

export { headline, type Metrics };

/**
 * The figure that is most sensitive to rounding: AP for a detector (its strict IoU thresholds react to every shift of a
 * box), top-1 accuracy for a classifier.
 */
export function fidelity(metrics: Metrics): number {
  return metrics.task === "detect" ? metrics.AP : metrics.top1;
}

/** A detector with a lower AP50 is of no use. */
const leastUseful = 0.1;

/**
 * A sentence where a detector is of no use; undefined where it may be useful, where nothing can be measured, and for a
 * classifier.
 */
export function verdict(metrics: Metrics): string | undefined {
  if (metrics.task !== "detect" || metrics.AP50 < 0 || metrics.AP50 >= leastUseful) return undefined;
  return `AP50 ${metrics.AP50.toFixed(3)}: this detector is useless as it is, it misses nearly all or finds what is not there; train longer (--epochs), on more pictures, start from trained weights (--weights), or see what phinets doctor says of the data`;
}

/** A detector's figures by class, as text; undefined where no box is labelled, and for a classifier. */
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

/** The metrics in one line. */
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
