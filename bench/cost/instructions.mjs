/**
 * Counts the instructions of the kernels in firmware/kernels per unit of their cost terms
 * (packages/core/src/target/kernels.ts), once for each core, and stores them in
 * packages/core/src/target/kernel-costs.json. The latency and energy of any board with such a core are estimated from
 * them.
 *
 * For each core, the blocks of `samples` below run on the emulated core (QEMU -icount shift=0, counted by the system
 * timer) in a program compiled like firmware: they are emitted like any network, and each step is counted row by row. A
 * kernel's costs are the non-negative least squares fit of the relative error over all steps that run it. The overhead
 * of following the schedule is counted with kernels that do nothing.
 *
 * Usage: node bench/cost/instructions.mjs [--check] [--steps] [--core=NAME] [NETWORK.json...]; --check compares with
 * the file instead of writing it; --core counts only that core and keeps the others; --steps lists the steps with an
 * error above 2 %; whole networks are counted in addition and compared with the estimates. Needs `npm run build`,
 * arm-none-eabi-gcc and qemu-system-arm. Run it whenever firmware/kernels, the cost terms or the compiler change.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { arithmeticOn, emitC, linkerScript } from "../../packages/core/dist/export/index.js";
import { deployGraph, GraphBuilder } from "../../packages/core/dist/graph/index.js";
import { buildNetwork, parseNetwork } from "../../packages/core/dist/networks/index.js";
import { callsOf, isNarrow, kernels, loadBoard, makeProgram, shapeOf } from "../../packages/core/dist/target/index.js";
import { weightBytes } from "../../packages/core/dist/target/weights.js";
import { Random, sizeOf, tensor } from "../../packages/core/dist/tensor/index.js";
import { machineOfCore } from "../../packages/node/dist/emulator/machines.js";
import { vectorArguments } from "../../packages/node/dist/emulator/qemu.js";
import { arm, firmwareSources, machineOf } from "../../packages/node/dist/firmware/build.js";

const target = fileURLToPath(new URL("../../packages/core/src/target/kernel-costs.json", import.meta.url));
const cc = "arm-none-eabi-gcc";
for (const tool of [cc, "qemu-system-arm"])
  if (spawnSync(tool, ["--version"]).error) {
    console.error(`left out: ${tool} is not installed`);
    process.exit(0);
  }
const asked = process.argv.find((argument) => argument.startsWith("--core="))?.slice("--core=".length);
const cores = [
  { core: "cortex-m0plus", fpu: "none", dsp: false },
  { core: "cortex-m3", fpu: "none", dsp: false },
  { core: "cortex-m4", fpu: "fpv4-sp-d16", dsp: true },
  { core: "cortex-m33", fpu: "fpv5-sp-d16", dsp: true },
  { core: "cortex-m7", fpu: "fpv5-d16", dsp: true },
  { core: "cortex-m55", fpu: "fpv5-d16", dsp: false, helium: true },
].filter(({ core }) => asked === undefined || core === asked);
const folder = mkdtempSync(join(tmpdir(), "phinets-instructions-"));

/** Inverted residuals of PhiNets, MobileNetV2 and EfficientNets for 48 to 320 pixels, and odd sizes in between. */
const blocks = [
  // height, width, channels, hidden, filters, kernel, stride, and optionally squeeze and padding
  [6, 160, 8, 24, 12, 3, 2],
  [8, 80, 12, 48, 12, 3, 1],
  [6, 64, 7, 42, 7, 5, 1],
  [5, 48, 24, 144, 24, 3, 1, { squeeze: 6 }],
  [8, 40, 20, 90, 20, 5, 1],
  [7, 33, 13, 65, 13, 3, 1],
  [9, 33, 10, 60, 17, 3, 2],
  [10, 32, 16, 64, 24, 5, 2, { squeeze: 16 }],
  [8, 28, 28, 112, 40, 3, 2, { squeeze: 28 }],
  [9, 24, 6, 30, 6, 3, 1],
  [12, 20, 9, 36, 18, 5, 2],
  [6, 18, 40, 160, 40, 5, 1],
  [8, 16, 48, 192, 48, 3, 1],
  [15, 15, 15, 90, 15, 5, 2],
  [12, 12, 32, 128, 32, 3, 1, { squeeze: 32 }],
  [11, 11, 33, 99, 33, 3, 1],
  [10, 10, 57, 114, 57, 3, 2],
  [10, 10, 30, 120, 30, 5, 1, { squeeze: 20 }],
  [8, 8, 64, 256, 40, 3, 1],
  [7, 7, 112, 160, 112, 5, 1],
  [6, 6, 160, 320, 80, 3, 1],
  [9, 5, 57, 228, 57, 3, 1, { squeeze: 57 }],
  [5, 5, 80, 200, 80, 5, 2],
  [4, 4, 96, 240, 112, 3, 1],
  [4, 4, 57, 171, 57, 5, 1],
  [6, 3, 40, 120, 40, 3, 1],
  [6, 56, 12, 36, 12, 3, 1, { squeeze: 6 }],
  [6, 30, 10, 50, 15, 3, 2, { squeeze: 10 }],
  [5, 25, 15, 60, 20, 5, 1, { squeeze: 7 }],
  [7, 17, 21, 63, 30, 5, 2, { squeeze: 14 }],
  [6, 14, 40, 100, 40, 3, 1, { squeeze: 25 }],
  [4, 6, 40, 150, 40, 5, 1, { squeeze: 25 }],
  [5, 38, 9, 27, 9, 5, 1, { squeeze: 9 }],
  [4, 3, 57, 228, 114, 3, 2],
  [5, 2, 160, 240, 160, 3, 1],
  // Padding on one side, as in Keras, or none.
  [9, 32, 12, 48, 24, 3, 2, { padding: { top: 0, left: 0, bottom: 1, right: 1 } }],
  [12, 20, 12, 72, 20, 3, 2, { padding: { top: 0, left: 0, bottom: 1, right: 1 }, squeeze: 8 }],
  [10, 16, 24, 60, 24, 5, 2, { padding: { top: 1, left: 1, bottom: 2, right: 2 } }],
  [11, 14, 20, 80, 24, 5, 2, { padding: { top: 1, left: 1, bottom: 1, right: 1 }, squeeze: 12 }],
  [8, 22, 12, 36, 16, 3, 1, { padding: { top: 0, left: 0, bottom: 0, right: 0 } }],
  [9, 18, 12, 36, 16, 5, 1, { padding: { top: 1, left: 1, bottom: 1, right: 1 } }],
];

