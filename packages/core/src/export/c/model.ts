/**
 * Writes an integer network as C99: constants, a static arena, and the table of a firmware program (target/program.ts)
 * that the kernels of firmware/kernels follow. Equal networks and programs give equal bytes.
 */
import { countMacs } from "../../cost/index.js";
import { type BoxHead, classNames } from "../../networks/index.js";
import { type IntegerNode, lowerToInteger, type QuantizedNetwork } from "../../quantization/index.js";

import {
  type Board,
  hasDsp,
  hasHelium,
  makeProgram,
  type Program,
  type ProgramRequest,
  programOf,
  type Step,
  slidingWindow,
  type Value,
} from "../../target/index.js";
import { formatShape, PhinetsError, sizeOf } from "../../tensor/index.js";
import { arenaMacros, arenasOf, bankParameters, contextInit } from "./arenas.js";
import { detectorLines } from "./detector.js";
import { dspObstacle, forDsp } from "./dsp.js";
import { isRescaledAlike } from "./linear.js";
import {
  arrayDefinition,
  commentText,
  doubleLiteral,
  floatLiteral,
  grouped,
  mapOf,
  stringLiteral,
} from "./literals.js";
import { arenaBank, ringOf } from "./rings.js";
import { type EmittedStep, emitStep, type IntegerNodes } from "./steps.js";

export interface CDetector {
  readonly head: BoxHead;
  /** `<NAME>_SCORE_THRESHOLD` of the header: least score of a box, 0..1. Default 0.25. */
  readonly scoreThreshold?: number;
  /** `<NAME>_NMS_IOU` of the header: IoU above which two boxes of a class count as one object, 0..1. Default 0.45. */
  readonly nmsIou?: number;
}

/** Thresholds of boards where `CDetector` has none. */
export const defaultScoreThreshold = 0.25;
export const defaultNmsIou = 0.45;

export interface COptions {
  /**
   * Prefix of files and symbols: a C identifier. Default "phinets". Networks with different names can be linked
   * together.
   */
  readonly name?: string;
  /** Adds `<name>_head` for firmware/detect. Default: none. */
  readonly detector?: CDetector;
  /** Class names of a classifier, in output order. Default: none. */
  readonly classes?: readonly string[];
  /** The result of `firmwareProgram`. Default: portable kernels, the whole picture in memory. */
  readonly program?: Program;
}

/** The firmware program of an integer network on a board. */
export function firmwareProgram(q: QuantizedNetwork, board: Board, programRequest: ProgramRequest = {}): Program {
  const { board: own, ...arithmetic } = arithmeticOn(q, board);
  return programOf(q.graph, own, { ...arithmetic, ...programRequest });
}

/**
 * Constraints of an integer network's arithmetic on its program for a board: the board without DSP or Helium kernels
 * where these cannot compute the arithmetic, as for some imported networks; and the uniform layers (`LoweringOptions`).
 */
export function arithmeticOn(
  q: QuantizedNetwork,
  board: Board,
): { readonly board: Board; readonly uniformLayers: ReadonlySet<string> } {
  const nodes = forDsp(lowerToInteger(q));
  const runs = (hasDsp(board) || hasHelium(board)) && dspObstacle(nodes) === undefined;
  return { board: runs ? board : { ...board, simd: "none" }, uniformLayers: uniformLayers(nodes) };
}

function uniformLayers(nodes: readonly IntegerNode[]): ReadonlySet<string> {
  const isUniform = (node: IntegerNode): boolean =>
    (node.op === "conv2d" || node.op === "dense") && node.bias.length > 1 && isRescaledAlike(node);
  return new Set(nodes.flatMap((node) => (isUniform(node) ? [node.name] : [])));
}

