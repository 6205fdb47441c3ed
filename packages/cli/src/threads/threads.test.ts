import { GraphBuilder } from "@phinets/core/graph";
import { createEngine } from "@phinets/core/kernels";
import { Random, sizeOf, tensor } from "@phinets/core/tensor";
import { differentiate, Executor } from "@phinets/core/training";
import { expect, test } from "vitest";
import { nodeThreads } from "./index.js";

function network() {
  const g = new GraphBuilder("threads");
  let x = g.input("image", [1, 10, 10, 3]);
  x = g.hardswish("a", g.batchNorm("n", g.conv2d("c", x, { filters: 6 })));
  x = g.batchNorm("n2", g.depthwise("d", x, { kernel: 3, padding: 1 }));
  const s = g.sigmoid("s", g.conv2d("gate", g.globalAveragePool("p", x), { filters: 6 }));
  x = g.multiply("m", x, s);
  return g.build([g.dense("logits", g.flatten("f", g.globalAveragePool("g", x)), 4)]);
}

/** Weights after three steps with any number of threads. */
async function train(threads: number): Promise<Record<string, number[]>> {
  const engine = await createEngine({ threads: nodeThreads(threads) });
  expect(engine.threads).toBe(threads);
  const graph = network();
  const executor = new Executor(engine, differentiate(graph, 11));
  executor.setParameters(
    Object.fromEntries(
      Object.entries(graph.parameters).map(([name, { shape }], i) => {
        const random = new Random(1, i);
        return [
          name,
          tensor(
            "float32",
            shape,
            Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
          ),
        ];
      }),
    ),
  );
  const random = new Random(2);
  for (let step = 1; step <= 3; step++) {
    const input = executor.input("image");
    for (let i = 0; i < input.length; i++) input[i] = random.normal();
    executor.forward();
    executor.setCotangent("logits", executor.output("logits").slice());
    executor.backward();
    executor.optimizerStep({ kind: "adamw", learningRate: 0.01, weightDecay: 0.01, clipNorm: 1, step });
    executor.updateRunningStatistics(0.1);
    executor.updateEma(0.9);
  }
  const state = executor.state();
  await engine.dispose();
  return Object.fromEntries(Object.entries(state).map(([name, { data }]) => [name, Array.from(data)]));
}

test("the same bits for one to four threads", async () => {
  const one = await train(1);
  expect(Object.values(one).flat().every(Number.isFinite)).toBe(true);
  for (const threads of [2, 3, 4]) expect(await train(threads)).toEqual(one);
});
