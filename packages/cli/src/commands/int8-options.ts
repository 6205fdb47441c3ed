/** Options of the commands that make an integer network. */

import { defaultMaxDrop } from "@phinets/node/steps";
import type { Command } from "commander";
import { integer, number } from "../terminal/options.js";

export interface Int8Options {
  readonly qat?: number | true;
  readonly maxDrop?: number;
}

export function addQatOption(command: Command): Command {
  return command.option(
    "--qat [epochs]",
    "quantisation-aware epochs after training (default off; without a number a tenth of the run's, at least 3)",
    integer(1, 10_000),
  );
}

export function addInt8Options(command: Command): Command {
  return addQatOption(command).option(
    "--max-drop <share>",
    `train quantisation-aware when int8 loses more than this of AP50 or top-1; 1: never (default ${defaultMaxDrop})`,
    number(0, 1),
  );
}
