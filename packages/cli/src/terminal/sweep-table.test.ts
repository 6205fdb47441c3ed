import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeProgress, watchSweep } from "./index.js";

/** Simulates a terminal's screen for the escape codes that log-update writes. */
class Screen {
  readonly isTTY = true;
  readonly #lines = [""];
  #row = 0;
  #column = 0;

  constructor(
    readonly columns: number,
    readonly rows = 40,
  ) {}

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
    for (const [part, digits, code] of text.matchAll(/\u001b\[\??(\d*)([A-Za-z])|./gs)) {
      const n = Number(digits || 1);
      if (code === "A") this.#row = Math.max(0, this.#row - n);
      else if (code === "B") this.#row = Math.min(this.#lines.length - 1, this.#row + n);
      else if (code === "G") this.#column = n - 1;
      else if (code === "K")
        this.#lines[this.#row] = digits === "2" ? "" : this.#lines[this.#row].slice(0, this.#column);
      else if (part === "\n") {
        this.#row++;
        this.#column = 0;
        if (this.#row === this.#lines.length) this.#lines.push("");
      } else if (code === undefined) {
        const line = this.#lines[this.#row].padEnd(this.#column);
        this.#lines[this.#row] = line.slice(0, this.#column) + part + line.slice(this.#column + 1);
        this.#column++;
      } else expect(["h", "l", "m"]).toContain(code);
    }
    return true;
  }

  get text(): string {
    return this.#lines.join("\n").trimEnd();
  }
}

const options = {
  objective: "AP50",
  describe: ({ setting }: { readonly setting: object }) =>
    Object.entries(setting)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
};
const { signal } = new AbortController();

describe("a sweep on a terminal", () => {
  beforeEach(() => {
    vi.stubEnv("NO_COLOR", "1");
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  const start = async (screen: Screen) => {
    const note = (): void => expect.unreachable("notes go through the table");
    const progress = () => expect.unreachable("there is no bar");
    const watched = watchSweep({ signal, note, progress, stderr: screen, json: false }, options);
    const bar = watched.context.progress({ label: "sweep", total: 20, from: 2, unit: "epochs" });
    await vi.waitFor(() => import("log-update"));
    await new Promise((resolve) => setImmediate(resolve));
    return { bar, observer: watched.observer!, note: watched.context.note };
  };
  const draw = () => vi.advanceTimersByTime(1000);

  it("is one table, drawn over itself", async () => {
    const screen = new Screen(60);
    const { bar, observer, note } = await start(screen);
    const [slow, quick] = [{ lr: 0.001 }, { lr: 0.02, batch: 8 }];
    observer.scored!({ setting: slow, epochs: 1, score: 0.25 });
    observer.working!(0, { setting: quick, seed: 0, done: 0, epochs: 1 });
    observer.working!(1, { setting: slow, seed: 3, done: 1, epochs: 9 });
    bar.update(2);
    draw();
    expect(screen.text.split("\n")[0]).toBe("sweep 2/20 epochs");
    expect(screen.text).toMatch(/^ {3}1 {2}lr 0\.001 {2}0\.2500 {7}1$/m);
    expect(screen.text).toMatch(/^lr 0\.02, batch 8, seed 0 {2}0 of 1$/m);
    expect(screen.text).toMatch(/^lr 0\.001, seed 3 {10}1 of 9$/m);

    // Settings that were trained for longer rank before those with higher scores, and appear once.
    observer.scored!({ setting: quick, epochs: 1, score: 0.75 });
    observer.scored!({ setting: slow, epochs: 9, score: 0.5 });
    observer.working!(0, undefined);
    bar.update(11);
    draw();
    const lines = screen.text.split("\n");
    expect(lines[0]).toBe("sweep 11/20 epochs, 2 s, 2 s left");
    expect(lines.filter((line) => /lr/.test(line)).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["1", "lr 0.001", "0.5000", "9"],
      ["2", "lr 0.02, batch 8", "0.7500", "1"],
      ["lr 0.001, seed 3", "1 of 9"],
    ]);

    note("a line that stays");
    observer.working!(0, { setting: quick, seed: 0, done: 0, epochs: 3 });
    draw();
    expect(screen.text.split("\n").slice(0, 2)).toEqual(["a line that stays", "sweep 11/20 epochs, 3 s, 3 s left"]);

    bar.stop();
    draw();
    // The running trainings are removed, the best settings remain.
    const [, head, ...table] = screen.text.split("\n");
    expect(head).toMatch(/^sweep 11\/20 epochs, 3[^,]* s, 3[^,]* s left$/);
    expect(table).toEqual([
      "rank  setting             AP50  epochs",
      "────  ────────────────  ──────  ──────",
      "   1  lr 0.001          0.5000       9",
      "   2  lr 0.02, batch 8  0.7500       1",
    ]);
  });

  it("ends in one line where the leaderboard follows", async () => {
    const screen = new Screen(60);
    const { bar, observer } = await start(screen);
    observer.scored!({ setting: { lr: 0.1 }, epochs: 9, score: 0.5 });
    bar.update(19);
    draw();
    expect(screen.text.split("\n")).toHaveLength(4);
    bar.update(20);
    bar.stop();
    expect(screen.text).toMatch(/^sweep 20\/20 epochs, [^,]* s$/);
  });

  it("has lines no longer than the terminal, and counts the trainings that it does not show", async () => {
    const screen = new Screen(30);
    const { bar, observer } = await start(screen);
    const setting = { optimizer: "an option's value that is far too long for it\n" };
    for (let slot = 0; slot < 100; slot++) observer.working!(slot, { setting, seed: 0, done: 0, epochs: 1 });
    observer.working!(99, undefined);
    observer.scored!({ setting, epochs: 1, score: Number.NEGATIVE_INFINITY });
    draw();
    const lines = screen.text.split("\n");
    for (const line of lines) expect(line.length).toBeLessThan(30);
    expect(lines.at(-1)).toBe("and 91 more in training");
    bar.stop();
  });
});

describe("a sweep elsewhere", () => {
  it("says plain lines, and nothing with --json", () => {
    for (const json of [false, true]) {
      const written: string[] = [];
      const stderr = { isTTY: json, write: (text: string) => written.push(text) };
      const watched = watchSweep(
        { signal, note: () => {}, progress: (of) => makeProgress(stderr, of), stderr, json },
        options,
      );
      expect(watched.observer).toBeUndefined();
      const bar = watched.context.progress({ label: "sweep", total: 2, unit: "epochs" });
      bar.update(1);
      bar.update(2);
      bar.stop();
      expect(written.map((line) => line.replace(/,.*/, ""))).toEqual(
        json ? [] : ["sweep 1/2 epochs\n", "sweep 2/2 epochs\n"],
      );
    }
  });
});