/** 1x1 convolutions with few channels: height, width, channels, filters */
const narrow = [
  [6, 24, 1, 6],
  [6, 16, 3, 9],
  [6, 24, 3, 17],
  [5, 31, 3, 9],
  [6, 24, 6, 3],
  [5, 40, 5, 7],
  [6, 12, 9, 5],
  [4, 64, 2, 5],
  [5, 7, 7, 7],
  [6, 20, 8, 12],
];

/** Convolutions on pictures and maps: height, width, channels, filters, kernel, stride */
const convolutions = [
  [12, 96, 3, 16, 3, 2],
  [12, 64, 1, 12, 3, 2],
  [9, 49, 3, 24, 3, 2],
  [8, 40, 3, 8, 5, 2],
  [6, 32, 4, 15, 3, 1],
  [6, 24, 16, 24, 3, 1],
  [8, 20, 12, 32, 3, 2],
  [6, 12, 24, 20, 3, 1],
  [5, 7, 30, 18, 3, 1],
  [8, 8, 40, 48, 3, 2],
  [8, 32, 16, 16, 3, 1],
  [7, 21, 10, 14, 5, 1],
  [6, 16, 32, 32, 3, 1],
  [5, 28, 8, 20, 3, 2],
  [6, 8, 64, 40, 3, 1],
  [9, 33, 5, 12, 5, 2],
];

/**
 * Depthwise layers without a preceding product, such as PhiNets' first layer: height, width, channels, kernel, stride
 */
const firsts = [
  [12, 160, 3, 3, 2],
  [8, 49, 3, 3, 2],
  [6, 64, 3, 3, 1],
  [6, 38, 4, 1, 1],
  [8, 32, 1, 3, 2],
  [6, 24, 20, 3, 1],
  [6, 20, 24, 5, 1],
  [9, 13, 15, 5, 2],
  [5, 10, 57, 3, 1],
  [8, 12, 15, 1, 1],
  [5, 20, 9, 1, 1],
  [8, 24, 8, 7, 1],
  [9, 20, 5, 7, 2],
  [6, 31, 6, 3, 1],
  [7, 18, 9, 5, 1],
  [9, 27, 10, 5, 2],
];

/**
 * Layers of networks for spectra and windows of samples, whose maps are a few pixels wide: a convolution, a depthwise
 * layer and a product. height, width, channels, filters, kernel of the convolution and of the depthwise layer, stride
 */
const series = [
  [25, 5, 1, 64, [10, 4], [3, 3], 1],
  [25, 5, 24, 40, [1, 1], [3, 3], 1],
  [28, 1, 40, 128, [1, 1], [5, 1], 1],
  [24, 1, 64, 128, [3, 1], [10, 1], 1],
  [30, 2, 12, 33, [3, 2], [4, 2], 1],
  [16, 3, 20, 50, [3, 3], [3, 3], 1],
  [21, 7, 9, 24, [3, 3], [5, 5], 1],
  [18, 6, 16, 32, [1, 1], [3, 3], 2],
  [13, 5, 30, 45, [5, 5], [2, 3], 1],
  [40, 1, 8, 16, [5, 1], [15, 1], 1],
  [17, 4, 16, 24, [3, 3], [3, 3], 1],
];

/** Element-wise operators and pooling: height, width, channels */
const maps = [
  [8, 40, 15],
  [6, 64, 8],
  [8, 20, 24],
  [6, 9, 33],
  [8, 8, 84],
  [4, 4, 160],
];

/** Dense layers: inputs, units */
const denseLayers = [
  [28, 10],
  [63, 2],
  [96, 100],
  [160, 40],
  [240, 6],
  [320, 128],
  [640, 30],
  [1280, 3],
];

/** Step at which a byte covers a ReLU6's range, so that it needs no table. */
const step = Math.fround(6 / 255);

/**
 * Random weights, scaled so that results spread over int8 as after calibration: few saturate, and half of a ReLU6's are
 * 0.
 */
