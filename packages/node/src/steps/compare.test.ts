import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspectNetwork } from "@phinets/core/cost";
import { loadBoard } from "@phinets/core/target";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeComparison, renderComparison, warningOf } from "../report/index.js";
import { loadNetwork } from "../run/load.js";
import { compareRuns } from "./compare.js";

const root = mkdtempSync(join(tmpdir(), "phinets-compare-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A run with the given AP50 per epoch. */
function run(name: string, figures: readonly number[], more: { alpha?: number; task?: "classify" } = {}): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  const head =
    more.task === "classify" ? { kind: "classifier", classes: ["a", "b"] } : { kind: "yolov2", classes: ["a"] };
  const network = { family: "phinet", input: { height: 64, width: 64 }, alpha: more.alpha ?? 0.2, head };
  writeFileSync(join(folder, "network.json"), JSON.stringify(network));
  const rows = figures.map((AP50, i) => `${i + 1},${AP50},${AP50 / 2},${9 - i}`);
  writeFileSync(join(folder, "results.csv"), `${["epoch,AP50,AP,loss", ...rows].join("\n")}\n`);
  return folder;
}

let first: string;
let second: string;
beforeAll(() => {
  first = run("first", [0.1, 0.2, 0.4, 0.35, 0.3, 0.2]);
  second = run("<b>second", [0.1, 0.5, 0.5, 0.45, 0.44], { alpha: 0.3 });
});

describe("runs side by side", () => {
  it("have their best epochs and what they cost on the board", () => {
    const { runs } = compareRuns([first, join(second, "network.json")], "rp2040");
    expect(runs.map(({ name, best }) => [name, best?.epoch, best?.AP50])).toEqual([
      ["first", 3, 0.4],
      ["<b>second", 2, 0.5],
    ]);
    for (const { costs, folder } of runs) {
      const board = loadBoard("rp2040");
      const { parameters, macs, target } = inspectNetwork(loadNetwork(join(folder, "network.json")), { board });
      const { flashBytes, ramBytes, latencyMs } = target!;
      expect(costs).toMatchObject({ board: "rp2040", parameters, macs, flashBytes, ramBytes, latencyMs });
    }
    const text = describeComparison({ runs });
    expect(text).toMatch(/first +0\.400 +0\.200 +3 .* rp2040/);
  });

  it("are a page with curves over each other, costs, and nothing that acts", () => {
    const comparison = compareRuns([first, second]);
    const page = renderComparison(comparison);
    expect(page).not.toMatch(/NaN|undefined|<b>second/);
    const { document } = parseHTML(page);
    const rows = [...document.querySelectorAll("#side-by-side tbody tr")].map((row) =>
      [...row.children].map((cell) => cell.textContent),
    );
    expect(rows.map((row) => row.slice(0, 4))).toEqual([
      ["first", "0.400", "0.200", "3 of 6"],
      ["<b>second", "0.500", "0.250", "2 of 5"],
    ]);
    const best = [...document.querySelectorAll("#side-by-side b.good")].map((cell) => cell.textContent);
    expect(best).toEqual(expect.arrayContaining(["0.500", "0.250", "40,325"]));
    expect(best).not.toEqual(expect.arrayContaining(["0.400"]));
    // Three charts, each for desktop and phone widths, with one line per run.
    const charts = [...document.querySelectorAll("#over-the-epochs svg")];
    expect(charts.length).toBe(6);
    for (const chart of charts) expect(chart.querySelectorAll('[aria-label="line"] path').length).toBe(2);
    expect(document.querySelectorAll("#accuracy-and-cost .on-wide svg").length).toBe(4);
  });

  it("draw no curve through a few epochs, and no cost that all share", () => {
    const few = [run("few", [0.1, 0.2]), run("less", [0.3])];
    const { document } = parseHTML(renderComparison(compareRuns(few)));
    expect(document.querySelector("#over-the-epochs")!.textContent).toContain("so few make no curve");
    expect(document.querySelector("#accuracy-and-cost")).toBeNull();
    expect(document.querySelectorAll("svg").length).toBe(0);
  });

  it("say what speaks against it: other classes, other pictures", () => {
    const [one, two] = compareRuns([first, second]).runs;
    expect(warningOf({ runs: [one, { ...two, classes: ["b"] }] })).toMatch(/other classes/);
    expect(warningOf({ runs: [one, two], sameData: false })).toMatch(/other pictures or labels/);
    expect(warningOf({ runs: [one, two] })).toBeUndefined();
    const model = fileURLToPath(new URL("../../../../models/person-128", import.meta.url));
    const copies = ["a", "b"].map((name) => {
      cpSync(model, join(root, name), { recursive: true });
      return join(root, name);
    });
    expect(compareRuns(copies)).toMatchObject({ sameData: true });
    const file = join(copies[1], "run.lock");
    const lock = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...lock, data: { ...lock.data, sha256: "0".repeat(64) } }));
    expect(compareRuns(copies)).toMatchObject({ sameData: false });
  });

  it("are refused where there is none, and where kinds are mixed", () => {
    expect(() => compareRuns([join(root, "none")])).toThrow(/none: no run is here; name run folders/);
    const classifier = run("classifier", [0.5], { task: "classify" });
    expect(() => compareRuns([first, classifier])).toThrow(/first is to detect, .*classifier to classify/);
    writeFileSync(join(second, "ship.json"), "{}");
    expect(() => compareRuns([second])).toThrow(/ship\.json: holds no figures/);
    rmSync(join(second, "ship.json"));
  });
});