/**
 * Writes `{"<name>_model.c", "<name>_model.h"}`. The header declares `<name>_run`, `<name>_begin` and
 * `<name>_push_rows`, the sizes and the scales. Several outputs follow each other in the graph's order.
 * Throws PhinetsError for a name that is not a C identifier, a network without exactly one input, an op without int8
 * arithmetic, a window of more than 16 rows, an accumulator that could overflow, a detector that does not suit the
 * outputs' shapes, thresholds outside 0..1, an output with the bytes of the input or of another output, and a program
 * of DSP or Helium kernels that cannot compute the network's arithmetic.
 */
export function emitC(q: QuantizedNetwork, options: COptions = {}): Record<string, string> {
  const { name = "phinets" } = options;
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name))
    throw new PhinetsError(
      "export.name",
      `name ${JSON.stringify(name)} is not a C identifier; use letters, digits and underscores, a letter first`,
    );
  const program = options.program ?? makeProgram(q.graph, { dsp: false });
  const { dsp, helium } = program.options;
  const lowered = lowerToInteger(q);
  const nodes = new Map((dsp || helium ? forDsp(lowered) : lowered).map((node) => [node.name, node]));
  const inputs = [...nodes.values()].filter((node) => node.op === "input");
  if (inputs.length !== 1)
    throw new PhinetsError("export.inputs", `network "${q.graph.name}": has ${inputs.length} inputs; C export knows 1`);
  checkOutputs(q, program);
  const obstacle = dsp || helium ? dspObstacle(nodes.values()) : undefined;
  if (obstacle !== undefined)
    throw new PhinetsError(
      "export.dsp",
      `${obstacle}; the ${dsp ? "DSP" : "Helium"} kernels do not compute that, firmwareProgram chooses others`,
    );
  const steps = program.stream.groups.flatMap((group) => group.steps);
  for (const step of steps) checkWindow(step);
  const emitted = steps.map((step, i) => emitStep(step, i, nodes, program, (value) => ringOf(q.graph, program, value)));
  const model: Model = { q, name, nodes, input: inputs[0], program, steps, emitted };
  return { [`${name}_model.c`]: source(model, options), [`${name}_model.h`]: header(model, options) };
}

/** Checks that a step of its own makes each output, since nothing is copied to the caller's buffer. */
function checkOutputs({ graph }: QuantizedNetwork, { lowering }: Program): void {
  lowering.outputs.forEach((value, i) => {
    const same = lowering.outputs.indexOf(value);
    if (value !== lowering.input && same === i) return;
    const other = value === lowering.input ? "the input" : `output "${graph.outputs[same]}"`;
    throw new PhinetsError(
      "export.outputs",
      `output "${graph.outputs[i]}": has the same bytes as ${other}; leave it out`,
    );
  });
}

interface Model {
  readonly q: QuantizedNetwork;
  readonly name: string;
  readonly nodes: IntegerNodes;
  readonly input: IntegerNode;
  readonly program: Program;
  /** The steps of all groups in order. */
  readonly steps: readonly Step[];
  readonly emitted: readonly EmittedStep[];
}

/** PHINETS_MAX_WINDOW of phinets_program.h. */
const mostWindowRows = 16;

function checkWindow({ node, output, reads }: Step): void {
  for (const { window } of reads)
    if (window !== "whole" && !("spans" in window) && window.size > mostWindowRows)
      throw new PhinetsError(
        "export.window",
        `${node?.op} "${output}": its window has ${window.size} rows; C export knows at most ${mostWindowRows}`,
      );
}

function stepTable(model: Model): string[] {
  const { program, q } = model;
  const ring = (value: string): string => ringOf(q.graph, program, value);
  const none = "{0, 0, 1, 0}";
  let index = 0;
  return program.stream.groups.flatMap((group) => {
    return group.steps.map((step, i) => {
      const [first, second] = step.reads;
      const { layer, comment } = model.emitted[index++];
      const map = program.lowering.values.get(first.value) as Value;
      const { size, stride, before } = slidingWindow(first);
      const rings = [first, second].map((read) => (read === undefined ? none : ring(read.value)));
      const more = i + 1 < group.steps.length ? 1 : 0;
      const scratch = program.scratch.get(step) ?? { bank: 0, offset: 0 };
      return `    /* ${comment} */
    {phinets_step_${step.kernel}, ${layer}, ${rings.join(", ")}, ${ring(step.output)},
     {${size}, ${stride}, ${before}, ${map.height}}, ${scratch.offset}, ${arenaBank(scratch)}, ${more}},`;
    });
  });
}

