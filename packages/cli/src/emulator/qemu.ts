/** Runs a program for the mps2-an500 board (Cortex-M7) in QEMU, with inputs in its memory and outputs in a file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { runTool } from "./tool.js";

export interface QemuRun {
  /** One an input, each of `outputBytes`. */
  readonly outputs: Int8Array[];
  /** Executed instructions an inference, counted in steps of 40. */
  readonly instructions: number[];
  /** Most stack used, in bytes, main's own frame included. */
  readonly stackBytes: number;
}

export interface QemuOptions {
  /** Milliseconds for all inputs together. Default 30 s and 2 s an input: some hundred times what a 7 MMAC network takes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** PSRAM of the board, where main.c finds its inputs. */
const psram = { address: 0x60000000, bytes: 16 * 1024 * 1024, headerBytes: 16 };
const instructionsPerTick = 40;

/**
 * Throws PhinetsError when QEMU is not installed, the program faults or ends with a failing exit code, it runs too long,
 * or an output is missing.
 */
export async function runQemu(
  elf: string,
  inputs: readonly Int8Array[],
  outputBytes: number,
  options: QemuOptions = {},
): Promise<QemuRun> {
  const outputs: Int8Array[] = [];
  const instructions: number[] = [];
  let stackBytes = 0;
  for (const batch of batches(inputs)) {
    const part = await runBatch(elf, batch, outputBytes, options);
    outputs.push(...part.outputs);
    instructions.push(...part.instructions);
    stackBytes = Math.max(stackBytes, part.stackBytes);
  }
  return { outputs, instructions, stackBytes };
}

/** As many inputs at a time as PSRAM holds. */
function* batches(inputs: readonly Int8Array[]): Generator<readonly Int8Array[]> {
  if (inputs.length === 0) return;
  const capacity = Math.floor((psram.bytes - psram.headerBytes) / inputs[0].length);
  if (capacity === 0)
    throw new PhinetsError(
      "emulator.input",
      `an input of ${inputs[0].length} bytes is larger than the emulated board's ${psram.bytes} bytes of PSRAM`,
    );
  for (let first = 0; first < inputs.length; first += capacity) yield inputs.slice(first, first + capacity);
}

async function runBatch(
  elf: string,
  inputs: readonly Int8Array[],
  outputBytes: number,
  options: QemuOptions,
): Promise<QemuRun> {
  const folder = mkdtempSync(join(tmpdir(), "phinets-qemu-"));
  try {
    const memory = new Uint8Array(psram.headerBytes + inputs.length * inputs[0].length);
    new DataView(memory.buffer).setUint32(0, inputs.length, true);
    inputs.forEach((input, i) => {
      memory.set(new Uint8Array(input.buffer, input.byteOffset, input.length), psram.headerBytes + i * input.length);
    });
    writeFileSync(join(folder, "inputs.bin"), memory);
    const args = [
      ...["-M", "mps2-an500", "-nographic", "-monitor", "none", "-serial", "none"],
      ...["-semihosting-config", "enable=on,target=native", "-icount", "shift=0"],
      ...["-device", `loader,file=inputs.bin,addr=0x${psram.address.toString(16)},force-raw=on`],
      ...["-kernel", resolve(elf)],
    ];
    const timeoutMs = options.timeoutMs ?? 30_000 + 2_000 * inputs.length;
    const result = await runTool("qemu-system-arm", args, { cwd: folder, timeoutMs, signal: options.signal });
    const console = `${result.stdout}${result.stderr}`;
    if (result.exitCode !== 0) throw crash(result.exitCode, console);
    const ticks = [...console.matchAll(/^inference \d+ ticks (\d+)$/gm)].map((match) => Number(match[1]));
    const file = readFileSync(join(folder, "outputs.bin"));
    if (file.length !== inputs.length * outputBytes || ticks.length !== inputs.length)
      throw new PhinetsError(
        "emulator.output",
        `the emulated program wrote ${file.length} bytes for ${inputs.length} inputs; ${inputs.length * outputBytes} were expected`,
      );
    const outputs = inputs.map((_, i) => new Int8Array(file.subarray(i * outputBytes, (i + 1) * outputBytes)));
    const stackBytes = Number(/^stack (\d+)$/m.exec(console)?.[1]);
    return { outputs, instructions: ticks.map((tick) => tick * instructionsPerTick), stackBytes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function crash(exitCode: number, console: string): PhinetsError {
  const done = [...console.matchAll(/^inference \d+/gm)].length;
  const lines = console.split("\n").filter((line) => line.trim() !== "" && !/^inference /.test(line));
  return new PhinetsError(
    "emulator.crash",
    `the emulated program ended with exit code ${exitCode} after ${done} inferences: ${lines[0] ?? "no message"}`,
  );
}
