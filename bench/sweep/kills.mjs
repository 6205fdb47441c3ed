/**
 * A sweep under SIGKILL: the same file is run undisturbed, and again with a random (seeded) schedule of kills of the
 * sweep and of its slots' processes, in one slot or several. leaderboard.csv and all weights must have the same bytes,
 * no rung may be missing from or repeated in the journal, and no child may outlive its sweep. Exit code 1 if anything
 * differs.
 * Usage: node bench/sweep/kills.mjs [--schedules 20] [--seed 1]. Needs `npm run build`; twenty schedules take about ten
 * minutes.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "@phinets/core/tensor";
import { writeTinySweep } from "./lib/tiny.mjs";

const { values } = parseArgs({
  options: { schedules: { type: "string", default: "20" }, seed: { type: "string", default: "1" } },
});
const bin = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "phinets-kills-"));
const file = await writeTinySweep(root, { epochs: 4 });

const start = (out, slots) =>
  spawn(process.execPath, [bin, "sweep", file, "--out", out, "--slots", String(slots), "--workers", "2"], {
    stdio: ["ignore", "ignore", "pipe"],
  });

/** Process ids of a sweep's slots. */
function childrenOf(out) {
  const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  return lines
    .filter((line) => line.includes(`slot-worker.js ${out}`))
    .map((line) => Number(line.trim().split(" ")[0]));
}

const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

function resultOf(out) {
  const runs = readdirSync(join(out, "detect")).sort();
  const journal = readFileSync(join(out, "journal.jsonl"), "utf8").trim().split("\n");
  const rungs = journal.map((line) => JSON.parse(line)).map(({ trial, epochs }) => `${trial}:${epochs}`);
  return {
    leaderboard: digest(join(out, "leaderboard.csv")),
    weights: runs.map((run) => `${run} ${digest(join(out, "detect", run, "weights/best.safetensors"))}`).join("\n"),
    journal: [...new Set(rungs)].sort().join("\n"),
    twice: rungs.length - new Set(rungs).size,
  };
}

/** Runs a sweep to its end, killing it at random moments in all of its lives but the last. */
async function run(out, slots, kills, random) {
  let orphans = 0;
  for (let life = 0; ; life++) {
    const child = start(out, slots);
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal)));
    if (life < kills) {
      // About two seconds for reading the data, then any moment of the training runs.
      await Promise.race([ended, setTimeout(1500 + random.integer(6000))]);
      const slots = childrenOf(out);
      // Kills one of its slots, or the sweep itself.
      const victim = slots.length > 0 && random.integer(3) === 0 ? slots[random.integer(slots.length)] : child.pid;
      try {
        process.kill(victim, "SIGKILL");
      } catch {} // it has just ended
      await ended;
      for (let wait = 0; wait < 50 && childrenOf(out).length > 0; wait++) await setTimeout(100);
      orphans += childrenOf(out).length;
      continue;
    }
    const end = await ended;
    if (end !== 0) throw new Error(`the sweep ended with ${end}:\n${stderr}`);
    return { ...resultOf(out), orphans };
  }
}

let failed = false;
try {
  const expected = await run(join(root, "undisturbed"), 1, 0);
  const schedules = Number(values.schedules);
  for (let n = 0; n < schedules; n++) {
    const random = new Random(Number(values.seed), n);
    const [slots, kills] = [1 + random.integer(3), 1 + random.integer(4)];
    const out = join(root, `schedule-${n}`);
    const result = await run(out, slots, kills, random);
    const wrong = ["leaderboard", "weights", "journal"].filter((name) => result[name] !== expected[name]);
    if (result.twice > 0) wrong.push(`${result.twice} rungs twice`);
    if (result.orphans > 0) wrong.push(`${result.orphans} children left`);
    failed ||= wrong.length > 0;
    console.log(
      JSON.stringify({ bench: "sweep-kills", schedule: n, slots, kills, result: wrong.length === 0 ? "equal" : wrong }),
    );
    rmSync(out, { recursive: true, force: true });
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
