/** A small, fixed part of the attack (bench/attack); docs/reliability.md reports what longer attacks find. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { installed } from "./tools.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = existsSync(join(root, "packages/node/dist/dataset/host.js"));
if (!built) console.warn("skipped: the packages are not built; npm run build builds them");

const folder = mkdtempSync(join(tmpdir(), "phinets-attack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Counts {
  readonly next: number;
  readonly refused: number;
  readonly accepted: number;
  readonly fault: number;
}

/**
 * Tries `count` cases of each target in a process of its own; the process's report of faults becomes the failure's
 * text.
 */
function attack(only: string, count: number): Record<string, Counts> {
  const out = join(folder, only.split(",")[0]);
  const words = ["--seed", "1", "--count", String(count), "--only", only, "--threads", "1", "--out", out];
  const { status, stdout, stderr } = spawnSync(process.execPath, ["bench/attack/attack.mjs", ...words], {
    cwd: root,
    encoding: "utf8",
  });
  expect(status, `${stderr}\n${stdout}`).toBe(0);
  return JSON.parse(readFileSync(join(out, "state.json"), "utf8")).targets;
}

const sum = (targets: Record<string, Counts>, what: keyof Counts) =>
  Object.values(targets).reduce((total, of) => total + of[what], 0);

describe.skipIf(!built)("an attack finds nothing", () => {
  it("in the parsers", () => {
    const targets = attack("parsers", 40);
    expect(Object.keys(targets).length).toBeGreaterThan(40);
    for (const [name, { next }] of Object.entries(targets)) expect(next, name).toBe(40);
    // Mutants must be neither all nonsense nor all still valid.
    expect(sum(targets, "refused")).toBeGreaterThan(400);
    expect(sum(targets, "accepted")).toBeGreaterThan(400);
  });

  it("in networks as other tools write them, of which the mutants are made: they are read", () => {
    const script = `import { parsers } from "./bench/attack/targets/index.mjs";
import { tryParser } from "./bench/attack/lib/case.mjs";
for (const target of parsers.filter(({ name }) => /^(onnx|tflite|tflite-float|network)$/.test(name)))
  for (const files of target.samples) console.log(target.name, (await tryParser(target, files)).outcome);`;
    const words = ["--input-type=module", "--eval", script];
    const { stdout, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
    const lines = stdout.trim().split("\n");
    expect(new Set(lines), stderr).toEqual(
      new Set(["network accepted", "onnx accepted", "tflite accepted", "tflite-float accepted"]),
    );
  });

  it.skipIf(process.platform === "win32")("in hostile folders", { timeout: 600_000 }, () => {
    expect(sum(attack("hostile", 4), "next")).toBe(4);
  });

  it.skipIf(process.platform === "win32")(
    "after kills, and where there is no room and no right to write",
    {
      timeout: 600_000,
    },
    () => {
      expect(sum(attack("kill-train,shortage,read-only", 1), "next")).toBe(3);
    },
  );

  it.skipIf(!installed("gcc"))("in the tracker's C under sanitizers", () => {
    expect(attack("c-tracker", 1)["c-tracker"].accepted).toBe(1);
  });
});
