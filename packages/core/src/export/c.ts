/**
 * An integer network as C99: constants, a static arena laid out by `planArena`, and one call a layer of the kernels in
 * firmware/kernels. The same network gives the same bytes.
 */
import { type ArenaPlan, planArena } from "../cost/index.js";
import { checkHead } from "../detection/index.js";
import { consumersOf } from "../graph/index.js";
import { type IntegerLookup, type IntegerNode, lowerToInteger, type QuantizedNetwork } from "../quantization/index.js";
import { exp, formatShape, PhinetsError, sizeOf } from "../tensor/index.js";
import { canFuseLookup, type EmittedLayer, emitLayer } from "./c-layers.js";
import {
  arrayDefinition,
  commentText,
  doubleLiteral,
  floatLiteral,
  grouped,
  mapOf,
  stringLiteral,
} from "./c-literals.js";

export interface CDetector {
  /** Class names in channel order. */
  readonly classes: readonly string[];
  /** Width and height of each anchor, in cells of the output map. */
  readonly anchors: readonly (readonly [width: number, height: number])[];
  /** How raw centres become positions, see detection. Default "yolov2". */
  readonly decoder?: "yolov2" | "scaled";
  /** `<NAME>_SCORE_THRESHOLD` of the header: least score of a box, 0..1. Default 0.25. */
  readonly scoreThreshold?: number;
  /** `<NAME>_NMS_IOU` of the header: boxes of a class that overlap by more are one, 0..1. Default 0.45. */
  readonly nmsIou?: number;
}

/** Entries of `<name>_powers`. */
const powersLength = 511;

/** What boards use where the detector does not say. */
export const defaultScoreThreshold = 0.25;
export const defaultNmsIou = 0.45;

export interface COptions {
  /** Prefix of files and symbols: a C identifier. Default "phinets". Networks of different names can be linked together. */
  readonly name?: string;
  /** Adds `<name>_head` for firmware/detect (YOLOv2 heads, one output). Default none. */
  readonly detector?: CDetector;
  /** Class names of a classifier, in output order. Default none. */
  readonly classes?: readonly string[];
}

/**
 * `{"<name>_model.c", "<name>_model.h"}`. The header declares `int <name>_run(const int8_t *input, int8_t *output)`,
 * `int8_t *<name>_input(void)`, the sizes and the scales. Several outputs follow each other in the graph's order.
 * Throws PhinetsError for a name that is no C identifier, a network that has not exactly one input, an op without int8
 * arithmetic, a grouped convolution, an accumulator that could overflow, a detector that is not the output's shape, and thresholds outside 0..1.
 */
export function emitC(q: QuantizedNetwork, options: COptions = {}): Record<string, string> {
  const { name = "phinets" } = options;
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name))
    throw new PhinetsError(
      "export.name",
      `name ${JSON.stringify(name)} is not a C identifier; use letters, digits and underscores, a letter first`,
    );
  const nodes = lowerToInteger(q);
  const inputs = nodes.filter((node) => node.op === "input");
  if (inputs.length !== 1)
    throw new PhinetsError("export.inputs", `network "${q.graph.name}": has ${inputs.length} inputs; C export knows 1`);
  const plan = planArena(q.graph);
  const model: Model = { q, name, nodes, input: inputs[0], plan, layers: emitLayers(q, nodes, name, plan) };
  return { [`${name}_model.c`]: source(model, options), [`${name}_model.h`]: header(model, options) };
}

interface Model {
  readonly q: QuantizedNetwork;
  readonly name: string;
  readonly nodes: readonly IntegerNode[];
  readonly input: IntegerNode;
  readonly plan: ArenaPlan;
  readonly layers: readonly EmittedLayer[];
}

function emitLayers(q: QuantizedNetwork, nodes: readonly IntegerNode[], name: string, plan: ArenaPlan): EmittedLayer[] {
  const fusions = fusedLookups(q, nodes, plan);
  const fused = new Set([...fusions.values()]);
  const address = (value: string): string => `${name}_arena + ${plan.tensors[value].offset}`;
  return nodes
    .filter((node) => !fused.has(node as IntegerLookup))
    .map((node, index) => {
      const lookup = fusions.get(node.name);
      return emitLayer(node, index, address, lookup);
    });
}

