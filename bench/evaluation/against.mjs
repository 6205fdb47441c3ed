/**
 * Compares our evaluation with the reference tools in one run, alternating on the same files: medians and speed-ups.
 * The metrics of both are compared to make sure that the timed work is the same. One thread each.
 *
 * Usage: PHINETS_SHARED=folder node bench/evaluation/against.mjs [--rounds 5] [--python /usr/bin/python3]
 *   [--pycocotools COCOAPI/PythonAPI] [--faster-coco-eval DIR] [--trackeval DIR] [--sort DIR --filterpy DIR]
 * Each option names a checkout, built in place if it has parts in C (setup.py build_ext --inplace); tools without one
 * are skipped. The folder contains goldens/ and data/mot15/train. Needs `npm run build`, and NumPy and SciPy for
 * Python.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as data from "../../packages/core/dist/data/index.js";
import { evaluateCoco, evaluateMot } from "../../packages/core/dist/evaluation/index.js";
import { readMotDetections, Sort } from "../../packages/core/dist/tracking/index.js";
import { formatTable } from "../../packages/node/dist/text/table.js";

const folder = { type: "string" };
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    python: { type: "string", default: "/usr/bin/python3" },
    pycocotools: folder,
    "faster-coco-eval": folder,
    trackeval: folder,
    sort: folder,
    filterpy: folder,
  },
});
const shared = process.env.PHINETS_SHARED;
if (!shared || !existsSync(`${shared}/goldens`)) {
  console.error("left out: set PHINETS_SHARED to the folder that holds goldens/ and data/");
  process.exit(0);
}
const rounds = Number(options.rounds);
const scratch = mkdtempSync(join(tmpdir(), "phinets-against-"));
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const timed = (work) => {
  const start = performance.now();
  const result = work();
  return { ms: performance.now() - start, result };
};

/** A reference tool's process, which waits for the next round. */
function referenceOf(tool, job) {
  const file = join(scratch, `${tool}.json`);
  writeFileSync(file, JSON.stringify(job));
  const script = fileURLToPath(new URL("reference.py", import.meta.url));
  const path = [options[tool], tool === "sort" ? options.filterpy : undefined].filter(Boolean).join(":");
  const child = spawn(options.python, [script, tool, file], {
    stdio: ["pipe", "pipe", process.env.VERBOSE ? "inherit" : "ignore"],
    env: { ...process.env, PYTHONPATH: path, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async round() {
      child.stdin.write("\n");
      const { value, done } = await lines.next();
      if (done) throw new Error(`${tool} ended; VERBOSE=1 shows what it said`);
      return JSON.parse(value);
    },
    end: () => child.stdin.end(),
  };
}

const coco = (name) => {
  const [gt, dt] = ["gt", "dt"].map((part) => `${shared}/goldens/coco/${name}.${part}.json`);
  return {
    job: { gt, dt },
    ours() {
      const read = timed(() => {
        const truth = data.parseCocoTruth(readFileSync(gt), gt);
        return [truth, data.matchFound(truth, data.parseCocoResults(readFileSync(dt), dt)).detections];
      });
      const score = timed(() => evaluateCoco(...read.result));
      return { readMs: read.ms, scoreMs: score.ms, AP: score.result.AP };
    },
  };
};
const mot17 = () => {
  const gt = `${shared}/goldens/mot/mot17/gt`;
  const sequences = readdirSync(gt);
  const text = (file) => readFileSync(file, "utf8");
  return {
    job: { gt, sequences, trackers: `${shared}/goldens/mot/mot17`, tracker: "trk_lift_frcnn" },
    ours() {
      const { ms, result } = timed(() =>
        evaluateMot(
          sequences.map((name) => ({
            name,
            frames: data.parseSequenceInfo(text(`${gt}/${name}/seqinfo.ini`), name).length,
            truth: data.parseMotRows(text(`${gt}/${name}/gt/gt.txt`), name),
            found: data.parseMotRows(text(`${shared}/goldens/mot/mot17/trk_lift_frcnn/${name}.txt`), name),
          })),
        ),
      );
      return { scoreMs: ms, MOTA: result.combined.MOTA, HOTA: result.combined.HOTA };
    },
  };
};
const sort = () => {
  const train = `${shared}/data/mot15/train`;
  const detections = readdirSync(train)
    .map((name) => `${train}/${name}/det/det.txt`)
    .filter(existsSync);
  return {
    job: { detections },
    ours() {
      const read = detections.map((file) => readMotDetections(readFileSync(file, "utf8"), file));
      const { ms, result } = timed(() => {
        let boxes = 0;
        for (const frames of read) {
          const tracker = new Sort();
          for (const list of frames) boxes += tracker.update(list).length;
        }
        return boxes;
      });
      return { scoreMs: ms, frames: read.reduce((sum, { length }) => sum + length, 0), boxes: result };
    },
  };
};

const large = "synth_500img_20cat_20k";
const plan = [
  ["pycocotools", `COCO ${large}`, () => coco(large)],
  ["faster-coco-eval", `COCO ${large}`, () => coco(large)],
  ["pycocotools", "COCO val2014_100", () => coco("val2014_100")],
  ["faster-coco-eval", "COCO val2014_100", () => coco("val2014_100")],
  ["trackeval", "MOT17, three sequences", mot17],
  ["sort", "SORT, eleven sequences", sort],
];
const rows = [];
for (const [tool, what, make] of plan) {
  if (!options[tool]) {
    console.error(`left out: ${tool} on ${what}; --${tool} names a checkout of it`);
    continue;
  }
  const { job, ours } = make();
  const theirs = referenceOf(tool, job);
  const all = { ours: [], theirs: [] };
  // The first round is a warm-up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const pair = { ours: ours(), theirs: await theirs.round() };
    for (const [name, value] of Object.entries(pair.theirs)) {
      if (name.endsWith("Ms")) continue;
      if (Math.abs(value - pair.ours[name]) > 1e-9)
        throw new Error(`${tool}: ${name} is ${value}, ours ${pair.ours[name]}`);
    }
    if (round > 0) for (const side of ["ours", "theirs"]) all[side].push(pair[side]);
  }
  theirs.end();
  const figure = (side, pick) => Number(median(all[side].map(pick)).toFixed(1));
  const whole = ({ readMs = 0, scoreMs }) => readMs + scoreMs;
  const line = {
    bench: what,
    against: tool,
    rounds,
    ms: figure("ours", whole),
    theirMs: figure("theirs", whole),
    scoreMs: figure("ours", ({ scoreMs }) => scoreMs),
    theirScoreMs: figure("theirs", ({ scoreMs }) => scoreMs),
  };
  const frames = all.ours[0].frames;
  if (frames) {
    line.framesPerSecond = Math.round((1000 * frames) / line.ms);
    line.theirFramesPerSecond = Math.round((1000 * frames) / line.theirMs);
  }
  line.timesFaster = Number((line.theirMs / line.ms).toFixed(1));
  line.timesFasterScoring = Number((line.theirScoreMs / line.scoreMs).toFixed(1));
  console.log(JSON.stringify(line));
  rows.push([what, tool, line.ms, line.theirMs, line.timesFaster, line.timesFasterScoring]);
}
rmSync(scratch, { recursive: true, force: true });
if (rows.length > 0) {
  console.error(formatTable(["what", "against", "ours, ms", "theirs, ms", "times faster", "scoring alone"], rows));
}
