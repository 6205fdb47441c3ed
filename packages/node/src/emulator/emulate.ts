/**
 * Proves a network's firmware on an emulated core: compares its outputs with the interpreter's and its tracks with the
 * library's, and measures its sizes.
 */

import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bandMs, countMacs } from "@phinets/core/cost";
import {
  type CDetector,
  type COptions,
  emitC,
  type FollowedFrame,
  Follower,
  firmwareProgram,
} from "@phinets/core/export";
import { IntegerEngine } from "@phinets/core/inference";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { type Board, loadBoard, type ProgramRequest } from "@phinets/core/target";
import { PhinetsError, sizeOf } from "@phinets/core/tensor";
import { writeFirmware } from "../firmware/build.js";
import { flashBytes, readElf } from "../firmware/elf.js";
import { arenaBytes, linkTarget, type TargetImage } from "../firmware/image.js";
import { defaultTarget } from "../target/target.js";
import { buildEmulated, type EmulatedProgram } from "./build.js";
import { differingFrames } from "./follow.js";
import { type QemuRun, runQemu } from "./qemu.js";

export interface Emulation {
  /** The QEMU machine's title, for people, and its name. */
  readonly machine: string;
  readonly machineName: string;
  /** GCC's -mcpu of the program that ran. */
  readonly core: string;
  /** Whether that core is of the target's kind; where QEMU has none of that kind, a Cortex-M7 ran instead. */
  readonly ownCore: boolean;
  readonly images: number;
  /** Whether every output byte of every image equals the interpreter's. */
  readonly matchesInterpreter: boolean;
  readonly differingBytes: number;
  /** SHA-256 of all outputs in order, as the emulated core computed them. */
  readonly outputSha256: string;
  /** Instructions per inference, mean over the images; counted in steps of 40 to 63. */
  readonly instructions: number;
  readonly instructionsPerMac: number;
  /**
   * Those instructions in milliseconds on the target, by its cycles per instruction and its clock; absent where another
   * core ran.
   */
  readonly latencyMs?: readonly [low: number, high: number];
  /** Code, weights and tables, of the target's image where it is linked, else of the emulated program. */
  readonly flashBytes: number;
  /** Size of the arrays of activations in the same program. */
  readonly arenaBytes: number;
  readonly plannedArenaBytes: number;
  /** Peak stack use. */
  readonly stackBytes: number;
  /** The image for the board, linked into its memory regions. */
  readonly target: TargetImage;
  /** Present with the option `tracks`. */
  readonly tracking?: TrackingProof;
}

/** Comparison of the emulated firmware's boxes and tracks with the library's. */
export interface TrackingProof {
  readonly frames: number;
  /** Whether every box and track of every frame equals the library's bit for bit, with the same ids. */
  readonly tracksMatch: boolean;
  readonly differingFrames: number;
  /** Boxes in all frames, and ids that appeared. */
  readonly boxes: number;
  readonly tracks: number;
  /** Instructions of detection and tracking without the network, mean over the frames; counted in steps of 40. */
  readonly instructions: number;
}

export interface EmulateOptions extends Omit<COptions, "program">, ProgramRequest {
  /** The board to link for; it also determines the emulated core. Default: the STM32H743. */
  readonly target?: Board;
  /** Folder in which the firmware is written and built, and kept. Default: a temporary folder that is removed. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  /**
   * The inputs are a clip's frames, in order: a detector's firmware detects and tracks in them. They must fit one run.
   * Default false.
   */
  readonly tracks?: boolean;
  /** Receives each image's output bytes as the emulated core computed them. */
  readonly onOutput?: (output: Int8Array, image: number) => void;
}

/**
 * Builds a network's firmware, runs it on the emulated core and compares every output byte with the interpreter's.
 * @param inputs one int8 input (pixel - 128) per image; at least one
 * @throws PhinetsError for `tracks` without a detector or with too many frames (see `inputsPerRun`), where a tool is
 * missing, where the program does not compile or crashes, and where it exceeds the emulated board's memory. An image
 * that does not fit the target, or cannot be linked for it, is a result, not an error.
 */
