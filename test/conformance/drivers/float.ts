/** Floats: the interpreter and the training executor, on the training graph and on the deployed graph. */
import { FloatValues, runFloat } from "@phinets/core/inference";
import type { Engine } from "@phinets/core/kernels";
import { Executor, forwardOnly } from "@phinets/core/training";
import type { FloatForm } from "../case.js";
import { type FloatDriver, oneByOne } from "../driver.js";

const rounding = { share: 1e-6, reason: "values are float32 (2^-24), sums doubles, over a few dozen layers" };
const sums = { share: 5e-6, reason: "sums are float32 too, in another order" };

const dataOf = (values: ReturnType<typeof runFloat>) =>
  new Map(Object.entries(values).map(([name, { data }]) => [name, data]));

export const floatInterpreter: FloatDriver = {
  ...{ name: "float interpreter", kind: "float", tolerance: rounding },
  run: oneByOne(({ graph, weights, inputs }: FloatForm) => dataOf(runFloat(graph, weights, inputs))),
};

export const floatInterpreterDeployed: FloatDriver = {
  ...{ name: "float interpreter, deployed graph", kind: "float", tolerance: rounding },
  run: oneByOne(({ deployed, inputs }: FloatForm) => dataOf(runFloat(deployed.graph, deployed.weights, inputs))),
};

export const trainingExecutor = (engine: Engine): FloatDriver => ({
  ...{ name: "training executor", kind: "float", tolerance: sums },
  run: oneByOne(({ graph, weights, inputs }: FloatForm) => {
    const executor = new Executor(engine, forwardOnly(graph, 2));
    try {
      executor.setParameters(weights);
      for (const [name, { data }] of Object.entries(inputs)) executor.input(name).set(data);
      executor.forward();
      return new Map(graph.outputs.map((name) => [name, executor.output(name).slice()]));
    } finally {
      executor.dispose();
    }
  }),
});

export const floatEngine = (engine: Engine): FloatDriver => ({
  ...{ name: "float engine", kind: "float", tolerance: sums },
  run: oneByOne(({ deployed, inputs }: FloatForm) => {
    const values = new FloatValues(engine);
    try {
      return dataOf(values.run(deployed.graph, deployed.weights, inputs));
    } finally {
      values.dispose();
    }
  }),
});
