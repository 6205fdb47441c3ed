/**
 * What a convolution does to its sums before it stores them, in inference (kernels/assembly/finish.ts): batch norm,
 * activation and swish where nothing else reads what comes between. In training these values are read again by their
 * gradients, and are computed where they are read (operand.ts).
 */
import { activations, arrange, layouts } from "../../kernels/index.js";
import type { TrainingNode } from "../differentiate.js";
import { isTraining } from "../layout.js";
import type { Word } from "../program.js";
import { runningNorm } from "./batch-norm.js";
import type { ProgramBuilder } from "./builder.js";

interface Finish {
  readonly words: readonly Word[];
  /** Nodes that the convolution computes. */
  readonly nodes: readonly string[];
  /** The last of them, or its own: the value that it makes. */
  readonly value: string;
}

/** @param node a convolution or dense layer */
export function finishOf(builder: ProgramBuilder, node: TrainingNode): Finish {
  const nodes: string[] = [];
  let vectors: Word = 0;
  let activation: number = activations.none;
  if (builder.fuse && !isTraining(builder.graph)) {
    let value = node.name;
    const [norm] = builder.readersInside(value, 1);
    if (norm?.op === "batchNorm" && node.parameters.bias === undefined) {
      vectors = { norm: runningNorm(builder, norm).index };
      value = norm.name;
      nodes.push(value);
    }
    const [reader] = builder.readersInside(value, 1);
    const swish = swishOf(builder, value);
    if (reader?.op === "relu" || reader?.op === "relu6" || reader?.op === "hardswish") {
      activation = activations[reader.op];
      nodes.push(reader.name);
    } else if (swish !== undefined) {
      activation = activations.swish;
      nodes.push(...swish);
    }
  }
  const words = arrange<typeof layouts.finish, Word>(layouts.finish, { activation, vectors });
  return { words, nodes, value: nodes.at(-1) ?? node.name };
}

/** Names of sigmoid and product, where a value is read by its own sigmoid and their product alone. */
function swishOf(builder: ProgramBuilder, value: string): [string, string] | undefined {
  const readers = builder.readersInside(value, 2);
  const sigmoid = readers.find(({ op }) => op === "sigmoid");
  const product = readers.find(({ op }) => op === "multiply");
  if (sigmoid === undefined || product?.inputs.includes(sigmoid.name) !== true) return undefined;
  return builder.readersInside(sigmoid.name, 1).length === 1 ? [sigmoid.name, product.name] : undefined;
}
