import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Leaderboard } from "@phinets/core/sweep";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeOptuna } from "./optuna.js";

const root = mkdtempSync(join(tmpdir(), "phinets-optuna-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const cost = { parameters: 4748, macs: 298848, latencyMs: [1, 2] as const };
const board: Leaderboard = {
  objective: "AP50",
  rows: [
    {
      ...{ setting: { lr: 0.01, batch: 8, warmup: 3, plain: true }, target: "stm32h743", seeds: [0, 1] },
      ...{ epochs: 3, score: 0.5, figures: { AP50: 0.5 }, cost, runs: ["detect/a", "detect/b"] },
    },
    {
      ...{ setting: { lr: 0.1, batch: "auto", warmup: 1, plain: false }, target: "nrf52840", seeds: [0] },
      ...{ epochs: 1, score: 0.25, figures: { AP50: 0.25 }, cost, runs: ["detect/c"] },
    },
    {
      ...{ setting: { lr: 1, batch: 8, warmup: 2, plain: true }, target: "nrf52840", seeds: [0] },
      ...{ epochs: 1, figures: {}, cost, runs: ["detect/none"], failed: "diverged" },
    },
  ],
  leftOut: [{ setting: { lr: 0.5, batch: 8, warmup: 2, plain: true }, target: "nrf52840", reason: "RAM" }],
};
const space = [
  { name: "lr", min: 0.001, max: 1, scale: "log" },
  { name: "batch", values: [8, "auto"] },
  { name: "warmup", min: 1, max: 5, scale: "linear" },
  { name: "plain", values: [true, false] },
] as const;

let path: string;
beforeAll(() => {
  // The fourth epoch of a was trained after the rung; b ends before it.
  const results = { a: ["1,.2", "2,.4", "3,.5", "4,.9"], b: ["1,.4", "2,.6"], c: ["1,.25"] };
  for (const [name, rows] of Object.entries(results)) {
    mkdirSync(join(root, "detect", name), { recursive: true });
    writeFileSync(join(root, "detect", name, "results.csv"), `epoch,AP50\n${rows.join("\n")}\n`);
  }
  path = writeOptuna(root, board, { name: "a sweep", space, now: new Date("2026-11-29T10:00:00Z") });
});

it("is a study and a trial for each setting, in the numbers of Optuna's distributions", () => {
  const [study, ...trials] = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(study).toEqual({ op_code: 0, worker_id: "phinets", study_name: "a sweep", directions: [2] });
  expect(trials.map(({ params }) => params)).toEqual([
    { target: 0, lr: 0.01, batch: 0, warmup: 3, plain: 0 },
    { target: 1, lr: 0.1, batch: 1, warmup: 1, plain: 1 },
    { target: 1, lr: 1, batch: 0, warmup: 2, plain: 0 },
  ]);
  expect(trials.map(({ state, values }) => [state, values])).toEqual([
    [1, [0.5]],
    [2, [0.25]],
    [3, null],
  ]);
  expect(JSON.parse(trials[0].distributions.warmup)).toEqual({
    name: "IntDistribution",
    attributes: { log: false, step: 1, low: 1, high: 5 },
  });
});

const reader = `import sys, json, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(study_name="a sweep", storage=JournalStorage(JournalFileBackend(sys.argv[1])))
trials = [[t.state.name, t.value, t.params, t.intermediate_values, t.user_attrs["macs"]] for t in study.trials]
print(json.dumps({"direction": study.direction.name, "best": study.best_params, "trials": trials}))
`;
const found = spawnSync("python3", ["-c", "import optuna"]).status === 0;
if (!found) console.warn("optuna.test.ts: python3 has no optuna here; what Optuna reads is not checked");

it.skipIf(!found)(
  "is what Optuna reads",
  () => {
    const { stdout, stderr } = spawnSync("python3", ["-c", reader, path], { encoding: "utf8" });
    expect(JSON.parse(stdout || JSON.stringify(stderr))).toEqual({
      direction: "MAXIMIZE",
      best: { target: "stm32h743", lr: 0.01, batch: 8, warmup: 3, plain: true },
      trials: [
        [
          ...["COMPLETE", 0.5, { target: "stm32h743", lr: 0.01, batch: 8, warmup: 3, plain: true }],
          ...[{ 1: expect.closeTo(0.3), 2: 0.5 }, 298848],
        ],
        [
          ...["PRUNED", 0.25, { target: "nrf52840", lr: 0.1, batch: "auto", warmup: 1, plain: false }],
          ...[{ 1: 0.25 }, 298848],
        ],
        ["FAIL", null, { target: "nrf52840", lr: 1, batch: 8, warmup: 2, plain: true }, {}, 298848],
      ],
    });
  },
  60_000,
);
