/**
 * A board: the resources that a network may use, and the constants for estimating its latency and energy. Boards are
 * JSON files; every number names its source, and a user's own file passes the same checks.
 */
import { PhinetsError, showValue } from "../tensor/index.js";
import custom from "./boards/custom.json" with { type: "json" };
import esp32s3 from "./boards/esp32-s3.json" with { type: "json" };
import mps2an500 from "./boards/mps2-an500.json" with { type: "json" };
import nrf54l15 from "./boards/nrf54l15.json" with { type: "json" };
import nrf52840 from "./boards/nrf52840.json" with { type: "json" };
import ra8d1 from "./boards/ra8d1.json" with { type: "json" };
import rp2040 from "./boards/rp2040.json" with { type: "json" };
import rp2350 from "./boards/rp2350.json" with { type: "json" };
import stm32f746 from "./boards/stm32f746.json" with { type: "json" };
import stm32h7a3 from "./boards/stm32h7a3.json" with { type: "json" };
import stm32h743 from "./boards/stm32h743.json" with { type: "json" };
import stm32h747 from "./boards/stm32h747.json" with { type: "json" };
import stm32l4r5 from "./boards/stm32l4r5.json" with { type: "json" };
import stm32n657 from "./boards/stm32n657.json" with { type: "json" };
import stm32u3c5 from "./boards/stm32u3c5.json" with { type: "json" };
import stm32u385 from "./boards/stm32u385.json" with { type: "json" };
import stm32u575 from "./boards/stm32u575.json" with { type: "json" };
import counted from "./kernel-costs.json" with { type: "json" };

/** program: vectors, code and weights. arena: activations. data: stack, buffers, variables. free: left to the application. */
export type RegionUse = "program" | "arena" | "data" | "free";

export interface Region {
  readonly name: string;
  /** Address of its first byte. */
  readonly origin: number;
  readonly bytes: number;
  readonly use: RegionUse;
  /** Bytes reserved for the application, such as a camera's frames. Default 0. */
  readonly reservedBytes?: number;
  /** Bits that start-up code sets in a register before the region is used, such as a clock that is off after reset. */
  readonly enable?: { readonly register: number; readonly bits: number };
}

/** Most banks of a board. The limit is PHINETS_BANKS of firmware/kernels/phinets_program.h, minus input and output. */
export const mostBanks = 4;

/** Values of `fpu` and `simd`. */
export const fpus = ["none", "single", "fpv4-sp-d16", "fpv5-sp-d16", "fpv5-d16"] as const;
export const simds = ["none", "dsp", "helium", "pie"] as const;
const sourced = [
  "fpu",
  "simd",
  "clockHz",
  "flashBytes",
  "regions",
  "arenaRegion",
  "cyclesPerInstruction",
  "countedAs",
  "nanojoulesPerCycle",
  "sleepMilliwatts",
] as const;
export type CountedCore = keyof typeof counted.cores;
export const countedCores = Object.keys(counted.cores) as CountedCore[];

export interface Board {
  readonly name: string;
  /** Display name. */
  readonly title: string;
  /** GCC's name for the core (-mcpu). */
  readonly core: string;
  /**
   * GCC's -mfpu; `single` where the compiler needs no such option (Xtensa). For a Cortex-M55 or M85 with double
   * precision GCC uses `fpv5-d16` too.
   */
  readonly fpu: (typeof fpus)[number];
  /**
   * DSP: two 16-bit products per instruction (SMLAD). Helium: Armv8.1-M vectors. PIE: the ESP32-S3's 128-bit vectors.
   */
  readonly simd: (typeof simds)[number];
  readonly clockHz: number;
  /** Flash for code and weights. */
  readonly flashBytes: number;
  readonly regions: readonly Region[];
  /** Name of the region the arena is placed in. */
  readonly arenaRegion: string;
  /** Regions that may hold activations, fastest first, including the arena's. Absent: only the arena's (`banksOf`). */
  readonly banks?: readonly string[];
  /** Lowest and highest estimate. */
  readonly cyclesPerInstruction: readonly [low: number, high: number];
  /**
   * Core whose counted kernels (kernel-costs.json) stand for this one's. Without this field, a board file gets its own
   * core, or one with the same instructions.
   */
  readonly countedAs: CountedCore;
  /** Energy while computing. */
  readonly nanojoulesPerCycle: number;
  /** Power between frames. */
  readonly sleepMilliwatts: number;
  /** Source of each of the numbers above. */
  readonly sources: Readonly<Record<(typeof sourced)[number], string>>;
}

