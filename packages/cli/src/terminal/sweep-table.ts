/** Live table of a sweep on a terminal: progress, the best settings so far, and the work of each slot. */
import type { Progress, ProgressOptions, StepContext } from "@phinets/node/steps";
import type { SweepObserver, WatchedRung, WatchedSetting } from "@phinets/node/sweep";
import { formatTable, visible } from "@phinets/node/text";
import type { createLogUpdate } from "log-update";
import { type Colours, colourHeadings, makeColours, wantsColours } from "./colours.js";
import type { Context, Output } from "./context.js";
import { describeProgress } from "./progress.js";

/** Number of settings, and of trainings, to show. */
const mostShown = 8;
/** Milliseconds between redraws. */
const drawEvery = 250;

type Result = WatchedSetting & { readonly epochs: number; readonly score: number };

export interface SweepTableOptions {
  /** Figure that settings are ranked by. */
  readonly objective: string;
  readonly describe: (setting: WatchedSetting) => string;
}

/** How a sweep is shown: as a table on a terminal, as plain lines elsewhere; with --json not at all. */
export function watchSweep(
  { signal, note, progress, stderr, json }: Pick<Context, keyof StepContext | "stderr" | "json">,
  options: SweepTableOptions,
): { readonly context: StepContext; readonly observer?: SweepObserver } {
  if (json) return { context: { signal, note, progress: () => silent } };
  if (stderr.isTTY !== true) return { context: { signal, note, progress } };
  const table = new SweepTable(stderr, options);
  return { context: { signal, note: (line) => table.log(line), progress: (of) => table.start(of) }, observer: table };
}

const silent: Progress = { update: () => {}, log: () => {}, stop: () => {} };

class SweepTable implements SweepObserver, Progress {
  /** Best first: sorted by epochs trained, then by score. */
  #best: Result[] = [];
  readonly #slots = new Map<number, WatchedRung>();
  #progress: ProgressOptions = { label: "sweep", total: 0 };
  #done = 0;
  readonly #startMs = performance.now();
  readonly #colours: Colours;
  #draw: ReturnType<typeof createLogUpdate> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly stream: Output,
    readonly options: SweepTableOptions,
  ) {
    this.#colours = makeColours(wantsColours(stream));
  }

  start(progress: ProgressOptions): this {
    this.#progress = progress;
    // The remaining time also counts down between epochs.
    this.#timer = setInterval(() => this.#redraw(), drawEvery);
    this.#timer.unref();
    import("log-update").then(
      ({ createLogUpdate }) => {
        if (this.#timer !== undefined) this.#draw = createLogUpdate(this.stream as NodeJS.WritableStream);
      },
      () => {}, // the work continues without the table
    );
    return this;
  }

  scored(result: Result): void {
    const others = this.#best.filter(({ setting, target }) => setting !== result.setting || target !== result.target);
    const rank = (a: Result, b: Result): number => b.epochs - a.epochs || (a.score === b.score ? 0 : b.score - a.score);
    this.#best = [...others, result].sort(rank).slice(0, mostShown);
  }

  working(slot: number, rung: WatchedRung | undefined): void {
    if (rung === undefined) this.#slots.delete(slot);
    else this.#slots.set(slot, rung);
  }

  update(done: number): void {
    this.#done = done;
  }

  /** Prints a permanent line above the table. */
  log(line: string): void {
    this.#draw?.clear();
    this.stream.write(`${line}\n`);
    this.#redraw();
  }

  /** Draws a last time; what remains on the screen includes the best settings of a sweep that was stopped. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#slots.clear();
    // A finished sweep prints its leaderboard instead.
    if (this.#done >= this.#progress.total) this.#best = [];
    this.#redraw();
    this.#draw?.done();
    this.#draw = undefined;
  }

  #redraw(): void {
    this.#draw?.(this.#frame());
  }

  #frame(): string {
    const { objective, describe } = this.options;
    const parts = [describeProgress(this.#progress, this.#done, performance.now() - this.#startMs)];
    const best = this.#best.map((each, i) => [
      ...[i + 1, describe(each), Number.isFinite(each.score) ? each.score.toFixed(4) : "diverged", each.epochs],
    ]);
    if (best.length > 0) parts.push(formatTable(["rank", "setting", objective, "epochs"], best));
    const slots = [...this.#slots].sort(([a], [b]) => a - b);
    const rows = slots
      .slice(0, mostShown)
      .map(([, rung]) => [`${describe(rung)}, seed ${rung.seed}`, `${rung.done} of ${rung.epochs}`]);
    if (rows.length > 0) parts.push(formatTable(["in training", "epochs"], rows));
    if (slots.length > rows.length) parts.push(`and ${slots.length - rows.length} more in training`);
    const width = (this.stream.columns ?? 80) - 1;
    // Lines are cut to the terminal's width: wrapped lines would jump as their length changes.
    const lines = parts.join("\n").split("\n");
    return colourHeadings(lines.map((line) => cut(visible(line), width)).join("\n"), this.#colours);
  }
}

function cut(line: string, width: number): string {
  const letters = [...line];
  return letters.length <= width ? line : `${letters.slice(0, width - 1).join("")}…`;
}
