/**
 * The machines of QEMU that stand for a board's core: one a kind of Cortex-M, so that a proof runs the instructions of the
 * target's own kind. None of them is the target itself: memory sizes and peripherals differ, and time is not modelled.
 * Sources: QEMU 7.2, hw/arm/mps2.c, mps2-tz.c, armsse.c, nrf51_soc.c (memory maps, clock of the system timer).
 */
import type { Board, Region } from "@phinets/core/target";

export interface Machine {
  /** QEMU's name. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** The core that it models. */
  readonly core: string;
  /** Cores (as boards name them) whose instruction set is this core's. */
  readonly runs: readonly string[];
  /** More arguments of QEMU. */
  readonly options?: readonly string[];
  readonly regions: readonly Region[];
  /** Its first serial line: Arm's CMSDK APB UART, or that of an nRF51. */
  readonly uart: { readonly address: number; readonly nrf51?: true };
  /** Memory that QEMU fills with inputs. */
  readonly inputs: { readonly address: number; readonly bytes: number };
  /** Where the core looks for its vectors after reset, if not at the program's start: QEMU is given a copy there. */
  readonly vectorsAddress?: number;
  /** Nanoseconds of the system timer's clock: under `-icount shift=0` that many instructions run in a tick. */
  readonly instructionsPerTick: number;
}

const mebibyte = 1024 * 1024;
/** Of every machine, so that what fits one run does not depend on the core. */
export const inputsBytes = 16 * mebibyte;

const memory = (program: number, ram: number): Region[] => [
  { name: "PROGRAM", origin: program, bytes: 4 * mebibyte, use: "program" },
  { name: "RAM", origin: ram, bytes: 4 * mebibyte, use: "arena" },
];

const machines: readonly Machine[] = [
  {
    name: "microbit",
    title: "Cortex-M0, micro:bit with more memory in QEMU",
    core: "cortex-m0",
    runs: ["cortex-m0", "cortex-m0plus", "cortex-m1"],
    // The chip has 256 K of flash and 16 K of RAM; the model takes any.
    options: [
      ...["-global", `nrf51-soc.flash-size=${4 * mebibyte}`],
      ...["-global", `nrf51-soc.sram-size=${4 * mebibyte + inputsBytes}`],
    ],
    regions: memory(0, 0x20000000),
    uart: { address: 0x40002000, nrf51: true },
    inputs: { address: 0x20000000 + 4 * mebibyte, bytes: inputsBytes },
    instructionsPerTick: 62.5,
  },
  {
    name: "mps2-an385",
    title: "Cortex-M3, MPS2 AN385 in QEMU",
    core: "cortex-m3",
    runs: ["cortex-m3"],
    regions: memory(0, 0x20000000),
    uart: { address: 0x40004000 },
    inputs: { address: 0x21000000, bytes: inputsBytes },
    instructionsPerTick: 40,
  },
  {
    name: "mps2-an386",
    title: "Cortex-M4, MPS2 AN386 in QEMU",
    core: "cortex-m4",
    runs: ["cortex-m4"],
    regions: memory(0, 0x20000000),
    uart: { address: 0x40004000 },
    inputs: { address: 0x21000000, bytes: inputsBytes },
    instructionsPerTick: 40,
  },
  {
    name: "mps2-an500",
    title: "Cortex-M7, MPS2 AN500 in QEMU",
    core: "cortex-m7",
    runs: ["cortex-m7"],
    regions: memory(0, 0x20000000),
    uart: { address: 0x40004000 },
    inputs: { address: 0x60000000, bytes: inputsBytes },
    instructionsPerTick: 40,
  },
  {
    name: "mps2-an505",
    title: "Cortex-M33, MPS2 AN505 in QEMU",
    core: "cortex-m33",
    runs: ["cortex-m33"],
    // Addresses that the secure state, which the core starts in, may use.
    regions: memory(0x10000000, 0x38000000),
    uart: { address: 0x50200000 },
    inputs: { address: 0x80000000, bytes: inputsBytes },
    instructionsPerTick: 50,
  },
  {
    name: "mps3-an547",
    title: "Cortex-M55, MPS3 AN547 in QEMU",
    core: "cortex-m55",
    // QEMU has no Cortex-M85. Its instructions are those of the M55 and PACBTI, which nothing here uses.
    runs: ["cortex-m55", "cortex-m85"],
    // Where the core starts there are 512 K (ITCM): too few for a network. The DDR has room for all.
    regions: memory(0x60000000, 0x61000000),
    uart: { address: 0x59303000 },
    inputs: { address: 0x62000000, bytes: inputsBytes },
    vectorsAddress: 0,
    instructionsPerTick: 31.25,
  },
];

/** The machine that runs a board's own code: its core's kind. Undefined where QEMU has none. */
export function machineOfCore(core: string): Machine | undefined {
  return machines.find(({ runs }) => runs.includes(core));
}

/** What a proof for a board runs on. */
export interface Emulated {
  readonly machine: Machine;
  /** What the compiler is told of the core. */
  readonly core: Pick<Board, "name" | "core" | "fpu">;
  /** The core is of the board's own kind; else it is a Cortex-M7, and the bits are proven there. */
  readonly ownCore: boolean;
}

export function emulatedFor(board: Pick<Board, "name" | "core" | "fpu">): Emulated {
  const machine = machineOfCore(board.core);
  if (machine !== undefined) return { machine, core: board, ownCore: true };
  const core = { name: board.name, core: "cortex-m7", fpu: "fpv5-d16" } as const;
  return { machine: machineOfCore(core.core)!, core, ownCore: false };
}
