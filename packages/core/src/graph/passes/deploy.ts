/**
 * Turns the trained network into the deployed network: dropout is removed, padding and batch norm are folded into the
 * convolutions (batch norm also into dense layers), and ReLU6 is fused. The result computes the same function up to
 * float rounding; all other operators are kept.
 */
import { type FloatWeights, PhinetsError, type Tensor, tensor } from "../../tensor/index.js";
import { type Graph, makeGraph, type Node, type NodeOf } from "../graph.js";
import { noPadding, type Padding } from "../ops.js";
import { type LinearNode, soleReaders } from "../traits.js";

/** The deployed graph without weights, as `fit` needs it before any weights exist. The batch size is kept. */
export function deployGraph(graph: Graph): Graph {
  return deploy(graph).graph;
}

/** The deployed graph with its weights, which are named by its `parameters`. */
export function deployWeights(graph: Graph, weights: FloatWeights): { graph: Graph; weights: FloatWeights } {
  const { graph: deployed, compute } = deploy(graph);
  return { graph: deployed, weights: compute(weights) };
}

interface Deployment {
  graph: Graph;
  compute(weights: FloatWeights): FloatWeights;
}

function deploy(graph: Graph): Deployment {
  const readers = soleReaders(graph.nodes, graph.outputs);
  const nodes: Node[] = [];
  const alias = new Map<string, string>(); // value of the original graph -> value of the deployed graph
  const pads = new Map<string, { input: string; padding: Padding }>();
  const folded = new Set<string>();
  const computed: Record<string, (weights: FloatWeights) => Tensor<"float32">> = {};
  const resolve = (value: string): string => alias.get(value) ?? value;

  for (const node of graph.nodes) {
    if (folded.has(node.name)) continue;
    const inputs = node.inputs.map(resolve);
    switch (node.op) {
      case "dropout":
        alias.set(node.name, inputs[0]);
        break;
      case "pad": {
        const reader = readers.get(node.name);
        if (reader?.op === "conv2d") pads.set(node.name, { input: inputs[0], padding: node.attributes.padding });
        else nodes.push({ ...node, inputs });
        break;
      }
      case "conv2d":
      case "dense": {
        const chain: { batchNorm?: NodeOf<"batchNorm">; last: string; relu6: boolean } = {
          last: node.name,
          relu6: node.attributes.activation === "relu6",
        };
        for (let next = readers.get(chain.last); next !== undefined; next = readers.get(chain.last)) {
          if (next.op === "dropout") {
            // Dropout is the identity at inference.
          } else if (next.op === "batchNorm" && chain.batchNorm === undefined && !chain.relu6) chain.batchNorm = next;
          else if (next.op === "relu6" && !chain.relu6) chain.relu6 = true;
          else break;
          folded.add(next.name);
          chain.last = next.name;
        }
        const batchNorm = chain.batchNorm;
        const activation = chain.relu6 ? ("relu6" as const) : ("none" as const);
        const bias = node.attributes.bias || batchNorm !== undefined;
        const parameters: Record<string, string> = { weight: node.parameters.weight };
        if (bias) parameters.bias = node.parameters.bias ?? `${node.name}.bias`;
        computed[parameters.weight] = (weights) => foldedWeight(weights, node, batchNorm);
        if (bias) computed[parameters.bias] = (weights) => foldedBias(weights, node, batchNorm);
        const pad = node.op === "conv2d" ? pads.get(node.inputs[0]) : undefined;
        const source = pad?.input ?? inputs[0];
        const padding = node.op === "conv2d" && pad && addPadding(node.attributes.padding, pad.padding);
        const attributes = { ...node.attributes, ...(padding && { padding }), bias, activation };
        nodes.push({ ...node, name: chain.last, inputs: [source], parameters, attributes } as LinearNode);
        break;
      }
      case "batchNorm": {
        // No convolution to fold into, since an activation stands between: a depthwise 1x1 convolution computes the
        // same.
        const channels = graph.shapes[node.name].at(-1)!;
        if (graph.shapes[node.name].length !== 4) {
          throw new PhinetsError(
            "graph.deploy",
            `batchNorm "${node.name}": input is not a map and does not follow a dense layer; it cannot be deployed`,
          );
        }
        const parameters = { weight: `${node.name}.scale`, bias: `${node.name}.shift` };
        computed[parameters.weight] = (weights) => tensor("float32", [channels, 1, 1, 1], affine(weights, node).scale);
        computed[parameters.bias] = (weights) => tensor("float32", [channels], affine(weights, node).shift);
        nodes.push({
          name: node.name,
          op: "conv2d",
          inputs,
          parameters,
          attributes: {
            filters: channels,
            kernel: [1, 1],
            stride: [1, 1],
            padding: noPadding,
            groups: channels,
            bias: true,
            activation: "none",
          },
        });
        break;
      }
      default:
        for (const name of Object.values(node.parameters)) computed[name] = (weights) => weights[name];
        nodes.push({ ...node, inputs } as Node);
    }
  }
  const deployed = makeGraph(graph.name, nodes, graph.outputs.map(resolve));
  return {
    graph: deployed,
    compute: (weights) => Object.fromEntries(Object.entries(computed).map(([name, make]) => [name, make(weights)])),
  };
}

function addPadding(a: Padding, b: Padding): Padding {
  return { top: a.top + b.top, bottom: a.bottom + b.bottom, left: a.left + b.left, right: a.right + b.right };
}

/** Batch norm as y = scale * x + shift. */
function affine(weights: FloatWeights, node: NodeOf<"batchNorm">): { scale: Float32Array; shift: Float32Array } {
  const [gamma, beta, mean, variance] = (["gamma", "beta", "mean", "variance"] as const).map(
    (role) => weights[node.parameters[role]].data,
  );
  const scale = gamma.map((g, c) => g / Math.sqrt(variance[c] + node.attributes.epsilon));
  const shift = beta.map((b, c) => b - (mean[c] * gamma[c]) / Math.sqrt(variance[c] + node.attributes.epsilon));
  return { scale, shift };
}

function foldedWeight(weights: FloatWeights, node: LinearNode, batchNorm?: NodeOf<"batchNorm">): Tensor<"float32"> {
  const weight = weights[node.parameters.weight];
  if (batchNorm === undefined) return weight;
  const { scale } = affine(weights, batchNorm);
  const perFilter = weight.data.length / scale.length;
  return tensor(
    "float32",
    weight.shape,
    weight.data.map((w, i) => w * scale[Math.floor(i / perFilter)]),
  );
}

function foldedBias(weights: FloatWeights, node: LinearNode, batchNorm?: NodeOf<"batchNorm">): Tensor<"float32"> {
  const bias = node.attributes.bias ? weights[node.parameters.bias] : undefined;
  if (batchNorm === undefined) return bias!;
  const { scale, shift } = affine(weights, batchNorm);
  return tensor(
    "float32",
    [shift.length],
    shift.map((s, c) => s + (bias === undefined ? 0 : bias.data[c] * scale[c])),
  );
}
