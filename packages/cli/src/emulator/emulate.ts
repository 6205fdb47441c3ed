/** Proves a network's firmware on an emulated core: every output byte against the interpreter, sizes against the plan. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countMacs, planArena } from "@phinets/core/cost";
import { type COptions, emitC } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { PhinetsError, sizeOf } from "@phinets/core/tensor";
import { buildFirmware, writeFirmware } from "./build.js";
import { flashBytes, ramBytes, readElf, symbolBytes } from "./elf.js";
import { runQemu } from "./qemu.js";

export interface Emulation {
  readonly images: number;
  /** Every output byte of every image is the interpreter's. */
  readonly matchesInterpreter: boolean;
  /** Output bytes that differ. */
  readonly differingBytes: number;
  /** Of all outputs in order, as the emulated core computed them. */
  readonly outputSha256: string;
  /** An inference, mean over the images; counted in steps of 40. */
  readonly instructions: number;
  readonly instructionsPerMac: number;
  /** Of the emulated program: code, weights, tables. */
  readonly flashBytes: number;
  /** Of the linked `phinets_arena`. */
  readonly arenaBytes: number;
  readonly plannedArenaBytes: number;
  /** Most stack used. */
  readonly stackBytes: number;
  /** The image for the real chip, linked into its regions. */
  readonly stm32h743: LinkedImage;
}

export interface LinkedImage {
  readonly fits: boolean;
  readonly flashBytes?: number;
  /** Variables, arena and reserved stack. */
  readonly ramBytes?: number;
  /** Why it does not fit. */
  readonly problem?: string;
}

export interface EmulateOptions extends COptions {
  /** Where the firmware is written and built, and left. Default: a temporary folder that is removed. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  /** Receives each image's output bytes as the emulated core computed them. */
  readonly onOutput?: (output: Int8Array, image: number) => void;
}

/**
 * @param inputs one int8 input (pixel - 128) an image; at least one
 * Throws PhinetsError when a tool is missing, the program does not compile or crashes, and where it exceeds the emulated
 * board's memory. An image that does not fit the STM32H743 is a result, not an error.
 */
export async function emulate(
  q: QuantizedNetwork,
  inputs: readonly Int8Array[],
  options: EmulateOptions = {},
): Promise<Emulation> {
  if (inputs.length === 0) throw new PhinetsError("emulator.input", "emulate: there are no images; give at least one");
  const { signal, detector, classes } = options;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "phinets-firmware-"));
  try {
    writeFirmware(folder, emitC(q, { detector, classes }));
    const [program, stm32h743] = await Promise.all([
      buildFirmware(folder, "mps2-an500", { signal }),
      linkStm32(folder, signal),
    ]);
    const outputBytes = q.graph.outputs.reduce((sum, output) => sum + sizeOf(q.graph.shapes[output]), 0);
    const run = await runQemu(program, inputs, outputBytes, { signal });

    const interpreter = new IntegerInterpreter(q);
    const hash = createHash("sha256");
    let differingBytes = 0;
    inputs.forEach((input, i) => {
      hash.update(run.outputs[i]);
      options.onOutput?.(run.outputs[i], i);
      let at = 0;
      for (const expected of interpreter.run(input))
        for (const byte of expected) if (run.outputs[i][at++] !== byte) differingBytes++;
    });
    const elf = readElf(readFileSync(program), program);
    const instructions = run.instructions.reduce((sum, count) => sum + count, 0) / inputs.length;
    return {
      images: inputs.length,
      matchesInterpreter: differingBytes === 0,
      differingBytes,
      outputSha256: hash.digest("hex"),
      instructions: Math.round(instructions),
      instructionsPerMac: Number((instructions / countMacs(q.graph)).toFixed(4)),
      flashBytes: flashBytes(elf),
      arenaBytes: symbolBytes(elf, "phinets_arena", program),
      plannedArenaBytes: planArena(q.graph).bytes,
      stackBytes: run.stackBytes,
      stm32h743,
    };
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function linkStm32(folder: string, signal?: AbortSignal): Promise<LinkedImage> {
  try {
    const path = await buildFirmware(folder, "stm32h743", { signal });
    const elf = readElf(readFileSync(path), path);
    return { fits: true, flashBytes: flashBytes(elf), ramBytes: ramBytes(elf) };
  } catch (error) {
    if (error instanceof PhinetsError && error.code === "emulator.overflow")
      return { fits: false, problem: error.message };
    throw error;
  }
}
