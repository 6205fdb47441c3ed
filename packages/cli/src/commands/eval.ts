/** `phinets eval coco|voc|mot`: scores any tool's boxes or tracks against truth, by the benchmarks' own rules. */
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { registerCoco } from "./eval/coco.js";
import { registerMot } from "./eval/mot.js";
import { registerVoc } from "./eval/voc.js";
import { json } from "./shared-options.js";

const definition: VerbDefinition = {
  name: "eval",
  description: "Scores boxes or tracks of any tool against the ground truth.",
  arguments: [{ name: "[benchmark]", help: "benchmark: coco, voc or mot", words: ["coco", "voc", "mot"] }],
  examples: [["phinets eval coco --gt instances.json --pred predictions.json", "COCO's twelve figures"]],
  options: [json],
};

export function register(program: Command, context: Context): void {
  const command = addVerb(program, definition).action((benchmark?: string) => {
    const what = benchmark === undefined ? "needs a benchmark" : `does not know '${benchmark}'`;
    throw new PhinetsError("cli.usage", `eval ${what}; it is coco, voc or mot (phinets eval mot --help)`);
  });
  registerCoco(command, context);
  registerVoc(command, context);
  registerMot(command, context);
}
