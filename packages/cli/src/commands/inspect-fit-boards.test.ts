import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fpsAtPower, inspectNetwork } from "@phinets/core/cost";
import { parseNetwork } from "@phinets/core/networks";
import { boardNames, loadBoard } from "@phinets/core/target";
import { afterAll, describe, expect, it } from "vitest";
import { phinets } from "../../../../test/road-tools.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-inspect-"));
afterAll(() => rmSync(folder, { recursive: true }));

function save(name: string, json: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(json) ?? '{"family": "phi');
  return file;
}

const person = save("person.json", {
  family: "phinet",
  input: { height: 96, width: 96, channels: 3 },
  alpha: 0.35,
  downsampling: [5],
  head: { kind: "yolov2", classes: ["person"] },
});

describe("inspect", () => {
  it("gives blocks, layers and costs as JSON", async () => {
    const { exitCode, stdout } = await phinets("inspect", person, "--json");
    expect(exitCode).toBe(0);
    const json = JSON.parse(stdout);
    expect(json.output).toEqual([6, 6, 30]);
    expect(json.blocks).toHaveLength(8);
    expect(json.blocks[0]).toEqual({
      id: 0,
      input: [48, 48, 16],
      hidden: 16,
      output: [48, 48, 8],
      kernel: 3,
      stride: 1,
      skip: false,
    });
    expect(json.blocks[5]).toMatchObject({ id: 5, input: [12, 12, 16], hidden: 96, output: [6, 6, 33], stride: 2 });
    expect(json.blocks[6]).toMatchObject({ id: 6, skip: true });
    const total = (key: string) =>
      json.layers.reduce((sum: number, layer: Record<string, number>) => sum + layer[key], 0);
    expect(total("parameters")).toBe(json.parameters);
    expect(total("macs")).toBe(json.macs);
    expect(json.arenaBytes).toBeGreaterThan(96 * 96 * 3);
    expect(json.weightsBytes).toBeGreaterThan(json.parameters);
    expect(json.target).toBeUndefined();
  });
  it("describes the reference's default network", () => {
    const json = inspectNetwork(parseNetwork({ family: "phinet", input: { height: 224, width: 224 } }));
    expect([json.parameters, json.macs, json.output]).toEqual([30917, 9815790, [7, 7, 38]]);
  });
  it("finds the blocks behind every kind of stem", () => {
    for (const options of [{ conv2dInput: true, pool: true }, { pool: true }, { squeezeExcite: false }]) {
      const network = parseNetwork({ family: "phinet", input: { height: 96, width: 64 }, alpha: 0.5, ...options });
      const { blocks, output } = inspectNetwork(network);
      expect(blocks.at(-1)!.output).toEqual(output);
      // A pool may stand between blocks: channels are kept, sides may halve.
      for (let i = 1; i < blocks.length; i++) expect(blocks[i].input[2]).toBe(blocks[i - 1].output[2]);
    }
  });
  it("prints tables, and the share of a board", async () => {
    const { stdout } = await phinets("inspect", person, "--target", "stm32h743", "--layers");
    expect(stdout).toMatch(/^phinet +micromind {2}alpha 0\.35 {2}beta 1 {2}t0 6 {2}N 7$/m);
    expect(stdout).toMatch(/^ +5 {2}12x12x16 +96 {2}6x6x33 +3x3 +2$/m);
    expect(stdout).toMatch(/^_layers\.1\._layers\.0 +conv2d +48x48x3 +27 +62,208$/m);
    expect(stdout).toMatch(/^stm32h743 +fits$/m);
    expect(stdout).toMatch(/^RAM +60\.1 KiB of 7\d\d KiB \([78]\.\d %\)$/m);
    // Sizes without stack, variables and a camera's frames.
    expect(stdout).toMatch(
      /^ {2}DTCM +[\d.]+ KiB of 6\d(\.\d)? KiB \([\d.]+ %\)\n {2}AXI_SRAM +[\d.]+ KiB of 512 KiB/m,
    );
  });
  it("breaks the costs down: flash and RAM by part, layers with address, time and energy, power", async () => {
    const words = ["inspect", person, "--target", "stm32h743", "--power-mw", "10"];
    const { target, float, int8, weightsBytes } = JSON.parse((await phinets(...words, "--json")).stdout);
    const plain = JSON.parse((await phinets("inspect", person, "--json")).stdout);
    for (const document of [{ int8, weightsBytes }, plain]) expect(document.int8.total).toBe(document.weightsBytes);
    // Every int8 layer has biases, a float layer only where they are needed. DSP kernels read most weights as words.
    expect(float.weightsBytes).toBeGreaterThan(4 * plain.int8.weights);
    expect(float.weightsBytes).toBeLessThanOrEqual(4 * plain.int8.weights + plain.int8.biases);
    expect(int8.weights).toBeGreaterThan(1.5 * plain.int8.weights);
    expect(int8.weights).toBeLessThan(2.5 * plain.int8.weights);
    const { weights, total, measured, ...parts } = target.flash;
    expect([total, measured]).toEqual([target.flashBytes, true]);
    expect(weights.total + Object.values<number>(parts).reduce((sum, bytes) => sum + bytes, 0)).toBe(total);
    const sum = (end: 0 | 1, key: "latencyMs" | "energyMj") =>
      target.layers.reduce((all: number, layer: Record<typeof key, number[]>) => all + layer[key][end], 0);
    for (const end of [0, 1] as const) {
      // What remains depends on the schedule.
      for (const [key, total] of [
        ["latencyMs", target.latencyMs[end]],
        ["energyMj", target.energyBandMj[end]],
      ] as const) {
        expect(sum(end, key)).toBeLessThan(total);
        expect(sum(end, key)).toBeGreaterThan(0.99 * total);
      }
    }
    const outputs = target.layers.filter(({ address }: { address: number }) => address < 0);
    expect(outputs).toMatchObject([{ name: "head.6", bytes: 0 }]);
    const origins: Record<string, number> = { DTCM: 0x20000000, AXI_SRAM: 0x24000000 };
    const banks = target.banks.filter(({ bytes }: { bytes: number }) => bytes > 0);
    expect(banks.map(({ region }: { region: string }) => region)).toEqual(["DTCM", "AXI_SRAM"]);
    expect(banks[0].bytes + banks[1].bytes).toBe(target.ramBytes);
    for (const { address, bytes } of target.layers) {
      if (address < 0) continue;
      const inside = banks.filter(
        (bank: { region: string; bytes: number }) =>
          address >= origins[bank.region] && address + bytes <= origins[bank.region] + bank.bytes,
      );
      expect(inside).toHaveLength(1);
    }
    const [low, high] = target.atPower.framesPerSecond;
    expect(low).toBeGreaterThan(0);
    expect(high).toBeGreaterThan(low);
    const { stdout } = await phinets(...words, "--layers");
    expect(stdout).toMatch(/^power +[\d.]+ to [\d.]+ frames a second at 10 mW/m);
    expect(stdout).toMatch(
      /^_layers\.1\._layers\.0 +conv2d +48x48x3 +0x2[04][0-9a-f]{6} +[\d,]+ +[\d,]+ +[\d.]+ to [\d.]+ /m,
    );
    expect(stdout).toMatch(/^head\.6 +conv2d +6x6x30 +output +0 /m);
    expect((await phinets("inspect", person, "--power-mw", "10")).stderr).toMatch(/--power-mw needs --target/);
  });
  it("draws the arena over time, and overwrites nothing", async () => {
    const file = join(folder, "map.svg");
    expect((await phinets("inspect", person, "--svg", file)).exitCode).toBe(0);
    expect(readFileSync(file, "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
    expect((await phinets("inspect", person, "--svg", file)).stderr).toMatch(/map\.svg: exists; name another file/);
  });
  it("says so when a network does not fit a board", async () => {
    const large = save("large.json", { family: "phinet", input: { height: 320, width: 320 }, alpha: 1 });
    const { stdout } = await phinets("inspect", large, "--target", "stm32h743", "--json");
    expect(JSON.parse(stdout).target.fits).toBe(false);
  });
  it("counts stack and variables against the region that holds them", async () => {
    const custom = JSON.parse((await phinets("boards", "custom", "--json")).stdout);
    const [flash, data, arena] = custom.regions;
    const fits = async (name: string, regions: object[]) =>
      JSON.parse((await phinets("inspect", person, "--target", save(name, { ...custom, regions }), "--json")).stdout)
        .target.fits;
    const large = { ...arena, bytes: 262144 };
    expect(await fits("roomy.json", [flash, data, large])).toBe(true);
    expect(await fits("small-data.json", [flash, { ...data, bytes: 32768 }, large])).toBe(false);
    expect(await fits("one-bank.json", [flash, large])).toBe(true);
    expect(await fits("one-small-bank.json", [flash, { ...arena, bytes: 106496 }])).toBe(false);
  });
  it.each([
    ["a missing file", () => join(folder, "none.json"), /none\.json: .*no such file/],
    ["what is no JSON", () => save("cut.json", undefined), /cut\.json: not JSON/],
    ["a document that is no object", () => save("one.json", 1), /one\.json: network: the document is 1; it must be an/],
    [
      "a wrong field",
      () => save("wrong.json", { family: "phinet", input: { height: 9, width: 9 }, alfa: 1 }),
      /wrong\.json: .*unknown field alfa/,
    ],
  ])("names file and field for %s", async (_, file, message) => {
    const { exitCode, stderr } = await phinets("inspect", file());
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("fit", () => {
  it("solves for a board and writes the network", async () => {
    const out = join(folder, "fitted.json");
    const words = ["fit", "--target", "stm32h743", "imgsz=128", "--out", out, "--json"];
    const { exitCode, stdout } = await phinets(...words);
    expect(exitCode).toBe(0);
    const json = JSON.parse(stdout);
    expect(json.target).toBe("stm32h743");
    expect(json.evaluated).toBeGreaterThan(1000);
    expect(json.elapsedMs).toBeGreaterThan(0);
    expect(json.pareto.at(-1)).toEqual(json.chosen);
    expect(Object.keys(json.chosen)).toEqual(
      expect.arrayContaining(["network", "parameters", "macs", "flashBytes", "ramBytes", "latencyMs", "energyMj"]),
    );
    expect(parseNetwork(JSON.parse(readFileSync(out, "utf8")))).toEqual(json.chosen.network);
    const inspected = JSON.parse((await phinets("inspect", out, "--target", "stm32h743", "--json")).stdout);
    expect([inspected.parameters, inspected.macs, inspected.arenaBytes]).toEqual([
      json.chosen.parameters,
      json.chosen.macs,
      json.chosen.ramBytes,
    ]);
    const again = await phinets(...words);
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toMatch(/fitted\.json: exists; name another file/);
  });
  it("prints the front with the chosen network marked", async () => {
    const { stdout } = await phinets(
      "fit",
      "--target",
      "stm32h743",
      "--imgsz",
      "96x128",
      "--task",
      "classify",
      "--classes",
      "5",
    );
    expect(stdout).toMatch(/^STM32H743 at 480 MHz: RAM 626 KiB, flash 2 MiB, 100 ms a frame$/m);
    expect(stdout.match(/→/g)).toHaveLength(1);
    expect(stdout).toMatch(/^chosen +alpha [\d.]+, beta/m);
  });
  it("says how many frames a power budget allows", async () => {
    const words = ["fit", "--target", "stm32h743", "--imgsz", "96", "--power-mw", "10"];
    const { chosen, pareto, budget, atPower } = JSON.parse((await phinets(...words, "--json")).stdout);
    const frames = (candidate: typeof chosen) => fpsAtPower(candidate.latencyMs, loadBoard("stm32h743"), 10);
    expect(atPower).toEqual({ powerMw: 10, framesPerSecond: frames(chosen), pareto: pareto.map(frames) });
    const [slow, fast] = atPower.framesPerSecond;
    expect([budget.powerMw, slow < 1 && fast > 1]).toEqual([10, true]);
    const { stdout } = await phinets(...words);
    expect(stdout).toMatch(/, 1 s a frame, 10 mW on average$/m);
    expect(stdout).toMatch(/^power +[\d.]+ to [\d.]+ frames a second at 10 mW/m);
    expect(stdout).toMatch(/ frames\/s at 10 mW$/m);
    expect(stdout).toMatch(/^→ .* 0\.\d+-1\.\d+$/m);
    expect(stdout).toMatch(/^binding +power, (9\d\.\d|100\.0) % used \(a lower --fps/m);
  });
  it("refuses a board with 4 KB in one line, exit code 1", async () => {
    const { stdout } = await phinets("boards", "stm32h743", "--json");
    const tiny = JSON.parse(stdout);
    const file = save("tiny.json", {
      ...tiny,
      name: "tiny",
      banks: undefined,
      arenaRegion: "RAM",
      regions: [
        { name: "FLASH", origin: 0, bytes: 2097152, use: "program" },
        { name: "RAM", origin: "0x20000000", bytes: 4096, use: "arena" },
      ],
    });
    const { exitCode, stderr } = await phinets("fit", "--target", file);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^error: \S+\.json: board tiny: no network fits; .* bytes of RAM, [\d,]+ more than the 4,096 allowed; .*\n$/,
    );
  });
  it("refuses an unknown board and a limit that is no number", async () => {
    expect((await phinets("fit", "--target", "stm32h7")).stderr).toMatch(/board "stm32h7" is unknown; known:/);
    expect((await phinets("fit", "--target", "stm32h743", "--max-ram", "lots")).exitCode).toBe(2);
    expect((await phinets("fit")).exitCode).toBe(2);
  });
});

describe("boards", () => {
  it("lists them and shows one", async () => {
    expect((await phinets("boards")).stdout).toMatch(/^stm32h743 +cortex-m7 +dsp +480 MHz +2(\.00)? MiB/m);
    expect(JSON.parse((await phinets("boards", "--json")).stdout).boards.map((b: { name: string }) => b.name)).toEqual(
      boardNames,
    );
    const { stdout } = await phinets("boards", "stm32h743");
    expect(stdout).toMatch(/^AXI_SRAM +0x24000000 +512 KiB +arena$/m);
    expect(stdout).toMatch(/^flashBytes +ST DS12110/m);
  });
  it("say what fit chooses for each on a mean power", async () => {
    const { stdout } = await phinets("boards", "stm32h743", "--power-mw", "10", "--fps", "0.5", "--json");
    const [row] = JSON.parse(stdout).boards;
    const words = ["--target", "stm32h743", "--power-mw", "10", "--fps", "0.5", "--json"];
    const fitted = JSON.parse((await phinets("fit", ...words)).stdout);
    const { framesPerSecond } = fitted.atPower;
    expect(row).toEqual({ board: "stm32h743", chosen: fitted.chosen, framesPerSecond });
    const starved = await phinets("boards", "rp2040", "--power-mw", "4");
    expect(starved.stdout).toMatch(/^rp2040 +133 MHz +79\.8 +4\.5 +none fits/m);
    expect((await phinets("boards", "rp2040", "--fps", "4")).stderr).toMatch(/--fps needs --power-mw/);
  });
  it.each(boardNames)("take a copy of %s as --target ./board.json", async (name) => {
    const file = save(`my-${name}.json`, {
      ...JSON.parse((await phinets("boards", name, "--json")).stdout),
      name: "mine",
    });
    const { exitCode, stdout } = await phinets("inspect", person, "--target", file, "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).target.name).toBe("mine");
  });
});
