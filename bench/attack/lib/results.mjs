/** Counts the results of a target's cases. */

const mostFaults = 20;
const mostOdd = 3;
const outcomes = ["refused", "accepted", "fault"];

/** `units`: number of smaller units in the trials, such as a tracker's frames, if they report it. */
export const noResults = () => ({ counts: { refused: 0, accepted: 0, fault: 0 }, units: 0, faults: [], odd: [] });

/** Counts case `n` and keeps the first few faults and odd messages. */
export function addOutcome(results, n, { outcome, problem, odd: message, units = 0 }) {
  const { counts, faults, odd } = results;
  counts[outcome]++;
  results.units += units;
  if (outcome === "fault" && faults.length < mostFaults) faults.push({ n, problem });
  if (message !== undefined && odd.length < mostOdd) odd.push({ n, message });
}

export function addResults(results, { counts, units, faults, odd }) {
  for (const outcome of outcomes) results.counts[outcome] += counts[outcome];
  results.units += units;
  results.faults.push(...faults);
  results.odd.push(...odd);
}

export const tried = (of) => outcomes.reduce((sum, outcome) => sum + of[outcome], 0);
