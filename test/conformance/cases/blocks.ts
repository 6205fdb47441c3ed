/** Building blocks of networks: inverted residuals with and without squeeze-and-excite, residuals, heads. */
import { type Graph, GraphBuilder } from "@phinets/core/graph";
import type { Case } from "../case.js";

interface Residual {
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
  readonly squeezeExcite: boolean;
}

/**
 * As in a PhiNet: expansion, depthwise convolution, squeeze-and-excite, projection, and a skip connection where shapes
 * permit.
 */
function invertedResidual(g: GraphBuilder, name: string, input: string, options: Residual): string {
  const { filters, kernel, stride, squeezeExcite } = options;
  const hidden = 2 * g.shape(input)[3] + 1;
  let y = g.batchNorm(`${name}.norm1`, g.conv2d(`${name}.expand`, input, { filters: hidden }));
  y = g.dropout(`${name}.drop`, g.hardswish(`${name}.act1`, y), 0.2, true);
  y = g.depthwise(`${name}.depthwise`, y, { kernel, stride, padding: stride === 1 ? kernel >> 1 : 1 });
  y = g.batchNorm(`${name}.norm2`, y);
  y = squeezeExcite ? g.hardswish(`${name}.act2`, y) : g.relu6(`${name}.act2`, y);
  if (squeezeExcite) {
    let s = g.conv2d(`${name}.se1`, g.globalAveragePool(`${name}.pool`, y), { filters: 3 });
    s = g.conv2d(`${name}.se2`, g.hardswish(`${name}.se.act`, s), { filters: hidden });
    y = g.multiply(`${name}.scaled`, y, g.sigmoid(`${name}.gate`, s));
  }
  y = g.batchNorm(`${name}.norm3`, g.conv2d(`${name}.project`, y, { filters }));
  return stride === 1 && g.shape(input)[3] === filters ? g.add(`${name}.skip`, input, y) : y;
}

/** Inverted residuals of every kind, and two heads; odd widths. */
export function twoHeads(): Graph {
  const g = new GraphBuilder("two heads");
  let x = g.pad("pad", g.input("image", [1, 12, 12, 3]), { top: 0, bottom: 1, left: 0, right: 1 });
  x = g.depthwise("stem.depthwise", x, { kernel: 3, stride: 2 });
  x = g.hardswish("stem.act", g.batchNorm("stem.norm", g.conv2d("stem.point", x, { filters: 7 })));
  x = invertedResidual(g, "b1", x, { filters: 7, kernel: 3, stride: 1, squeezeExcite: false });
  x = invertedResidual(g, "b2", x, { filters: 7, kernel: 3, stride: 1, squeezeExcite: true });
  x = invertedResidual(g, "b3", x, { filters: 10, kernel: 5, stride: 2, squeezeExcite: true });
  x = invertedResidual(g, "b4", x, { filters: 10, kernel: 5, stride: 1, squeezeExcite: true });
  const map = g.conv2d("detect", x, { filters: 9, bias: true });
  return g.build([map, g.dense("logits", g.flatten("flat", g.globalAveragePool("gap", x)), 5)]);
}

/** Boxes and scores of two maps, one row per cell, the maps concatenated: two outputs, as in SSD. */
export function ssdHeads(): Graph {
  const g = new GraphBuilder("SSD heads");
  const x = g.input("x", [1, 9, 8, 3]);
  const fine = g.hardswish("fine", g.conv2d("stem", x, { filters: 12, kernel: 3, stride: 2, padding: 1, bias: true }));
  const coarse = g.hardswish("coarse", g.conv2d("next", fine, { filters: 16, kernel: 3, stride: 2, padding: 1 }));
  const rows = (name: string, map: string, length: number): string => {
    const y = g.conv2d(`${name}.map`, map, { filters: 2 * length, bias: true });
    const [, height, width] = g.shape(y);
    return g.reshape(name, y, [1, 2 * height * width, length]);
  };
  const both = (name: string, length: number): string =>
    g.concat(name, [rows(`${name}.fine`, fine, length), rows(`${name}.coarse`, coarse, length)], 2);
  return g.build([both("boxes", 4), g.sigmoid("scores", both("classes", 3))]);
}

