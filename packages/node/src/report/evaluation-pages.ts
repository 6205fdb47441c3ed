/** The content that each benchmark puts on the page of `phinets eval ... --report`. */
import type { MotRows, VocDetections, VocObject } from "@phinets/core/data";
import {
  accumulateCoco,
  analyseDetection,
  type CocoDetection,
  type CocoGroundTruth,
  type CocoResult,
  iouThresholds,
  type MotResult,
  recallThresholds,
  type VocResult,
  vocAsCoco,
} from "@phinets/core/evaluation";
import { formatCount } from "../text/format.js";
import { type Metrics, verdict } from "../text/metrics.js";
import type { TrajectoryPlot } from "./data.js";
import {
  analysisSections,
  classSections,
  precisionRecallCurves,
  renderEvaluation,
  tableSection,
  trackingBars,
  trajectoriesSection,
} from "./evaluation.js";

const figure = (value: number) => (value === -1 || !Number.isFinite(value) ? "–" : value.toFixed(3));
const percent = (value: number) => (Number.isFinite(value) ? (100 * value).toFixed(1) : "–");

export function cocoPage(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  result: CocoResult,
  title: string,
): string {
  const accumulations = accumulateCoco(truth, detections).map(({ accumulation }) => accumulation);
  const counted = accumulations.filter(({ positives }) => positives[0] > 0);
  const points = recallThresholds.length;
  const curve = (t: number) => ({
    name: `IoU ${iouThresholds[t].toFixed(2)}`,
    points: recallThresholds.map((x, r) => ({
      x,
      y: counted.reduce((sum, { precision }) => sum + precision[t * points + r], 0) / Math.max(1, counted.length),
    })),
  });
  const titles = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"] as const;
  const rows = result.categories.map((each) => [each.name, ...titles.map((name) => figure(each[name]))]);
  return renderEvaluation({
    title,
    lead: `${formatCount(detections.length)} detections against ${formatCount(truth.annotations.length)} boxes in ${formatCount(truth.images.length)} pictures, by COCO's rules.`,
    cards: (["AP", "AP50", "AP75", "AR100"] as const).map((name) => [name, figure(result[name])] as const),
    sections: [
      precisionRecallCurves(
        "COCO's interpolated precision, mean over the classes that have truths.",
        [0, 3, 5, 7, 9].map(curve),
      ),
      ...analysisSections(analyseDetection(truth, detections)),
      tableSection(
        "By class",
        "– where no truth can decide.",
        ["class", ...titles],
        [...rows, ["all", ...titles.map((name) => figure(result[name]))]],
      ),
    ],
  });
}

export function vocPage(
  { classes, iou, mAP11, mAPArea }: VocResult,
  truth: ReadonlyMap<string, readonly VocObject[]>,
  detections: ReadonlyMap<string, VocDetections>,
  title: string,
): string {
  const coco = vocAsCoco(truth, detections);
  const curves = classes
    .filter(({ truths }) => truths > 0)
    .sort((a, b) => b.truths - a.truths)
    .map(({ name, recall, precision }) => ({
      name,
      points: Array.from(recall, (x, i) => ({ x, y: precision[i] })),
    }));
  return renderEvaluation({
    title,
    lead: `${formatCount(truth.size)} pictures, by the rules of VOC's development kit; a find overlaps by an IoU above ${iou}. F1, errors and confusion pair boxes as COCO does.`,
    cards: [
      ["mAP, 11 points", percent(mAP11)],
      ["mAP, area", percent(mAPArea)],
    ],
    sections: [
      precisionRecallCurves("The classes with most objects, eight at most.", curves),
      ...analysisSections(analyseDetection(coco.truth, coco.found)),
      tableSection(
        "By class",
        "In %.",
        ["class", "AP (11 points)", "AP (area)", "objects", "detections", "TP", "FP"],
        classes.map((each) => [
          each.name,
          percent(each.AP11),
          percent(each.APArea),
          each.truths,
          each.detections,
          each.TP,
          each.FP,
        ]),
      ),
    ],
  });
}

