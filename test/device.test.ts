/**
 * `train --device`: compares ONNX Runtime's steps with those of our kernels over a whole run, also through a GPU
 * interface without a GPU.
 */
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine } from "@phinets/core/kernels";
import { buildNetwork, initialWeights, parseNetwork } from "@phinets/core/networks";
import { Random } from "@phinets/core/tensor";
import { differentiate, Executor } from "@phinets/core/training";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../packages/cli/src/program.js";
import { loadCheckpoint } from "../packages/node/src/steps/checkpoint.js";
import { openDevice } from "../packages/node/src/steps/train/index.js";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "./road-tools.js";

/** Chromium's software implementation of Vulkan. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** On CI a missing tool is an error: these tests have to run there. */
function present(what: string, is: boolean): boolean {
  if (is) return true;
  const message = `${what} is absent; \`npm run setup\` installs what the tests need`;
  if (process.env.CI) throw new Error(message);
  console.warn(`skipped: ${message}`);
  return false;
}

function resolves(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

const hasRuntime = present("onnxruntime-node", resolves("onnxruntime-node"));
const hasGpu = hasRuntime && present(swiftShader, fs.existsSync(swiftShader));

const tiny = {
  family: "phinet",
  input: { height: 24, width: 24 },
  alpha: 0.1,
  t0: 2,
  blocks: 4,
  downsampling: [4],
  head: { kind: "yolov2", classes: 1, filters: 8 },
};

const root = fs.mkdtempSync(join(tmpdir(), "phinets-device-"));
const project = join(root, "runs");
let words: string[];

beforeAll(async () => {
  // Vulkan's loader reads the variable when the first device is requested.
  if (hasGpu) process.env.VK_ICD_FILENAMES = swiftShader;
  const data = await tinyDataset(join(root, "data"));
  const network = writeNetwork(root, tiny);
  words = ["train", "--data", data, "--network", network, "--project", project, "--seed", "7", "--batch", "4"];
});

afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** Losses by epoch. */
function losses(name: string): number[] {
  const [head, ...rows] = fs
    .readFileSync(join(project, "detect", name, "results.csv"), "utf8")
    .trim()
    .split("\n");
  const column = head.split(",").indexOf("loss");
  return rows.map((row) => Number(row.split(",")[column]));
}

describe("a device that is not there", () => {
  const failing = (code: string, message: string) => (): never => {
    throw Object.assign(new Error(message), { code });
  };

  it("says how ONNX Runtime is installed", async () => {
    const missing = failing("MODULE_NOT_FOUND", "Cannot find module 'onnxruntime-node'\nRequire stack: ...");
    await expect(openDevice("webgpu", 1, missing)).rejects.toThrow(
      "--device webgpu: onnxruntime-node is not installed; install it where phinets is (npm install --ignore-scripts onnxruntime-node@",
    );
    const broken = failing("ERR_DLOPEN_FAILED", "libonnxruntime.so.1: cannot open shared object file");
    await expect(openDevice("onnx-cpu", 1, broken)).rejects.toThrow(
      "does not load here (libonnxruntime.so.1: cannot open",
    );
  });

  it("says what WebGPU needs, in one line", async () => {
    const message = "/src/webgpu_context.cc:136 Initialize() status == Success was false. No supported adapters\n";
    const create = async (): Promise<never> => failing("ERR", message)();
    await expect(openDevice("webgpu", 1, () => ({ InferenceSession: { create } }))).rejects.toThrow(
      /^--device webgpu: ONNX Runtime cannot start \(No supported adapters\); it needs a GPU .* without --device the CPU trains$/,
    );
    expect(await openDevice("cpu", 1)).toBeUndefined();
    const { exitCode, stderr } = await phinets(...words, "--device", "tpu");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/tpu/);
    expect(fs.existsSync(project)).toBe(false);
  });
});

describe.skipIf(!hasRuntime)("onnx-cpu", () => {
  it("trains as our kernels do, and goes on from its own checkpoints", async () => {
    const run = ["--epochs", "3", "--workers", "1"];
    await phinetsJson(...words, ...run, "--name", "ours");
    await phinetsJson(...words, ...run, "--name", "onnx", "--device", "onnx-cpu");
    const ours = losses("ours");
    for (const [epoch, loss] of losses("onnx").entries()) expect(Math.abs(loss / ours[epoch] - 1)).toBeLessThan(2e-3);

    const controller = new AbortController();
    const write = (text: string): void => {
      if (text.includes("training 1/3 epochs")) controller.abort();
    };
    const context = { stdout: { write }, stderr: { write }, signal: controller.signal, version: "0" };
    expect(await runProgram([...words, ...run, "--name", "stopped", "--device", "onnx-cpu"], context)).not.toBe(0);
    const stopped = join(project, "detect/stopped");
    expect(loadCheckpoint(stopped)?.epoch).toBe(1);
    await phinetsJson("train", "--resume", stopped, "--workers", "1");
    for (const [epoch, loss] of losses("stopped").entries())
      expect(Math.abs(loss / losses("onnx")[epoch] - 1)).toBeLessThan(1e-3);
    const [whole, resumed] = ["onnx", "stopped"].map((name) => loadCheckpoint(join(project, "detect", name))!);
    expect(resumed.epoch).toBe(3);
    expect(Object.keys(resumed.state)).toEqual(Object.keys(whole.state));
    expect(Object.keys(whole.state)).toEqual(Object.keys(loadCheckpoint(join(project, "detect/ours"))!.state));
  });
});

describe.skipIf(!hasGpu)("webgpu, on SwiftShader", () => {
  it("gives the gradients of our kernels, step after step", async () => {
    const graph = buildNetwork(parseNetwork(tiny));
    const engine = await createEngine();
    const executor = new Executor(engine, differentiate(graph, 4));
    const random = new Random(1);
    executor.setParameters(initialWeights(graph, 1));
    for (const values of [executor.input("image"), executor.input(Object.values(executor.graph.cotangents)[0])])
      for (let i = 0; i < values.length; i++) values[i] = random.normal();
    const device = (await openDevice("webgpu", 1))!;
    const norm = (values: Float32Array): number => Math.hypot(...values);
    for (let step = 1; step <= 2; step++) {
      executor.forward();
      executor.backward();
      const ours = executor.gradients();
      await device.forward(executor);
      await device.backward(executor);
      const largest = Math.max(...Object.values(ours).map(({ data }) => norm(data)));
      for (const [name, { data }] of Object.entries(executor.gradients())) {
        const difference = norm(data.map((value, i) => value - ours[name].data[i]));
        // The second term admits tensors that are zero except for rounding.
        expect(difference, name).toBeLessThan(1e-4 * norm(ours[name].data) + 1e-6 * largest);
      }
      executor.optimizerStep({ kind: "sgd", learningRate: 0.01, step });
    }
    await device.dispose();
    await engine.dispose();
  });
});