/** Lookups that become the last step of the convolution they read: its only reader, and in its place in the arena. */
function fusedLookups(q: QuantizedNetwork, nodes: readonly IntegerNode[], plan: ArenaPlan): Map<string, IntegerLookup> {
  const consumers = consumersOf(q.graph);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const fusions = new Map<string, IntegerLookup>();
  for (const node of nodes) {
    if (node.op !== "lookup") continue;
    const source = byName.get(node.inputs[0])!;
    const inPlace = plan.tensors[node.name].offset === plan.tensors[source.name].offset;
    const onlyReader = consumers.get(source.name)!.length === 1 && !q.graph.outputs.includes(source.name);
    if (canFuseLookup(source) && inPlace && onlyReader) fusions.set(source.name, node);
  }
  return fusions;
}

function source(model: Model, options: COptions): string {
  const { q, name, plan, layers, input } = model;
  const upper = name.toUpperCase();
  const at = (value: string): string => `${name}_arena + ${plan.tensors[value].offset}`;
  let offset = 0;
  const copies = q.graph.outputs.map((output) => {
    const bytes = sizeOf(q.graph.shapes[output]);
    const line = `  memcpy(output${offset > 0 ? ` + ${offset}` : ""}, ${at(output)}, ${bytes});`;
    offset += bytes;
    return line;
  });
  const calls = layers.filter((layer) => layer.call !== undefined);
  return [
    `/* Generated by PhiNets from network "${commentText(q.graph.name)}": constants, memory layout and calls. Do not edit. */`,
    `#include "${name}_model.h"`,
    "",
    ...(options.detector === undefined ? [] : ["#include <math.h>"]),
    "#include <string.h>",
    "",
    '#include "phinets_kernels.h"',
    "",
    "#if defined(__GNUC__)",
    "#define ALIGNED_16 __attribute__((aligned(16)))",
    "#else",
    "#define ALIGNED_16",
    "#endif",
    "",
    `/* All activations. Tensors whose lifetimes do not meet share bytes; the lower bound of any layout is ${grouped(plan.lowerBoundBytes)}. */`,
    `int8_t ${name}_arena[${upper}_ARENA_BYTES] ALIGNED_16;`,
    "",
    ...metadata(model, options),
    ...layers
      .filter((layer) => layer.constants.length > 0)
      .flatMap((layer) => [`/* ${layer.comment} */`, ...layer.constants, ""]),
    `int8_t *${name}_input(void) { return ${at(input.name)}; }`,
    "",
    `int ${name}_run(const int8_t *input, int8_t *output) {`,
    `  if (input != ${at(input.name)}) memcpy(${at(input.name)}, input, ${upper}_INPUT_BYTES);`,
    ...calls.map((layer) => `  /* ${layer.comment} */\n  ${layer.call}`),
    ...copies,
    "  return 0;",
    "}",
    "",
  ].join("\n");
}

/** Class names and what the decoder needs, as the header declares them. */
function metadata({ q, name }: Model, { detector, classes }: COptions): string[] {
  const names = detector?.classes ?? classes;
  const lines: string[] = [];
  if (names !== undefined) lines.push(arrayDefinition("char *const", `${name}_classes`, names.map(stringLiteral), ""));
  if (detector !== undefined) {
    const { anchors, decoder = "yolov2" } = detector;
    const [output] = q.graph.outputs;
    const { scale, zeroPoint } = q.values[output];
    const [height, width, channels] = mapOf(q.graph.shapes[output]);
    checkHead(channels, anchors, detector.classes.length);
    // Differences of two bytes. Always as many: what a detector takes of flash is known before it is trained.
    const powers = Array.from({ length: powersLength }, (_, i) => exp(scale * (i - 255)));
    lines.push(
      arrayDefinition("double", `${name}_anchors`, anchors.flat()),
      `/* e^(scale * d), d = -255..${powers.length - 256}. */`,
      arrayDefinition("double", `${name}_powers`, powers),
      `const phinets_detector ${name}_head = {
  .height = ${height},
  .width = ${width},
  .anchors = ${anchors.length},
  .classes = ${detector.classes.length},
  .anchor_sizes = ${name}_anchors,
  .zero_point = ${zeroPoint},
  .powers = ${name}_powers,
  .centre_scale = ${doubleLiteral(decoder === "scaled" ? 2 : 1)},
  .centre_shift = ${doubleLiteral(decoder === "scaled" ? 0.5 : 0)},
};`,
    );
  }
  return lines.length > 0 ? [...lines, ""] : [];
}

