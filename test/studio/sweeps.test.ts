/** The room Sweeps: shows the results of `phinets sweep`, also while it runs. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { explainedVariance, paretoFront } from "@phinets/core/sweep";
import { formatPercent } from "@phinets/node/text";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataFolder } from "../data-folder.js";
import { phinetsJson, tinyDataset, writeNetwork } from "../road-tools.js";
import { overflow, unnamed, unreadable } from "./in-page.js";
import { browserOptions, commandBuilt, idleRequests, requireUsable, studioBrowser } from "./page.js";

const { root } = dataFolder("studio-sweeps");
const folder = join(root, "opened");
const bin = fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url));
const slow = { timeout: 180_000 };
const soon = { timeout: 30_000 };

interface Row {
  readonly setting: Readonly<Record<string, number>>;
  readonly score: number;
  readonly firstScore: number;
  readonly target: string;
  readonly runs: readonly string[];
  readonly cost: { readonly ramBytes: number; readonly flashBytes: number; readonly latencyMs: [number, number] };
}

describe.skipIf(browserOptions === undefined || !commandBuilt)("the room Sweeps", () => {
  const { open } = studioBrowser();
  let running: ChildProcess | undefined;
  let rows: Row[];
  afterAll(() => running?.kill("SIGKILL"));

  const sweepFile = (name: string, lines: readonly string[]): string => {
    const file = join(folder, name);
    writeFileSync(file, `${[`data: ${join(folder, "belt")}`, "target: stm32h743", ...lines].join("\n")}\n`);
    return file;
  };

  beforeAll(async () => {
    mkdirSync(folder);
    await tinyDataset(join(folder, "belt"));
    writeNetwork(folder);
    const file = sweepFile("sweep.yaml", [
      ...["network: network.json", "epochs: 2", "batch: 8"],
      ...["space:", "  lr: [0.0001, 0.003, 0.01]", "  mosaic: [0, 0.5]"],
    ]);
    await phinetsJson("sweep", file, "--out", join(folder, "runs/sweep/first"), "--workers", "1");
    ({ rows } = JSON.parse(readFileSync(join(folder, "runs/sweep/first/sweep.json"), "utf8")));
    expect(rows).toHaveLength(6);
  });

  it("shows the leaderboard, its Pareto front, curves, what mattered, and the winner's line", async () => {
    const { tab, complaints, close } = await open(folder, { room: "sweeps", project: join(folder, "runs") });
    const table = tab.locator(".leaderboard tbody tr");
    await expect.poll(() => table.count()).toBe(6);
    const shown = await table.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
    expect(shown.map((cells) => [Number(cells[2]), Number(cells[3]), cells[4]])).toEqual(
      rows.map(({ setting, score }) => [setting.lr, setting.mosaic, score.toFixed(3)]),
    );
    const fronts = [
      ({ cost }: Row) => cost.ramBytes,
      ({ cost }: Row) => cost.flashBytes,
      ({ cost }: Row) => cost.latencyMs[0] + cost.latencyMs[1],
    ].map((cost) => paretoFront(rows.map((row) => ({ cost: cost(row), score: row.score }))).length);
    const charts = tab.locator("section[aria-labelledby=sweeps-costs] .chart");
    expect(await charts.count()).toBe(3);
    for (const [i, count] of fronts.entries()) {
      expect(await charts.nth(i).locator(".dot").count()).toBe(6);
      expect(await charts.nth(i).locator(".dot.strong").count()).toBe(count);
    }
    const curves = tab.getByRole("img", { name: /^AP50 by epoch: / });
    expect((await curves.getAttribute("aria-label"))!.match(/ at epoch 2/g)).toHaveLength(6);
    await curves.locator("canvas").waitFor();
    const lines = rows.map(({ setting, firstScore: score }) => ({ setting, score }));
    const [first] = explainedVariance(lines);
    await tab
      .getByRole("list", { name: "Share of the scores' variance that each option explains" })
      .getByText(formatPercent(first.share))
      .first()
      .waitFor();
    expect(await tab.locator("section:first-child .command code").textContent()).toBe(
      `phinets ship --from-sweep ${folder}/runs/sweep/first --target stm32h743`,
    );
    // A point selects its row, also by keyboard.
    const point = charts.first().getByRole("button", { name: /^3: / });
    await point.focus();
    await tab.keyboard.press("Enter");
    await expect.poll(() => tab.locator(".leaderboard .pressed th").textContent()).toBe("3");
    for (const look of [unreadable, unnamed]) expect(await tab.evaluate(look)).toEqual([]);
    expect(await tab.evaluate(overflow)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("compares runs as phinets compare does", async () => {
    const { tab, close } = await open(folder, { room: "sweeps", project: join(folder, "runs") });
    const paths = rows.slice(0, 2).map(({ runs }) => `runs/sweep/first/${runs[0]}`);
    for (const path of paths) await tab.getByLabel("Add a run").selectOption(path.replace("runs/", "project:"));
    const line = tab.locator("section[aria-labelledby=sweeps-compare] .command code");
    await expect
      .poll(() => line.textContent())
      .toBe(["phinets compare", ...paths.map((path) => `${folder}/${path}`)].join(" "));
    const comparison = await phinetsJson<{ runs: { name: string; best: { AP50: number } }[] }>(
      "compare",
      ...paths.map((path) => join(folder, path)),
    );
    const cells = await tab
      .locator(".compared tbody tr")
      .evaluateAll((all) => all.map((row) => [...row.children].slice(0, 2).map((cell) => cell.textContent)));
    expect(cells).toEqual(comparison.runs.map(({ name, best }) => [name, best.AP50.toFixed(3)]));
    await close();
  });

  it("shows a sweep of a terminal while it runs, from its journal", async () => {
    const file = sweepFile("long.yaml", [
      ...["network: network.json", "epochs: 3", "batch: 8"],
      ...["space:", "  lr: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]", "  mosaic: [0, 0.3, 0.6]"],
    ]);
    const words = ["sweep", file, "--out", join(folder, "runs/sweep/long"), "--workers", "1"];
    const { tab, complaints, close } = await open(folder, { room: "sweeps", project: join(folder, "runs") });
    // The page is open before the sweep exists and gets its event.
    await tab.getByLabel("Sweep", { exact: true }).waitFor(slow);
    running = spawn(process.execPath, [bin, ...words], { stdio: "ignore" });
    await tab.getByLabel("Sweep", { exact: true }).selectOption({ label: "sweep/long (runs)" }, slow);
    await tab.getByText(/^It runs: [1-9]\d* trainings so far, by AP50/).waitFor(slow);
    const count = () => tab.locator(".leaderboard tbody tr").count();
    const before = await count();
    await expect.poll(count, slow).toBeGreaterThan(before);
    const scores = await tab
      .locator(".leaderboard tbody tr")
      .evaluateAll((all) => all.map((row) => Number([...row.children].at(-6)!.textContent)));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    running.kill("SIGTERM");
    await tab.getByText(/^\d+ trainings so far/).waitFor(slow);
    await expect.poll(() => idleRequests(tab), slow).toEqual([]);
    expect(complaints).toEqual([]);
    await close();
  });

  it("begins what its form says, stops and goes on, to the leaderboard of the command", async () => {
    const project = join(folder, "runs");
    const { tab, complaints, close } = await open(folder, { room: "sweeps", project });
    await tab.getByText("Start a sweep").click();
    const area = tab.getByLabel("sweep.yaml", { exact: true });
    await expect.poll(() => area.inputValue(), soon).toMatch(/^data: \.\.\/\.\.\/belt$/m);
    await area.fill("data: ../../belt\nspace:\n  lr: [0.01, 0.01]\n");
    await expect
      .poll(() => tab.locator(".sweeps form [role=alert]").textContent(soon), soon)
      .toBe("line 3, column 14 space.lr has 0.01 twice; remove one");
    await tab.getByRole("button", { name: "line 3, column 14" }).click();
    expect(
      await area.evaluate((own: HTMLTextAreaElement) => own.value.slice(own.selectionStart, own.selectionEnd)),
    ).toBe("0.01]");
    await area.fill("data: ../../../elsewhere\n");
    await expect
      .poll(() => tab.locator(".sweeps form [role=alert]").textContent(soon), soon)
      .toMatch(/^line 1, column 1 \.\.\/\.\.\/\.\.\/elsewhere: lies outside the opened folder/);
    await area.fill(
      [
        "# Mine.",
        ...["data: ../../belt", "network: ../../network.json", "epochs: 9", "batch: 8 # pictures"],
        ...["space:", "  lr: [0.0002, 0.003, 0.01]", "  mosaic: [0, 0.4]", ""],
      ].join("\n"),
    );
    await tab.getByLabel("Boards").fill("stm32h743");
    await tab.getByLabel("Epochs", { exact: true }).fill("3");
    await tab.getByLabel("Name", { exact: true }).fill("mine");
    await expect
      .poll(() => area.inputValue())
      .toMatch(/^# Mine\.\n.*epochs: 3\nbatch: 8 # pictures\n.*target: stm32h743\n$/s);
    const line = await tab.locator(".sweeps form .command code").textContent();
    expect(line).toBe(`phinets sweep ${project}/sweeps/mine.yaml --out ${project}/sweep/mine`);
    await tab.getByRole("button", { name: "Start sweep" }).click();
    await tab.getByText(/^It runs: [1-9]\d* trainings? so far/).waitFor(slow);
    await tab.getByRole("button", { name: "Stop" }).click();
    await tab.getByRole("button", { name: "Go on" }).waitFor(slow);
    await requireUsable(tab);
    await tab.getByRole("button", { name: "Go on" }).click();
    await tab.getByText("6 settings, by AP50 on the validation pictures.").waitFor(slow);
    const own = join(root, "by-command");
    await phinetsJson("sweep", join(project, "sweeps/mine.yaml"), "--out", own, "--workers", "1");
    expect(readFileSync(join(project, "sweep/mine/leaderboard.csv"), "utf8")).toBe(
      readFileSync(join(own, "leaderboard.csv"), "utf8"),
    );
    // A problem that only the command finds is shown at its place too.
    await area.fill((await area.inputValue()).replace("batch: 8", "batches: 8"));
    await tab.getByLabel("Name", { exact: true }).fill("wrong");
    await tab.getByRole("button", { name: "Start sweep" }).click();
    await tab.getByText(/wrong\.yaml:5:1: .*batches/).waitFor(slow);
    expect(complaints).toEqual([]);
    await close();
  });

  it("says what is no sweep, and reaches nothing outside", async () => {
    mkdirSync(join(folder, "broken"));
    writeFileSync(join(folder, "broken/journal.jsonl"), "");
    writeFileSync(join(folder, "broken/sweep.json"), '{"objective": 1}');
    const { tab, close } = await open(folder, { room: "sweeps/folder%3Abroken" });
    await expect
      .poll(() => tab.getByRole("alert").textContent())
      .toMatch(/sweep\.json: objective is 1; .* run the sweep/);
    const codes = await tab.evaluate(async () => {
      const ask = async (query: string) => (await (await fetch(`./api/sweeps/${query}`)).json()).error.code;
      return [
        await ask("one?sweep=folder:.."),
        await ask("one?sweep=folder:belt"),
        await ask("compare?run=folder:..&run=folder:belt"),
        await ask("compare"),
      ];
    });
    expect(codes).toEqual(["studio.outside", "studio.missing", "studio.outside", "studio.request"]);
    await close();
  });
});
