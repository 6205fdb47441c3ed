/**
 * Progress on stderr: a bar on a terminal; elsewhere a plain line per fraction of the total, so that logs stay short.
 */
import type { Progress, ProgressOptions } from "@phinets/node/steps";
import { formatMs } from "@phinets/node/text";
import type { SingleBar } from "cli-progress";

export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Makes a progress display on `stream`; cli-progress is loaded on first use, and only for a terminal. */
export function makeProgress(stream: ProgressStream, options: ProgressOptions): Progress {
  return stream.isTTY ? new Bar(stream, options) : new Lines(stream, options);
}

class Lines implements Progress {
  #nextFraction: number;
  #nextCount = 1;
  #lastDone = -1;
  #startMs = performance.now();
  constructor(
    readonly stream: ProgressStream,
    readonly options: ProgressOptions,
  ) {
    this.#nextFraction = options.lineEvery ?? 0.1;
  }

  update(done: number, detail = ""): void {
    const { total, lineEvery = 0.1 } = this.options;
    if (done === this.#lastDone) return;
    if (total > 0) {
      // Tolerance for floating-point fractions, so that 3 of 30 counts as a tenth.
      if (done < total && done / total < this.#nextFraction - 1e-9) return;
      if (lineEvery > 0) while (this.#nextFraction <= done / total + 1e-9) this.#nextFraction += lineEvery;
    } else {
      if (done < this.#nextCount) return;
      while (this.#nextCount <= done) this.#nextCount *= 2;
    }
    this.#lastDone = done;
    this.stream.write(
      `${describeProgress(this.options, done, performance.now() - this.#startMs)}${detail && `  ${detail}`}\n`,
    );
  }

  log(line: string): void {
    this.stream.write(`${line}\n`);
  }

  stop(): void {}
}

/** "training 3/30 epochs, 4.2 s, 38 s left"; for a resumed run, at first "training 20/30 epochs" */
export function describeProgress(options: ProgressOptions, done: number, elapsedMs: number): string {
  const { label, total, from = 0, unit = "" } = options;
  const count = `${label} ${total > 0 ? `${done}/${total}` : `${done}`}${unit && ` ${unit}`}`;
  if (from > 0 && done === from) return count;
  const left = timeLeft(options, done, elapsedMs);
  return `${count}, ${formatMs(elapsedMs)}${left && `, ${left}`}`;
}

/** "38 s left"; empty where nothing is known to estimate it from. */
function timeLeft({ total, from = 0 }: ProgressOptions, done: number, elapsedMs: number): string {
  if (!(done > from && done < total)) return "";
  return `${formatMs((elapsedMs / (done - from)) * (total - done))} left`;
}

class Bar implements Progress {
  #bar: SingleBar | undefined;
  #done = 0;
  #detail = "";
  #stopped = false;
  #startMs = performance.now();
  readonly #ready: Promise<void>;
  constructor(
    readonly stream: ProgressStream,
    readonly options: ProgressOptions,
  ) {
    this.#ready = import("cli-progress").then(({ default: { SingleBar, Presets } }) => {
      if (this.#stopped) return;
      const { label, total, unit = "" } = options;
      this.#bar = new SingleBar(
        {
          stream: stream as NodeJS.WritableStream,
          hideCursor: true,
          fps: 10,
          barsize: 24,
          gracefulExit: false,
          format:
            total > 0
              ? `${label} {bar} {value}/{total}${unit && ` ${unit}`} {left} {detail}`
              : `${label} {value}${unit && ` ${unit}`} {detail}`,
        },
        Presets.shades_classic,
      );
      this.#bar.start(Math.max(total, 1), this.#done, this.#payload());
    });
    this.#ready.catch(() => {}); // the work continues without the bar
  }

  #payload() {
    const elapsedMs = performance.now() - this.#startMs;
    return { left: timeLeft(this.options, this.#done, elapsedMs) || formatMs(elapsedMs), detail: this.#detail };
  }

  update(done: number, detail?: string): void {
    this.#done = done;
    if (detail !== undefined) this.#detail = detail;
    this.#bar?.update(done, this.#payload());
  }

  log(line: string): void {
    // Clear the bar's line; the next refresh draws it again below.
    this.stream.write(`\r\u001b[K${line}\n`);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#bar?.update(this.#done, this.#payload());
    this.#bar?.stop();
  }
}
