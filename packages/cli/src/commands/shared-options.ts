/** Options that mean the same in every command that has them. */
import { defaultThreads, mostThreads } from "@phinets/node/host";
import { type OptionDefinition, vary } from "../terminal/definition.js";
import { fraction, integer } from "../terminal/options.js";

/** Titles of groups that several commands have. */
export const groups = {
  data: "Data",
  network: "Network and board",
  run: "Run folder",
  machine: "Machine",
  matching: "Matching",
} as const;

export const seed: OptionDefinition = {
  flags: "--seed <n>",
  help: "seed of all random numbers; the same seed gives the same result",
  group: groups.run,
  parse: integer(0, 2 ** 32 - 1),
  usual: 0,
};

export const workers: OptionDefinition = {
  flags: "--workers <n>",
  help: "threads; the number does not change the result",
  group: groups.machine,
  parse: integer(1, 64),
  usual: `cores, at most ${mostThreads}`,
};

export function threadsOf(options: { readonly workers?: number }): number {
  return options.workers ?? defaultThreads();
}

export const project: OptionDefinition = {
  flags: "--project <folder>",
  help: "folder for all runs and the picture cache",
  group: groups.run,
  default: "runs",
  completes: "path",
};

/** Name of the run folder in --project; `usual` describes the default. */
export const name = (usual: string): OptionDefinition => ({
  flags: "--name <name>",
  help: "name of the run folder",
  group: groups.run,
  usual,
});

export const existOk: OptionDefinition = {
  flags: "--exist-ok",
  help: "write into the run folder even if it exists",
  group: groups.run,
};

/** Path of the result, a file or a folder depending on the command. */
export const out = (kind: "file" | "folder", what: string): OptionDefinition => ({
  flags: `--out <${kind}>`,
  help: `${what}; only files that phinets wrote are replaced`,
  group: groups.run,
  completes: "path",
});

export const model: OptionDefinition = {
  flags: "--model <run>",
  help: "run folder, or a weights file in one",
  group: groups.run,
  required: true,
  completes: "path",
};

export const target: OptionDefinition = {
  flags: "--target <board>",
  help: "name of a board, or path of a board.json",
  group: groups.network,
  completes: "board",
};

/** Target of commands on a run that may have been made for a board. */
export const ownTarget: OptionDefinition = vary(target, { usual: "the run's board, else stm32h743" });

export const cfg: OptionDefinition = {
  flags: "--cfg <file>",
  help: "YAML file of options, or a run's args.yaml; the command line overrides it",
  group: groups.run,
  completes: "path",
};

export const json: OptionDefinition = {
  flags: "--json",
  help: "print one JSON document on stdout",
  group: groups.run,
};

/** IoU above which two boxes count as one object; `which` describes the two boxes. */
export const iou = (which: string, usual: string | number): OptionDefinition => ({
  flags: "--iou <overlap>",
  help: `overlap (IoU) that ${which} need to match`,
  group: groups.matching,
  parse: fraction,
  usual,
});

export const report = (help: string): OptionDefinition => ({
  flags: "--report <file.html>",
  help,
  group: groups.run,
  completes: "path",
});

export const pageReport = report(
  "write an HTML report with precision and recall curves, kinds of error and a confusion matrix",
);
