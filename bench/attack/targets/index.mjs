/**
 * What is attacked. A parser is fed mutants of good files: `samples`, `read`, and `again`, which throws where an accepted
 * value does not survive being written and read. Anything else has `attempt({ seed, n, folder })`, one trial, with programs
 * in processes of their own. `goal`: cases that an hour on two cores comes to, about; the campaign's time is divided so that all
 * targets come equally near to theirs.
 */
import { cTargets } from "./c.mjs";
import { dataTargets } from "./data-sets.mjs";
import { documents } from "./documents.mjs";
import { hostFiles } from "./host-files.mjs";
import { hostileTargets } from "./hostile.mjs";
import { killTargets } from "./kills.mjs";
import { runFiles } from "./run-files.mjs";
import { scoreFiles } from "./score-files.mjs";
import { wire } from "./wire.mjs";

export const parsers = [...documents, ...scoreFiles, ...dataTargets, ...hostFiles, ...runFiles, ...wire].map(
  (target) => ({
    group: "parsers",
    goal: 500_000,
    ...target,
  }),
);

export const targets = [...parsers, ...cTargets, ...killTargets, ...hostileTargets];
