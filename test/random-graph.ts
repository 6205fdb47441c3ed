/** Random legal deployment graphs: maps of several sizes, merging branches, dead ends, several outputs. */
import { type Graph, GraphBuilder } from "@phinets/core/graph";
import fc from "fast-check";

/** @param inputs largest number of inputs, 1 or 2 */
export function randomGraphs(inputs: 1 | 2): fc.Arbitrary<Graph> {
  const step = fc.record({
    ...{ op: fc.nat(8), of: fc.nat(100), with: fc.nat(100) },
    filters: fc.integer({ min: 1, max: 40 }),
  });
  return fc
    .tuple(fc.array(step, { minLength: 1, maxLength: 40 }), fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }))
    .map(([steps, outputs]) => {
      const b = new GraphBuilder("random");
      const maps = [b.input("in", [1, 11, 9, 3])];
      if (inputs === 2 && steps.length % 3 === 0) maps.push(b.input("in2", [1, 4, 4, 8]));
      const all = [...maps];
      steps.forEach(({ op, of, with: other, filters }, i) => {
        const x = maps[of % maps.length];
        const shape = b.shape(x).join();
        const name = `n${i}`;
        if (op === 0) maps.push(b.conv2d(name, x, { filters }));
        else if (op === 1) maps.push(b.depthwise(name, x, { kernel: 3, stride: 2, padding: 1 }));
        else if (op === 2) maps.push(b.hardswish(name, x));
        else if (op === 3) maps.push(b.sigmoid(name, x));
        else if (op === 4) {
          const equal = maps.filter((map) => b.shape(map).join() === shape);
          maps.push(b.add(name, x, equal[other % equal.length]));
        } else if (op === 5)
          maps.push(b.multiply(name, x, b.sigmoid(`${name}.s`, b.globalAveragePool(`${name}.g`, x))));
        else if (op === 6) maps.push(b.depthwise(name, x, { kernel: 3, padding: 1 }));
        else if (op === 7) maps.push(b.relu6(name, x));
        else all.push(b.flatten(name, x));
        if (op !== 8) all.push(maps.at(-1)!);
      });
      return b.build([...new Set(outputs.map((o) => all[o % all.length]))]);
    });
}
