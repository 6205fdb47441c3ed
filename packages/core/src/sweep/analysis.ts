/** Analyses the results of a sweep: the Pareto front of cost and score, and the influence of each option. */
import type { Setting, SettingValue } from "./space.js";

/**
 * Indices of the points that no other point dominates: none costs less and scores as much, or costs as much and scores
 * more. Of equal points, the first.
 */
export function paretoFront(points: readonly { readonly cost: number; readonly score: number }[]): number[] {
  const order = points.map((_, place) => place);
  order.sort((a, b) => points[a].cost - points[b].cost || points[b].score - points[a].score || a - b);
  const front: number[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const place of order) {
    if (!(points[place].score > best)) continue;
    best = points[place].score;
    front.push(place);
  }
  return front;
}

/** An option with more numeric values than this is divided into this many groups of neighbouring values. */
const groups = 4;

/**
 * The share of the scores' variance, 0..1, that each option explains by itself: the variance between the means of its
 * values over the total variance (eta squared). An option with more than four numeric values is grouped by quartiles.
 * The shares need not add up to 1, and with few results even an option without effect explains some variance.
 */
export function explainedVariance(
  results: readonly { readonly setting: Setting; readonly score: number }[],
): { readonly name: string; readonly share: number }[] {
  const scored = results.filter(({ score }) => Number.isFinite(score));
  const names = [...new Set(scored.flatMap(({ setting }) => Object.keys(setting)))];
  const mean = average(scored.map(({ score }) => score));
  const all = scored.reduce((sum, { score }) => sum + (score - mean) ** 2, 0);
  return names
    .map((name) => {
      const groupOf = grouping(scored.map(({ setting }) => setting[name]));
      const members = new Map<string, number[]>();
      for (const { setting, score } of scored) {
        const group = groupOf(setting[name]);
        const scores = members.get(group);
        if (scores === undefined) members.set(group, [score]);
        else scores.push(score);
      }
      const between = [...members.values()].reduce(
        (sum, scores) => sum + scores.length * (average(scores) - mean) ** 2,
        0,
      );
      return { name, share: all > 0 ? between / all : 0 };
    })
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));
}

function grouping(values: readonly (SettingValue | undefined)[]): (value: SettingValue | undefined) => string {
  const numbers = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  if (numbers.length !== values.length || new Set(numbers).size <= groups)
    return (value) => JSON.stringify(value ?? null);
  const bounds = Array.from({ length: groups - 1 }, (_, i) => numbers[Math.floor(((i + 1) * numbers.length) / groups)]);
  return (value) => String(bounds.filter((bound) => (value as number) >= bound).length);
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
