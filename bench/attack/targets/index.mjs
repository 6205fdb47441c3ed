/**
 * The targets of the attack. A parser target receives mutants of valid files and has `samples`, `read`, and `again`,
 * which throws if an accepted value does not survive being written and read. Any other target has
 * `attempt({ seed, n, folder })`, one trial, which may start child processes. `goal` is roughly the number of cases
 * that two cores run in an hour; the campaign's time is divided so that all targets reach about the same share of their
 * goals.
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
