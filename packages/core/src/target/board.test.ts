import { describe, expect, it } from "vitest";
import schema from "./boards/board.schema.json" with { type: "json" };
import {
  arenaOf,
  banksOf,
  boardNames,
  countedCores,
  fpus,
  loadBoard,
  parseBoard,
  simds,
  unverifiedOf,
} from "./index.js";

const board = loadBoard("stm32h743");

describe("boards", () => {
  it("are built in, each with a source for every number", () => {
    expect(boardNames).toEqual([
      "custom",
      "esp32-s3",
      "mps2-an500",
      "nrf52840",
      "nrf54l15",
      "ra8d1",
      "rp2040",
      "rp2350",
      "stm32f746",
      "stm32h743",
      "stm32h747",
      "stm32h7a3",
      "stm32l4r5",
      "stm32n657",
      "stm32u385",
      "stm32u3c5",
      "stm32u575",
    ]);
    for (const name of boardNames) {
      const { name: own, sources } = loadBoard(name);
      expect(own).toBe(name);
      expect(Object.keys(sources)).toHaveLength(10);
    }
    expect(unverifiedOf(board)).toEqual(["nanojoulesPerCycle", "sleepMilliwatts"]);
    expect(unverifiedOf(loadBoard("stm32u385"))).toEqual(["cyclesPerInstruction"]);
  });
  it.each([
    // MLPerf Tiny v1.3 (the STM32H7A3: v1.2): milliwatts on visual wake words and on ResNet8.
    ["stm32u385", 5.26, 5.3],
    ["stm32u575", 23.3, 23.6],
    ["stm32l4r5", 33.1, 33.7],
    ["stm32h7a3", 124.8, 125.1],
  ])("draw at full speed what %s did in MLPerf Tiny", (name, low, high) => {
    const { clockHz, nanojoulesPerCycle } = loadBoard(name);
    const milliwatts = clockHz * nanojoulesPerCycle * 1e-6;
    expect(milliwatts).toBeGreaterThan(low * 0.99);
    expect(milliwatts).toBeLessThan(high * 1.01);
  });
  it("list the banks that activations may lie in, fastest first; without a list, the arena's region", () => {
    expect(banksOf(board).map(({ name, bytes }) => [name, bytes / 1024])).toEqual([
      ["DTCM", 128],
      ["AXI_SRAM", 512],
      ["SRAM123", 288],
      ["SRAM4", 64],
    ]);
    for (const candidate of boardNames.map(loadBoard)) {
      const banks = banksOf(candidate);
      expect(banks).toContain(arenaOf(candidate));
      expect(new Set(banks).size).toBe(banks.length);
      for (const { use } of banks) expect(use).not.toBe("program");
    }
    const { banks: _, ...plain } = board;
    expect(banksOf(parseBoard(plain))).toEqual([arenaOf(board)]);
    expect(parseBoard(plain)).not.toHaveProperty("banks");
  });
  it("have room for stack and variables, and flash within their program's region", () => {
    for (const candidate of boardNames.map(loadBoard)) {
      const [program] = candidate.regions.filter(({ use }) => use === "program");
      const [data] = candidate.regions.filter(({ use }) => use === "data");
      expect(candidate.flashBytes).toBe(program.bytes);
      expect(data.bytes).toBeGreaterThanOrEqual(32 * 1024);
    }
  });
  it("have the fields of the schema", () => {
    const enumOf = (field: "fpu" | "simd" | "countedAs") => schema.properties[field].enum;
    expect(Object.keys(schema.properties).sort()).toEqual(["$schema", ...Object.keys(board)].sort());
    // Fields that may be absent where the core was measured.
    expect([...schema.required, "countedAs", "banks"].sort()).toEqual(Object.keys(board).sort());
    expect([...schema.properties.sources.required, "countedAs"].sort()).toEqual(Object.keys(board.sources).sort());
    expect([enumOf("fpu"), enumOf("simd"), enumOf("countedAs")]).toEqual([fpus, simds, countedCores]);
  });
  it("describe the STM32H743's memory bank by bank", () => {
    expect(board.regions.map(({ name, origin, bytes }) => [name, origin.toString(16), bytes / 1024])).toEqual([
      ["FLASH", "8000000", 2048],
      ["ITCM", "0", 64],
      ["DTCM", "20000000", 128],
      ["AXI_SRAM", "24000000", 512],
      ["SRAM123", "30000000", 288],
      ["SRAM4", "38000000", 64],
      ["BACKUP_SRAM", "38800000", 4],
    ]);
    expect(arenaOf(board).bytes).toBe(524288);
  });
  it("know their names", () => {
    expect(() => loadBoard("stm32h7")).toThrow(/board "stm32h7" is unknown; known: custom, esp32-s3, mps2-an500,/);
    expect(() => loadBoard("toString")).toThrow(/unknown/);
  });
  const broken = (change: (json: never) => unknown) => {
    const json = JSON.parse(JSON.stringify(board));
    change(json as never);
    return () => parseBoard(json, "mine.json");
  };
  it("round-trip", () => {
    expect(broken(() => {})()).toEqual(board);
  });
  // biome-ignore lint/suspicious/noExplicitAny: a JSON document that is about to be broken
  const mistakes: [(json: any) => unknown, RegExp][] = [
    [(j) => delete j.clockHz, /^mine\.json: clockHz is missing; a number above 0 is needed/],
    [(j) => (j.flashBytes = -1), /flashBytes is -1; an integer above 0/],
    [(j) => (j.turbo = 1), /unknown field board\.turbo/],
    [(j) => (j.regions = {}), /regions is \{\}; a list/],
    [(j) => (j.regions[2].use = "heap"), /regions\[2\]\.use is "heap"; one of program, arena, data, free/],
    [(j) => (j.regions[2].origin = "0xZZ"), /regions\[2\]\.origin is "0xZZ"; an address/],
    [(j) => (j.regions[1].bytes = 2 ** 28), /regions ITCM and FLASH overlap/],
    [(j) => (j.regions[1].name = "DTCM"), /two regions have the same name/],
    [(j) => (j.flashBytes = 2 ** 22), /flashBytes is 4194304; at most the 2097152 bytes of region FLASH is needed/],
    [(j) => (j.fpu = "big"), /fpu is "big"; one of none, single, fpv4-sp-d16/],
    [(j) => (j.regions[1].use = "data"), /regions has more than one whose use is "data"/],
    [(j) => (j.regions[0].use = "free"), /regions has none whose use is "program"/],
    [
      (j) => (j.regions[2].reservedBytes = 131073),
      /regions\[2\]\.reservedBytes is 131073; at most the region's 131072/,
    ],
    [(j) => (j.regions[2].reservedBytes = -1), /regions\[2\]\.reservedBytes is -1; an integer above 0/],
    [(j) => (j.regions[4].enable = { register: "0x580244DC" }), /regions\[4\]\.enable\.bits is missing; a mask/],
    [(j) => (j.regions[4].enable = { register: -4, bits: 1 }), /enable\.register is -4; an address/],
    [(j) => (j.banks = ["DTCM", "AXI_SRAM", "SRAM123", "SRAM4", "ITCM"]), /banks is .*; a list of at most 4/],
    [(j) => (j.arenaRegion = "DTCM"), /arenaRegion is "DTCM"; the name of a region whose use is "arena"/],
    [(j) => (j.arenaRegion = "RAM"), /arenaRegion is "RAM"/],
    [(j) => (j.cyclesPerInstruction = [2, 1]), /cyclesPerInstruction is \[2,1\]; \[low, high\]/],
    [(j) => (j.countedAs = "cortex-m9"), /countedAs is "cortex-m9"; one of cortex-m0plus, /],
    [(j) => delete j.sources.countedAs, /sources\.countedAs is missing; a text/],
    [
      (j) => {
        j.core = "cortex-m23";
        delete j.countedAs;
      },
      /^mine\.json: countedAs is missing, and core cortex-m23 was not measured; name one of cortex-m0plus, /,
    ],
    [(j) => delete j.sources.clockHz, /sources\.clockHz is missing; a text/],
    [(j) => (j.banks = "DTCM"), /banks is "DTCM"; a list/],
    [(j) => (j.banks = ["AXI_SRAM", "SRAM9"]), /banks\[1\] is "SRAM9"; the name of a region of RAM/],
    [(j) => (j.banks = ["AXI_SRAM", "FLASH"]), /banks\[1\] is "FLASH"; the name of a region of RAM/],
    [(j) => (j.banks = ["AXI_SRAM", "DTCM", "AXI_SRAM"]), /banks names AXI_SRAM twice/],
    [(j) => (j.banks = ["DTCM"]), /banks is \["DTCM"\]; a list with the arena's region, AXI_SRAM, in it/],
    [(j) => (j.banks = []), /banks is \[\]; a list with the arena's region/],
  ];
  it.each(mistakes)("refuse a file with a mistake (%#)", (change, message) => {
    expect(broken(change)).toThrow(message);
  });
  it("are counted as their core, or as the one that they name", () => {
    const { countedAs, ...rest } = JSON.parse(JSON.stringify(loadBoard("rp2040")));
    const { countedAs: source, ...sources } = rest.sources;
    expect(countedAs).toBe("cortex-m0plus");
    expect(source).toMatch(/^counted on the emulated core: .* cortex-m0plus, .*microbit/);
    const silent = parseBoard({ ...rest, core: "cortex-m0", sources });
    expect([silent.countedAs, silent.sources.countedAs]).toEqual([countedAs, source]);
    const own = { ...rest, core: "riscv", countedAs: "cortex-m3", sources: { ...sources, countedAs: "a guess" } };
    expect([parseBoard(own).countedAs, parseBoard(own).sources.countedAs]).toEqual(["cortex-m3", "a guess"]);
  });
  it("take a Cortex-M85's instructions from the Cortex-M55, and say so", () => {
    const { countedAs, sources } = loadBoard("ra8d1");
    expect([countedAs, loadBoard("stm32n657").countedAs]).toEqual(["cortex-m55", "cortex-m55"]);
    expect(sources.countedAs).toMatch(/^counted .* cortex-m55, .*a cortex-m85 runs the same Helium code/);
  });
  it("refuse names that would mean something in a path, CMake, make, a linker script or C", () => {
    const hostile = [
      "..",
      "../up",
      "a/b",
      'a"b',
      "a'b",
      "a b",
      "a;b",
      "$(touch x)",
      "`x`",
      "a\nb",
      "a\\",
      "",
      "ü",
      "-o",
      "*/",
      "%s",
    ];
    const json = JSON.parse(JSON.stringify(board));
    for (const name of hostile) {
      expect(() => parseBoard({ ...json, name }), name).toThrow(/^board: name is /);
      expect(() => parseBoard({ ...json, core: name }), name).toThrow(/^board: core is /);
      const [first, ...rest] = json.regions;
      expect(() => parseBoard({ ...json, regions: [{ ...first, name }, ...rest] }), name).toThrow(
        /regions\[0\]\.name is /,
      );
    }
    expect(() => parseBoard({ ...json, title: "a\nb" })).toThrow(
      /^board: title is "a\\nb"; a text in one line is needed/,
    );
    let deep: unknown = 1;
    for (let i = 0; i < 20_000; i++) deep = [deep];
    expect(() => parseBoard({ ...json, core: deep })).toThrow(/^board: core is \[.{0,60}; /);
  });

  it("have no address -0, which JSON would not keep", () => {
    const negative = board.regions.map((region) => ({ ...region, origin: region.origin === 0 ? -0 : region.origin }));
    expect(negative.some(({ origin }) => Object.is(origin, -0))).toBe(true);
    expect(parseBoard({ ...board, regions: negative }).regions).toEqual(board.regions);
  });

  it("refuse what is no object", () => {
    expect(() => parseBoard(null)).toThrow(/^board: board is null; an object is needed/);
  });
});
