import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatCount,
  formatHertz,
  formatMacs,
  formatMs,
  formatPairs,
  formatPercent,
  formatTable,
} from "./index.js";

describe("numbers", () => {
  it("are short and carry their unit", () => {
    expect([0, 512, 1024, 36045, 1024 ** 2 * 1.95].map(formatBytes)).toEqual([
      "0 B",
      "512 B",
      "1 KiB",
      "35.2 KiB",
      "1.95 MiB",
    ]);
    expect([950, 12_345, 4_560_000, 1.2e9].map(formatMacs)).toEqual(["950 MAC", "12.3 kMAC", "4.56 MMAC", "1.20 GMAC"]);
    expect([0.085, 12.345, 999.6, 4560, 59_990, 200_000, 3_900_000].map(formatMs)).toEqual([
      "85 µs",
      "12.3 ms",
      "1.00 s",
      "4.56 s",
      "1 min 00 s",
      "3 min 20 s",
      "1 h 05 min",
    ]);
    expect([formatHertz(480e6), formatHertz(25e6), formatHertz(1.5e9)]).toEqual(["480 MHz", "25 MHz", "1.50 GHz"]);
    expect([formatPercent(0.934), formatPercent(Number.NaN), formatCount(1234567), formatCount(12)]).toEqual([
      "93.4 %",
      "-",
      "1,234,567",
      "12",
    ]);
  });
});

describe("tables", () => {
  it("align numbers right, words left, and do not count colour codes", () => {
    const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
    expect(
      formatTable(
        ["name", "bytes", { title: "n", align: "left" }],
        [
          ["a", "35.2 KiB", 1],
          [red("long"), "1 B", 22],
        ],
      ),
    ).toBe(`name     bytes  n\n────  ────────  ──\na     35.2 KiB  1\n${red("long")}       1 B  22`);
    expect(
      formatPairs([
        ["a", 1],
        ["long", "x"],
      ]),
    ).toBe("a     1\nlong  x");
  });
});
