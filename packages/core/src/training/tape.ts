/** Builds a training graph node by node. */
import { type OpName, ops } from "../graph/index.js";
import { PhinetsError, type Shape } from "../tensor/index.js";
import type { TrainingNode, TrainingOpAttributes, TrainingOpName } from "./differentiate.js";
import { type GradientOpName, gradientOps } from "./gradient-ops.js";

export class Tape {
  readonly nodes: TrainingNode[] = [];
  readonly shapes: Record<string, Shape> = {};

  add<O extends TrainingOpName>(
    op: O,
    name: string,
    inputs: readonly string[],
    attributes: TrainingOpAttributes[O],
    extra: { outputs?: string[]; parameters?: Record<string, string>; of?: string } = {},
  ): string {
    const spec = (op in ops ? ops[op as OpName] : gradientOps[op as GradientOpName]) as {
      infer(name: string, inputs: readonly Shape[], attributes: unknown): Shape[];
    };
    const outputs = [name, ...(extra.outputs ?? [])];
    const shapes = spec.infer(
      name,
      inputs.map((input) => this.shapes[input]),
      attributes,
    );
    for (const [i, output] of outputs.entries()) {
      if (output in this.shapes)
        throw new PhinetsError("graph.name", `${op} "${output}": the name is taken; rename the network's node`);
      this.shapes[output] = shapes[i];
    }
    const node = { name, op, inputs, outputs, parameters: extra.parameters ?? {}, attributes, of: extra.of };
    this.nodes.push(node as unknown as TrainingNode);
    return name;
  }
}
