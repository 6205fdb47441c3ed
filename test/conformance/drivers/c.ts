/** The exported C: one program contains all cases, so that compilers and emulators start rarely. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emitC, firmwareProgram } from "@phinets/core/export";
import { type Board, loadBoard, type Program, type ProgramRequest } from "@phinets/core/target";
import { sizeOf } from "@phinets/core/tensor";
import type { IntegerForm } from "../case.js";
import { byName, type Results, type Skip, type Values } from "../driver.js";

/** Cases that C export refuses. */
export const refused: readonly Skip[] = [
  { case: /^dense, sums up to/, reason: "biases that could overflow the accumulator are refused" },
];

/** Kinds of programs, assigned to the cases in turn. */
const wishes: readonly ProgramRequest[] = [
  {},
  { input: "rows" },
  { optimize: "ram" },
  { optimize: "flash" },
  { optimize: "ram", input: "rows" },
  { optimize: "least-ram" },
];

export interface EmittedModel {
  readonly form: IntegerForm;
  /** Prefix of its functions and macros. */
  readonly name: string;
  readonly program: Program;
}

export interface Emitted {
  readonly folder: string;
  /** Source files with some dozens of models each, in two halves of equal work. */
  readonly sources: readonly string[];
  readonly models: readonly EmittedModel[];
  /** For each form: its model, or the reason why it has none. */
  readonly all: readonly (EmittedModel | Error)[];
}

/** Models already emitted, by folder; drivers share folders. */
const known = new Map<string, Emitted>();

/**
 * Writes the models' C for a board, and inputs.bin with both pictures of each model, into a folder, once.
 * @param forms the same in each call
 */
export function emitModels(folder: string, board: string, forms: readonly IntegerForm[]): Emitted {
  if (!known.has(folder)) known.set(folder, emit(folder, board, forms));
  return known.get(folder)!;
}

function emit(folder: string, board: string, forms: readonly IntegerForm[]): Emitted {
  mkdirSync(folder);
  const target: Board = loadBoard(board);
  const units = [0, 1].map((i) => ({ path: join(folder, `models${i}.c`), text: "" }));
  const all = forms.map((form, i): EmittedModel | Error => {
    const name = `n${i}`;
    try {
      const program = programFor(form.network, target, wishes[i % wishes.length]);
      const files = emitC(form.network, { name, program });
      writeFileSync(join(folder, `${name}_model.h`), files[`${name}_model.h`]);
      const [shortest] = units.toSorted((a, b) => a.text.length - b.text.length);
      shortest.text += withOwnNames(files[`${name}_model.c`], name);
      return { form, name, program };
    } catch (error) {
      return error as Error;
    }
  });
  for (const { path, text } of units) writeFileSync(path, text);
  const models = all.filter((model): model is EmittedModel => !(model instanceof Error));
  const inputs = models.flatMap(({ form }) => form.inputs.map((input) => new Uint8Array(input.buffer)));
  writeFileSync(join(folder, "inputs.bin"), Buffer.concat(inputs));
  return { folder, sources: units.map(({ path }) => path), models, all };
}

/** Uses the smallest program where it has a kernel that no other has. */
function programFor(network: IntegerForm["network"], board: Board, wish: ProgramRequest): Program {
  const smallest = firmwareProgram(network, board, { optimize: "ram" });
  const isOwn = smallest.lowering.steps.some(({ kernel }) => kernel === "dsp_conv2d");
  return isOwn ? smallest : firmwareProgram(network, board, wish);
}

/**
 * Prefixes a model's static names, so that many models share one file: compiling each separately would take minutes.
 */
function withOwnNames(source: string, model: string): string {
  const statics = [...source.matchAll(/^static [\w ]+?[ *](\w+)(?=[[(;]| =)/gm)].map(([, name]) => name);
  // Members of structures keep their names.
  const uses = new RegExp(`(?<![\\w.>])(${[...new Set(statics)].join("|")})\\b`, "g");
  return source.replaceAll(uses, `${model}_$1`);
}

export const outputBytes = ({ form: { network } }: EmittedModel): number =>
  network.graph.outputs.reduce((sum, name) => sum + sizeOf(network.graph.shapes[name]), 0);

/** Splits the program's output file: outputs of both pictures, model by model. */
export function readOutputs(file: string, { all }: Emitted): Results<Int8Array> {
  const bytes = new Int8Array(readFileSync(file));
  let at = 0;
  const take = (count: number): Int8Array => {
    at += count;
    return bytes.subarray(at - count, at);
  };
  const results = all.map((model): Values<Int8Array> | Error => {
    if (model instanceof Error) return model;
    const { graph } = model.form.network;
    const pictures = [0, 1].map(() => graph.outputs.map((name) => take(sizeOf(graph.shapes[name]))));
    return byName(model.form, pictures);
  });
  if (at !== bytes.length) throw new Error(`${file} has ${bytes.length} bytes; ${at} were expected`);
  return results;
}
