/**
 * Runs a program that `buildEmulated` made in QEMU: inputs are loaded into its memory, outputs are read from a file.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Detection } from "@phinets/core/detection";
import type { FollowedFrame } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import type { Track } from "@phinets/core/tracking";
import { readElf } from "../firmware/elf.js";
import { forEachConcurrently } from "../host/concurrency.js";
import { defaultThreads } from "../host/cores.js";
import { runTool } from "../host/tool.js";
import { inputsBytes, type Machine } from "./machines.js";

export interface QemuRun {
  /** One output per input, each of `outputBytes` bytes. */
  readonly outputs: Int8Array[];
  /** Executed instructions per inference, counted in steps of 40 to 63. */
  readonly instructions: number[];
  /** Present with `tracks`: boxes and tracks of each input, and the instructions of detection and tracking together. */
  readonly followed?: { readonly frames: FollowedFrame[]; readonly instructions: number[] };
  /** Peak stack use in bytes, including main's own frame. */
  readonly stackBytes: number;
}

export interface QemuOptions {
  /**
   * Time limit in milliseconds for all inputs together. Default 30 s plus 2 s per input, some hundred times what a 7
   * MMAC network takes.
   */
  readonly timeoutMs?: number;
  /**
   * The inputs are a clip's frames: a detector's program detects and tracks in them. They must fit one run. Default
   * false.
   */
  readonly tracks?: boolean;
  readonly signal?: AbortSignal;
}

/** Header before the inputs: how many there are, and whether to track; emulator/main.c reads it. */
const headerBytes = 16;
/** The system exceptions; no device interrupts are used. */
const vectorsBytes = 64;

/**
 * Throws PhinetsError where QEMU is not installed, the program faults or exits with a failure code, it runs too long,
 * or an output is missing.
 */
export async function runQemu(
  program: { readonly path: string; readonly machine: Machine },
  inputs: readonly Int8Array[],
  outputBytes: number,
  options: QemuOptions = {},
): Promise<QemuRun> {
  if (options.tracks && inputs.length > inputsPerRun(inputs[0].length))
    throw new PhinetsError(
      "emulator.input",
      `${inputs.length} frames of ${inputs[0].length} bytes do not fit the emulated board's ${inputsBytes} bytes for inputs; track ${inputsPerRun(inputs[0].length)} at most`,
    );
  const parts = await runBatches(
    program,
    batches(inputs, options.tracks ? inputs.length : batchSize),
    outputBytes,
    options,
  );
  const { followed } = parts[0];
  return {
    outputs: parts.flatMap((part) => part.outputs),
    instructions: parts.flatMap((part) => part.instructions),
    ...(followed && { followed }),
    stackBytes: Math.max(...parts.map((part) => part.stackBytes)),
  };
}

/**
 * Inputs per process: equal on every machine, because the steps of the instruction count carry over from input to
 * input.
 */
const batchSize = 25;

/** Runs one process per core concurrently; the first failure ends the others. */
async function runBatches(
  program: { readonly path: string; readonly machine: Machine },
  inputs: readonly (readonly Int8Array[])[],
  outputBytes: number,
  options: QemuOptions,
): Promise<QemuRun[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const runs: QemuRun[] = [];
  await forEachConcurrently(inputs.length, defaultThreads(), async (i) => {
    try {
      runs[i] = await runBatch(program, inputs[i], outputBytes, { ...options, signal });
    } catch (error) {
      failed.abort(error);
      throw failed.signal.reason; // the reason of the first failure, not of a process that it ended
    }
  });
  return runs;
}

/** Number of inputs that fit the machine's memory. */
export function inputsPerRun(inputBytes: number): number {
  return Math.floor((inputsBytes - headerBytes) / inputBytes);
}

/** Splits the inputs into batches of at most `size` that fit the machine's memory. */
function batches(inputs: readonly Int8Array[], size: number): readonly (readonly Int8Array[])[] {
  const capacity = inputsPerRun(inputs[0].length);
  if (capacity === 0)
    throw new PhinetsError(
      "emulator.input",
      `an input of ${inputs[0].length} bytes is larger than the emulated board's ${inputsBytes} bytes for inputs`,
    );
  const step = Math.min(size, capacity);
  return Array.from({ length: Math.ceil(inputs.length / step) }, (_, i) => inputs.slice(i * step, (i + 1) * step));
}

