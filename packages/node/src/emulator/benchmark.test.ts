/** MLPerf Tiny's serial protocol, as EEMBC's runner speaks it: with a host program, and over an emulated UART. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitC, linkerScript } from "@phinets/core/export";
import { GraphBuilder } from "@phinets/core/graph";
import { importTflite } from "@phinets/core/import";
import { IntegerInterpreter } from "@phinets/core/inference";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { loadBoard } from "@phinets/core/target";
import { afterAll, describe, expect, it } from "vitest";
import { randomDetector } from "../../../../test/random-detector.js";
import { randomlyQuantized } from "../../../../test/random-network.js";
import { sharedData } from "../../../../test/shared.js";
import { installed } from "../../../../test/tools.js";
import { firmwareSources, link, writeFirmware } from "../firmware/build.js";
import { writeBundle } from "../firmware/bundle.js";
import { runTool } from "../host/tool.js";
import { emulatedFor } from "./machines.js";

const root = mkdtempSync(join(tmpdir(), "phinets-benchmark-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Sends commands as the runner does, each after the answer to the previous one; returns the lines of every answer. */
async function talk(child: ChildProcess, commands: readonly string[]): Promise<string[][]> {
  const answers: string[][] = [];
  let lines: string[] = [];
  let text = "";
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("no pipes");
  try {
    for await (const chunk of stdout) {
      text += chunk;
      const whole = text.split("\n");
      text = whole.pop() ?? "";
      for (const line of whole.map((each) => each.trimEnd())) {
        if (line !== "m-ready") {
          lines.push(line);
          continue;
        }
        answers.push(lines);
        lines = [];
        if (answers.length > commands.length) return answers;
        stdin.write(`${commands[answers.length - 1]}%`);
      }
    }
    throw new Error(`the program ended after ${answers.length} answers: ${[...lines, text].join("\n")}`);
  } finally {
    child.kill();
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Commands that load bytes in pieces of 31, as the runner does. */
function loading(bytes: Uint8Array): string[] {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 31) }, (_, i) => bytes.subarray(31 * i, 31 * (i + 1)));
  return [`db load ${bytes.length}`, ...pieces.map((piece) => `db ${hex(piece)}`)];
}

/** The network's output as real values with three decimals. */
function resultsOf(q: QuantizedNetwork, input: Int8Array): number[] {
  const [name] = q.graph.outputs;
  const { scale, zeroPoint } = q.values[name];
  return Array.from(new IntegerInterpreter(q).run(input)[0], (byte) => Math.fround(scale) * (byte - zeroPoint));
}

function readResults(lines: readonly string[]): number[] {
  const line = lines.find((each) => each.startsWith("m-results-["));
  expect(line).toMatch(/^m-results-\[(-?\d+\.\d{3},?)+\]$/);
  return line!.slice("m-results-[".length, -1).split(",").map(Number);
}

function expectNear(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i])).toBeLessThan(0.000_51);
}

const { q, detector } = randomDetector(3, 0.3);
const pixels = Uint8Array.from({ length: 40 * 48 * 3 }, (_, i) => (i * 7919) % 251);
const commands = ["name", "profile", ...loading(pixels), "infer 2 1", "timestamp", "results", ""];

