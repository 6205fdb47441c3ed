/** What a user chooses of a board's firmware program, in every verb that makes or counts one. */
import type { ProgramWish } from "@phinets/core/target";
import type { Command } from "commander";
import { oneOf } from "../terminal/options.js";

export type ProgramOptions = Required<Pick<ProgramWish, "optimize" | "input">>;

/** Adds `--optimize` and `--input`. */
export function addProgramOptions(command: Command): Command {
  return command
    .option(
      "--optimize <what>",
      "speed: the fastest program that fits; ram: the smallest",
      oneOf("speed", "ram"),
      "speed",
    )
    .option(
      "--input <how>",
      "whole: the picture has a place in memory; rows: a camera's lines are pushed, and it need not exist",
      oneOf("whole", "rows"),
      "whole",
    );
}

export function wishOf({ optimize, input }: ProgramOptions): ProgramWish {
  return { optimize, input };
}