export async function emulate(
  q: QuantizedNetwork,
  inputs: readonly Int8Array[],
  options: EmulateOptions = {},
): Promise<Emulation> {
  if (inputs.length === 0) throw new PhinetsError("emulator.input", "emulate: there are no images; give at least one");
  const { signal, detector, classes, tracks = false, target: board = loadBoard(defaultTarget) } = options;
  if (tracks) requireDetector(detector);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "phinets-firmware-"));
  try {
    const program = firmwareProgram(q, board, options);
    writeFirmware(folder, emitC(q, { detector, classes, program }));
    const [image, target] = await Promise.all([
      buildEmulated(folder, board, { signal }),
      linkTarget(folder, program, board, detector?.head ?? { kind: "none" }, signal),
    ]);
    const run = await runQemu(image, inputs, outputBytesOf(q), { signal, tracks });

    const engine = new IntegerEngine(q);
    const hash = createHash("sha256");
    const follower = tracks ? new Follower(q, requireDetector(detector)) : undefined;
    const followed: FollowedFrame[] = [];
    let differingBytes = 0;
    inputs.forEach((input, i) => {
      hash.update(run.outputs[i]);
      options.onOutput?.(run.outputs[i], i);
      let at = 0;
      const outputs = engine.run(input);
      for (const expected of outputs) for (const byte of expected) if (run.outputs[i][at++] !== byte) differingBytes++;
      if (follower) followed.push(follower.next(outputs));
    });
    const elf = readElf(readFileSync(image.path), image.path);
    const instructions = mean(run.instructions);
    return {
      machine: image.machine.title,
      machineName: image.machine.name,
      core: image.core.core,
      ownCore: image.ownCore,
      images: inputs.length,
      matchesInterpreter: differingBytes === 0,
      differingBytes,
      outputSha256: hash.digest("hex"),
      instructions: Math.round(instructions),
      ...(image.ownCore && { latencyMs: bandMs(instructions, board) }),
      instructionsPerMac: Number((instructions / countMacs(q.graph)).toFixed(4)),
      flashBytes: target.flashBytes ?? flashBytes(elf),
      arenaBytes: target.arenaBytes ?? arenaBytes(elf, program, image.path),
      plannedArenaBytes: program.arenaBytes,
      stackBytes: run.stackBytes,
      target,
      ...(run.followed && { tracking: compareTracks(followed, run.followed) }),
    };
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs a clip's frames through a program that `buildEmulated` made, and compares boxes and tracks.
 * @param expected the library's results on the same frames, by `Follower`
 * @throws PhinetsError as `emulate` does
 */
export async function emulateTracks(
  program: Pick<EmulatedProgram, "path" | "machine">,
  q: QuantizedNetwork,
  inputs: readonly Int8Array[],
  expected: readonly FollowedFrame[],
  options: Pick<EmulateOptions, "signal"> = {},
): Promise<TrackingProof> {
  if (inputs.length === 0) throw new PhinetsError("emulator.input", "emulate: there are no frames; give at least one");
  const run = await runQemu(program, inputs, outputBytesOf(q), { signal: options.signal, tracks: true });
  return compareTracks(expected, run.followed!);
}

function compareTracks(
  expected: readonly FollowedFrame[],
  { frames, instructions }: NonNullable<QemuRun["followed"]>,
): TrackingProof {
  const differing = differingFrames(expected, frames);
  return {
    frames: frames.length,
    tracksMatch: differing === 0,
    differingFrames: differing,
    boxes: frames.reduce((sum, { boxes }) => sum + boxes.length, 0),
    tracks: new Set(frames.flatMap(({ tracks }) => tracks.map(({ id }) => id))).size,
    instructions: Math.round(mean(instructions)),
  };
}

function requireDetector(detector: CDetector | undefined): CDetector {
  if (detector !== undefined) return detector;
  throw new PhinetsError(
    "emulator.tracks",
    "emulate: the network is no detector, so there is nothing to track; leave out the tracks",
  );
}

function outputBytesOf({ graph }: QuantizedNetwork): number {
  return graph.outputs.reduce((sum, output) => sum + sizeOf(graph.shapes[output]), 0);
}

function mean(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0) / counts.length;
}