interface Grammar {
  readonly pattern: RegExp;
  readonly means: string;
}

/**
 * Names go into paths, linker scripts, CMake, make and C, so they contain no character with a special meaning there.
 */
const grammars = {
  board: {
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    means: "a name of letters, digits, points, dashes and underscores that begins with a letter or digit",
  },
  core: { pattern: /^[a-z][a-z0-9+-]{0,31}$/, means: "a core as GCC's -mcpu has it, as cortex-m7" },
  region: {
    pattern: /^[A-Za-z_][A-Za-z0-9_]{0,31}$/,
    means: "a name of letters, digits and underscores that does not begin with a digit",
  },
} as const satisfies Record<string, Grammar>;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it refuses
const isLine = /^[^\u0000-\u001f\u007f\u2028\u2029]{1,2000}$/;

/** Cores that run the code of a measured core. `why` explains the cases where the instruction sets differ. */
const alike: Readonly<Record<string, { readonly core: CountedCore; readonly why?: string }>> = {
  "cortex-m0": { core: "cortex-m0plus" },
  "cortex-m1": { core: "cortex-m0plus" },
  "cortex-m85": { core: "cortex-m55", why: "a cortex-m85 runs the same Helium code" },
};

/** The core whose counts stand for a core's, and the source of these counts. */
function countedFor(core: string): { readonly core: CountedCore; readonly source: string } | undefined {
  const { core: name, why } = Object.hasOwn(alike, core) ? alike[core] : { core: core as CountedCore };
  if (!Object.hasOwn(counted.cores, name)) return undefined;
  const { machine } = counted.cores[name];
  const reason = why === undefined ? "" : ` (${why})`;
  return {
    core: name,
    source: `counted on the emulated core: firmware/kernels for ${name}, ${counted.compiler}, on ${machine}, ${counted.emulator}; ${counted.command}${reason}`,
  };
}

const builtIn: Readonly<Record<string, unknown>> = Object.fromEntries(
  [
    ...[custom, esp32s3, mps2an500, nrf52840, nrf54l15, ra8d1, rp2040, rp2350, stm32f746, stm32h743, stm32h747],
    ...[stm32h7a3, stm32l4r5, stm32n657, stm32u385, stm32u3c5, stm32u575],
  ].map((board) => [board.name, board]),
);

/** Names that `loadBoard` knows. */
export const boardNames: readonly string[] = Object.keys(builtIn).sort();

/** A built-in board. Throws PhinetsError listing the known names. */
export function loadBoard(name: string): Board {
  if (!Object.hasOwn(builtIn, name)) {
    throw new PhinetsError(
      "cost.board",
      `board "${name}" is unknown; known: ${boardNames.join(", ")}, or give the path of a board's .json file`,
    );
  }
  return parseBoard(builtIn[name], name);
}

/** Fields whose numbers could not be checked against a datasheet: their sources begin with "unverified". */
export function unverifiedOf(board: Board): string[] {
  return sourced.filter((field) => /^unverified\b/.test(board.sources[field]));
}

/** The region that `arenaRegion` names. */
export function arenaOf(board: Board): Region {
  return board.regions.find((region) => region.name === board.arenaRegion)!;
}

/** The region of stack and variables: the data region, or the arena's region where a board has none. */
export function homeOf(board: Board): Region {
  return board.regions.find(({ use }) => use === "data") ?? arenaOf(board);
}

