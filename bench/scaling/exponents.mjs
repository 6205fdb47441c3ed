/**
 * How parameters, MACs and RAM depend on each hyper-parameter: slopes of least squares lines through log-log points
 * around alpha .5, beta 1, t0 6, N 7, 128 px; for N, the factor from 4 to 9 blocks. Printed beside the values measured
 * on the authors' PyTorch code. RAM here is the planned int8 arena.
 * Usage: node bench/scaling/exponents.mjs. Needs `npm run build`.
 */
import { countMacs, countParameters, planArena } from "../../packages/core/dist/cost/index.js";
import { deployGraph } from "../../packages/core/dist/graph/index.js";
import { buildNetwork, parseNetwork } from "../../packages/core/dist/networks/index.js";

const base = { alpha: 0.5, beta: 1, t0: 6, blocks: 7, side: 128 };

function costs(change) {
  const { side, ...options } = { ...base, ...change };
  const graph = buildNetwork(parseNetwork({ family: "phinet", input: { height: side, width: side }, ...options }));
  return [countParameters(graph), countMacs(graph), planArena(deployGraph(graph)).bytes];
}

/** `steps` values from `from` to `to`, evenly spaced in the logarithm. */
function range(from, to, steps) {
  return Array.from({ length: steps }, (_, i) => from * (to / from) ** (i / (steps - 1)));
}

function slope(xs, ys) {
  const [x, y] = [xs.map(Math.log), ys.map(Math.log)];
  const mean = (values) => values.reduce((a, b) => a + b) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  return x.reduce((sum, v, i) => sum + (v - mx) * (y[i] - my), 0) / x.reduce((sum, v) => sum + (v - mx) ** 2, 0);
}

const knobs = [
  { knob: "alpha .25-2", values: range(0.25, 2, 15), at: (alpha) => ({ alpha }), reference: [1.93, 1.84, 1.0] },
  { knob: "beta .5-2", values: range(0.5, 2, 15), at: (beta) => ({ beta }), reference: [1.16, 0.41, 0.16] },
  { knob: "t0 2-8", values: range(2, 8, 15), at: (t0) => ({ t0 }), reference: [1.31, 0.81, 0.66] },
  { knob: "t0 4-8", values: range(4, 8, 9), at: (t0) => ({ t0 }), reference: [undefined, undefined, 1.0] },
  { knob: "resolution 64-224", values: [64, 96, 128, 160, 192, 224], at: (side) => ({ side }), reference: [0, 2, 2] },
];
const measures = ["parameters", "macs", "ram"];
for (const { knob, values, at, reference } of knobs) {
  const points = values.map((value) => costs(at(value)));
  const ours = measures.map((_, i) =>
    Number(
      slope(
        values,
        points.map((point) => point[i]),
      ).toFixed(2),
    ),
  );
  console.log(JSON.stringify({ bench: "exponents", knob, measures, ours, reference }));
}
const [few, many] = [costs({ blocks: 4 }), costs({ blocks: 9 })];
const ours = measures.map((_, i) => Number((many[i] / few[i]).toFixed(2)));
console.log(JSON.stringify({ bench: "exponents", knob: "N 4-9, factor", measures, ours, reference: [21, 1.6, 1] }));