function schedule({ program, steps }: Model): { entries: number[]; wide: boolean } {
  const { groups, schedule: order } = program.stream;
  const starts: number[] = [];
  let at = 0;
  for (const group of groups) {
    starts.push(at);
    at += group.steps.length;
  }
  const wide = steps.length > 255;
  const entries = order.flatMap((group) => {
    const number = group < 0 ? (wide ? 65535 : 255) : starts[group];
    return wide ? [number & 255, number >> 8] : [number];
  });
  return { entries, wide };
}

function source(model: Model, options: COptions): string {
  const { q, name, program, steps, emitted, input } = model;
  const upper = name.toUpperCase();
  const { entries, wide } = schedule(model);
  const [height, width, channels] = mapOf(input.outputShape);
  const place = program.places.get(program.lowering.input)!;
  const sets = ["dsp", "helium"].filter((set) => steps.some(({ kernel }) => kernel.startsWith(`${set}_`)));
  const whole = program.options.input === "whole";
  const arenas = arenasOf(name, program);
  const start =
    arenas.length === 1
      ? `${name}_context_init(&instance, ${arenas[0].symbol})`
      : `${name}_context_init_banks(&instance, ${arenas.map(({ symbol }) => symbol).join(", ")})`;
  return [
    `/* Generated by PhiNets from network "${commentText(q.graph.name)}": constants, memory layout and schedule. Do not edit. */`,
    `#include "${name}_model.h"`,
    "",
    ...(options.detector === undefined ? [] : ["#include <math.h>"]),
    "#include <stddef.h>",
    "",
    ...sets.map((set) => `#include "phinets_${set}_steps.h"`),
    '#include "phinets_steps.h"',
    "",
    ...metadata(model, options),
    ...emitted.flatMap(({ comment, constants }) => [`/* ${comment} */`, ...constants, ""]),
    `static const phinets_step steps[${steps.length}] = {`,
    ...stepTable(model),
    "};",
    "",
    `/* Order in which the groups run: index of the first step of each${wide ? ", low byte first" : ""}; ${wide ? "65535" : "255"}: take an input row. */`,
    arrayDefinition("uint8_t", "schedule", entries),
    "",
    `static const phinets_program program = {
  .steps = steps,
  .schedule = schedule,
  .step_count = ${steps.length},
  .entries = ${wide ? entries.length / 2 : entries.length},
  .input_height = ${height},
  .input_row_bytes = ${width * channels},
  .input_rows = ${place.rows},
  .input_offset = ${place.offset},
  .input_bank = ${arenaBank(place)},
  .wide = ${wide ? 1 : 0},
};`,
    "",
    ...contextInit(name, program),
    "",
    `int ${name}_context_run(${name}_context *context, const int8_t *input, int8_t *output) {
  phinets_program_run(&context->state, input, output);
  return 0;
}`,
    "",
    `void ${name}_context_begin(${name}_context *context, int8_t *output) {
  phinets_program_begin(&context->state, output);
}`,
    "",
    `int ${name}_context_push_rows(${name}_context *context, const int8_t *rows, int32_t count) {
  return phinets_program_push_rows(&context->state, rows, count);
}`,
    "",
    `#ifndef ${upper}_CALLERS_ARENA
#if defined(__GNUC__)
#define ALIGNED_16 __attribute__((aligned(16)))
#else
#define ALIGNED_16
#endif
/* All working memory. Values whose lifetimes do not overlap share bytes; no layout takes fewer than ${grouped(program.lowerBoundBytes)} bytes. */
${arenas.map(({ symbol, size, bytes }) => `int8_t ${symbol}[${bytes > 0 ? size : 1}] ALIGNED_16;`).join("\n")}
static ${name}_context instance;

static ${name}_context *ready(void) {
  if (instance.state.program == NULL) ${start};
  return &instance;
}
${whole ? `\nint8_t *${name}_input(void) { return ${arenas[place.bank].symbol} + ${place.offset}; }\n` : ""}
int ${name}_run(const int8_t *input, int8_t *output) { return ${name}_context_run(ready(), input, output); }

void ${name}_begin(int8_t *output) { ${name}_context_begin(ready(), output); }

int ${name}_push_rows(const int8_t *rows, int32_t count) { return ${name}_context_push_rows(ready(), rows, count); }
#endif`,
    "",
  ].join("\n");
}

