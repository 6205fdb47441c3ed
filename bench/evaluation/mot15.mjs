/**
 * SORT on the public detections of MOT15's training sequences, scored by this project: the six sequences beside the table
 * that SORT's authors published (Bewley et al., ICIP 2016, and the repository's README), and all eleven. The tables go to
 * stderr, JSON lines to stdout, with the speed of tracking and of scoring (medians of 7 rounds, one thread).
 *
 * Usage: node bench/evaluation/mot15.mjs [folder with SEQ/gt/gt.txt, SEQ/det/det.txt, SEQ/seqinfo.ini]; without it
 * $PHINETS_SHARED/data/mot15/train. Needs `npm run build`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatTable } from "../../packages/cli/dist/terminal/table.js";
import { parseMotRows, parseSequenceInfo } from "../../packages/core/dist/data/index.js";
import { evaluateMot } from "../../packages/core/dist/evaluation/index.js";
import { formatMotTracks, readMotDetections, Sort } from "../../packages/core/dist/tracking/index.js";

const { PHINETS_SHARED } = process.env;
const folder = process.argv[2] ?? (PHINETS_SHARED && join(PHINETS_SHARED, "data/mot15/train"));
if (!folder || !existsSync(folder)) {
  console.error(
    "left out: name the folder of MOT15's training sequences (motchallenge.net/data/MOT15), or set PHINETS_SHARED",
  );
  process.exit(0);
}
const published = {
  sequences: ["TUD-Campus", "ETH-Sunnyday", "ETH-Pedcross2", "ADL-Rundle-8", "Venice-2", "KITTI-17"],
  combined: { MOTA: 0.34, MOTP: 0.733, FP: 3311, FN: 11660, IDSW: 274, Frag: 499 },
};
const read = (...path) => readFileSync(join(folder, ...path), "utf8");
const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, "gt/gt.txt")));
const rounds = 7;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Milliseconds and the last round's result. */
function timed(work) {
  const times = [];
  let result;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    result = work();
    times.push(performance.now() - start);
  }
  return { ms: median(times), result };
}

const inputs = names.map((name) => {
  const { length } = parseSequenceInfo(read(name, "seqinfo.ini"), `${name}/seqinfo.ini`);
  return { name, frames: length, detections: readMotDetections(read(name, "det/det.txt"), `${name}/det/det.txt`) };
});
const tracking = timed(() =>
  inputs.map(({ detections }) => {
    const tracker = new Sort();
    return detections.map((boxes) => tracker.update(boxes));
  }),
);
const texts = tracking.result.map((tracks) => tracks.map((shown, f) => formatMotTracks(f + 1, shown)).join(""));
const sequences = () =>
  inputs.map(({ name, frames }, i) => ({
    name,
    frames,
    truth: parseMotRows(read(name, "gt/gt.txt"), `${name}/gt/gt.txt`),
    found: parseMotRows(texts[i], `${name}.txt`),
  }));
const scoring = timed(() => evaluateMot(sequences()));
const six = evaluateMot(published.sequences.map((wanted) => sequences().find(({ name }) => name === wanted)));
const eleven = scoring.result;

const fractions = ["MOTA", "MOTP", "IDF1", "HOTA", "DetA", "AssA"];
const counts = ["MT", "PT", "ML", "FP", "FN", "IDSW", "Frag"];
const row = (name, figures) => [
  name,
  ...fractions.map((each) => (figures[each] === undefined ? "" : (100 * figures[each]).toFixed(1))),
  ...counts.map((each) => figures[each] ?? ""),
];
const rows = (result) => result.sequences.map((figures) => row(figures.name, figures));
const titles = ["sequence", ...fractions, ...counts].map((title, i) => ({ title, align: i === 0 ? "left" : "right" }));
console.error(formatTable(titles, [...rows(six), row("combined", six.combined), row("published", published.combined)]));
console.error(`\n${formatTable(titles, [...rows(eleven), row("combined", eleven.combined)])}\n`);

const frames = inputs.reduce((sum, { detections }) => sum + detections.length, 0);
const pick = (figures) => Object.fromEntries([...fractions, ...counts].map((name) => [name, figures[name]]));
console.log(JSON.stringify({ bench: "mot15 six sequences", ...pick(six.combined), published: published.combined }));
console.log(JSON.stringify({ bench: "mot15 all sequences", sequences: names.length, ...pick(eleven.combined) }));
console.log(
  JSON.stringify({
    bench: "mot15 speed",
    frames,
    trackingMs: tracking.ms,
    framesPerSecond: Math.round((1000 * frames) / tracking.ms),
    readAndScoreMs: scoring.ms,
  }),
);
