/**
 * Milliseconds from the files' bytes to the metrics, medians of 7 rounds on one thread, beside the reference tools'
 * times on the same inputs, recorded on another machine when the reference outputs were made: pycocotools 3.20 s,
 * TrackEval 5.52 s, py-motmetrics 5.70 s without its preprocessing. COCO also with 1, 4 and 16 times the pictures.
 *
 * Usage: PHINETS_SHARED=folder node bench/evaluation/speed.mjs; the folder contains goldens/. Needs `npm run build`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import {
  matchFound,
  parseCocoResults,
  parseCocoTruth,
  parseMotRows,
  parseSequenceInfo,
} from "../../packages/core/dist/data/index.js";
import { evaluateCoco, evaluateMot } from "../../packages/core/dist/evaluation/index.js";

const goldens = process.env.PHINETS_SHARED && `${process.env.PHINETS_SHARED}/goldens`;
if (!goldens || !existsSync(goldens)) {
  console.error("left out: set PHINETS_SHARED to the folder that holds goldens/");
  process.exit(0);
}
const middle = (values) => Number(values.toSorted((a, b) => a - b)[values.length >> 1].toFixed(1));
const median = (work, rounds) => medians(work, rounds).ms;

/** Medians of elapsed time and of processor time; the latter is reliable on a busy machine too. */
function medians(work, rounds = 7) {
  const times = [];
  const computed = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    times.push(performance.now() - start);
    computed.push((user + system) / 1000);
  }
  return { ms: middle(times), cpuMs: middle(computed) };
}
const say = (bench, figures) => console.log(JSON.stringify({ bench, ...figures }));

for (const [name, pycocotoolsMs] of [["val2014_100"], ["synth_500img_20cat_20k", 3200]]) {
  const [gt, dt] = ["gt", "dt"].map((part) => readFileSync(`${goldens}/coco/${name}.${part}.json`));
  const score = () => {
    const truth = parseCocoTruth(gt, "gt");
    return evaluateCoco(truth, matchFound(truth, parseCocoResults(dt, "dt")).detections);
  };
  const truth = parseCocoTruth(gt, "gt");
  const found = matchFound(truth, parseCocoResults(dt, "dt")).detections;
  const readAndScoreMs = median(score);
  const scoreMs = median(() => evaluateCoco(truth, found));
  const times = pycocotoolsMs && { pycocotoolsMs, timesFaster: Number((pycocotoolsMs / readAndScoreMs).toFixed(1)) };
  say(`coco ${name}`, { detections: found.length, readAndScoreMs, scoreMs, ...times });
  if (pycocotoolsMs === undefined) continue;
  for (const copies of [1, 4, 16]) {
    const last = Math.max(...truth.images.map(({ id }) => id));
    const moved = (list) =>
      Array.from({ length: copies }, (_, n) =>
        list.map((each) => ({ ...each, image_id: each.image_id + n * (last + 1) })),
      ).flat();
    const many = {
      images: Array.from({ length: copies }, (_, n) =>
        truth.images.map(({ id }) => ({ id: id + n * (last + 1) })),
      ).flat(),
      categories: truth.categories,
      annotations: moved(truth.annotations),
    };
    const detections = moved(found);
    evaluateCoco(many, detections);
    const { ms, cpuMs } = medians(() => evaluateCoco(many, detections), 5);
    say(`coco ${name} x ${copies}`, {
      detections: detections.length,
      scoreMs: ms,
      cpuMs,
      cpuMsPerCopy: Number((cpuMs / copies).toFixed(1)),
    });
  }
}

const truthFolder = `${goldens}/mot/mot17/gt`;
const read = (file) => readFileSync(file, "utf8");
for (const [like, theirMs] of [
  ["trackeval", 5517],
  ["motmetrics", 5702],
]) {
  const score = () =>
    evaluateMot(
      readdirSync(truthFolder).map((name) => ({
        name,
        frames: parseSequenceInfo(read(`${truthFolder}/${name}/seqinfo.ini`), name).length,
        truth: parseMotRows(read(`${truthFolder}/${name}/gt/gt.txt`), name),
        found: parseMotRows(read(`${goldens}/mot/mot17/trk_lift_frcnn/${name}.txt`), name),
      })),
      { like, removeDistractors: like === "trackeval" },
    );
  const readAndScoreMs = median(score);
  say(`mot17 three sequences as ${like}`, {
    readAndScoreMs,
    theirMs,
    timesFaster: Number((theirMs / readAndScoreMs).toFixed(1)),
  });
}
