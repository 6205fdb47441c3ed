/** Every family runs through the whole chain: training step, float and int8 inference, C. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planArena } from "@phinets/core/cost";
import { emitC } from "@phinets/core/export";
import { IntegerInterpreter, runFloat } from "@phinets/core/inference";
import { createEngine, type Engine } from "@phinets/core/kernels";
import { buildNetwork, initialWeights, inputName, parseNetwork } from "@phinets/core/networks";
import { quantize } from "@phinets/core/quantization";
import { type FloatWeights, Random, tensor } from "@phinets/core/tensor";
import { differentiate, Executor, forwardOnly, makeRecipe, Trainer } from "@phinets/core/training";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firmwareSources } from "../packages/node/src/firmware/build.js";
import { runTool } from "../packages/node/src/host/tool.js";
import { installed } from "./tools.js";

const [height, width, batch] = [48, 33, 8];
const input = { height, width, channels: 3 };
const classifier = { kind: "classifier", classes: 3 };
const yolov2 = { kind: "yolov2", decoder: "scaled", classes: 2, filters: 8, anchors: [[1, 1]] };

const networks = [
  {
    family: "phinet",
    profile: "paper",
    alpha: 0.3,
    b1Filters: 60,
    b2Filters: 90,
    blocks: 5,
    conv5: 0.5,
    head: { ...classifier, features: 24 },
  },
  {
    family: "phinet",
    profile: "paper",
    alpha: 0.3,
    b1Filters: 60,
    b2Filters: 90,
    blocks: 4,
    stemStride: 2,
    downsampling: [4],
    head: yolov2,
  },
  { family: "mobilenetv2", width: 0.1, head: classifier },
  { family: "mobilenetv2", width: 0.1, stopAtStride: 16, head: yolov2 },
  { family: "efficientnet", width: 0.1, depth: 0.4, head: classifier },
  { family: "efficientnet", width: 0.1, depth: 0.4, stopAtStride: 16, head: yolov2 },
];

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await createEngine();
  folder = mkdtempSync(join(tmpdir(), "phinets-families-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  return engine.dispose();
});

function pictures(seed: number): Float32Array {
  const random = new Random(seed, 1);
  return Float32Array.from({ length: height * width * 3 }, () => random.uniform(-1, 1));
}

describe.each(networks)("$family $profile, $head.kind", (options) => {
  const network = parseNetwork({ input, ...options });
  const graph = buildNetwork(network);
  const output = graph.outputs[0];
  let weights: FloatWeights;

  it("learns a batch", () => {
    const recipe = makeRecipe(network.head.kind === "yolov2" ? "detect" : "classify", {
      batch,
      epochs: 20,
      batchNormMomentum: 0.3,
    });
    const executor = new Executor(engine, differentiate(graph, batch));
    executor.setParameters(initialWeights(graph, 3, network.head));
    const trainer = new Trainer(executor, network, recipe, 4);
    const truth = { class: 1, x: 0.4, y: 0.6, width: 0.3, height: 0.4 };
    const targets =
      network.head.kind === "yolov2"
        ? { truths: Array.from({ length: batch }, (_, i) => [{ ...truth, class: i % 2 }]) }
        : { classes: Int32Array.from({ length: batch }, (_, i) => i % 3) };
    const step = () => {
      for (let i = 0; i < batch; i++) trainer.input.set(pictures(i), i * height * width * 3);
      return trainer.step(targets as never).loss;
    };
    const first = step();
    // A late squeeze-and-excite may have no gradient, because its ReLU6 never opens on noise.
    for (const [name, { data }] of Object.entries(executor.gradients()))
      expect(
        data.some((value) => value !== 0),
        name,
      ).toBe(true);
    const losses = Array.from({ length: 29 }, step);
    expect(losses.at(-1)!).toBeLessThan(0.9 * first);
    weights = executor.parameters();
    executor.dispose();
  });

  it("gives the same on the kernels as in the float interpreter", () => {
    const x = pictures(100);
    const reference = runFloat(graph, weights, { [inputName]: tensor("float32", [1, height, width, 3], x) })[output];
    const executor = new Executor(engine, forwardOnly(graph, 1));
    executor.setParameters(weights);
    executor.input(inputName).set(x);
    executor.forward();
    const y = executor.output(output);
    const largest = reference.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    reference.data.forEach((value, i) => {
      expect(Math.abs(y[i] - value)).toBeLessThan(1e-4 * largest);
    });
    executor.dispose();
  });

  it("is quantised, and the C gives the interpreter's bytes", async () => {
    const batches = Array.from({ length: 6 }, (_, i) => pictures(i));
    const { network: quantized } = quantize(graph, weights, batches, { run: runFloat });
    expect(planArena(quantized.graph).bytes).toBeGreaterThan(0);
    const x = Int8Array.from(pictures(2), (value) => Math.round(value * 127));
    const interpreter = new IntegerInterpreter(quantized);
    const [integer] = interpreter.run(x);
    const { scale, zeroPoint } = quantized.values[quantized.graph.outputs[0]];
    const floats = Float32Array.from(x, (value) => value / 128);
    const float = runFloat(graph, weights, { [inputName]: tensor("float32", [1, height, width, 3], floats) })[output];
    let [signal, noise] = [0, 0];
    float.data.forEach((value, i) => {
      signal += value ** 2;
      noise += (value - scale * (integer[i] - zeroPoint)) ** 2;
    });
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(15);
    const files = emitC(quantized);
    if (!installed("gcc")) return;
    const own = join(folder, options.family + options.head.kind);
    mkdirSync(own);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(own, name), text);
    writeFileSync(join(own, "main.c"), main(x.length, integer.length));
    writeFileSync(join(own, "in.bin"), x);
    const kernels = join(firmwareSources, "kernels");
    const sources = readdirSync(kernels).filter((file) => file.endsWith(".c"));
    const program = join(own, "run");
    const all = [...sources.map((file) => join(kernels, file)), join(own, "phinets_model.c"), join(own, "main.c")];
    const built = await runTool("gcc", ["-std=c99", "-O1", `-I${kernels}`, `-I${own}`, ...all, "-lm", "-o", program]);
    expect(built.stderr).toBe("");
    await runTool(program, [join(own, "in.bin"), join(own, "out.bin")]);
    expect([...new Int8Array(readFileSync(join(own, "out.bin")))]).toEqual([...integer]);
  });
});

const main = (inputs: number, outputs: number): string => `#include <stdio.h>
#include "phinets_model.h"
static int8_t in[${inputs}], out[${outputs}];
int main(int argc, char **argv) {
  FILE *f = fopen(argv[1], "rb");
  if (fread(in, 1, sizeof in, f) != sizeof in || fclose(f) != 0) return 1;
  phinets_run(in, out);
  f = fopen(argv[argc - 1], "wb");
  fwrite(out, 1, sizeof out, f);
  return fclose(f);
}
`;
