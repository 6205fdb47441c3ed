import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deployWeights, GraphBuilder } from "../../graph/index.js";
import { createEngine, type Engine } from "../../kernels/index.js";
import { type FloatWeights, Random, tensor } from "../../tensor/index.js";
import { FloatValues, runFloat } from "../index.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

/** Every operator that a deployed network has. */
function network() {
  const g = new GraphBuilder("all");
  const image = g.input("image", [1, 12, 10, 3]);
  let x = g.hardswish(
    "act",
    g.batchNorm("norm", g.conv2d("stem", image, { filters: 7, kernel: 3, stride: 2, padding: 1 })),
  );
  const squeezed = g.sigmoid("gate", g.conv2d("excite", g.globalAveragePool("squeeze", x), { filters: 7, bias: true }));
  x = g.multiply("scaled", x, squeezed);
  const y = g.relu6("relu", g.depthwise("dw", x, { kernel: 5, padding: 2, bias: true }));
  x = g.maxPool("pool", g.add("sum", x, y), 2, 2);
  return g.build([g.dense("logits", g.flatten("flat", x), 4, {})]);
}

describe("every value of a float network", () => {
  it("is what the interpreter makes, to rounding, for any batch", () => {
    const graph = network();
    const random = new Random(5);
    const weights: FloatWeights = {};
    for (const [name, { shape }] of Object.entries(graph.parameters)) {
      weights[name] = tensor("float32", shape);
      const positive = /var/i.test(name);
      weights[name].data.forEach((_, i, data) => {
        data[i] = positive ? random.uniform(0.5, 2) : random.uniform(-0.5, 0.5);
      });
    }
    const { graph: deployed, weights: folded } = deployWeights(graph, weights);
    const values = new FloatValues(engine);
    for (const batch of [1, 3, 1]) {
      const image = tensor("float32", [batch, 12, 10, 3]);
      image.data.forEach((_, i, data) => {
        data[i] = random.uniform(-1, 1);
      });
      const found = values.run(deployed, folded, { image });
      const wanted = runFloat(deployed, folded, { image });
      expect(Object.keys(found).sort()).toEqual(deployed.nodes.map(({ name }) => name).sort());
      for (const [name, { shape, data }] of Object.entries(found)) {
        expect(shape, name).toEqual(wanted[name].shape);
        for (let i = 0; i < data.length; i++) expect(Math.abs(data[i] - wanted[name].data[i]), name).toBeLessThan(1e-5);
      }
    }
    values.dispose();
  });
});