/** Definitions of the class names and the decoder's constants, which the header declares. */
function metadata({ q, name }: Model, { detector, classes }: COptions): string[] {
  const names = namesOf({ detector, classes });
  const lines: string[] = [];
  if (names !== undefined) lines.push(arrayDefinition("char *const", `${name}_classes`, names.map(stringLiteral), ""));
  if (detector !== undefined) lines.push(...detectorLines(q, name, detector.head));
  return lines.length > 0 ? [...lines, ""] : [];
}

/** Class names in the order of the output. */
export const namesOf = ({
  detector,
  classes,
}: Pick<COptions, "detector" | "classes">): readonly string[] | undefined =>
  detector === undefined ? classes : classNames(detector.head);

function header({ q, name, program, input }: Model, { detector, classes }: COptions): string {
  const upper = name.toUpperCase();
  const outputs = q.graph.outputs;
  const [height, width, channels] = mapOf(input.outputShape);
  const bytes = outputs.reduce((sum, output) => sum + sizeOf(q.graph.shapes[output]), 0);
  const macs = countMacs(q.graph);
  const whole = program.options.input === "whole";
  const { steps } = program.lowering;
  const quantization = (prefix: string, value: string): string[] => [
    `#define ${prefix}_SCALE ${floatLiteral(q.values[value].scale)}`,
    `#define ${prefix}_ZERO_POINT (${q.values[value].zeroPoint})`,
  ];
  const names = namesOf({ detector, classes });
  const lines = [
    `/* Generated by PhiNets from network "${commentText(q.graph.name)}", ${grouped(macs)} MACs. Do not edit. */`,
    `#ifndef ${upper}_MODEL_H`,
    `#define ${upper}_MODEL_H`,
    "",
    "#include <stdint.h>",
    "",
    ...(detector === undefined ? [] : ['#include "phinets_detect.h"']),
    '#include "phinets_program.h"',
    "",
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
  let before = 0;
  outputs.forEach((output, i) => {
    const several = outputs.length > 1;
    const prefix = several ? `${upper}_OUTPUT${i}` : `${upper}_OUTPUT`;
    const [h, w, c] = mapOf(q.graph.shapes[output]);
    lines.push(
      `/* Output "${commentText(output)}": ${formatShape(q.graph.shapes[output].slice(1))}. */`,
      `#define ${prefix}_HEIGHT ${h}`,
      `#define ${prefix}_WIDTH ${w}`,
      `#define ${prefix}_CHANNELS ${c}`,
      ...quantization(prefix, output),
      ...(several ? [`#define ${prefix}_BYTES ${h * w * c}`, `#define ${prefix}_OFFSET ${before}`] : []),
      "",
    );
    before += h * w * c;
  });
  lines.push(
    ...(outputs.length === 1
      ? ["/* Bytes of the output. */"]
      : [`#define ${upper}_OUTPUTS ${outputs.length}`, "/* Bytes of all outputs, which are contiguous. */"]),
    `#define ${upper}_OUTPUT_BYTES ${bytes}`,
    ...arenaMacros(name, program),
    ...(whole
      ? []
      : [
          "/* Rows of the input are pushed; the arena has no room for a whole picture. */",
          `#define ${upper}_INPUT_BY_ROWS 1`,
        ]),
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
      "/* Description of the output for phinets_detect and phinets_follow. */",
      `extern const phinets_detector ${name}_head;`,
      `#define ${upper}_DETECTOR 1`,
      "/* Thresholds for them, 0..1: score of a box, and IoU above which two boxes of a class count as one object. */",
      ...defaultMacro(`${upper}_SCORE_THRESHOLD`, fractionOf("scoreThreshold", scoreThreshold)),
      ...defaultMacro(`${upper}_NMS_IOU`, fractionOf("nmsIou", nmsIou)),
    );
  }
  if (names !== undefined) lines.push("");
  lines.push(
    `/* State of one inference. To run several at a time, define ${upper}_CALLERS_ARENA and give each task its own`,
    `   context and its own arena of ${upper}_ARENA_BYTES at a multiple of 16 bytes. Call init once to connect them;`,
    "   run, begin and push_rows are as below, for the given context. */",
    "typedef struct {",
    "  phinets_state state;",
    `  int16_t next[${steps.length}];`,
    `} ${name}_context;`,
    `void ${name}_context_init(${name}_context *context, int8_t *arena);`,
    ...(program.banks.length === 1
      ? []
      : [
          "/* The same with separate memory for each bank, at multiples of 8 bytes. */",
          `void ${name}_context_init_banks(${bankParameters(name, program)});`,
        ]),
    `int ${name}_context_run(${name}_context *context, const int8_t *input, int8_t *output);`,
    `void ${name}_context_begin(${name}_context *context, int8_t *output);`,
    `int ${name}_context_push_rows(${name}_context *context, const int8_t *rows, int32_t count);`,
    "",
    `#ifndef ${upper}_CALLERS_ARENA`,
    ...(whole
      ? [
          `/* Returns ${upper}_INPUT_BYTES of the arena for the input. Fill them and pass them to run, which overwrites them. Any`,
          "   other buffer may be used instead. */",
          `int8_t *${name}_input(void);`,
          "",
        ]
      : []),
    `/* Runs the network once. input: ${upper}_INPUT_BYTES, read in place; up to 3 bytes beyond its end are read, too.`,
    `   output: ${upper}_OUTPUT_BYTES${readsLastOutput(program) ? ", which layers also read, up to 3 bytes beyond its end" : ""}.`,
    "   Returns 0. Not reentrant: the arena is static. */",
    `int ${name}_run(const int8_t *input, int8_t *output);`,
    "",
    "/* The same row by row, as from a camera: call begin, then push_rows with the next `count` rows, from top to bottom.",
    "   push_rows returns 1 if the output is complete, else 0: more rows are needed. */",
    `void ${name}_begin(int8_t *output);`,
    `int ${name}_push_rows(const int8_t *rows, int32_t count);`,
    "#endif",
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

/**
 * Whether a layer reads the value at the end of the caller's buffer. Kernels load whole words, so the last load may
 * reach beyond the map's end.
 */
function readsLastOutput({ lowering: { outputs, steps } }: Program): boolean {
  const last = outputs.at(-1);
  return steps.some(({ reads }) => reads.some(({ value }) => value === last));
}

/** A macro that the compiler's command line may override. */
function defaultMacro(name: string, value: number): string[] {
  return [`#ifndef ${name}`, `#define ${name} ${doubleLiteral(value)}`, "#endif"];
}

function fractionOf(name: string, value: number): number {
  if (value >= 0 && value < 1) return value;
  throw new PhinetsError("export.threshold", `detector: ${name} is ${value}; it must be at least 0 and below 1`);
}
