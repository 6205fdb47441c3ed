import * as ort from "onnxruntime-web";
import { expect, test } from "vitest";
import { createEngine } from "../../kernels/index.js";
import { buildNetwork, initialWeights, parseNetwork } from "../../networks/index.js";
import { Random } from "../../tensor/index.js";
import { crossEntropy, differentiate, Executor, type StepDevice } from "../../training/index.js";
import { OnnxDevice, type OnnxRuntime } from "./index.js";

const network = parseNetwork({
  family: "phinet",
  input: { height: 24, width: 24, channels: 3 },
  alpha: 0.15,
  t0: 3,
  blocks: 4,
  downsampling: [4],
  head: { kind: "classifier", classes: 3 },
});

ort.env.wasm.numThreads = 1;

test("steps on a device go where the kernels' steps go, and its checkpoint is ours", async () => {
  const engine = await createEngine();
  const graph = buildNetwork(network);
  const training = differentiate(graph, 6);
  const [output] = graph.outputs;
  const targets = [0, 1, 2, 0, 1, 2];
  const start = (): Executor => {
    const executor = new Executor(engine, training);
    executor.setParameters(initialWeights(graph, 1));
    return executor;
  };
  const step = async (executor: Executor, step: number, device?: StepDevice): Promise<number> => {
    const random = new Random(1, step);
    const image = executor.input("image");
    for (let i = 0; i < image.length; i++) image[i] = random.normal() + targets[Math.floor((6 * i) / image.length)];
    if (device === undefined) executor.forward();
    else await device.forward(executor);
    const { loss, gradient } = crossEntropy(executor.output(output), 3, targets);
    executor.setCotangent(output, gradient);
    if (device === undefined) executor.backward();
    else await device.backward(executor);
    executor.updateRunningStatistics(0.1);
    executor.optimizerStep({ kind: "adamw", learningRate: 0.03, weightDecay: 0.01, step });
    executor.updateEma(0.5);
    return loss;
  };
  const runtime: OnnxRuntime = ort;
  const device = new OnnxDevice(runtime, { provider: "wasm" });
  await device.probe();
  const [ours, theirs] = [start(), start()];
  const losses: number[] = [];
  for (let i = 1; i <= 8; i++) {
    losses.push(await step(ours, i));
    expect(Math.abs((await step(theirs, i, device)) / losses.at(-1)! - 1)).toBeLessThan(1e-3);
  }
  expect(losses.at(-1)).toBeLessThan(0.9 * losses[0]);
  const [a, b] = [ours.state(), theirs.state()];
  expect(Object.keys(b)).toEqual(Object.keys(a));
  for (const name of Object.keys(a).filter((key) => key.includes("running_var")))
    for (let i = 0; i < a[name].data.length; i++)
      expect(Math.abs(b[name].data[i] / a[name].data[i] - 1)).toBeLessThan(1e-2);

  // Training continues elsewhere: the device's state in a new executor, on our kernels.
  const resumed = start();
  resumed.setState(b);
  const [onDevice, onKernels] = [await step(theirs, 9, device), await step(resumed, 9)];
  expect(Math.abs(onKernels / onDevice - 1)).toBeLessThan(1e-5);
  await expect(device.backward(resumed)).rejects.toThrow(/without this executor's forward/);
  await device.dispose();
  await engine.dispose();
});
