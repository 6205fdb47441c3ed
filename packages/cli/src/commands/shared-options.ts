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
  help: "of every random draw: the same seed, the same result",
  group: groups.run,
  parse: integer(0, 2 ** 32 - 1),
  usual: 0,
};

export const workers: OptionDefinition = {
  flags: "--workers <n>",
  help: "threads; any number gives the same result",
  group: groups.machine,
  parse: integer(1, 64),
  usual: `cores, at most ${mostThreads}`,
};

export function threadsOf(options: { readonly workers?: number }): number {
  return options.workers ?? defaultThreads();
}

export const project: OptionDefinition = {
  flags: "--project <folder>",
  help: "folder of all runs and of the picture cache",
  group: groups.run,
  default: "runs",
  completes: "path",
};

/** Name of the run folder in --project; `usual` describes the default. */
export const name = (usual: string): OptionDefinition => ({
  flags: "--name <name>",
  help: "name of the run's folder",
  group: groups.run,
  usual,
});

export const existOk: OptionDefinition = {
  flags: "--exist-ok",
  help: "write into the run's folder though it exists",
  group: groups.run,
};

/** Path of the result, a file or a folder depending on the command. */
export const out = (kind: "file" | "folder", what: string): OptionDefinition => ({
  flags: `--out <${kind}>`,
  help: `where the result goes, ${what}; never over files of others`,
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
  help: "a board's name, or the path of a board.json",
  group: groups.network,
  completes: "board",
};

/** Target of commands on a run that may have been made for a board. */
export const ownTarget: OptionDefinition = vary(target, { usual: "the run's own, else stm32h743" });

export const cfg: OptionDefinition = {
  flags: "--cfg <file>",
  help: "options from a file, a run's args.yaml for one; words here win",
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
  help: `overlap (IoU) from which two boxes are of one object, ${which}`,
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

export const pageReport = report("a page with curves, errors and trajectories, in one file");
