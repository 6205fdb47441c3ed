/** Plans a sweep's training: brackets of settings, their rungs, and the number of epochs. */
import { type Rung, rungsOf } from "@phinets/core/sweep";
import { PhinetsError } from "@phinets/core/tensor";
import type { Bracket } from "./schedule.js";
import type { SweepSetting, Trial } from "./trial.js";

/**
 * One bracket per board: networks that only a large board can hold must not displace the best ones of a small board.
 */
export function planBrackets(settings: readonly SweepSetting[], plan: Parameters<typeof planRungs>[1]): Bracket[] {
  const boards = [...new Set(settings.map(({ target }) => target))];
  return boards.map((board) => {
    const own = settings.filter(({ target }) => target === board);
    return { settings: own, rungs: planRungs(own, plan) };
  });
}

/** A single rung of all epochs, or successive halving. */
function planRungs(
  settings: readonly SweepSetting[],
  {
    search,
    reduction,
    firstEpochs,
  }: { readonly search: string; readonly reduction: number; readonly firstEpochs: number },
): Rung[] {
  const all = settings.flatMap(({ trials }) => trials.map(({ recipe }) => recipe.epochs));
  const epochs = all.reduce((most, each) => Math.max(most, each), 0);
  if (search !== "asha") return [{ epochs, settings: settings.length }];
  if (all.some((each) => each !== epochs))
    throw new PhinetsError(
      "sweep.epochs",
      "epochs differs between settings; with search: asha all are to train as long: name epochs beside space",
    );
  const rungs = rungsOf({ settings: settings.length, epochs, reduction, firstEpochs });
  for (const { trials } of settings)
    for (const { valEvery = 1 } of trials)
      if (valEvery < 1 || rungs.some((rung) => rung.epochs % valEvery !== 0 && rung.epochs !== epochs))
        throw new PhinetsError(
          "sweep.valEvery",
          `valEvery is ${valEvery}; after ${rungs.map((rung) => rung.epochs).join(", ")} epochs settings are compared: leave it out`,
        );
  return rungs;
}

/** Epochs that a trial trains in a rung: fewer than the rung's where its own recipe is shorter (a grid over epochs). */
export const lengthOf = ({ recipe }: Trial, epochs: number): number => Math.min(epochs, recipe.epochs);

/** Epochs per job where a rung is split into pieces: a ninth of the longest training. */
export const pieceOf = ({ rungs }: Bracket): number => Math.ceil(rungs.at(-1)!.epochs / 9);

/** Total epochs of all rungs; brackets with identical trainings (a given network on two boards) count once. */
export function epochsOf(brackets: readonly Bracket[]): number {
  const counted = new Set<string>();
  let sum = 0;
  for (const { settings, rungs } of brackets) {
    const all = settings.flatMap(({ trials }) => trials);
    const key = all.map(({ hash }) => hash).join();
    if (counted.has(key)) continue;
    counted.add(key);
    let before = 0;
    for (const { epochs, settings: taking } of rungs) {
      // In a single rung each trial trains its own number of epochs.
      if (rungs.length === 1) for (const trial of all) sum += lengthOf(trial, epochs);
      else sum += taking * settings[0].trials.length * (epochs - before);
      before = epochs;
    }
  }
  return sum;
}