/** The regions that may hold activations, fastest first. */
export function banksOf(board: Board): Region[] {
  const names = board.banks ?? [board.arenaRegion];
  return names.map((name) => board.regions.find((region) => region.name === name)!);
}

/**
 * Validates the content of a board file. Origins are numbers or strings such as "0x24000000".
 * Throws PhinetsError naming the field, its value and the allowed values.
 * @param label name of the board in messages, e.g. its file name
 */
export function parseBoard(json: unknown, label = "board"): Board {
  const refuse = (path: string, value: unknown, allowed: string): never => {
    const problem = value === undefined ? "is missing" : `is ${showValue(value)}`;
    throw new PhinetsError("cost.board", `${label}: ${path} ${problem}; ${allowed} is needed`, path);
  };
  const object = (value: unknown, path: string, known: readonly string[]): Record<string, unknown> => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(path, value, "an object");
    for (const name of Object.keys(value as object))
      if (!known.includes(name))
        throw new PhinetsError(
          "cost.board",
          `${label}: unknown field ${path}.${name.slice(0, 60)}; known: ${known.join(", ")}`,
          path,
        );
    return value as Record<string, unknown>;
  };
  const text = (value: unknown, path: string): string =>
    typeof value === "string" && isLine.test(value) ? value : refuse(path, value, "a text in one line");
  const named = (value: unknown, path: string, grammar: Grammar): string =>
    typeof value === "string" && grammar.pattern.test(value) ? value : refuse(path, value, grammar.means);
  const oneOf = <T extends string>(value: unknown, path: string, allowed: readonly T[]): T =>
    allowed.includes(value as T) ? (value as T) : refuse(path, value, `one of ${allowed.join(", ")}`);
  const positive = (value: unknown, path: string): number =>
    typeof value === "number" && value > 0 && Number.isFinite(value) ? value : refuse(path, value, "a number above 0");
  const whole = (value: unknown, path: string): number =>
    Number.isSafeInteger(value) && (value as number) > 0
      ? (value as number)
      : refuse(path, value, "an integer above 0");
  const word = (value: unknown, path: string, what: string): number => {
    const number = typeof value === "string" ? Number(value) : value;
    if (!Number.isSafeInteger(number) || (number as number) < 0 || (number as number) > 0xffffffff || value === "")
      refuse(path, value, `${what} such as "0x20000000"`);
    return (number as number) + 0; // turns -0 into 0
  };

  const root = object(json, "board", ["$schema", "name", "title", "core", "banks", ...sourced, "sources"]);
  const regions = Array.isArray(root.regions) ? root.regions : refuse("regions", root.regions, "a list");
  const cycles = root.cyclesPerInstruction;
  const [low, high] = Array.isArray(cycles) ? cycles : [];
  if (!(positive(low, "cyclesPerInstruction[0]") <= positive(high, "cyclesPerInstruction[1]")))
    refuse("cyclesPerInstruction", cycles, "[low, high]");
  const sources = object(root.sources, "sources", sourced);
  const core = named(root.core, "core", grammars.core);
  const measured = countedFor(core);
  if (measured === undefined && root.countedAs === undefined)
    throw new PhinetsError(
      "cost.board",
      `${label}: countedAs is missing, and core ${core} was not measured; name one of ${countedCores.join(", ")} whose counts may stand for it`,
      "countedAs",
    );
  const banks =
    root.banks === undefined || Array.isArray(root.banks) ? root.banks : refuse("banks", root.banks, "a list");
  const board: Board = {
    name: named(root.name, "name", grammars.board),
    title: text(root.title, "title"),
    core,
    fpu: oneOf(root.fpu, "fpu", fpus),
    simd: oneOf(root.simd, "simd", simds),
    clockHz: positive(root.clockHz, "clockHz"),
    flashBytes: whole(root.flashBytes, "flashBytes"),
    regions: regions.map((value: unknown, i: number): Region => {
      const path = `regions[${i}]`;
      const region = object(value, path, ["name", "origin", "bytes", "use", "reservedBytes", "enable"]);
      const { reservedBytes } = region;
      const bytes = whole(region.bytes, `${path}.bytes`);
      if (reservedBytes !== undefined && !(whole(reservedBytes, `${path}.reservedBytes`) <= bytes))
        refuse(`${path}.reservedBytes`, reservedBytes, `at most the region's ${bytes}`);
      const enable =
        region.enable === undefined ? undefined : object(region.enable, `${path}.enable`, ["register", "bits"]);
      const use = oneOf<RegionUse>(region.use, `${path}.use`, ["program", "arena", "data", "free"]);
      return {
        name: named(region.name, `${path}.name`, grammars.region),
        origin: word(region.origin, `${path}.origin`, "an address"),
        bytes,
        use,
        ...(reservedBytes !== undefined && { reservedBytes: reservedBytes as number }),
        ...(enable !== undefined && {
          enable: {
            register: word(enable.register, `${path}.enable.register`, "an address"),
            bits: word(enable.bits, `${path}.enable.bits`, "a mask"),
          },
        }),
      };
    }),
    arenaRegion: text(root.arenaRegion, "arenaRegion"),
    ...(banks !== undefined && { banks: banks.map((name, i) => text(name, `banks[${i}]`)) }),
    cyclesPerInstruction: [low, high],
    countedAs: root.countedAs === undefined ? measured!.core : oneOf(root.countedAs, "countedAs", countedCores),
    nanojoulesPerCycle: positive(root.nanojoulesPerCycle, "nanojoulesPerCycle"),
    sleepMilliwatts: positive(root.sleepMilliwatts, "sleepMilliwatts"),
    sources: Object.fromEntries(
      sourced.map((key) => [
        key,
        key === "countedAs" && root.countedAs === undefined ? measured!.source : text(sources[key], `sources.${key}`),
      ]),
    ) as Board["sources"],
  };
  const byAddress = [...board.regions].sort((a, b) => a.origin - b.origin);
  for (let i = 1; i < byAddress.length; i++) {
    const [before, after] = [byAddress[i - 1], byAddress[i]];
    if (before.origin + before.bytes > after.origin)
      throw new PhinetsError("cost.board", `${label}: regions ${before.name} and ${after.name} overlap`, "regions");
  }
  if (new Set(board.regions.map((region) => region.name)).size !== board.regions.length)
    throw new PhinetsError("cost.board", `${label}: two regions have the same name`, "regions");
  for (const use of ["program", "arena", "data"] as const)
    if (board.regions.filter((region) => region.use === use).length > 1)
      throw new PhinetsError("cost.board", `${label}: regions has more than one whose use is "${use}"`, "regions");
  const program = board.regions.find(({ use }) => use === "program");
  if (program === undefined)
    throw new PhinetsError("cost.board", `${label}: regions has none whose use is "program"`, "regions");
  if (board.flashBytes > program.bytes)
    refuse("flashBytes", board.flashBytes, `at most the ${program.bytes} bytes of region ${program.name}`);
  if (arenaOf(board)?.use !== "arena")
    refuse("arenaRegion", root.arenaRegion, 'the name of a region whose use is "arena"');
  board.banks?.forEach((name, i) => {
    const region = board.regions.find((candidate) => candidate.name === name);
    if (region === undefined || region.use === "program") refuse(`banks[${i}]`, name, "the name of a region of RAM");
    if (board.banks!.indexOf(name) < i)
      throw new PhinetsError("cost.board", `${label}: banks names ${name} twice`, "banks");
  });
  if (board.banks !== undefined && board.banks.length > mostBanks)
    refuse("banks", board.banks, `a list of at most ${mostBanks}`);
  if (board.banks?.includes(board.arenaRegion) === false)
    refuse("banks", board.banks, `a list with the arena's region, ${board.arenaRegion}, in it`);
  return board;
}
