/** Options of the commands that make an integer network. */
import type { OptionDefinition } from "../terminal/definition.js";
import { fraction, integer } from "../terminal/options.js";

export interface Int8Options {
  readonly qat?: number | true;
  readonly maxDrop?: number;
}

const group = "Int8";

/** The compiler checks this value against the code that uses it, which is loaded only when it is needed. */
const defaultMaxDrop: typeof import("@phinets/node/steps").defaultMaxDrop = 0.01;

export const qat: OptionDefinition = {
  flags: "--qat [epochs]",
  help: "run this many epochs of quantisation-aware training at the end; without a number: a tenth of the run's epochs, at least 3",
  group,
  parse: integer(1, 10_000),
  usual: "off",
};

export const int8Options: readonly OptionDefinition[] = [
  qat,
  {
    flags: "--max-drop <share>",
    help: "run quantisation-aware training if int8 lowers AP50 or top-1 by more than this; 1: never",
    group,
    parse: fraction,
    usual: defaultMaxDrop,
  },
];
