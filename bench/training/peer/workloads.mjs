/** The measured workloads: graphs that our runner and PyTorch's both build from the same description. */
import { GraphBuilder } from "../../../packages/core/dist/graph/index.js";
import { buildNetwork, parseNetwork } from "../../../packages/core/dist/networks/index.js";

/**
 * stack: 3x96x96, batch 32, separable stem (stride 2, 16 channels), seven inverted residual blocks (expansion 6, channels
 * 8 8 8 16 16 32 32, strides 1 2 1 2 2 1 2), batch norm, hard-swish, average pool, linear 10; cross-entropy, SGD with
 * momentum.
 */
function stack() {
  const g = new GraphBuilder("stack");
  let x = g.input("image", [1, 96, 96, 3]);
  x = g.depthwise("stem.depthwise", x, { kernel: 3, stride: 2, padding: 1 });
  x = g.hardswish("stem.act", g.batchNorm("stem.norm", g.conv2d("stem.point", x, { filters: 16 }), 1e-5));
  const strides = [1, 2, 1, 2, 2, 1, 2];
  for (const [i, filters] of [8, 8, 8, 16, 16, 32, 32].entries()) {
    const input = x;
    const channels = g.shape(input)[3];
    x = g.conv2d(`${i}.expand`, input, { filters: channels * 6 });
    x = g.hardswish(`${i}.act1`, g.batchNorm(`${i}.norm1`, x, 1e-5));
    x = g.depthwise(`${i}.depthwise`, x, { kernel: 3, stride: strides[i], padding: 1 });
    x = g.hardswish(`${i}.act2`, g.batchNorm(`${i}.norm2`, x, 1e-5));
    x = g.batchNorm(`${i}.norm3`, g.conv2d(`${i}.project`, x, { filters }), 1e-5);
    if (strides[i] === 1 && channels === filters) x = g.add(`${i}.skip`, input, x);
  }
  return g.build([g.dense("logits", g.flatten("flat", g.globalAveragePool("pool", x)), 10)]);
}

/**
 * detector: 3x160x160, batch 8, PhiNet alpha 0.35, t0 6, 7 blocks, squeeze and excite, hard-swish, YOLOv2 head of two
 * classes; the loss is a fixed random weighting of the output map, AdamW.
 */
function detector() {
  const network = parseNetwork({
    family: "phinet",
    input: { height: 160, width: 160, channels: 3 },
    alpha: 0.35,
    t0: 6,
    blocks: 7,
    head: { kind: "yolov2", classes: ["a", "b"] },
  });
  return buildNetwork(network);
}

export const workloads = {
  stack: { batch: 32, optimizer: "sgd", graph: stack },
  detector: { batch: 8, optimizer: "adamw", graph: detector },
};

/** A workload as JSON, for pytorch.py. */
export function describe(name) {
  const { batch, optimizer, graph } = workloads[name];
  const { nodes, outputs, shapes } = graph();
  return JSON.stringify({ batch, optimizer, nodes, outputs, shapes });
}
