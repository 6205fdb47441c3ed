/**
 * SORT on the public detections of MOT15's training sequences, scored by this project: the six sequences beside the
 * table published by SORT's authors (Bewley et al., ICIP 2016, and the repository's README), and all eleven, also with
 * the ByteTrack-style tracker. The tables go to stderr, JSON lines to stdout, with the speed of tracking and scoring
 * (medians of 7 rounds, one thread), the bytes allocated per frame, and the cost of a frame after many tracks have
 * died.
 *
 * Usage: node bench/evaluation/mot15.mjs [folder with SEQ/gt/gt.txt, SEQ/det/det.txt, SEQ/seqinfo.ini]; default:
 * $PHINETS_SHARED/data/mot15/train. Needs `npm run build`.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parseMotRows } from "../../packages/core/dist/data/index.js";
import { evaluateMot } from "../../packages/core/dist/evaluation/index.js";
import { ByteTracker, formatMotTracks, Sort } from "../../packages/core/dist/tracking/index.js";
import { formatTable } from "../../packages/node/dist/text/table.js";
import { readSequences } from "./lib/mot15.mjs";

const inputs = readSequences(process.argv[2]);
const published = {
  sequences: ["TUD-Campus", "ETH-Sunnyday", "ETH-Pedcross2", "ADL-Rundle-8", "Venice-2", "KITTI-17"],
  combined: { MOTA: 0.34, MOTP: 0.733, FP: 3311, FN: 11660, IDSW: 274, Frag: 499 },
};
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

const makers = { sort: () => new Sort(), bytetrack: () => new ByteTracker() };
const trackAll = (make) =>
  timed(() =>
    inputs.map(({ detections }) => {
      const tracker = make();
      return detections.map((boxes) => tracker.update(boxes));
    }),
  );
const tracking = { sort: trackAll(makers.sort), bytetrack: trackAll(makers.bytetrack) };
const textsOf = ({ result }) =>
  result.map((tracks) => tracks.map((shown, f) => formatMotTracks(f + 1, shown)).join(""));
const sequences = (texts) =>
  inputs.map(({ name, frames, truth }, i) => ({
    name,
    frames,
    truth: truth(),
    found: parseMotRows(texts[i], `${name}.txt`),
  }));
const texts = textsOf(tracking.sort);
const scoring = timed(() => evaluateMot(sequences(texts)));
const byteTrack = evaluateMot(sequences(textsOf(tracking.bytetrack)));
const six = evaluateMot(published.sequences.map((wanted) => sequences(texts).find(({ name }) => name === wanted)));
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
console.error(`ByteTrack style\n${formatTable(titles, [...rows(byteTrack), row("combined", byteTrack.combined)])}\n`);

const frames = inputs.reduce((sum, { detections }) => sum + detections.length, 0);
const pick = (figures) => Object.fromEntries([...fractions, ...counts].map((name) => [name, figures[name]]));
console.log(JSON.stringify({ bench: "mot15 six sequences", ...pick(six.combined), published: published.combined }));
console.log(JSON.stringify({ bench: "mot15 all sequences", sequences: inputs.length, ...pick(eleven.combined) }));
console.log(JSON.stringify({ bench: "mot15 all sequences, bytetrack", ...pick(byteTrack.combined) }));

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

/**
 * Bytes allocated per frame when the list of tracks is reused, median of five windows. Code that V8 has not optimised
 * yet allocates numbers on the heap, so the sequence first runs 300 times. Reading detections of several shapes (with
 * and without a score) has the same effect, so all detections here have the same shape.
 */
function bytesPerFrame(make) {
  const { detections } = inputs.find(({ name }) => name === "PETS09-S2L1") ?? inputs[0];
  const tracker = make();
  const into = [];
  const round = () => {
    for (const boxes of detections) tracker.update(boxes, into);
  };
  for (let i = 0; i < 300; i++) round();
  const windows = Array.from({ length: 5 }, () => {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 5; i++) round();
    return Math.max(0, process.memoryUsage().heapUsed - before) / (5 * detections.length);
  });
  return median(windows);
}

/** Microseconds per frame of twenty boxes, all of them new in every frame, so that twenty tracks start in each. */
function microsecondsAfter(make, dead) {
  const tracker = make();
  const frame = (f) =>
    Array.from({ length: 20 }, (_, i) => ({
      x1: 100 * i,
      y1: 50 * (f % 97),
      x2: 100 * i + 20,
      y2: 50 * (f % 97) + 20,
      score: 0.9,
    }));
  const list = Array.from({ length: 97 }, (_, f) => frame(f));
  let f = 0;
  while (tracker.born < dead) tracker.update(list[f++ % 97]);
  const start = performance.now();
  for (let i = 0; i < 970; i++) tracker.update(list[f++ % 97]);
  return (1000 * (performance.now() - start)) / 970;
}
const rounded = (value) => Number(value.toFixed(2));
for (const [tracker, make] of Object.entries(makers)) {
  microsecondsAfter(make, 20_000);
  console.log(
    JSON.stringify({
      bench: `mot15 speed, ${tracker}`,
      frames,
      trackingMs: tracking[tracker].ms,
      framesPerSecond: Math.round((1000 * frames) / tracking[tracker].ms),
      bytesPerFrame: rounded(bytesPerFrame(make)),
      microsecondsPerFrameAfterDeadTracks: Object.fromEntries(
        [20_000, 80_000, 320_000].map((dead) => [dead, rounded(microsecondsAfter(make, dead))]),
      ),
    }),
  );
}
console.log(JSON.stringify({ bench: "mot15 scoring", readAndScoreMs: scoring.ms }));
