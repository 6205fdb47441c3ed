import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import type { Graph, Node } from "../graph/index.js";
import { buildNetwork, expansionFactor, type MicromindPhinet, parseNetwork, phinetBlocks } from "../networks/index.js";
import type { Shape } from "../tensor/index.js";
import { countMacs, countParameters, countTorchinfoMacs, macsOf } from "./index.js";

interface Reference {
  kwargs: Record<string, unknown> & { input_shape: [number, number, number] };
  params: number;
  macs: number;
  torchinfo_macs: number;
  expansion: Record<string, number>;
  output_shape: number[];
  blocks: { i: number | string; cls: string; out: number[] }[];
  layers: { name: string; op: string; macs: number; params: number; hout?: number[]; lrtb?: number[]; p?: number[] }[];
  state_dict: [string, number[]][];
}

interface ReferenceBlock {
  cin: number;
  hidden: number;
  k: number;
  stride: number;
  skip: boolean;
  se: number;
  out: number[];
}

const configs: Record<string, Reference> =
  goldens === undefined ? {} : JSON.parse(readFileSync(`${goldens}/phinet/configs.json`, "utf8")).configs;

const optionNames: Record<string, string> = {
  alpha: "alpha",
  beta: "beta",
  t_zero: "t0",
  num_layers: "blocks",
  downsampling_layers: "downsampling",
  divisor: "divisor",
  first_conv_stride: "stemStride",
  conv5_percent: "conv5",
  squeeze_excite: "squeezeExcite",
  residuals: "residuals",
  pool: "pool",
  conv2d_input: "conv2dInput",
  compatibility: "compatibility",
};

function networkOf(kwargs: Reference["kwargs"]): MicromindPhinet {
  const [channels, height, width] = kwargs.input_shape;
  const json: { family: "phinet"; profile?: "micromind" } & Record<string, unknown> = {
    family: "phinet",
    input: { height, width, channels },
  };
  for (const [name, value] of Object.entries(kwargs)) {
    if (name in optionNames) json[optionNames[name]] = value;
    else if (name === "h_swish") json.activation = value ? "hardswish" : "relu6";
    else if (name === "include_top" && value) json.head = { kind: "classifier", classes: kwargs.num_classes ?? 10 };
    else if (!["input_shape", "include_top", "num_classes", "return_layers"].includes(name))
      throw new Error(`unmapped option ${name}`);
  }
  return parseNetwork(json);
}

const nchw = ([batch, height, width, channels]: Shape) => [batch, channels, height, width];

/** PyTorch's shape of one of our parameters. */
function torchShape(graph: Graph, name: string): readonly number[] {
  const { shape } = graph.parameters[name];
  return shape.length === 4 ? [shape[0], shape[3], shape[1], shape[2]] : shape;
}

describe.skipIf(goldens === undefined)("against the reference", () => {
  it("has every configuration", () => {
    expect(Object.keys(configs)).toHaveLength(68);
  });
  describe.each(Object.entries(configs))("%s", (_, reference) => {
    const network = networkOf(reference.kwargs);
    const graph = buildNetwork(network);
    const nodes = new Map<string, Node>(graph.nodes.map((node) => [node.name, node]));

    it("has equal parameters, MACs and output", () => {
      expect(countParameters(graph)).toBe(reference.params);
      expect(countMacs(graph)).toBe(reference.macs);
      expect(countTorchinfoMacs(graph)).toBe(reference.torchinfo_macs);
      const shape = graph.shapes[graph.outputs[0]];
      expect(shape.length === 4 ? nchw(shape) : shape).toEqual(reference.output_shape);
    });

    it("has the same layers with the same sizes and MACs", () => {
      let pools = 0;
      for (const layer of reference.layers) {
        if (layer.op === "maxpool") {
          pools++; // the reference has one shared module, so its name says nothing
          continue;
        }
        const node = nodes.get(layer.name)!;
        expect(node, layer.name).toBeDefined();
        expect(macsOf(graph, node), layer.name).toBe(layer.macs);
        const trainable = Object.values(node.parameters)
          .filter((name) => !name.includes("running_"))
          .reduce((sum, name) => sum + graph.parameters[name].shape.reduce((a, b) => a * b), 0);
        expect(trainable, layer.name).toBe(layer.params);
        if (layer.hout !== undefined) expect(graph.shapes[node.name].slice(1, 3), layer.name).toEqual(layer.hout);
        if (layer.op === "zeropad" && node.op === "pad") {
          const { left, right, top, bottom } = node.attributes.padding;
          expect([left, right, top, bottom]).toEqual(layer.lrtb);
        }
        if (node.op === "conv2d") {
          const { top, bottom, left, right } = node.attributes.padding;
          expect([top, left, bottom, right], layer.name).toEqual([...layer.p!, ...layer.p!]);
        }
      }
      expect(graph.nodes.filter((node) => node.op === "maxPool")).toHaveLength(pools);
    });

    it("has the same blocks", () => {
      const ours = phinetBlocks(network);
      const theirs = reference.blocks.filter((block) => block.cls === "PhiNetConvBlock") as unknown as ReferenceBlock[];
      expect(ours.map((b) => [b.input, b.hidden, b.output, b.kernel, b.stride, b.skip, b.squeeze])).toEqual(
        theirs.map((b) => [b.cin, b.hidden, b.out[1], b.k, b.stride, b.skip, b.se]),
      );
      const count = Object.keys(reference.expansion).length;
      for (const [id, factor] of Object.entries(reference.expansion))
        expect(expansionFactor(network, Number(id), count)).toBe(factor);
    });

    it("gives every module the reference's index and output size", () => {
      for (const block of reference.blocks) {
        const prefix = block.i === "classifier" ? "classifier." : `_layers.${block.i}`;
        const last = graph.nodes.findLast(
          (node) =>
            node.name === prefix ||
            node.name.startsWith(`${prefix}.`) ||
            (block.i === "classifier" && node.name.startsWith(prefix)),
        )!;
        expect(last, prefix).toBeDefined();
        const shape = graph.shapes[last.name];
        expect(shape.length === 4 ? nchw(shape) : shape, prefix).toEqual(block.out);
      }
    });

    it("has the state_dict's keys and shapes", () => {
      const theirs = reference.state_dict.filter(([name]) => !name.endsWith("num_batches_tracked"));
      expect(Object.keys(graph.parameters).map((name) => [name, torchShape(graph, name)])).toEqual(theirs);
    });
  });
});