async function runBatch(
  program: { readonly path: string; readonly machine: Machine },
  inputs: readonly Int8Array[],
  outputBytes: number,
  options: QemuOptions,
): Promise<QemuRun> {
  const { path, machine } = program;
  const folder = mkdtempSync(join(tmpdir(), "phinets-qemu-"));
  try {
    writeFileSync(join(folder, "inputs.bin"), inputsMemory(inputs, options.tracks ? 1 : 0));
    const args = [
      ...["-M", machine.name, ...(machine.options ?? []), "-nographic", "-monitor", "none", "-serial", "none"],
      ...["-semihosting-config", "enable=on,target=native", "-icount", "shift=0"],
      ...loader("inputs.bin", machine.inputs.address),
      ...vectorArguments(program, folder),
      ...["-kernel", resolve(path)],
    ];
    const timeoutMs = options.timeoutMs ?? 30_000 + 2_000 * inputs.length;
    const result = await runTool("qemu-system-arm", args, { cwd: folder, timeoutMs, signal: options.signal });
    const console = `${result.stdout}${result.stderr}`;
    if (result.exitCode !== 0) throw crash(result.exitCode, console);
    const counted = (what: string): number[] =>
      [...console.matchAll(new RegExp(`^${what} \\d+ ticks (\\d+)$`, "gm"))].map(
        ([, ticks]) => Number(ticks) * machine.instructionsPerTick,
      );
    const instructions = counted("inference");
    const file = readFileSync(join(folder, "outputs.bin"));
    if (file.length !== inputs.length * outputBytes || instructions.length !== inputs.length)
      throw new PhinetsError(
        "emulator.output",
        `the emulated program wrote ${file.length} bytes for ${inputs.length} inputs; ${inputs.length * outputBytes} were expected`,
      );
    const outputs = inputs.map((_, i) => new Int8Array(file.subarray(i * outputBytes, (i + 1) * outputBytes)));
    const stackBytes = Number(/^stack (\d+)$/m.exec(console)?.[1]);
    if (!options.tracks) return { outputs, instructions, stackBytes };
    const frames = existsSync(join(folder, "tracks.bin")) ? readTracks(readFileSync(join(folder, "tracks.bin"))) : [];
    if (frames.length !== inputs.length)
      throw new PhinetsError(
        "emulator.output",
        `the emulated program wrote tracks of ${frames.length} frames; ${inputs.length} were expected`,
      );
    return { outputs, instructions, followed: { frames, instructions: counted("follow") }, stackBytes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Inputs in the format that an emulated program reads: their number, a word of the program's choice, 8 bytes of
 * padding, the inputs. Throws PhinetsError where they do not fit, or where there are none.
 */
export function inputsMemory(inputs: readonly Int8Array[], word: number): Uint8Array {
  const [first] = inputs;
  if (first === undefined || inputs.length > inputsPerRun(first.length))
    throw new PhinetsError(
      "emulator.input",
      `${inputs.length} inputs for the emulated board's ${inputsBytes} bytes; it takes at least one and ${first === undefined ? "no more than fit" : `at most ${inputsPerRun(first.length)}`}`,
    );
  const memory = new Uint8Array(headerBytes + inputs.length * first.length);
  const header = new DataView(memory.buffer);
  header.setUint32(0, inputs.length, true);
  header.setUint32(4, word, true);
  inputs.forEach((input, i) => {
    memory.set(new Uint8Array(input.buffer, input.byteOffset, input.length), headerBytes + i * input.length);
  });
  return memory;
}

/** QEMU's arguments that load a file into memory. */
export function loader(file: string, address: number): string[] {
  return ["-device", `loader,file=${file},addr=0x${address.toString(16)},force-raw=on`];
}

/**
 * QEMU's arguments that load a copy of the vector table where the core reads it, if that is not the program's start.
 * The copy is a file in `folder`, QEMU's working directory. The linker script places the table first in .text.
 */
export function vectorArguments(
  { path, machine }: { readonly path: string; readonly machine: Machine },
  folder: string,
): string[] {
  if (machine.vectorsAddress === undefined) return [];
  const file = readFileSync(path);
  const { offset } = readElf(file, path).sections.find(({ name }) => name === ".text")!;
  writeFileSync(join(folder, "vectors.bin"), file.subarray(offset, offset + vectorsBytes));
  return loader("vectors.bin", machine.vectorsAddress);
}

/**
 * Parses frames: int32 number of boxes, int32 number of tracks, then the structs phinets_box and phinets_track as laid
 * out in memory.
 */
export function readTracks(file: Buffer): FollowedFrame[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const int32 = (at: number): number => view.getInt32(at, true);
  const [boxBytes, trackBytes] = [48, 40];
  const frames: FollowedFrame[] = [];
  for (let at = 0; at < file.length; ) {
    const boxesAt = at + 8;
    const tracksAt = boxesAt + int32(at) * boxBytes;
    const end = tracksAt + int32(at + 4) * trackBytes;
    if (end > file.length) break;
    const boxes = Array.from({ length: int32(at) }, (_, i): Detection => {
      const from = boxesAt + i * boxBytes;
      const [x, y, width, height, score] = [0, 8, 16, 24, 32].map((offset) => view.getFloat64(from + offset, true));
      return { x, y, width, height, score, class: int32(from + 40) };
    });
    const tracks = Array.from({ length: int32(at + 4) }, (_, i): Track => {
      const from = tracksAt + i * trackBytes;
      const [x1, y1, x2, y2] = [8, 16, 24, 32].map((offset) => view.getFloat64(from + offset, true));
      const { score, class: index } = boxes[int32(from + 4)] ?? {};
      return { id: int32(from), x1, y1, x2, y2, score, class: index };
    });
    frames.push({ boxes, tracks });
    at = end;
  }
  return frames;
}

function crash(exitCode: number, console: string): PhinetsError {
  const done = [...console.matchAll(/^inference \d+/gm)].length;
  const lines = console.split("\n").filter((line) => line.trim() !== "" && !/^(inference|follow) /.test(line));
  return new PhinetsError(
    "emulator.crash",
    `the emulated program ended with exit code ${exitCode} after ${done} inferences: ${lines[0] ?? "no message"}`,
  );
}
