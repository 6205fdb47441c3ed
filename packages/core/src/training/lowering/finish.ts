/**
 * What a convolution does to its sums before it stores them in inference (kernels/assembly/finish.ts): batch norm,
 * activation and swish, where nothing else reads the values in between. In training the gradients read these values
 * again, so they are computed where they are read (operand.ts).
 */
import { activations, arrange, layouts } from "../../kernels/index.js";
import type { TrainingNode } from "../differentiate.js";
import { isTraining } from "../layout.js";
import type { Word } from "../program.js";
import { runningNorm } from "./batch-norm.js";
import type { ProgramBuilder } from "./builder.js";

interface Finish {
  readonly words: readonly Word[];
  /** Nodes whose work the convolution does. */
  readonly nodes: readonly string[];
  /** The value that the convolution writes: that of the last of these nodes, or its own. */
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

/** Names of the sigmoid and the product, if a value's only readers are its own sigmoid and their product. */
function swishOf(builder: ProgramBuilder, value: string): [string, string] | undefined {
  const readers = builder.readersInside(value, 2);
  const sigmoid = readers.find(({ op }) => op === "sigmoid");
  const product = readers.find(({ op }) => op === "multiply");
  if (sigmoid === undefined || product?.inputs.includes(sigmoid.name) !== true) return undefined;
  return builder.readersInside(sigmoid.name, 1).length === 1 ? [sigmoid.name, product.name] : undefined;
}