/** A detector's maps of three sizes; one of them is read further, one is an output twice. */
function threeMaps(): Graph {
  const g = new GraphBuilder("three maps");
  const stem = g.hardswish(
    "stem.act",
    g.conv2d("stem", g.input("x", [1, 16, 12, 3]), { filters: 8, kernel: 3, stride: 2, padding: 1 }),
  );
  const fine = g.conv2d("fine", stem, { filters: 6, bias: true });
  const middle = g.conv2d("middle", fine, { filters: 9, kernel: 3, stride: 2, padding: 1, bias: true });
  const coarse = g.sigmoid("coarse", g.conv2d("last", g.maxPool("pool", middle, 2), { filters: 5, bias: true }));
  return g.build([coarse, fine, g.unary("again", fine, "identity"), middle]);
}

/** Every operator that int8 has; two outputs, the first of which is read further. */
export function everyLayer(): Graph {
  const g = new GraphBuilder("every layer");
  const x = g.input("input", [1, 24, 20, 3]);
  const stem = g.conv2d("stem", x, { filters: 8, kernel: 3, stride: 2, padding: 1, activation: "relu6" });
  let y = g.hardswish("act1", g.conv2d("expand", stem, { filters: 22, bias: true }));
  y = g.hardswish("act2", g.depthwise("depthwise", y, { kernel: 3, padding: 1, bias: true }));
  let s = g.conv2d("squeeze", g.globalAveragePool("mean", y), { filters: 5, activation: "relu6" });
  s = g.conv2d("excite", s, { filters: 22, bias: true });
  y = g.multiply("scale", y, g.sigmoid("gate", s));
  y = g.add("sum", stem, g.conv2d("project", y, { filters: 8, bias: true }));
  y = g.depthwise("strided", y, { kernel: 5, padding: 2, stride: 2, bias: true });
  const padded = g.pad("pad", y, { top: 1, bottom: 0, left: 0, right: 2 });
  const map = g.conv2d("map", padded, { filters: 9, kernel: 3, padding: 1, bias: true });
  const dense = g.dense("dense", g.flatten("flat", g.maxPool("pool", map, 2)), 6);
  return g.build([map, dense]);
}

function block(name: string, input: readonly number[], build: (g: GraphBuilder, x: string) => string): Case {
  const g = new GraphBuilder(name);
  return { name, graph: g.build([build(g, g.input("x", [1, ...input]))]) };
}

const residual = (name: string, input: readonly number[], options: Residual): Case =>
  block(name, input, (g, x) => invertedResidual(g, "b", x, options));

export const blocks: readonly Case[] = [
  residual("inverted residual", [7, 6, 5], { filters: 5, kernel: 3, stride: 1, squeezeExcite: false }),
  residual("inverted residual, stride 2", [9, 8, 6], { filters: 8, kernel: 3, stride: 2, squeezeExcite: false }),
  residual("inverted residual, squeeze-and-excite", [6, 7, 8], {
    ...{ filters: 8, kernel: 3, stride: 1, squeezeExcite: true },
  }),
  residual("inverted residual, squeeze-and-excite, 5x5, stride 2", [10, 9, 4], {
    ...{ filters: 6, kernel: 5, stride: 2, squeezeExcite: true },
  }),
  block("residual of two convolutions", [6, 5, 6], (g, x) => {
    const y = g.relu6("a", g.batchNorm("n1", g.conv2d("c1", x, { filters: 6, kernel: 3, padding: 1 })));
    return g.relu6("y", g.add("s", x, g.batchNorm("n2", g.conv2d("c2", y, { filters: 6, kernel: 3, padding: 1 }))));
  }),
  block("a sum read twice, then activated", [5, 6, 4], (g, x) => {
    const sum = g.add("s", x, g.conv2d("c", x, { filters: 4, bias: true }));
    return g.add("y", g.hardswish("h", sum), g.depthwise("d", sum, { kernel: 3, padding: 1, bias: true }));
  }),
  block("a head that detects", [7, 5, 12], (g, x) =>
    g.conv2d("y", g.relu6("a", g.batchNorm("n", g.conv2d("c", x, { filters: 16, kernel: 3, padding: 1 }))), {
      filters: 14,
      bias: true,
    }),
  ),
  block("a head that classifies", [5, 4, 12], (g, x) =>
    g.dense("y", g.flatten("f", g.globalAveragePool("p", g.hardswish("a", g.conv2d("c", x, { filters: 20 })))), 6),
  ),
  block("more steps than a byte counts", [3, 2, 3], (g, x) => {
    for (let i = 0; i < 260; i++) x = g.maxPool(`pool${i}`, x, 1, 1);
    return g.conv2d("last", x, { filters: 2 });
  }),
  { name: "SSD heads", graph: ssdHeads() },
  { name: "imported, three maps, of which one goes on and one is given twice", graph: threeMaps() },
  { name: "two heads", graph: twoHeads() },
  { name: "every layer", graph: everyLayer() },
];
