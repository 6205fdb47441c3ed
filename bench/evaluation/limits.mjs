/**
 * Analyses where a run's int8 network fails on test pictures: how many objects of each height it finds, the cost of its
 * errors, and its confusions. Tables go to stderr, a JSON line to stdout. Needs `npm run build`.
 *
 * Usage: npm run bench:limits -- MODEL --data DATA [--only person] [--split test]
 *
 * Heights are fractions of the picture's height. An object counts as found if, at the confidence of the best F1, a box
 * of its class has an IoU of .5 with it and is not matched with a better one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cocoOf } from "@phinets/core/evaluation";
import { evaluatedBoxes, integerOutputs, score } from "@phinets/core/learning";
import { classNames } from "@phinets/core/networks";
import { loadRun, requireQuantized } from "@phinets/node/run";
import { loadSplit, openData } from "@phinets/node/steps";
import { formatPercent, formatTable } from "@phinets/node/text";
import { judgePictures } from "../../packages/core/dist/evaluation/judged.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { data: { type: "string" }, only: { type: "string" }, split: { type: "string", default: "test" } },
});
const [model] = positionals;
if (model === undefined || values.data === undefined) {
  console.error(
    "usage: npm run bench:limits -- MODEL --data DATA [--only person] [--split test]; MODEL is a run folder",
  );
  process.exit(2);
}

const run = loadRun(model);
const { network } = run;
const names = classNames(network.head);
const project = mkdtempSync(join(tmpdir(), "phinets-limits-"));
try {
  const loading = { only: values.only?.split(",") };
  const data = await openData([values.data], { seed: 0, loading });
  const context = {
    signal: new AbortController().signal,
    progress: () => ({ update: () => {}, log: () => {}, stop: () => {} }),
    note: () => {},
  };
  const source = await loadSplit(data, values.split, "evaluation", network, project, context);
  const outputs = integerOutputs(requireQuantized(run), network, source);
  const metrics = score(network, outputs, source, { detailed: true });
  const found = metrics.task === "detect" ? detectorLimits(metrics, outputs, source) : classifierLimits(metrics);
  console.log(JSON.stringify({ bench: "limits", model, data: values.data, images: metrics.images, ...found }));
} finally {
  rmSync(project, { recursive: true });
}

function detectorLimits({ analysis, confidence, perClass }, outputs, source) {
  const heights = recallByHeight(outputs, source, confidence);
  const { errors } = analysis.errors;
  const taken = confusions(analysis.confusion.counts, [...names, "nothing"]);
  console.error(
    formatTable(
      ["height, of the picture's", "objects", "found"],
      heights.map(({ from, to, objects, found }) => [
        `${formatPercent(from)} to ${formatPercent(to)}`,
        objects,
        formatPercent(found / objects),
      ]),
    ),
  );
  console.error(
    formatTable(
      ["error", "boxes", "costs AP50, points"],
      Object.entries(errors).map(([kind, { count, costAP }]) => [kind, count, (100 * costAP).toFixed(1)]),
    ),
  );
  printConfusions(taken);
  return {
    confidence,
    heights,
    errors,
    taken,
    byClass: Object.fromEntries(perClass.map(({ name, AP50 }) => [name, AP50])),
  };
}

function classifierLimits({ perClass, confusion }) {
  const taken = confusions(confusion, names);
  const recalls = Object.fromEntries(perClass.map(({ class: index, recall }) => [names[index], recall]));
  console.error(
    formatTable(
      ["class", "recall"],
      Object.entries(recalls).map(([name, recall]) => [name, formatPercent(recall)]),
    ),
  );
  printConfusions(taken);
  return { byClass: recalls, taken };
}

function recallByHeight(outputs, source, confidence) {
  const pictures = evaluatedBoxes(network, outputs).map((boxes, i) => ({
    truths: source.at(i).labels ?? [],
    detections: boxes.filter((box) => box.score >= confidence),
  }));
  const { truth, found } = cocoOf(pictures, names);
  const edges = [0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];
  const ranges = edges.slice(0, -1).map((from, i) => ({ from, to: edges[i + 1], objects: 0, found: 0 }));
  for (const judged of judgePictures(truth, found, 0.5)) {
    for (const [t, { bbox, iscrowd }] of judged.truths.entries()) {
      if (iscrowd) continue;
      const range = ranges.findLast(({ from }) => bbox[3] >= from);
      range.objects++;
      range.found += judged.found[t];
    }
  }
  return ranges;
}

/**
 * The ten most frequent confusions: [truth, prediction, count]. Missed objects and detections of background are left
 * out.
 */
function confusions(counts, labels) {
  const known = names.length;
  return [...counts]
    .map((count, i) => [Math.floor(i / labels.length), i % labels.length, count])
    .filter(([truth, found, count]) => truth !== found && truth < known && found < known && count > 0)
    .sort((a, b) => b[2] - a[2])
    .slice(0, 10)
    .map(([truth, found, count]) => [labels[truth], labels[found], count]);
}

function printConfusions(taken) {
  if (taken.length > 0) console.error(formatTable(["is", "taken for", "times"], taken));
}
