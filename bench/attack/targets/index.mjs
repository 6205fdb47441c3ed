/**
 * What is attacked. A parser is fed mutants of good files: `samples`, `read`, and `again`, which throws where an accepted
 * value does not survive being written and read. Anything else has `attempt`, one trial a call, in a process of its own.
 * `share` is its part of the campaign's time.
 */
import { dataTargets } from "./data-sets.mjs";
import { documents } from "./documents.mjs";
import { hostFiles } from "./host-files.mjs";
import { runFiles } from "./run-files.mjs";
import { scoreFiles } from "./score-files.mjs";
import { wire } from "./wire.mjs";

export const parsers = [...documents, ...scoreFiles, ...dataTargets, ...hostFiles, ...runFiles, ...wire].map(
  (target) => ({
    group: "parsers",
    share: 1,
    ...target,
  }),
);