function quantized(graph, random) {
  const values = {};
  const weightScales = {};
  const weights = {};
  for (const node of graph.nodes) {
    const [a, b] = node.inputs.map((input) => values[input]);
    const made = (scale, zeroPoint = random.integer(40) - 20) => ({ scale: Math.fround(scale), zeroPoint });
    if (node.op === "conv2d" || node.op === "dense") {
      const { weight, bias } = node.parameters;
      const { shape } = graph.parameters[weight];
      const [outputs] = shape;
      const deviation = 75 * 73 * Math.sqrt(sizeOf(shape) / outputs);
      const relu6 = node.attributes.activation === "relu6";
      const result = relu6 ? made(step, -128) : made(step * random.uniform(0.6, 1.5));
      const scale = ((relu6 ? 60 : 35) * result.scale) / (a.scale * deviation);
      values[node.name] = result;
      weights[weight] = tensor(
        "int8",
        shape,
        new Int8Array(sizeOf(shape)).map(() => random.integer(255) - 127),
      );
      const uniform = /^uniform/.test(graph.name) ? Math.fround(scale) : undefined;
      weightScales[weight] = Array.from(
        { length: outputs },
        () => uniform ?? Math.fround(scale * random.uniform(0.7, 1.4)),
      );
      const biases = new Int32Array(outputs).map(() => Math.round(deviation * random.uniform(-0.5, 0.5)));
      weights[bias] = tensor("int32", [outputs], biases);
    } else if (node.op === "input") values[node.name] = made(step, 0);
    else if (node.op === "concat") {
      for (const input of node.inputs) values[input] = a;
      values[node.name] = a;
    } else if (node.op === "constant") {
      const { shape } = node.attributes;
      values[node.name] = made(step, 0);
      weights[node.parameters.value] = tensor(
        "int8",
        shape,
        new Int8Array(sizeOf(shape)).map(() => random.integer(256) - 128),
      );
    } else if (node.op === "add" || node.op === "subtract") values[node.name] = made(1.4 * Math.max(a.scale, b.scale));
    else if (node.op === "multiply") values[node.name] = made(170 * a.scale * b.scale);
    else if (node.op === "globalAveragePool") values[node.name] = made(a.scale / 4);
    else if (node.op === "hardswish") values[node.name] = made(0.8 * a.scale);
    else if (node.op === "sigmoid" || node.op === "softmax") values[node.name] = made(1 / 256, -128);
    else values[node.name] = a; // pad, pools of windows, flatten
  }
  return { graph, values, weightScales, weights };
}

