import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadBoard, parseBoard } from "@phinets/core/target";
import { Random } from "@phinets/core/tensor";
import { savePicture } from "@phinets/node/picture";
import { savedTarget, saveTarget } from "@phinets/node/target";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { phinets } from "../../../../test/road-tools.js";
import { installed } from "../../../../test/tools.js";

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

  it("links for the board that --target names, else for the one that the run remembers, and runs on its core", async () => {
    const emulated = async (...words: string[]) => {
      const { exitCode, stdout, stderr } = await phinets("emulate", "--model", run, "--limit", "1", ...words, "--json");
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      return JSON.parse(stdout);
    };
    saveTarget(run, loadBoard("stm32u575"));
    expect(JSON.parse(readFileSync(join(run, "target.json"), "utf8"))).toBe("stm32u575");
    expect(await emulated()).toMatchObject({ core: "cortex-m33", target: { name: "stm32u575", fits: true } });
    expect(existsSync(join(run, "firmware/build/stm32u575.elf"))).toBe(true);
    const remembered = JSON.parse((await phinets("inspect", run, "--json")).stdout);
    expect(remembered.target).toMatchObject({ name: "stm32u575", fits: true });
    // A custom board.
    const mine = { ...loadBoard("nrf52840"), name: "my-board", title: "Ours" };
    const file = join(folder, "board.json");
    writeFileSync(file, JSON.stringify(mine));
    const result = await emulated("--target", file);
    expect(result).toMatchObject({ core: "cortex-m4", target: { name: "my-board", title: "Ours", linked: true } });
    const inspected = JSON.parse((await phinets("inspect", run, "--target", file, "--json")).stdout);
    expect(result.arenaBytes).toBe(inspected.arenaBytes);
    expect(result.target.weightsBytes).toBe(inspected.weightsBytes);
    expect(Math.abs(result.flashBytes / inspected.target.flashBytes - 1)).toBeLessThan(0.01);
    saveTarget(run, parseBoard(mine));
    expect(savedTarget(run)).toEqual(parseBoard(mine));
    writeFileSync(join(run, "target.json"), '"nowhere"');
    const { exitCode, stderr } = await phinets("emulate", "--model", run);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    expect(stderr).toContain('target.json: board "nowhere" is unknown');
    rmSync(join(run, "target.json"));
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

  it("export writes the named board's folder, and none where the core is not a Cortex-M", async () => {
    const bundle = async (target: string) => {
      const out = join(folder, `for-${target}`);
      expect((await phinets("export", "--model", run, "--target", target, "--out", out)).exitCode).toBe(0);
      return [out, readFileSync(join(out, "README.md"), "utf8")] as const;
    };
    const [pico, text] = await bundle("rp2040");
    expect(readdirSync(join(pico, "rp2040")).sort()).toEqual(
      ["boot2.S", "main.c", "serve.h", "startup.c", "startup.h", "rp2040.ld"].sort(),
    );
    expect(readFileSync(join(pico, "arm-none-eabi.cmake"), "utf8")).toContain("-mcpu=cortex-m0plus");
    expect(text).toContain("npx phinets uf2 build/rp2040.elf");
    const [esp, other] = await bundle("esp32-s3");
    expect(readdirSync(esp)).not.toContain("arm-none-eabi.cmake");
    expect(other).toContain("xtensa-lx7, has a compiler of its own");
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
    expect(readdirSync(join(out, "stm32h743")).sort()).toEqual(
      ["app.c", "main.c", "serve.h", "startup.c", "startup.h", "stm32h743.ld"].sort(),
    );
    expect(readFileSync(join(out, "phinets_model.h"), "utf8")).toContain("extern const phinets_detector phinets_head;");
  });
});
