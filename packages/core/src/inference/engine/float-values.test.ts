import { afterAll, beforeAll, expect, it } from "vitest";
import { randomWeights } from "../../../../../test/conformance/case.js";
import { everyLayer } from "../../../../../test/conformance/cases/blocks.js";
import { createEngine, type Engine } from "../../kernels/index.js";
import { Random, tensor } from "../../tensor/index.js";
import { FloatValues, runFloat } from "../index.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

it("gives every value of a float network, as the interpreter, for one batch after another", () => {
  const graph = everyLayer();
  const weights = randomWeights(graph, 5);
  const random = new Random(5);
  const values = new FloatValues(engine);
  for (const batch of [1, 3, 1]) {
    const input = tensor("float32", [batch, ...graph.shapes.input.slice(1)]);
    input.data.forEach((_, i, data) => {
      data[i] = random.uniform(-1, 1);
    });
    const found = values.run(graph, weights, { input });
    const wanted = runFloat(graph, weights, { input });
    expect(Object.keys(found).sort()).toEqual(graph.nodes.map(({ name }) => name).sort());
    for (const [name, { shape, data }] of Object.entries(found)) {
      expect(shape, name).toEqual(wanted[name].shape);
      for (let i = 0; i < data.length; i++) expect(Math.abs(data[i] - wanted[name].data[i]), name).toBeLessThan(1e-5);
    }
  }
  values.dispose();
});
