/**
 * int8 runtimes with other rounding rules than ours. Single operators run separately, each on the reference's inputs,
 * so that a difference is their own and not an earlier operator's; blocks and networks run as a whole.
 */
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { nodeAlone } from "../../random-network.js";
import type { IntegerForm } from "../case.js";
import { byName, type IntegerDriver, oneByOne } from "../driver.js";
import { bothPictures } from "../references/integer.js";

/** Inputs or outputs of a picture, by name. */
export type Picture = ReadonlyMap<string, Int8Array>;

interface Runtime extends Pick<IntegerDriver, "name" | "groups" | "skip" | "missing"> {
  readonly tolerance: NonNullable<IntegerDriver["tolerance"]>;
  run(network: QuantizedNetwork, pictures: readonly Picture[]): Promise<readonly Picture[]>;
}

export function nodeByNode({ run, ...runtime }: Runtime): IntegerDriver {
  return {
    ...{ groups: ["operators", "extremes"], ...runtime, kind: "int8" },
    run: oneByOne(async ({ network, inputs }: IntegerForm) => {
      const values = bothPictures(network, inputs);
      const found = new Map<string, Int8Array>();
      for (const node of network.graph.nodes) {
        if (node.op === "input") continue;
        const alone = nodeAlone(network, node);
        const read = alone.graph.nodes.filter(({ op }) => op === "input").map(({ name }) => name);
        const pictures = [0, 1].map((half) => {
          const given = (value: Int8Array) =>
            value.subarray((half * value.length) / 2, ((half + 1) * value.length) / 2);
          return new Map(read.map((name) => [name, given(values.get(name)!)]));
        });
        const [first, second] = (await run(alone, pictures)).map((outputs) => outputs.get(node.name)!);
        found.set(node.name, Int8Array.of(...first, ...second));
      }
      return found;
    }),
  };
}

export function wholeNetworks({ run, ...runtime }: Runtime): IntegerDriver {
  return {
    ...{ groups: ["blocks", "networks", "random"], ...runtime, kind: "int8" },
    run: oneByOne(async (form: IntegerForm) => {
      const { graph } = form.network;
      const { name } = graph.nodes.find(({ op }) => op === "input")!;
      const pictures = await run(
        form.network,
        form.inputs.map((input) => new Map([[name, input]])),
      );
      return byName(
        form,
        pictures.map((outputs) => graph.outputs.map((output) => outputs.get(output)!)),
      );
    }),
  };
}
