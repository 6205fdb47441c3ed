/**
 * The serial line of an emulated board: runs the image of boards/cortex-m, as a real board would, with a camera that
 * plays frames from memory. docs/wire-format.md describes the bytes it sends.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type CDetector, emitC, firmwareProgram, linkerScript } from "@phinets/core/export";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { type Board, loadBoard, type ProgramRequest } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { link, writeFirmware } from "../firmware/build.js";
import { missingTool } from "../host/tool.js";
import { defaultTarget } from "../target/target.js";
import { emulatedFor } from "./machines.js";
import { inputsMemory, loader, vectorArguments } from "./qemu.js";

export interface LineOptions extends ProgramRequest {
  readonly detector: CDetector;
  /** Default: the STM32H743. */
  readonly target?: Board;
  /** Name of the network in the hello message. Default "phinets". */
  readonly name?: string;
  /** Send each frame's rows before its boxes. Default false. */
  readonly pictures?: boolean;
  /** Number of times that the frames are played; 0: endlessly. Default 1. */
  readonly times?: number;
  /** Ends the emulator; the bytes then end without an error. */
  readonly signal?: AbortSignal;
}

/**
 * Compiles a detector for the emulated core and yields the bytes of its serial line as they arrive; a slow reader makes
 * the board wait.
 * @param frames inputs (pixel - 128), at most as many as fit the emulated memory: `inputsPerRun`
 * @throws PhinetsError where a tool is missing, or the program does not compile or exits with a failure code
 */
export async function* emulatedLine(
  q: QuantizedNetwork,
  frames: readonly Int8Array[],
  options: LineOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { detector, target: board = loadBoard(defaultTarget), name = "phinets", pictures, times = 1, signal } = options;
  const memory = inputsMemory(frames, times);
  const folder = mkdtempSync(join(tmpdir(), "phinets-line-"));
  try {
    writeFirmware(folder, emitC(q, { detector, program: firmwareProgram(q, board, options) }));
    const { machine, core } = emulatedFor(board);
    const { address, nrf51 } = machine.uart;
    const flags = [
      ...["-DPHINETS_WIRE", `-DPHINETS_WIRE_NAME=${cText(name)}`],
      ...(pictures ? ["-DPHINETS_WIRE_PICTURES"] : []),
      ...[`-DPHINETS_INPUTS=0x${machine.inputs.address.toString(16)}u`, `-DPHINETS_UART=0x${address.toString(16)}u`],
      ...(nrf51 ? ["-DPHINETS_UART_NRF51"] : []),
    ];
    const { regions } = machine;
    const on = { name: "line", core: core.core, fpu: core.fpu, regions, flashBytes: regions[0].bytes };
    const parts = ["boards/start", "boards/semihosting", "boards/cortex-m", "boards/emulated-line"];
    const path = await link(folder, on, parts, linkerScript(on, { stackBytes: 64 * 1024 }), { flags, signal });
    writeFileSync(join(folder, "frames.bin"), memory);
    const args = [
      ...["-M", machine.name, ...(machine.options ?? []), "-nographic", "-monitor", "none", "-serial", "stdio"],
      ...["-semihosting-config", "enable=on,target=native"],
      ...loader("frames.bin", machine.inputs.address),
      ...vectorArguments({ path, machine }, folder),
      ...["-kernel", resolve(path)],
    ];
    yield* outputOf("qemu-system-arm", args, { cwd: folder, signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Quotes text as a C string literal. */
function cText(text: string): string {
  const bytes = [...Buffer.from(text, "utf8")];
  const escaped = bytes.map((byte) =>
    /[\w .-]/.test(String.fromCharCode(byte)) && byte < 128
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, "0")}`,
  );
  return `"${escaped.join("")}"`;
}

/** A program's stdout as it arrives. The program is ended when the consumer stops reading. */
async function* outputOf(
  command: string,
  args: readonly string[],
  { cwd, signal }: { readonly cwd: string; readonly signal?: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], signal, windowsHide: true });
  let problems = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    problems = (problems + text).slice(-4000);
  });
  const ended = new Promise<number>((done, fail) => {
    child.on("error", (error: NodeJS.ErrnoException) => fail(error.code === "ENOENT" ? missingTool(command) : error));
    child.on("close", (code) => done(code ?? 128));
  });
  ended.catch(() => {}); // awaited once the output has ended
  try {
    for await (const bytes of child.stdout) yield new Uint8Array(bytes as Buffer);
    const code = await ended;
    if (code !== 0)
      throw new PhinetsError(
        "emulator.crash",
        `the emulated program ended with exit code ${code}: ${problems.trim().split("\n")[0] || "no message"}`,
      );
  } finally {
    child.kill("SIGKILL");
  }
}
