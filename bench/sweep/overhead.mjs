/**
 * Overhead of a sweep's rung beside its training: successive halving over many settings of a tiny network, in one slot.
 * Training is the time in events.jsonl between "started" and a rung's last "checkpoint"; overhead is the remaining time
 * from the first rung's start to the last one's end. Prints both, in milliseconds per rung.
 * Usage: node bench/sweep/overhead.mjs [--settings 81] [--workers 1]. Needs `npm run build`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeConveyorDataset } from "@phinets/node/dataset";

const { values } = parseArgs({
  options: { settings: { type: "string", default: "81" }, workers: { type: "string", default: "1" } },
});
const bin = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "phinets-overhead-"));
const size = { height: 48, width: 64 };

/** Start and end of each rung's training, in milliseconds. */
function trainings(run) {
  const lines = readFileSync(join(run, "events.jsonl"), "utf8").trim().split("\n");
  const spans = [];
  for (const { event, time } of lines.map((line) => JSON.parse(line))) {
    if (event === "started") spans.push({ begin: Date.parse(time) });
    if (event === "checkpoint") spans.at(-1).end = Date.parse(time);
  }
  return spans;
}

try {
  await writeConveyorDataset(join(root, "data"), { seed: 3, train: 32, val: 8, clipFrames: 8, size });
  const head = { kind: "yolov2", classes: 1, filters: 16 };
  const network = { family: "phinet", input: size, alpha: 0.15, blocks: 4, downsampling: [4], head };
  writeFileSync(join(root, "network.json"), JSON.stringify(network));
  writeFileSync(
    join(root, "sweep.yaml"),
    `data: data
network: network.json
epochs: 9
batch: 8
space:
  lr: {min: 0.001, max: 0.02, scale: log}
search: asha
trials: ${Number(values.settings)}
reduction: 3
`,
  );
  const words = ["sweep", "sweep.yaml", "--out", "out", "--slots", "1", "--workers", values.workers];
  const { status } = spawnSync(process.execPath, [bin, ...words], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) process.exit(status ?? 1);
  const runs = join(root, "out/detect");
  const spans = readdirSync(runs).flatMap((run) => trainings(join(runs, run)));
  const training = spans.reduce((sum, { begin, end }) => sum + end - begin, 0);
  const all = Math.max(...spans.map(({ end }) => end)) - Math.min(...spans.map(({ begin }) => begin));
  console.log(
    JSON.stringify({
      bench: "sweep-overhead",
      workers: Number(values.workers),
      rungs: spans.length,
      trainingMs: training / spans.length,
      besideMs: (all - training) / (spans.length - 1),
    }),
  );
} finally {
  rmSync(root, { recursive: true, force: true });
}
