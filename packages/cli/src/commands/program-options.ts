/** Options of a board's firmware program, shared by all commands that build or plan one. */
import type { ProgramRequest } from "@phinets/core/target";
import type { OptionDefinition } from "../terminal/definition.js";
import { oneOf } from "../terminal/options.js";
import { groups } from "./shared-options.js";

export type ProgramOptions = Required<Pick<ProgramRequest, "optimize" | "input">>;

export const programOptions: readonly OptionDefinition[] = [
  {
    flags: "--optimize <what>",
    help: "speed: the fastest program that fits; ram, flash: the program that needs the least RAM or flash; least-ram: even less RAM, but slower",
    group: groups.network,
    parse: oneOf("speed", "ram", "least-ram", "flash"),
    default: "speed",
  },
  {
    flags: "--input <how>",
    help: "whole: the firmware holds the whole picture in memory; rows: the picture is pushed row by row, as a camera delivers it, and never stored",
    group: groups.network,
    parse: oneOf("whole", "rows"),
    default: "whole",
  },
];

export function programRequestOf({ optimize, input }: ProgramOptions): ProgramRequest {
  return { optimize, input };
}
