import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { phinets } from "../../../../test/road-tools.js";
import { installed } from "../../../../test/tools.js";
import { savePicture } from "../picture/index.js";

let folder: string;
let run: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "phinets-emulate-command-"));
  run = join(folder, "run");
  makeRun(run);
  const pictures = join(folder, "pictures");
  mkdirSync(pictures);
  const random = new Random(4);
  for (const name of ["a", "b", "c"]) {
    const data = Uint8Array.from({ length: 40 * 30 * 3 }, () => random.integer(256));
    await savePicture(join(pictures, `${name}.png`), { width: 40, height: 30, channels: 3, data });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("emulate", () => {
  it("runs pictures through the firmware and leaves firmware and report in the run", async () => {
    const { exitCode, stdout, stderr } = await phinets(
      ...["emulate", "--model", run, "--images", join(folder, "pictures"), "--limit", "2", "--json"],
      ...["--tracks", "--conf", "0.4"],
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ images: 2, matchesInterpreter: true });
    expect(result.tracking).toMatchObject({ frames: 2, tracksMatch: true });
    expect(result.tracking.boxes).toBeGreaterThan(0);
    expect(result.arenaBytes).toBe(result.plannedArenaBytes);
    expect(result.outputSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(readFileSync(join(run, "device_report.json"), "utf8"))).toEqual(result);
    expect(existsSync(join(run, "firmware/build/stm32h743.elf"))).toBe(true);
  });

  it("needs no pictures: the same seed gives the same bytes", async () => {
    const hash = async (seed: string) =>
      JSON.parse((await phinets("emulate", "--model", run, "--limit", "1", "--seed", seed, "--json")).stdout)
        .outputSha256;
    const first = await hash("1");
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash("1")).toBe(first);
    expect(await hash("2")).not.toBe(first);
  });
});

describe("emulate and export", () => {
  it("say in one line what is missing", async () => {
    const bare = join(folder, "bare");
    makeRun(bare);
    for (const file of readdirSync(bare)) if (file.startsWith("quantized")) rmSync(join(bare, file));
    const missing = join(folder, "nowhere");
    for (const [words, message] of [
      [["emulate", "--model", bare], `${bare}: the run has no int8 network; make it with phinets quantize`],
      [["export", "--model", bare, "--out", join(folder, "x")], `${bare}: the run has no int8 network`],
      [["emulate", "--model", run, "--images", missing], `${missing}: no such picture or folder`],
    ] as const) {
      const { exitCode, stdout, stderr } = await phinets(...words);
      expect(exitCode).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toContain(message);
      expect(stderr.trim().split("\n").length).toBe(1);
    }
    expect((await phinets("export", "--model", run, "--format", "exe", "--out", missing)).exitCode).toBe(2);
  });

  it("export writes what its JSON lists", async () => {
    const out = join(folder, "exported");
    const { exitCode, stdout } = await phinets("export", "--model", run, "--format", "c", "--out", out, "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).files).toEqual(
      readdirSync(out, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort(),
    );
    expect(readdirSync(out)).toContain("phinets_model.c");
    expect(readdirSync(join(out, "stm32h743"))).toContain("app.c");
    expect(readFileSync(join(out, "phinets_model.h"), "utf8")).toContain("extern const phinets_detector phinets_head;");
  });
});
