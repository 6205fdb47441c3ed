/** Worker that computes the cost and benefit of one step more of each multiplier. */
import { type Inspection, inspectNetwork } from "@phinets/core/cost";
import { type MicromindPhinet, parseNetwork } from "@phinets/core/networks";
import { answerWith } from "../../answer.js";
import type { InspectQuestion } from "./inspect-worker.js";

/** A network with one step more of one parameter than the requested network. */
export interface UnitMore {
  /** The parameter and the step, to show. */
  readonly label: string;
  readonly network: MicromindPhinet;
  readonly inspection: Inspection;
}

export interface Units {
  readonly now: Inspection;
  readonly more: readonly UnitMore[];
}

/** Steps that are large enough to have an effect; sliders have finer ones. */
function neighboursOf(network: MicromindPhinet): readonly (readonly [label: string, changes: object])[] {
  const { alpha, beta, t0, blocks, squeezeExcite, input } = network;
  const rounded = (value: number): number => Math.round(100 * value) / 100;
  const sides = { height: input.height + 16, width: input.width + 16 };
  return [
    ["Width α +0.05", { alpha: rounded(alpha + 0.05) }],
    ["Late expansion β +0.1", { beta: rounded(beta + 0.1) }],
    ["Expansion t₀ +0.5", { t0: rounded(t0 + 0.5) }],
    ["Blocks N +1", { blocks: blocks + 1 }],
    ["Resolution +16 px", { input: { ...input, ...sides } }],
    [`Squeeze-and-excite ${squeezeExcite ? "off" : "on"}`, { squeezeExcite: !squeezeExcite }],
  ];
}

type Question = InspectQuestion & { readonly network: MicromindPhinet };

answerWith(({ network, board, request }: Question): Units => {
  const inspect = (each: MicromindPhinet): Inspection => inspectNetwork(each, { board, ...request });
  const more = neighboursOf(network).flatMap(([label, changes]): UnitMore[] => {
    try {
      const next = parseNetwork({ ...network, ...changes });
      return [{ label, network: next, inspection: inspect(next) }];
    } catch {
      return []; // there is no such network: the picture size is impossible, or there are too many blocks for it
    }
  });
  return { now: inspect(network), more };
});
