/** Options of a board's firmware, apart from its program. */
import type { OptionDefinition } from "../terminal/definition.js";
import { fraction } from "../terminal/options.js";
import { groups } from "./shared-options.js";

/** The compiler checks this value against the code that uses it, which is loaded only when it is needed. */
const defaultScoreThreshold: typeof import("@phinets/core/export").defaultScoreThreshold = 0.25;

export const firmwareConf: OptionDefinition = {
  flags: "--conf <score>",
  help: "lowest score of a box in the firmware",
  group: groups.network,
  parse: fraction,
  default: defaultScoreThreshold,
};
