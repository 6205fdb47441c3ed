import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { rolldown } from "rolldown";
import { expect, it } from "vitest";

/** A training step, with every module of core loaded. It runs in a context with nothing but ECMAScript. */
const program = `
  import { kernels, networks, training } from "@phinets/core";
  const { buildNetwork, initialWeights, parseNetwork } = networks;
  const { differentiate, Executor } = training;
  globalThis.result = (async () => {
    const head = { kind: "classifier", classes: ["a", "b"] };
    const input = { height: 32, width: 32, channels: 3 };
    const network = parseNetwork({ family: "phinet", input, alpha: 0.1, blocks: 4, downsampling: [4], head });
    const graph = buildNetwork(network);
    const executor = new Executor(await kernels.createEngine(), differentiate(graph, 2));
    executor.setParameters(initialWeights(graph, 1));
    executor.input("image").fill(0.5);
    executor.forward();
    executor.setCotangent(graph.outputs[0], executor.output(graph.outputs[0]).map((value) => value + 1));
    executor.backward();
    return executor.optimizerStep({ kind: "sgd", learningRate: 0.1, step: 1 }).gradientNorm;
  })();
`;

it("core loads and trains where there is no Node and no DOM", async () => {
  const bundle = await rolldown({
    input: "program",
    platform: "neutral",
    treeshake: false,
    resolve: {
      conditionNames: ["@phinets/source"],
      alias: { "@phinets/core": fileURLToPath(new URL("../packages/core/src/index.ts", import.meta.url)) },
    },
    plugins: [
      {
        name: "program",
        resolveId: (id) => (id === "program" ? id : null),
        load: (id) => (id === "program" ? program : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "iife" });
  expect(output[0].imports).toEqual([]);
  const context = createContext({});
  expect(runInContext("typeof process + typeof Buffer + typeof document + typeof fetch", context)).toBe(
    "undefined".repeat(4),
  );
  runInContext(output[0].code, context);
  expect(await context.result).toBeGreaterThan(0);
});
