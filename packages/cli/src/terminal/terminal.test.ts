import { formatTable } from "@phinets/node/text";
import { describe, expect, it, vi } from "vitest";
import { colourHeadings, colourLine, makeColours, makeProgress, pictureSize, wantsColours } from "./index.js";

/** A stream that records what is written. */
function recorder() {
  const parts: string[] = [];
  return { append: (part: string) => parts.push(part), text: () => parts.join("") };
}

describe("colours", () => {
  it("are for terminals, and off when NO_COLOR says so", () => {
    expect(wantsColours({ isTTY: true }, {})).toBe(true);
    expect(wantsColours({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
    expect(wantsColours({ isTTY: true }, { TERM: "dumb" })).toBe(false);
    expect(wantsColours({}, {})).toBe(false);
    expect(makeColours(false).red("x")).toBe("x");
  });
  it("are forced by FORCE_COLOR, as in Node, whatever else is said", () => {
    for (const on of ["1", "true", "3", ""]) {
      expect(wantsColours({}, { FORCE_COLOR: on, NO_COLOR: "1", TERM: "dumb" })).toBe(true);
    }
    for (const off of ["0", "false"]) expect(wantsColours({ isTTY: true }, { FORCE_COLOR: off })).toBe(false);
  });
  it("mark what a line about a problem begins with, and titles above a rule", () => {
    const colours = makeColours(true);
    expect(colourLine("error: a warning: b", colours)).toBe(
      "\u001b[1m\u001b[31merror:\u001b[39m\u001b[22m a warning: b",
    );
    expect(colourLine("warning: x", colours)).toBe("\u001b[33mwarning:\u001b[39m x");
    expect(colourLine("an error: x", colours)).toBe("an error: x");
    const table = formatTable(["a", "b c"], [["1", "x"]]);
    expect(colourHeadings(`t\n\n${table}\nend`, colours)).toBe(
      `t\n\n${table.replace("a  b c", "\u001b[1ma  b c\u001b[22m")}\nend`,
    );
    expect(colourHeadings(table, makeColours(false))).toBe(table);
  });
});

describe("progress off a terminal", () => {
  const lines = (act: (progress: ReturnType<typeof makeProgress>) => void, total: number, lineEvery?: number) => {
    const { append, text } = recorder();
    act(makeProgress({ write: append }, { label: "fitting", total, unit: "pictures", lineEvery }));
    return text().trimEnd().split("\n");
  };
  it("prints a line each tenth, the last one included", () => {
    const printed = lines((progress) => {
      for (let i = 1; i <= 300; i++) progress.update(i);
    }, 300);
    expect(printed).toHaveLength(10);
    expect(printed[0]).toMatch(/^fitting 30\/300 pictures, .* left$/);
    expect(printed[9]).toMatch(/^fitting 300\/300 pictures, [^,]*$/);
  });
  it("prints each update once when asked", () => {
    const printed = lines(
      (progress) => {
        for (const done of [1, 2, 2, 3]) progress.update(done, `loss ${done}`);
      },
      3,
      0,
    );
    expect(printed).toHaveLength(3);
    expect(printed[2]).toMatch(/loss 3$/);
  });
  it("tells the time that is left from what was done since it began", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const { append, text } = recorder();
      const progress = makeProgress({ write: append }, { label: "training", total: 30, from: 20, lineEvery: 1 / 30 });
      progress.update(20);
      vi.advanceTimersByTime(10_000);
      progress.update(21);
      expect(text()).toBe("training 20/30\ntraining 21/30, 10 s, 1 min 30 s left\n");
    } finally {
      vi.useRealTimers();
    }
  });
  it("counts in doublings when the total is unknown", () => {
    const printed = lines((progress) => {
      for (let i = 1; i <= 100; i++) progress.update(i);
    }, 0);
    expect(printed.map((line) => Number(/fitting (\d+)/.exec(line)![1]))).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });
});

describe("progress on a terminal", () => {
  it("draws a bar and ends it", async () => {
    const { append, text } = recorder();
    const stream = {
      isTTY: true,
      columns: 100,
      write: append,
      on: () => {},
      cursorTo: () => {},
    };
    const progress = makeProgress(stream, { label: "training", total: 4, unit: "epochs" });
    await vi.waitFor(() => expect(text()).toContain("training"), 30_000); // the bar's package is loaded late
    progress.update(4, "loss 1.5");
    progress.stop();
    expect(text()).toMatch(/training .*4\/4 epochs/);
    expect(text()).toContain("loss 1.5");
  });
});

describe("options", () => {
  it("read a picture size as height x width", () => {
    expect(pictureSize("128")).toEqual({ height: 128, width: 128 });
    expect(pictureSize("96x160")).toEqual({ height: 96, width: 160 });
    for (const wrong of ["", "0", "12x", "x12", "1.5", "96×160"]) expect(() => pictureSize(wrong)).toThrow();
  });
});