/** Networks of one block each. */
function samples() {
  const all = [];
  const random = new Random(7, 3);
  const own = new Random(7, 4);
  /** Results are looked up in a table, clamped, or neither. */
  const conv = (builder, name, x, options, activation) => {
    const relu6 = activation === "relu6";
    const y = builder.conv2d(name, x, { ...options, bias: true, activation: relu6 ? "relu6" : "none" });
    return activation === "hardswish" ? builder.hardswish(`${name}.act`, y) : y;
  };
  const depthwise = (builder, name, x, options, activation) => {
    const channels = builder.shape(x)[3];
    return conv(builder, name, x, { ...options, filters: channels, groups: channels }, activation);
  };
  const build = (name, shape, make, isWide) => {
    const builder = new GraphBuilder(name);
    const x = builder.input("x", [1, ...shape]);
    const outputs = [make(builder, x)].flat();
    const padding = { top: 1, bottom: 1, left: 1, right: 9 };
    if (isWide) outputs.push(conv(builder, "wide", x, { filters: 4, kernel: 3, padding }, "none"));
    return builder.build(outputs);
  };
  const add = (name, shape, make, only) => {
    if (only !== undefined) {
      all.push({ ...quantized(build(name, shape, make), own), only });
      return;
    }
    const q = quantized(build(name, shape, make), random);
    if (!isNarrow(q.graph)) {
      all.push(q);
      return;
    }
    // Small maps of a picture network: an additional wide map distinguishes it from a series.
    all.push({ ...q, only: "portable" }, { ...quantized(build(name, shape, make, true), own), only: "dsp" });
  };
  const alike = {};
  blocks.forEach(([height, width, channels, hidden, filters, kernel, stride, options = {}], i) => {
    // Among each kind of layer, some look their results up and some do not.
    const kind = `${kernel} ${stride} ${"squeeze" in options}`;
    alike[kind] = (alike[kind] ?? 0) + 1;
    const activation = ["hardswish", "relu6", "none"][(alike[kind] + i) % 3];
    add(`block${i}`, [height, width, channels], (builder, x) => {
      const { squeeze, padding = (kernel - 1) / 2 } = options;
      let y = conv(builder, "expand", x, { filters: hidden }, i % 4 === 3 ? "hardswish" : activation);
      y = depthwise(builder, "depthwise", y, { kernel, stride, padding }, activation);
      if (squeeze) {
        let s = builder.globalAveragePool("mean", y);
        s = conv(builder, "squeeze", s, { filters: squeeze }, activation);
        s = conv(builder, "excite", s, { filters: hidden }, "none");
        y = builder.multiply("scale", y, builder.sigmoid("gate", s));
      }
      y = conv(builder, "project", y, { filters }, i % 5 === 4 ? "hardswish" : "none");
      const skip = filters === channels && stride === 1 && String(builder.shape(y)) === String(builder.shape(x));
      return skip ? builder.add("add", x, y) : y;
    });
  });
  narrow.forEach(([height, width, channels, filters], i) => {
    add(`narrow${i}`, [height, width, channels], (builder, x) =>
      conv(builder, "conv", x, { filters }, i % 3 === 2 ? "none" : "hardswish"),
    );
  });
  convolutions.forEach(([height, width, channels, filters, kernel, stride], i) => {
    add(`convolution${i}`, [height, width, channels], (builder, x) => {
      const activation = ["hardswish", "relu6", "none"][i % 3];
      return conv(builder, "conv", x, { filters, kernel, stride, padding: (kernel - 1) / 2 }, activation);
    });
  });
  firsts.forEach(([height, width, channels, kernel, stride], i) => {
    add(`first${i}`, [height, width, channels], (builder, x) => {
      const even = stride === 2 && i % 2 === 0;
      const padding = even ? { top: 0, left: 0, bottom: 1, right: 1 } : (kernel - 1) / 2;
      const y = depthwise(builder, "depthwise", x, { kernel, stride, padding }, i % 2 ? "hardswish" : "none");
      // Some leave the program as pixels.
      return i % 2 ? y : conv(builder, "pointwise", y, { filters: 16 }, "hardswish");
    });
  });
  series.forEach(([height, width, channels, filters, kernel, window, stride], i) => {
    const around = ([h, w]) => ({
      ...{ top: (h - 1) >> 1, bottom: h >> 1 },
      ...{ left: (w - 1) >> 1, right: w >> 1 },
    });
    const make = (builder, x) => {
      const activation = i % 3 === 1 ? "hardswish" : "none";
      let y = conv(builder, "conv", x, { filters, kernel, padding: around(kernel) }, activation);
      const valid = i % 2 === 0 && width === 1;
      const padding = valid ? 0 : around(window);
      y = depthwise(builder, "depthwise", y, { kernel: window, stride, padding }, activation);
      return conv(builder, "pointwise", y, { filters }, activation);
    };
    add(`series${i}`, [height, width, channels], make, "dsp");
  });
  maps.forEach((shape, i) => {
    add(`map${i}`, shape, (builder, x) => {
      const pooled = builder.maxPool("pool", x, 2);
      const padded = builder.pad("pad", x, { top: 1, left: 0, bottom: 1, right: 1 + (i % 2) });
      const other = builder.hardswish("lookup", x);
      const product = builder.multiply("product", x, other);
      const sum = builder.add("sum", x, other);
      const mean = builder.globalAveragePool("mean", x);
      const factors = conv(builder, "factors", mean, { filters: shape[2] }, "none");
      const scaled = builder.multiply("scaled", x, builder.sigmoid("gate", factors));
      return [pooled, padded, product, sum, scaled, ...(i % 2 ? [builder.maxPool("pool3", x, 3, 1)] : [])];
    });
  });
  denseLayers.forEach(([inputs, units], i) => {
    add(`dense${i}`, [1, 1, inputs], (builder, x) => {
      const y = builder.dense("dense", builder.flatten("flat", x), units);
      return i % 2 ? builder.hardswish("act", y) : y;
    });
  });
  denseLayers.forEach(([inputs, units], i) => {
    add(
      `uniform${i}`,
      [1, 1, inputs],
      (builder, x) => {
        const y = builder.dense("dense", builder.flatten("flat", x), units);
        return i % 2 ? builder.hardswish("act", y) : y;
      },
      "dsp",
    );
  });
  // Operators of imported networks.
  maps.forEach((shape, i) => {
    add(`imported${i}`, shape, (builder, x) => {
      const sides = (pixels) => ({ top: pixels, bottom: pixels, left: pixels, right: pixels });
      const windows =
        i % 2 === 0
          ? { kernel: [2, 3], stride: [2, 3], padding: sides(0) }
          : { kernel: [3, 3], stride: [2, 2], padding: sides(1) };
      const whole = { kernel: shape.slice(0, 2), stride: [1, 1], padding: sides(0) };
      return [
        builder.averagePool("average", x, windows),
        builder.averagePool("whole", x, whole),
        builder.softmax("softmax", x),
      ];
    });
  });
  // Operators that move bytes.
  [...maps, [6, 20, 3], [5, 16, 16], [4, 12, 5]].forEach((shape, i) => {
    add(`moves${i}`, shape, (builder, x) => {
      return [
        builder.maxWindow("max", x, {
          kernel: [3, 2 + (i % 2)],
          stride: [1 + (i % 2), 1 + (i % 2)],
          padding: { top: 1, bottom: 1, left: 1, right: 0 },
        }),
        conv(builder, "grouped", x, { filters: 2 * shape[2], kernel: 3, padding: 1, groups: shape[2] }, "none"),
        builder.slice("half", x, {
          begin: [1, 0, shape[2] >> 1],
          size: [shape[0] - 1, shape[1], shape[2] - (shape[2] >> 1)],
          step: [1, 1],
        }),
        builder.slice("rows", x, { begin: [0, 1, 0], size: [shape[0], shape[1] - 1, shape[2]], step: [1, 1] }),
        builder.concat("channels", [x, x]),
        builder.concat("three", [x, x, x]),
        builder.concat("across", [x, x], 2),
        builder.concat("below", [x, x], 1),
        ...["nearest", "bilinear"].map((mode) => {
          const size = [shape[0] + 3, 2 * shape[1]];
          return builder.resize(mode, x, { mode, size, alignCorners: false, halfPixelCenters: true });
        }),
        builder.reshape("reshaped", x, [shape[1], shape[0], shape[2]]),
      ];
    });
  });
  maps.forEach((shape, i) => {
    add(`elementwise${i}`, shape, (builder, x) => {
      const offsets = builder.constant("offsets", [1, 1, 1, shape[2]]);
      const limit = builder.constant("limit", i % 2 === 0 ? [1, 1, 1, 1] : [1, ...shape]);
      return [
        builder.subtract("difference", x, offsets),
        builder.maximum("maximum", x, limit),
        builder.minimum("minimum", x, x),
      ];
    });
  });
  return all;
}

