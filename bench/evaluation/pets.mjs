/**
 * People in a real video, end to end: a run's network detects them in PETS09-S2L1, both trackers link its boxes, and
 * our evaluator scores the tracks beside those of the benchmark's public detections. The table goes to stderr, one JSON
 * line per row to stdout, and a picture with the path of every track to --picture.
 *
 * Usage: npm run bench:pets -- MODEL [--video pets09-s2l1.avi] [--truth mot15/train/PETS09-S2L1] [--tiles 2x2]
 *   [--on int8] [--sort-conf 0.25] [--high-score 0.5] [--picture pets.jpg] [--tracks FOLDER] [--detections det.txt]
 * MODEL is a run folder. --tracks saves the tracks, and the network's boxes as det.txt, which --detections reuses.
 * Without --video and --truth, both are expected under $PHINETS_SHARED/data. Needs `npm run build` and ffmpeg.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseMotRows, parseSequenceInfo } from "../../packages/core/dist/data/index.js";
import { evaluateMot } from "../../packages/core/dist/evaluation/index.js";
import { ByteTracker, formatMotTracks, readMotDetections, Sort } from "../../packages/core/dist/tracking/index.js";
import { Canvas, colourOf, parseTiles, savePicture } from "../../packages/node/dist/picture/index.js";
import { loadRun, openModel } from "../../packages/node/dist/run/index.js";
import { formatTable } from "../../packages/node/dist/text/table.js";
import { framesOf } from "../../packages/node/dist/video/index.js";

const shared = join(process.env.PHINETS_SHARED ?? ".", "data");
const text = (fallback) => ({ type: "string", ...(fallback !== undefined && { default: fallback }) });
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    video: text(join(shared, "video/pets09-s2l1.avi")),
    truth: text(join(shared, "mot15/train/PETS09-S2L1")),
    tiles: text(),
    on: text("int8"),
    "sort-conf": text("0.25"),
    "high-score": text("0.5"),
    detections: text(),
    picture: text(),
    tracks: text(),
  },
});
const [model] = positionals;
if (model === undefined) {
  console.error("usage: npm run bench:pets -- MODEL [--tiles 2x2] [--picture pets.jpg]; MODEL is a run folder");
  process.exit(2);
}
const sortConf = Number(options["sort-conf"]);
const read = (path) => readFileSync(join(options.truth, path), "utf8");
const name = "PETS09-S2L1";
const { length: frameCount } = parseSequenceInfo(read("seqinfo.ini"), "seqinfo.ini");
const truth = parseMotRows(read("gt/gt.txt"), "gt.txt");

// ByteTrack also uses low-score boxes; SORT gets only the high-score ones.
const tiles = options.tiles === undefined ? undefined : parseTiles(options.tiles);
const detector = await openModel(loadRun(model), { on: options.on, conf: 0.1, tiles });
const known = options.detections && readMotDetections(readFileSync(options.detections, "utf8"), options.detections);
const ours = [];
let shown;
const start = performance.now();
const { frames } = await framesOf(options.video);
for await (const { picture } of frames) {
  shown ??= picture;
  if (known) {
    for (let f = 0; f < frameCount; f++) ours.push(known[f] ?? []);
    break;
  }
  ours.push(
    detector.detect(picture).map(({ x, y, width, height, score }) => ({
      ...{ x1: x, y1: y, x2: x + width, y2: y + height, score },
    })),
  );
  if (ours.length === frameCount) break;
  if (ours.length % 100 === 0) console.error(`${ours.length} of ${frameCount} frames`);
}
const detectMs = performance.now() - start;
if (options.tracks !== undefined) {
  mkdirSync(options.tracks, { recursive: true });
  const rows = ours.flatMap((list, f) =>
    list.map(({ x1, y1, x2, y2, score }) => [f + 1, -1, x1, y1, x2 - x1, y2 - y1, score].join()),
  );
  writeFileSync(join(options.tracks, "det.txt"), `${rows.join("\n")}\n`);
}
const boxes = {
  [`${options.on}${tiles ? `, ${options.tiles} tiles and the whole` : ""}`]: ours,
  "public detections": readMotDetections(read("det/det.txt"), "det.txt"),
};

const fractions = ["MOTA", "MOTP", "IDF1", "HOTA", "DetA", "AssA"];
const counts = ["MT", "PT", "ML", "FP", "FN", "IDSW", "Frag"];
const rows = [];
for (const [source, list] of Object.entries(boxes)) {
  for (const [trackerName, tracker] of [
    ["sort", new Sort()],
    ["bytetrack", new ByteTracker(list === ours ? { highScore: Number(options["high-score"]) } : {})],
  ]) {
    const least = list === ours && trackerName === "sort" ? sortConf : 0;
    const tracks = Array.from({ length: frameCount }, (_, f) =>
      tracker.update((list[f] ?? []).filter(({ score }) => score >= least)),
    );
    const lines = tracks.map((frame, f) => formatMotTracks(f + 1, frame)).join("");
    const { combined } = evaluateMot([{ name, frames: frameCount, truth, found: parseMotRows(lines, "tracks") }]);
    const figures = Object.fromEntries([...fractions, ...counts].map((each) => [each, combined[each]]));
    console.log(JSON.stringify({ bench: "pets09-s2l1", source, tracker: trackerName, ...figures }));
    rows.push([
      source,
      trackerName,
      ...fractions.map((each) => (100 * combined[each]).toFixed(1)),
      ...counts.map((each) => combined[each]),
    ]);
    if (list !== ours) continue;
    if (options.tracks !== undefined) {
      mkdirSync(join(options.tracks, trackerName), { recursive: true });
      writeFileSync(join(options.tracks, trackerName, `${name}.txt`), lines);
    }
    if (options.picture !== undefined && trackerName === "bytetrack") await draw(tracks);
  }
}
console.error(formatTable(["detections", "tracker", ...fractions, ...counts], rows));
if (!known) console.error(`detection: ${((1000 * ours.length) / detectMs).toFixed(1)} frames/s, reading included`);

/** Draws the first frame, darkened, with the path of every track: the middle of its box's lower edge. */
async function draw(tracks) {
  const canvas = new Canvas(shown);
  for (let i = 0; i < canvas.data.length; i++) canvas.data[i] *= 0.6;
  const last = new Map();
  for (const frame of tracks) {
    for (const { id, x1, x2, y2 } of frame) {
      const [x, y] = [(x1 + x2) / 2, y2];
      const before = last.get(id);
      if (before) canvas.line(before[0], before[1], x, y, colourOf(id - 1), 2, 0.9);
      last.set(id, [x, y]);
    }
  }
  await savePicture(options.picture, canvas);
  console.error(`written to ${options.picture}`);
}