function expectConversation(answers: string[][]): void {
  const at = (command: string): string[] => answers[commands.indexOf(command) + 1];
  expect(answers[0]).toEqual(["m-timestamp-mode-performance", expect.stringMatching(/^m-lap-us-\d+$/), "m-init-done"]);
  expect(at("name")).toEqual(["m-name-dut-[PhiNets]"]);
  expect(at("profile")).toEqual(["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[other]"]);
  expect(answers[3]).toEqual([`m-[Expecting ${pixels.length} bytes]`]);
  expect(answers.filter((lines) => lines.includes("m-load-done"))).toEqual([["m-load-done"]]);
  const inferred = at("infer 2 1");
  expect(inferred.map((line) => line.replace(/-\d+$/, "-N").replace(/\[.*/, ""))).toEqual([
    ...["m-warmup-start-N", "m-warmup-done", "m-infer-start-N", "m-lap-us-N", "m-lap-us-N", "m-infer-done"],
    "m-results-",
  ]);
  const wanted = resultsOf(
    q,
    Int8Array.from(pixels, (pixel) => pixel - 128),
  );
  expectNear(readResults(inferred), wanted);
  expect(at("results")).toEqual(inferred.slice(-1));
  expect(at("")).toEqual([]);
}

describe.skipIf(!installed("gcc"))("an export's benchmark", () => {
  const flags = ["-std=c99", "-Wall", "-Wextra", "-Werror"];
  let kernels = "";
  const build = async (
    network: QuantizedNetwork,
    name: string,
    options: { readonly energy?: boolean } = {},
  ): Promise<ChildProcess> => {
    const folder = join(root, name);
    writeBundle(folder, network, { name, target: loadBoard("nrf52840") });
    const gcc = async (...args: string[]): Promise<void> => {
      expect((await runTool("gcc", [...flags, ...args], { cwd: folder })).stderr).toBe("");
    };
    // The objects are the same for all networks.
    if (kernels === "") {
      kernels = folder;
      await gcc("-c", ...readdirSync(folder).filter((file) => file.endsWith(".c") && file !== `${name}_model.c`));
    }
    const objects = readdirSync(kernels).filter((file) => file.endsWith(".o"));
    await gcc(
      ...(options.energy ? ["-DBENCHMARK_ENERGY"] : []),
      ...["-I.", "benchmark/benchmark.c", "benchmark/host.c", `${name}_model.c`],
      ...[...objects.map((file) => join(kernels, file)), "-lm", "-o", "talk"],
    );
    return spawn(join(folder, "talk"), { stdio: ["pipe", "pipe", options.energy ? "pipe" : "inherit"] });
  };

  it("answers the runner with what the network gives", async () => {
    expectConversation(await talk(await build(q, "pixels"), commands));
  });

  it("lets a pin fall in place of the microseconds in energy mode", async () => {
    const child = await build(q, "energy", { energy: true });
    let pins = "";
    child.stderr?.on("data", (chunk) => {
      pins += chunk;
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    const [begin, ...answers] = await talk(child, commands);
    await ended;
    expect(begin).toEqual(["m-timestamp-mode-energy", "m-init-done"]);
    expect(answers.flat().filter((line) => line.startsWith("m-lap-us-"))).toEqual([]);
    const inferred = answers[commands.indexOf("infer 2 1")];
    expect(inferred.map((line) => line.replace(/\[.*/, ""))).toEqual([
      ...["m-warmup-start-1", "m-warmup-done", "m-infer-start-2", "m-infer-done", "m-results-"],
    ]);
    expectNear(
      readResults(inferred),
      resultsOf(
        q,
        Int8Array.from(pixels, (pixel) => pixel - 128),
      ),
    );
    expect(answers[commands.indexOf("timestamp")]).toEqual([]);
    // At the start, before and after the two inferences, and on request.
    expect(pins).toBe("pin 0\npin 1\n".repeat(4));
  });

  it("takes an autoencoder's real values, and says how far its output is from them", async () => {
    const builder = new GraphBuilder("same");
    const map = builder.input("input", [1, 1, 1, 24]);
    const hidden = builder.dense("hidden", builder.flatten("flat", map), 6);
    const network = randomlyQuantized(builder.build([builder.dense("output", hidden, 24)]), 4);
    const { scale, zeroPoint } = network.values.input;
    const values = Float32Array.from({ length: 24 }, (_, i) => scale * (((i * 53) % 300) - 150 + 0.3));
    const input = Int8Array.from(values, (value) =>
      Math.max(-128, Math.min(127, Math.round(value / scale) + zeroPoint)),
    );
    const outputs = resultsOf(network, input);
    const error = outputs.reduce((sum, each, i) => sum + (each - values[i]) ** 2, 0) / 24;
    const answers = await talk(await build(network, "floats"), [
      ...loading(new Uint8Array(values.buffer)),
      ...["infer 1 0", "infer 1 0"],
    ]);
    for (const lines of answers.slice(-2)) {
      const [found, ...more] = readResults(lines);
      expect(more).toEqual([]);
      expect(Math.abs(found - error)).toBeLessThan(0.000_51 + 1e-5 * error);
    }
  });

  it("prints the bytes of several outputs", async () => {
    const builder = new GraphBuilder("two");
    const x = builder.input("input", [1, 4, 4, 3]);
    const outputs = [builder.conv2d("a", x, { filters: 2 }), builder.globalAveragePool("b", x)];
    const network = randomlyQuantized(builder.build(outputs), 6);
    const given = Uint8Array.from({ length: 48 }, (_, i) => 5 * i);
    const answers = await talk(await build(network, "two"), [...loading(given), "infer 1 0"]);
    const wanted = new IntegerInterpreter(network).run(Int8Array.from(given, (pixel) => pixel - 128));
    expect(readResults(answers.at(-1)!)).toEqual(wanted.flatMap((bytes) => [...bytes]));
  });

  const reference = sharedData && join(sharedData, "mlperf-tiny");
  for (const [name, model] of Object.entries({ kws: "kws01", vww: "vww01", resnet: "ic01", ad: "ad01" }))
    it.skipIf(!reference)(`${model} gives what TensorFlow Lite Micro gave`, { timeout: 60_000 }, async () => {
      const read = (file: string): Buffer => readFileSync(join(reference!, `${name}.${file}`));
      const { network, input } = importTflite(read("tflite"), name);
      const { scale, zeroPoint } = network.values[network.graph.outputs[0]];
      const size = input.shape.reduce((product, side) => product * side, 1);
      const bytes = Int8Array.from(read("inputs.bin").subarray(0, size));
      const outputs = Array.from(Int8Array.from(read("outputs.bin")), (byte) => scale * (byte - zeroPoint));
      // As in the benchmark's files: spectra are bytes, pictures are 0..255, machine sounds are real values.
      const values = Float32Array.from(bytes, (byte) => input.scale * (byte - input.zeroPoint));
      const sent = { kws: Uint8Array.from(bytes), ad: new Uint8Array(values.buffer) }[name];
      const child = await build(network, name);
      const answers = await talk(child, [
        "profile",
        ...loading(sent ?? Uint8Array.from(bytes, (byte) => byte + 128)),
        "infer 1 0",
      ]);
      expect(answers[1][1]).toBe(`m-model-[${model}]`);
      const error = values.reduce((sum, each, i) => sum + (outputs[i] - each) ** 2, 0) / size;
      const wanted = name === "ad" ? [error] : outputs.slice(0, network.graph.shapes[network.graph.outputs[0]][1]);
      const found = readResults(answers.at(-1)!);
      expect(found.length).toBe(wanted.length);
      for (const [i, value] of found.entries())
        expect(Math.abs(value - wanted[i])).toBeLessThan(0.000_51 + 1e-5 * Math.abs(wanted[i]));
    });

  it("says what is wrong with a command, and goes on", async () => {
    const asked = [
      ...["infer 1", "db load 3", "db load", "db", "db load 5760", "db 0g", "db 123", "infer 0", "infer 1 x", "go"],
      ...[`db ${"00".repeat(200)}`, "db print"],
    ];
    const answers = await talk(await build(q, "errors"), asked);
    expect(answers.slice(1).map(([line]) => line)).toEqual([
      "e-[No input is loaded: db load first]",
      "e-[Command 'db load' needs 5760 bytes]",
      "e-[Command 'db load' must be >0 bytes]",
      "e-[Command 'db' requires a subcommand]",
      "m-[Expecting 5760 bytes]",
      "e-[Invalid hex digit]",
      "e-[Insufficient number of hex digits]",
      "e-[Inference iterations must be >0]",
      "e-[Inference warmup must be >=0]",
      "e-[Unknown command: go]",
      "e-[Insufficient number of hex digits]", // a command longer than 80 bytes is cut off
      undefined,
    ]);
  });
});

/** UART 0 and the microseconds of QEMU's MPS2 AN500. */
const port = `#include "benchmark.h"
#define REGISTER(address) (*(volatile uint32_t *)(address))
enum { UART = 0x40004000, COUNTER = 0x40028018, PRESCALER = 0x4002801C };
void benchmark_start(void) {
  REGISTER(UART + 0x10) = 16;
  REGISTER(UART + 8) = 3;
  REGISTER(PRESCALER) = 24;
}
int benchmark_read(void) {
  while (!(REGISTER(UART + 4) & 2)) {
  }
  return (int)(REGISTER(UART) & 0xFF);
}
void benchmark_write(char byte) {
  while (REGISTER(UART + 4) & 1) {
  }
  REGISTER(UART) = (uint8_t)byte;
}
uint32_t benchmark_microseconds(void) { return REGISTER(COUNTER); }
`;

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("a board's benchmark", () => {
  it("answers the runner over the UART of an emulated Cortex-M7", { timeout: 120_000 }, async () => {
    const folder = join(root, "m7");
    const board = loadBoard("stm32h743");
    writeFirmware(folder, emitC(q, { name: "phinets", detector }));
    mkdirSync(join(folder, "benchmark"));
    for (const file of ["benchmark.c", "benchmark.h"])
      cpSync(join(firmwareSources, "boards/benchmark", file), join(folder, "benchmark", file));
    writeFileSync(join(folder, "benchmark/port.c"), port);
    const { machine } = emulatedFor(board);
    const target = { ...board, name: "benchmark", regions: machine.regions, flashBytes: machine.regions[0].bytes };
    const script = linkerScript(target, { stackBytes: 64 * 1024 });
    const path = await link(folder, target, ["boards/start", "boards/cortex-m", "benchmark"], script, {});
    const qemu = spawn(
      "qemu-system-arm",
      ["-machine", machine.name, "-nographic", "-monitor", "none", "-serial", "stdio", "-kernel", path],
      { cwd: folder, stdio: ["pipe", "pipe", "inherit"] },
    );
    const answers = await talk(qemu, commands);
    expectConversation(answers);
    const [start, end] = answers[commands.indexOf("infer 2 1") + 1]
      .filter((line) => line.startsWith("m-lap-us-"))
      .map((line) => Number(line.slice("m-lap-us-".length)));
    expect(end).toBeGreaterThan(start);

    // The port for a real board compiles and fits; it was not tested on one.
    for (const [part, begin] of [
      ["nucleo", ""],
      ["energy", "#define BENCHMARK_ENERGY\n"],
    ]) {
      mkdirSync(join(folder, part));
      for (const file of ["benchmark.c", "benchmark.h", "stm32h743.c"])
        writeFileSync(
          join(folder, part, file),
          begin + readFileSync(join(firmwareSources, "boards/benchmark", file), "utf8"),
        );
      await link(folder, board, ["boards/start", "boards/cortex-m", part], linkerScript(board), {});
    }
  });
});
