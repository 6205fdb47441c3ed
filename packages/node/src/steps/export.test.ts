import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadBoard } from "@phinets/core/target";
import { expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { loadRun } from "../run/load.js";
import { writeExports } from "./export.js";

it("an export takes away what a killed one left half-written, and nothing of others", () => {
  const folder = mkdtempSync(join(tmpdir(), "phinets-export-"));
  try {
    makeRun(join(folder, "run"));
    const out = join(folder, "out");
    const request = { folder: out, target: loadBoard("stm32h743") };
    const run = loadRun(join(folder, "run"));
    writeExports(run, ["tflite"], request);
    // No process has an id this large.
    writeFileSync(join(out, ".999999999-0123456789ab-63.model.tflite"), "half");
    for (const name of [".hidden", ".1-mine", "notes.txt"]) writeFileSync(join(out, name), "");
    writeExports(run, ["tflite"], request);
    expect(readdirSync(out).sort()).toEqual([".1-mine", ".hidden", "model.tflite", "notes.txt"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