/**
 * Programs of the networks: for the portable kernels, for Helium's, and for the DSP kernels as fast and as small as
 * possible; some with byte weights, which have their own cost term.
 */
function programs(networks) {
  const all = [];
  for (const [i, q] of networks.entries()) {
    if (q.only !== "dsp") {
      all.push({ q, dsp: false, program: makeProgram(q.graph, { dsp: false }) });
      all.push({ q, dsp: false, helium: true, program: makeProgram(q.graph, { dsp: false, helium: true }) });
    }
    const { uniformLayers } = arithmeticOn(q, loadBoard("stm32h743"));
    for (const optimize of q.only === "portable" ? [] : ["speed", "ram"]) {
      const program = makeProgram(q.graph, { dsp: true, optimize, uniformLayers });
      const kernelsOf = (one) => String(one.lowering.steps.map(({ kernel }) => kernel));
      const known = all.some((other) => other.q === q && kernelsOf(other.program) === kernelsOf(program));
      if (!known) all.push({ q, dsp: true, program });
    }
    if (q.only === "portable" || i % 3 > 0) continue;
    const program = makeProgram(q.graph, { dsp: true, byteWeightsUpTo: Number.POSITIVE_INFINITY });
    if (program.lowering.steps.some(({ byteWeights }) => byteWeights)) all.push({ q, dsp: true, program });
  }
  return all;
}

/** Minimum duration of a measurement, so that the timer's resolution does not matter. */
const leastTicks = 128;

