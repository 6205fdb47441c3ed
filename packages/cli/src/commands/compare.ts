/** `phinets compare`: compares runs side by side, in a table and on one page. */

import { writeFileAtomic } from "@phinets/node/host";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { json, report, target } from "./shared-options.js";

interface CompareOptions {
  readonly target?: string;
  readonly report?: string;
}

const definition: VerbDefinition = {
  name: "compare",
  description: "Shows runs side by side: results, options, and cost on a board.",
  arguments: [{ name: "<run...>", help: "run folders", completes: "path" }],
  examples: [
    ["phinets compare runs/detect/train runs/detect/train2", "table of figures and costs"],
    ["phinets compare runs/detect/* --report compare.html", "and an HTML page with overlaid curves"],
  ],
  options: [
    vary(target, { help: "board for the costs of all runs: a name or a board.json", usual: "the board of each run" }),
    report("write an HTML page with overlaid curves, and cost against accuracy"),
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (runs: readonly string[], options: CompareOptions) => {
    const [{ describeComparison, renderComparison }, { compareRuns }] = await Promise.all([
      import("@phinets/node/report"),
      import("@phinets/node/steps"),
    ]);
    const comparison = compareRuns(runs, options.target);
    if (options.report !== undefined) {
      writeFileAtomic(options.report, renderComparison(comparison));
      context.note(`written to ${options.report}`);
    }
    context.result(comparison, () => describeComparison(comparison));
  });
}
