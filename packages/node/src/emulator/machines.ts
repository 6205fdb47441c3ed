/**
 * The QEMU machines that emulate boards' cores: one per kind of Cortex-M, so that a proof runs the same instructions as
 * the target. None of them is the target itself: memory sizes and peripherals differ, and timing is not modelled.
 * Sources: QEMU 7.2, hw/arm/mps2.c, mps2-tz.c, armsse.c, nrf51_soc.c (memory maps, clock of the system timer).
 */
import type { Board, Region } from "@phinets/core/target";

export interface Machine {
  /** QEMU's name of the machine. */
  readonly name: string;
  readonly title: string;
  readonly core: string;
  /** Cores, by their names in board files, whose instructions this core runs. */
  readonly runs: readonly string[];
  /** Further QEMU arguments. */
  readonly options?: readonly string[];
  readonly regions: readonly Region[];
  /** The first serial port: Arm's CMSDK APB UART, or that of an nRF51. */
  readonly uart: { readonly address: number; readonly nrf51?: true };
  /** Memory into which QEMU loads the inputs. */
  readonly inputs: { readonly address: number; readonly bytes: number };
  /** Address where the core reads its vector table after reset, if not the program's start: QEMU loads a copy there. */
  readonly vectorsAddress?: number;
  /**
   * Period of the system timer's clock in nanoseconds, which is also the number of instructions per tick: under
   * `-icount shift=0` an instruction takes 1 ns.
   */
  readonly instructionsPerTick: number;
}

const mebibyte = 1024 * 1024;
/** Equal on all machines, so that the number of inputs per run does not depend on the core. */
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
    // The real chip has 256 K of flash and 16 K of RAM; the model accepts any size.
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
    // Addresses that are accessible in the secure state, in which the core starts.
    regions: memory(0x10000000, 0x38000000),
    uart: { address: 0x50200000 },
    inputs: { address: 0x80000000, bytes: inputsBytes },
    instructionsPerTick: 50,
  },
  {
    name: "mps3-an547",
    title: "Cortex-M55, MPS3 AN547 in QEMU",
    core: "cortex-m55",
    // QEMU has no Cortex-M85. Its instructions are those of the M55 plus PACBTI, which the firmware does not use.
    runs: ["cortex-m55", "cortex-m85"],
    // The memory that the core starts in has 512 K (ITCM), too little for a network; the DDR is large enough.
    regions: memory(0x60000000, 0x61000000),
    uart: { address: 0x59303000 },
    inputs: { address: 0x62000000, bytes: inputsBytes },
    vectorsAddress: 0,
    instructionsPerTick: 31.25,
  },
];

/** The machine that runs code for a core. Undefined where QEMU has no such core. */
export function machineOfCore(core: string): Machine | undefined {
  return machines.find(({ runs }) => runs.includes(core));
}

/** The machine and core on which a board's firmware is proven. */
export interface Emulated {
  readonly machine: Machine;
  /** The core that the compiler is told to target. */
  readonly core: Pick<Board, "name" | "core" | "fpu">;
  /** Whether the core is of the board's own kind; else a Cortex-M7 runs, and proves the outputs' bits only. */
  readonly ownCore: boolean;
}

export function emulatedFor(board: Pick<Board, "name" | "core" | "fpu">): Emulated {
  const machine = machineOfCore(board.core);
  if (machine !== undefined) return { machine, core: board, ownCore: true };
  const core = { name: board.name, core: "cortex-m7", fpu: "fpv5-d16" } as const;
  return { machine: machineOfCore(core.core)!, core, ownCore: false };
}