function source(models) {
  const most = (of) => Math.max(...models.map(of));
  const outputBytes = ({ q }) => q.graph.outputs.reduce((sum, name) => sum + sizeOf(q.graph.shapes[name]), 0);
  const inputBytes = ({ q }) => sizeOf(q.graph.shapes[q.graph.nodes[0].name]);
  return `${models.map(({ name }) => `#include "${name}_model.h"`).join("\n")}
#include <string.h>
#include "semihosting.h"
#include "startup.h"
#define CSR (*(volatile uint32_t *)0xE000E010)
#define RVR (*(volatile uint32_t *)0xE000E014)
#define CVR (*(volatile uint32_t *)0xE000E018)
enum { FRACTION = 256, MOST_STEPS = ${most(({ program }) => program.lowering.steps.length)} };
static int8_t input[${most(inputBytes)}], output[${most(outputBytes) + 64}];
static int8_t arena[${most(({ program }) => program.arenaBytes) + 64}] __attribute__((aligned(16)));
static void stop(void) { semihosting_print("fault\\n"); semihosting_exit(99); }
typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)stack_top, Reset_Handler, [2 ... 15] = stop};
${models.map(({ name }) => `static ${name}_context ${name};`).join("\n")}
static uint32_t since(uint32_t start) { return (start - CVR) & 0xFFFFFF; }
/* Ticks of a row, in FRACTIONs. */
static uint32_t ticks_of(const phinets_step *step, const phinets_state *state, int32_t y) {
  uint32_t count = 1, start = CVR, ticks;
  step->run(step, state, y);
  ticks = since(start);
  if (ticks < ${leastTicks}) {
    count = ${leastTicks * 2} / (ticks + 1);
    start = CVR;
    for (uint32_t i = 0; i < count; i++) step->run(step, state, y);
    ticks = since(start);
  }
  return (ticks * FRACTION + count / 2) / count;
}
static void nothing(const phinets_step *step, const phinets_state *state, int32_t y) { (void)step, (void)state, (void)y; }
static void print(const char *text, uint32_t number) {
  semihosting_print(text);
  semihosting_print_number(number);
}
static uint32_t totals[MOST_STEPS];
static phinets_step idle[MOST_STEPS];
static void measure(uint32_t index, phinets_state *state) {
  const phinets_program *program = state->program;
  uint32_t start;
  memset(totals, 0, sizeof totals);
  phinets_program_begin(state, output);
  state->banks[PHINETS_INPUT_BANK] = input;
  state->slots = program->input_height;
  for (int32_t entry = 0; entry < program->entries; entry++) {
    const uint8_t *at = program->schedule + (entry << program->wide);
    const int32_t number = program->wide ? at[0] | at[1] << 8 : at[0];
    if (number == (program->wide ? 65535 : 255)) continue;
    const int32_t y = state->next[number]++;
    for (const phinets_step *step = program->steps + number;; step++) {
      totals[step - program->steps] += ticks_of(step, state, y);
      if (!step->more) break;
    }
  }
  for (int32_t i = 0; i < program->step_count; i++) {
    print("model ", index);
    print(" step ", (uint32_t)i);
    print(" ticks ", totals[i]);
    semihosting_print("\\n");
  }
  start = CVR;
  phinets_program_run(state, input, output);
  print("model ", index);
  print(" run ticks ", since(start));
  semihosting_print("\\n");
  phinets_program same = *program;
  memcpy(idle, program->steps, (size_t)program->step_count * sizeof idle[0]);
  for (int32_t i = 0; i < program->step_count; i++) idle[i].run = nothing;
  same.steps = idle;
  state->program = &same;
  start = CVR;
  for (uint32_t i = 0; i < 64; i++) phinets_program_run(state, input, output);
  print("model ", index);
  print(" idle ticks ", since(start) * (FRACTION / 64));
  semihosting_print("\\n");
}
int main(void) {
  uint32_t seed = 1;
  for (uint32_t i = 0; i < sizeof input; i++) input[i] = (int8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
  RVR = 0xFFFFFF;
  CVR = 0;
  CSR = 5;
  static const phinets_step none = {.run = nothing};
  print("nothing ticks ", ticks_of(&none, 0, 0));
  semihosting_print("\\n");
${models.map(({ name }, i) => `  ${name}_context_init(&${name}, arena);\n  measure(${i}, &${name}.state);`).join("\n")}
  semihosting_exit(0);
}
`;
}

async function command(tool, args, options = {}) {
  const child = spawn(tool, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`${tool}: ${text.slice(0, 200)} ... ${text.slice(-600)}`);
  return text;
}

/** Runs two at a time. */
async function each(items, work) {
  const left = [...items.entries()];
  const results = [];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all([worker(), worker()]);
  return results;
}

const headers = ["kernels", "kernels/dsp", "kernels/helium", "boards/start", "boards/semihosting"].map(
  (part) => `-I${join(firmwareSources, part)}`,
);

/** Constants are the same on every core, so they are compiled only once. */
async function compileModels(models) {
  await each(models, async (model) => {
    const { q, name, program } = model;
    for (const [file, text] of Object.entries(emitC(q, { name, program }))) writeFileSync(join(folder, file), text);
    model.object = join(folder, `${name}.o`);
    const options = ["-std=gnu99", "-O1", "-mcpu=cortex-m0plus", "-mthumb", `-D${name.toUpperCase()}_CALLERS_ARENA`];
    await command(cc, [...options, ...headers, "-c", join(folder, `${name}_model.c`), "-o", model.object]);
  });
}

/** Runs models on a core. Returns the instructions of each step and of the schedule. */
async function count({ core, fpu }, image, models) {
  const machine = machineOfCore(core);
  const place = (file) => join(folder, `${core}-${image}${file}`);
  writeFileSync(place(".c"), source(models));
  const { name, regions } = machine;
  writeFileSync(place(".ld"), linkerScript({ name, regions, flashBytes: regions[0].bytes }));
  const units = ["kernels", "kernels/dsp", "kernels/helium", "boards/start", "boards/semihosting"].flatMap((part) =>
    readdirSync(join(firmwareSources, part))
      .filter((file) => /\.[cS]$/.test(file) && file !== "main.c")
      .map((file) => join(firmwareSources, part, file)),
  );
  await command(cc, [
    ...["-std=gnu99", "-O2", ...machineOf({ name: core, core, fpu }), ...arm, "-T", place(".ld"), ...headers],
    // The models pass no floating-point numbers, so the floating-point calling convention does not matter.
    ...[`-I${folder}`, "-Wl,--no-warn-mismatch", ...units, place(".c"), ...models.map(({ object }) => object)],
    ...["-o", place(".elf")],
  ]);
  const cwd = mkdtempSync(join(folder, "run-"));
  const text = await command(
    "qemu-system-arm",
    [
      ...vectorArguments({ path: place(".elf"), machine }, cwd),
      ...["-M", name, ...(machine.options ?? []), "-nographic", "-monitor", "none", "-serial", "none"],
      // Without sleep the clock starts equally in every run, and the counts are reproducible to the last tick.
      ...["-semihosting-config", "enable=on,target=native", "-icount", "shift=0,sleep=off", "-kernel", place(".elf")],
    ],
    { cwd, timeout: 120_000 },
  );
  const instructions = (ticks) => (Number(ticks) / 256) * machine.instructionsPerTick;
  // The call's loop, without the return, which belongs to the kernel.
  const call = instructions(/^nothing ticks (\d+)$/m.exec(text)[1]) - 1;
  const found = models.map((model) => ({ model, steps: [] }));
  for (const [, m, s, ticks] of text.matchAll(/^model (\d+) step (\d+) ticks (\d+)$/gm)) {
    const { q, program } = models[m];
    const one = program.stream.groups.flatMap((group) => group.steps)[s];
    const shape = shapeOf(one, program.lowering);
    const where = `${q.graph.name} ${one.output}`;
    found[m].steps.push({ kernel: one.kernel, shape, where, counted: instructions(ticks) - call * callsOf(shape) });
  }
  for (const [, m, ticks] of text.matchAll(/^model (\d+) run ticks (\d+)$/gm)) found[m].run = 256 * instructions(ticks);
  for (const [, m, ticks] of text.matchAll(/^model (\d+) idle ticks (\d+)$/gm)) found[m].idle = instructions(ticks);
  if (found.some(({ idle }) => idle === undefined)) throw new Error(`${core}: ${text.slice(-300)}`);
  return found;
}

/** Solves a x = b for a symmetric positive definite matrix; a singular one gets whatever its pivots give. */
function solve(a, b) {
  const n = b.length;
  const m = a.map((row, i) => [...row, b[i]]);
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i + 1; k < n; k++) if (Math.abs(m[k][i]) > Math.abs(m[pivot][i])) pivot = k;
    [m[i], m[pivot]] = [m[pivot], m[i]];
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = m[k][i] / m[i][i];
      for (let j = i; j <= n; j++) m[k][j] -= factor * m[i][j];
    }
  }
  return m.map((row, i) => row[n] / row[i]);
}

/** Non-negative least squares (Lawson & Hanson, "Solving least squares problems", 1974): amounts * x = 1 in every row. */
function nonNegative(amounts, names) {
  const scale = names.map((name) => Math.max(...amounts.map((row) => row[name] ?? 0)) || 1);
  const value = (row, i) => (row[names[i]] ?? 0) / scale[i];
  const gram = names.map((_, i) =>
    names.map((_, j) => amounts.reduce((s, row) => s + value(row, i) * value(row, j), 0)),
  );
  const right = names.map((_, i) => amounts.reduce((sum, row) => sum + value(row, i), 0));
  let x = names.map(() => 0);
  const free = new Set();
  for (let round = 0; round < 50; round++) {
    const gradient = right.map((b, i) => b - gram[i].reduce((sum, g, j) => sum + g * x[j], 0));
    let next = -1;
    for (let i = 0; i < names.length; i++)
      if (!free.has(i) && gradient[i] > 1e-9 && (next < 0 || gradient[i] > gradient[next])) next = i;
    if (next < 0) break;
    free.add(next);
    for (;;) {
      const set = [...free];
      const found = solve(
        set.map((i) => set.map((j) => gram[i][j])),
        set.map((i) => right[i]),
      );
      const wanted = x.map(() => 0);
      set.forEach((i, k) => {
        wanted[i] = found[k];
      });
      if (set.every((i) => wanted[i] > 0)) {
        x = wanted;
        break;
      }
      let share = 1;
      for (const i of set) if (wanted[i] <= 0) share = Math.min(share, x[i] / (x[i] - wanted[i]));
      x = x.map((old, i) => old + share * (wanted[i] - old));
      for (const i of set) if (x[i] <= 1e-12) free.delete(i);
    }
  }
  return Object.fromEntries(names.map((name, i) => [name, x[i] / scale[i]]));
}

const rounded = (number) => Number(number.toPrecision(4));

function fitted(rows) {
  const names = [...new Set(rows.flatMap(({ terms }) => Object.keys(terms)))].filter((name) =>
    rows.some(({ terms }) => terms[name] > 0),
  );
  const shares = rows.map(({ terms, counted }) =>
    Object.fromEntries(Object.entries(terms).map(([name, amount]) => [name, amount / counted])),
  );
  const found = nonNegative(shares, names);
  const figures = Object.fromEntries(
    names.filter((name) => found[name] > 0).map((name) => [name, rounded(found[name])]),
  );
  const off = shares.map((row) =>
    Object.entries(row).reduce((sum, [name, share]) => sum + share * (figures[name] ?? 0), -1),
  );
  return { figures, off };
}

/** Amounts for the overhead of following the schedule. */
function scheduleTerms({ program }) {
  const step = program.lowering.steps.reduce((sum, one) => sum + callsOf(shapeOf(one, program.lowering)), 0);
  return { entry: program.stream.schedule.length, step };
}

const sumOf = (terms, figures) => Object.entries(terms).reduce((sum, [name, n]) => sum + n * (figures[name] ?? 0), 0);

function figuresOf({ core }, counted) {
  const isTwin = ({ program }) => program.options.byteWeightsUpTo > 0;
  const { figures: overhead } = fitted(
    counted
      .filter(({ model }) => !isTwin(model))
      .map(({ model, idle }) => ({ terms: scheduleTerms(model), counted: idle })),
  );
  const found = {};
  const errors = {};
  // Layers added to make a network wide have windows that extend past the map, unlike all others.
  const steps = counted
    .flatMap(({ model, steps: own }) => (isTwin(model) ? own.filter(({ shape }) => shape.bytes) : own))
    .filter(({ where }) => !/ wide(:|$)/.test(where));
  for (const kernel of Object.keys(kernels)) {
    const rows = steps
      .filter((one) => one.kernel === kernel)
      .map((one) => ({ ...one, terms: kernels[kernel].terms(one.shape) }));
    if (rows.length === 0) continue;
    // Byte weights affect only their own term, which is fitted after the others.
    const { figures } = fitted(rows.filter(({ shape }) => !shape.bytes));
    const twins = rows.filter(({ shape }) => shape.bytes);
    if (twins.length > 0) {
      const more = twins.map(({ terms, counted: own }) => ({
        terms: { unpacked: terms.unpacked },
        counted: own - sumOf(terms, figures),
      }));
      Object.assign(figures, fitted(more).figures);
    }
    const off = rows.map(({ terms, counted: own }) => sumOf(terms, figures) / own - 1);
    found[kernel] = figures;
    const worst = Math.max(...off.map(Math.abs));
    errors[kernel] = { steps: rows.length, rms: Math.sqrt(off.reduce((sum, e) => sum + e * e, 0) / off.length), worst };
    if (process.argv.includes("--steps"))
      rows.forEach(({ where, counted: own, shape }, i) => {
        if (Math.abs(off[i]) > 0.02)
          console.log(JSON.stringify({ core, kernel, where, counted: Math.round(own), off: rounded(off[i]), shape }));
      });
  }
  return { figures: { machine: machineOfCore(core).name, ...overhead, kernels: found }, errors };
}

/** A whole network's count and estimate, and the error of each kernel in percent of the whole. */
function compare({ core }, { model, run, steps }, figures) {
  let planned = sumOf(scheduleTerms(model), figures);
  const off = {};
  for (const { kernel, shape, counted, where } of steps) {
    const own = sumOf(kernels[kernel].terms(shape), figures.kernels[kernel] ?? {});
    if (process.argv.includes("--steps") && Math.abs(own - counted) > 0.005 * run)
      console.log(
        JSON.stringify({ core, kernel, where, counted: Math.round(counted), off: rounded(own / counted - 1), shape }),
      );
    planned += own;
    off[kernel] = (off[kernel] ?? 0) + (own - counted) / run;
  }
  const percent = (share) => Number((100 * share).toFixed(2));
  const shown = Object.fromEntries(Object.entries(off).map(([kernel, share]) => [kernel, percent(share)]));
  const { name } = model.q.graph;
  const { optimize } = model.program.options;
  const kind = model.dsp ? optimize : model.helium ? "helium" : "portable";
  const report = { core, network: name, kind, counted: Math.round(run), off: percent(planned / run - 1), by: shown };
  console.log(JSON.stringify({ bench: "instructions", ...report }));
}

const most = 3 * 1024 * 1024;

/** Groups models into images of at most `most` bytes of constants: a machine has 4 MB. */
function packed(models) {
  const images = [];
  let bytes = most;
  for (const model of models) {
    const own = weightBytes(model.program).total;
    if (bytes + own > most) {
      images.push([]);
      bytes = 0;
    }
    images.at(-1).push(model);
    bytes += own;
  }
  return images;
}

try {
  const compiler = execFileSync(cc, ["-dumpfullversion"], { encoding: "utf8" }).trim();
  const [, emulator] = /version (\d+\.\d+)/.exec(execFileSync("qemu-system-arm", ["--version"], { encoding: "utf8" }));
  const sampled = programs(samples());
  const files = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
  const networks = files.map((file, i) => {
    const { name, ...graph } = deployGraph(buildNetwork(parseNetwork(JSON.parse(readFileSync(file, "utf8")))));
    return quantized({ ...graph, name: file }, new Random(i, 3));
  });
  const others = programs(networks);
  const all = [...sampled, ...others];
  all.forEach((model, i) => {
    model.name = `m${i}`;
  });
  await compileModels(all);
  // Whole networks have their own images, so that they do not affect the others.
  const images = cores.flatMap((core) =>
    [sampled, others]
      .flatMap((models) => packed(models.filter(({ dsp, helium }) => (core.dsp || !dsp) && (core.helium || !helium))))
      .map((models, i) => ({ core, name: i, models })),
  );
  const counted = await each(images, async ({ core, name, models }) => count(core, name, models));
  const results = cores.map((core) => counted.filter((_, i) => images[i].core === core).flat());
  const isSample = ({ model }) => sampled.includes(model);
  const found = cores.map((core, i) => figuresOf(core, results[i].filter(isSample)));
  cores.forEach((core, i) => {
    for (const one of results[i]) if (!isSample(one)) compare(core, one, found[i].figures);
  });
  const costs = {
    command: "node bench/cost/instructions.mjs",
    compiler: `${cc} ${compiler} -O2`,
    emulator: `QEMU ${emulator} -icount shift=0`,
    cores: {
      ...(asked !== undefined && JSON.parse(readFileSync(target, "utf8")).cores),
      ...Object.fromEntries(cores.map(({ core }, i) => [core, found[i].figures])),
    },
  };
  if (process.argv.includes("--check")) {
    const same = JSON.stringify(JSON.parse(readFileSync(target, "utf8"))) === JSON.stringify(costs);
    console.log(JSON.stringify({ bench: "instructions", same }));
    process.exitCode = same ? 0 : 1;
  } else {
    writeFileSync(target, `${JSON.stringify(costs, null, 2)}\n`);
    cores.forEach(({ core }, i) => {
      for (const [kernel, { steps, rms, worst }] of Object.entries(found[i].errors))
        console.log(
          JSON.stringify({ bench: "instructions", core, kernel, steps, rms: rounded(rms), worst: rounded(worst) }),
        );
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