/** The page of `phinets val --report`; `metrics` detailed. */
export function valPage(metrics: Metrics, names: readonly string[], title: string, lead: string): string {
  const verb = "phinets val";
  if (metrics.task === "classify") {
    const { top1, top5, calibrationError = Number.NaN, confusion, calibration, perClass } = metrics;
    return renderEvaluation({
      ...{ title, verb, lead },
      cards: [
        ["top-1", `${(100 * top1).toFixed(2)} %`],
        ["top-5", `${(100 * top5).toFixed(2)} %`],
        ["calibration error", figure(calibrationError)],
      ],
      sections: [
        ...classSections({ names, confusion, calibration }),
        tableSection(
          "By class",
          "Precision: of what was said; recall: of what is there.",
          ["class", "pictures", "precision", "recall", "F1"],
          perClass.map((each) => [
            names[each.class],
            each.images,
            figure(each.precision),
            figure(each.recall),
            figure(each.f1),
          ]),
        ),
      ],
    });
  }
  const { analysis, prCurve, perClass } = metrics;
  return renderEvaluation({
    ...{ title, verb, lead, verdict: verdict(metrics) },
    cards: (["AP50", "AP", "precision", "recall"] as const).map((name) => [name, figure(metrics[name])] as const),
    sections: [
      precisionRecallCurves("COCO's interpolated precision at an IoU of .5, mean over the classes that have labels.", [
        { name: "IoU 0.50", points: prCurve.map(({ recall, precision }) => ({ x: recall, y: precision })) },
      ]),
      ...(analysis ? analysisSections(analysis) : []),
      tableSection(
        "By class",
        `Precision, recall and F1 at a confidence of at least ${metrics.confidence.toFixed(2)}.`,
        ["class", "objects", "AP50", "AP", "precision", "recall", "F1"],
        perClass.map((each) => [
          each.name,
          each.truths,
          ...(["AP50", "AP", "precision", "recall", "f1"] as const).map((name) => figure(each[name])),
        ]),
      ),
    ],
  });
}

export interface TrackedSequence {
  readonly name: string;
  readonly found: MotRows;
  readonly truth: MotRows;
  /** of the pictures; default: the extent of the boxes */
  readonly width?: number;
  readonly height?: number;
  readonly jpeg?: Uint8Array;
}

export function motPage(result: MotResult, sequences: readonly TrackedSequence[], title: string): string {
  const { combined } = result;
  const fractions = ["MOTA", "MOTP", "IDF1", "HOTA", "DetA", "AssA"] as const;
  const counts = ["MT", "PT", "ML", "TP", "FP", "FN", "IDSW", "Frag"] as const;
  const row = (name: string, figures: typeof combined) => [
    name,
    ...fractions.map((each) => percent(figures[each])),
    ...counts.map((each) => figures[each]),
  ];
  return renderEvaluation({
    title,
    lead: `${formatCount(combined.boxes)} boxes of ${formatCount(combined.tracks)} tracks against ${formatCount(combined.truths)} of ${formatCount(combined.truthTracks)}, in ${formatCount(combined.frames)} frames of ${formatCount(sequences.length)} sequences, by ${result.benchmark}'s rules.`,
    cards: (["MOTA", "IDF1", "HOTA", "IDSW"] as const).map(
      (name) => [name, name === "IDSW" ? formatCount(combined[name]) : percent(combined[name])] as const,
    ),
    sections: [
      trackingBars([...result.sequences, { name: "combined", ...combined }]),
      trajectoriesSection(sequences.map(plotOf)),
      tableSection(
        "All figures",
        "Fractions in %.",
        ["sequence", ...fractions, ...counts],
        [...result.sequences.map((each) => row(each.name, each)), row("combined", combined)],
      ),
    ],
  });
}

export function plotOf({
  name,
  found,
  truth,
  jpeg,
  ...size
}: Omit<TrackedSequence, "truth"> & { readonly truth?: MotRows }): TrajectoryPlot {
  let [width, height] = [1, 1];
  for (const { boxes } of truth ? [truth, found] : [found]) {
    for (let i = 0; i < boxes.length; i += 4) {
      width = Math.max(width, Math.ceil(boxes[i] + boxes[i + 2]));
      height = Math.max(height, Math.ceil(boxes[i + 1] + boxes[i + 3]));
    }
  }
  const order = Array.from({ length: found.count }, (_, i) => i).sort(
    (a, b) => found.frame[a] - found.frame[b] || a - b,
  );
  const tracks = new Map<number, [number, number][]>();
  for (const i of order) {
    const [left, top, across, down] = found.boxes.subarray(4 * i, 4 * i + 4);
    const points = tracks.get(found.id[i]);
    const point: [number, number] = [left + across / 2, top + down];
    if (points) points.push(point);
    else tracks.set(found.id[i], [point]);
  }
  return {
    name,
    width: size.width ?? width,
    height: size.height ?? height,
    jpeg,
    tracks: [...tracks].map(([id, points]) => ({ id, points })),
  };
}
