/**
 * Compares successive halving with the full grid: 27 settings of one network, all trained to the end, and again by
 * `search: asha` over the same 27. Prints both winners, how far the second is behind in the grid's metrics, and the
 * pictures that each trained on. If killed, it can be resumed: both sweeps keep their results in --out.
 * Usage: node bench/sweep/asha.mjs --data DATA [--size 64] [--epochs 9] [--first-epochs 1] [--out runs/asha]. Needs
 * `npm run build`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    size: { type: "string", default: "64" },
    epochs: { type: "string", default: "9" },
    "first-epochs": { type: "string", default: "1" },
    out: { type: "string", default: "runs/asha" },
  },
});
if (values.data === undefined) {
  console.error("asha: --data is missing; name a data set");
  process.exit(2);
}
const bin = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));
const size = Number(values.size);
const epochs = Number(values.epochs);
mkdirSync(values.out, { recursive: true });
const head = { kind: "yolov2", classes: 1, filters: 64 };
const network = {
  family: "phinet",
  input: { height: size, width: size },
  alpha: 0.35,
  blocks: 7,
  downsampling: [5],
  head,
};
writeFileSync(join(values.out, "network.json"), JSON.stringify(network));

/** The three options that users change first. */
const space = "space:\n  lr: [0.003, 0.01, 0.03]\n  batch: [8, 16, 32]\n  weightDecay: [0.0005, 0.02, 0.1]\n";

/** Runs a sweep; returns its sweep.json. */
function sweep(name, search) {
  const file = join(values.out, `${name}.yaml`);
  const common = `data: ${JSON.stringify(resolve(values.data))}\nnetwork: network.json\nepochs: ${epochs}\n${space}`;
  writeFileSync(file, `${common}${search}`);
  const folder = join(values.out, name);
  const { status } = spawnSync(process.execPath, [bin, "sweep", file, "--out", folder], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(readFileSync(join(folder, "sweep.json"), "utf8")).rows;
}

const grid = sweep("grid", "search: grid\n");
// As many draws as there are settings, all different: every setting.
const asha = sweep(
  "halving",
  `search: asha\ntrials: 27\nreduction: 3\nfirstEpochs: ${Number(values["first-epochs"])}\n`,
);
const key = ({ setting }) => JSON.stringify(Object.entries(setting).sort());
const inGrid = grid.find((row) => key(row) === key(asha[0]));
// A setting that was continued trained its earlier epochs only once.
const epochsOf = (rows) => rows.reduce((sum, row) => sum + row.epochs * row.seeds.length, 0);
const share = epochsOf(asha) / epochsOf(grid);
console.log(
  JSON.stringify({
    bench: "sweep-asha",
    ...{ data: values.data, size, epochs, settings: grid.length },
    grid: { setting: grid[0].setting, score: grid[0].score, epochs: epochsOf(grid) },
    asha: { setting: asha[0].setting, score: inGrid.score, epochs: epochsOf(asha), rank: grid.indexOf(inGrid) + 1 },
    behind: grid[0].score - inGrid.score,
    share,
  }),
);
