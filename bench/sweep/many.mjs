/**
 * A sweep of many settings without training. First the command line resolves a file of settings and leaves all of them
 * out by a limit, which measures reading, drawing and costing; then a trainer that returns at once, with scores drawn
 * from a seed, runs under the real schedule, journal, leaderboard and page. Prints seconds, microseconds per rung,
 * memory and bytes.
 * Usage: node bench/sweep/many.mjs [--settings 10000] [--slots 64] [--seed 1]. Needs `npm run build`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawSettings } from "@phinets/core/sweep";
import { Random } from "@phinets/core/tensor";
import { makeRecipe } from "@phinets/core/training";
import { writeConveyorDataset } from "@phinets/node/dataset";
import { listen, openData } from "@phinets/node/steps";
import { epochsOf, makeTrial, openSweepFolder, planBrackets, runSweep } from "@phinets/node/sweep";

const { values } = parseArgs({
  options: {
    settings: { type: "string", default: "10000" },
    slots: { type: "string", default: "64" },
    seed: { type: "string", default: "1" },
  },
});
const count = Number(values.settings);
const bin = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "phinets-many-"));
const size = { height: 48, width: 64 };
const epochs = 27;

/** Seconds, rounded to milliseconds. */
const since = (start) => Math.round(performance.now() - start) / 1000;

/** Runs `phinets sweep` on a file whose settings all need more RAM than it allows. */
function resolveAll() {
  writeFileSync(
    join(root, "sweep.yaml"),
    `data: data
target: stm32h743
imgsz: ${size.height}x${size.width}
epochs: ${epochs}
space:
  lr: {min: 0.001, max: 0.02, scale: log}
  weightDecay: {min: 0.0001, max: 0.1, scale: log}
  batch: [8, 16]
search: asha
trials: ${count}
limits: {ramBytes: 1}
`,
  );
  const start = performance.now();
  const { status } = spawnSync(process.execPath, [bin, "sweep", "sweep.yaml", "--out", "resolved"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) process.exit(status ?? 1);
  return since(start);
}

/**
 * A trainer whose score depends on the learning rate and slightly on chance; it writes the files that the page's curves
 * need.
 */
function instantTrainer(folder) {
  const random = new Random(Number(values.seed));
  const counts = { rungs: 0, ms: 0 };
  const trainer = {
    slots: Number(values.slots),
    inPieces: false,
    async train({ trial, epochs }) {
      const start = performance.now();
      const { learningRate } = trial.recipe;
      const figure = (epoch) => 1 - 1 / (1 + epoch * learningRate) - 0.05 * random.uniform();
      const run = join(folder, "detect", trial.hash);
      mkdirSync(run, { recursive: true });
      const rows = Array.from({ length: epochs }, (_, i) => `${i + 1},${figure(i + 1)}`);
      writeFileSync(join(run, "results.csv"), `epoch,AP50\n${rows.join("\n")}\n`);
      counts.rungs++;
      counts.ms += performance.now() - start;
      return {
        figures: { AP50: figure(epochs) },
        ...(epochs === trial.recipe.epochs && { weightsSha256: trial.hash }),
      };
    },
    quantize: () => Promise.reject(new Error("nothing is quantised here")),
    close: () => Promise.resolve(),
  };
  return { trainer, counts };
}

try {
  await writeConveyorDataset(join(root, "data"), { seed: 3, train: 8, val: 4, clipFrames: 4, size });
  const resolveSeconds = resolveAll();
  const data = await openData([join(root, "data")], { seed: 0 });
  const head = { kind: "yolov2", classes: 1, filters: 16 };
  const network = { family: "phinet", input: size, alpha: 0.15, blocks: 4, downsampling: [4], head };
  const space = [{ name: "lr", min: 1e-3, max: 1e-1, scale: "log" }];
  const settings = drawSettings(space, { count, seed: 0 }).map((setting) => {
    const recipe = makeRecipe("detect", { learningRate: setting.lr, epochs });
    const trial = makeTrial({ data, paths: [join(root, "data")], network, recipe, more: {} });
    return { setting, trials: [trial], cost: { parameters: 1, macs: 1 } };
  });
  const brackets = planBrackets(settings, { search: "asha", reduction: 3, firstEpochs: 1 });
  const folder = join(root, "sweep");
  openSweepFolder(folder);
  const { trainer, counts } = instantTrainer(folder);
  const request = { folder, name: "many", brackets, leftOut: [], objective: "AP50", on: "float", trainer };
  const start = performance.now();
  const { trainedEpochs } = await runSweep(request, listen());
  const seconds = since(start);
  const again = performance.now();
  await runSweep(request, listen());
  const bytes = (name) => statSync(join(folder, name)).size;
  console.log(
    JSON.stringify({
      ...{ bench: "sweep-many", settings: settings.length, slots: trainer.slots, rungs: counts.rungs },
      ...{ resolveSeconds, seconds, trainerSeconds: Math.round(counts.ms) / 1000, againSeconds: since(again) },
      microsecondsARung: Math.round((1e6 * (seconds - counts.ms / 1000)) / counts.rungs),
      ...{ trainedEpochs, planned: epochsOf(brackets), memoryMb: Math.round(process.memoryUsage().rss / 1e6) },
      ...{ journalBytes: bytes("journal.jsonl"), csvBytes: bytes("leaderboard.csv"), htmlBytes: bytes("sweep.html") },
    }),
  );
} finally {
  rmSync(root, { recursive: true, force: true });
}
