/** `phinets eval coco|voc|mot`: any tool's boxes or tracks against truth, by the benchmarks' own rules. */
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { registerCoco } from "./eval/coco.js";
import { registerMot } from "./eval/mot.js";
import { registerVoc } from "./eval/voc.js";

export function register(program: Command, context: Context): void {
  const command = program
    .command("eval")
    .description("Scores boxes or tracks of any tool against truth.")
    .argument("[benchmark]", "coco, voc or mot")
    .action((benchmark?: string) => {
      const what = benchmark === undefined ? "needs a benchmark" : `does not know '${benchmark}'`;
      throw new PhinetsError("cli.usage", `eval ${what}; it is coco, voc or mot (phinets eval mot --help)`);
    });
  registerCoco(command, context);
  registerVoc(command, context);
  registerMot(command, context);
}