function header({ q, name, plan, layers, input }: Model, { detector, classes }: COptions): string {
  const upper = name.toUpperCase();
  const outputs = q.graph.outputs;
  const [height, width, channels] = mapOf(input.outputShape);
  const bytes = outputs.reduce((sum, output) => sum + sizeOf(q.graph.shapes[output]), 0);
  const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
  const quantization = (prefix: string, value: string): string[] => [
    `#define ${prefix}_SCALE ${floatLiteral(q.values[value].scale)}`,
    `#define ${prefix}_ZERO_POINT (${q.values[value].zeroPoint})`,
  ];
  const names = detector?.classes ?? classes;
  const lines = [
    `/* Generated by PhiNets from network "${commentText(q.graph.name)}", ${grouped(macs)} MACs. Do not edit. */`,
    `#ifndef ${upper}_MODEL_H`,
    `#define ${upper}_MODEL_H`,
    "",
    "#include <stdint.h>",
    "",
    ...(detector === undefined ? [] : ['#include "phinets_detect.h"', ""]),
    "#ifdef __cplusplus",
    'extern "C" {',
    "#endif",
    "",
    `/* Input "${commentText(input.name)}": [height][width][channels], real = scale * (q - zero point). */`,
    `#define ${upper}_INPUT_HEIGHT ${height}`,
    `#define ${upper}_INPUT_WIDTH ${width}`,
    `#define ${upper}_INPUT_CHANNELS ${channels}`,
    `#define ${upper}_INPUT_BYTES ${sizeOf(input.outputShape)}`,
    ...quantization(`${upper}_INPUT`, input.name),
    "",
  ];
  outputs.forEach((output, i) => {
    const prefix = outputs.length === 1 ? `${upper}_OUTPUT` : `${upper}_OUTPUT${i}`;
    const [h, w, c] = mapOf(q.graph.shapes[output]);
    lines.push(
      `/* Output "${commentText(output)}": ${formatShape(q.graph.shapes[output].slice(1))}. */`,
      `#define ${prefix}_HEIGHT ${h}`,
      `#define ${prefix}_WIDTH ${w}`,
      `#define ${prefix}_CHANNELS ${c}`,
      ...quantization(prefix, output),
      "",
    );
  });
  lines.push(
    outputs.length === 1 ? "/* Bytes of the output. */" : "/* Bytes of all outputs, one after the other. */",
    `#define ${upper}_OUTPUT_BYTES ${bytes}`,
    "/* Working memory: static, part of .bss. */",
    `#define ${upper}_ARENA_BYTES ${plan.bytes}`,
    `#define ${upper}_MACS ${macs}`,
    "",
  );
  if (names !== undefined)
    lines.push(
      `#define ${upper}_CLASSES ${names.length}`,
      `extern const char *const ${name}_classes[${names.length}];`,
    );
  if (detector !== undefined) {
    const { scoreThreshold = defaultScoreThreshold, nmsIou = defaultNmsIou } = detector;
    lines.push(
      "/* How phinets_detect reads the output. */",
      `extern const phinets_detector ${name}_head;`,
      `#define ${upper}_DETECTOR 1`,
      "/* What to give it: least score of a box, and the IoU from which two boxes of a class are one. */",
      ...defaultMacro(`${upper}_SCORE_THRESHOLD`, fractionOf("scoreThreshold", scoreThreshold)),
      ...defaultMacro(`${upper}_NMS_IOU`, fractionOf("nmsIou", nmsIou)),
    );
  }
  if (names !== undefined) lines.push("");
  lines.push(
    "/* Where the network reads its input: fill it in place and pass it to run, and no copy is made. A run overwrites it. */",
    `int8_t *${name}_input(void);`,
    "",
    `/* Runs the network once. input: ${upper}_INPUT_BYTES, output: ${upper}_OUTPUT_BYTES. Returns 0. Not reentrant: the arena is static. */`,
    `int ${name}_run(const int8_t *input, int8_t *output);`,
    "",
    "#ifdef __cplusplus",
    "}",
    "#endif",
    "",
    "#endif",
    "",
  );
  return lines.join("\n");
}

/** A macro that the compiler's command line may set instead. */
function defaultMacro(name: string, value: number): string[] {
  return [`#ifndef ${name}`, `#define ${name} ${doubleLiteral(value)}`, "#endif"];
}

function fractionOf(name: string, value: number): number {
  if (value >= 0 && value < 1) return value;
  throw new PhinetsError("export.threshold", `detector: ${name} is ${value}; it must be at least 0 and below 1`);
}
