/** Options of a board's firmware program, shared by all commands that build or plan one. */
import type { ProgramRequest } from "@phinets/core/target";
import type { OptionDefinition } from "../terminal/definition.js";
import { oneOf } from "../terminal/options.js";
import { groups } from "./shared-options.js";

export type ProgramOptions = Required<Pick<ProgramRequest, "optimize" | "input">>;

export const programOptions: readonly OptionDefinition[] = [
  {
    flags: "--optimize <what>",
    help: "speed: the fastest program that fits; ram, flash: the one that takes least of it; least-ram: less yet, slower",
    group: groups.network,
    parse: oneOf("speed", "ram", "least-ram", "flash"),
    default: "speed",
  },
  {
    flags: "--input <how>",
    help: "whole: the picture has a place in memory; rows: a camera's lines are pushed, and it need not exist",
    group: groups.network,
    parse: oneOf("whole", "rows"),
    default: "whole",
  },
];

export function programRequestOf({ optimize, input }: ProgramOptions): ProgramRequest {
  return { optimize, input };
}
