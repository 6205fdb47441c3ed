/** The room Board: the figures beside the sliders equal those of `phinets inspect`, to the byte. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Inspection } from "@phinets/core/cost";
import { loadBoard } from "@phinets/core/target";
import { formatBytes } from "@phinets/node/text";
import type { Page } from "playwright-core";
import { afterAll, describe, expect, it } from "vitest";
import { runProgram } from "../../packages/cli/src/program.js";
import { moveSlider, unnamed, unreadable } from "./in-page.js";
import { browserOptions, downloadOf, studioBrowser } from "./page.js";

const root = mkdtempSync(join(tmpdir(), "phinets-studio-board-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Standard output of `phinets ...words`. */
async function phinets(words: readonly string[]): Promise<string> {
  let [out, problems] = ["", ""];
  const code = await runProgram(words, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (problems += text) },
    signal: new AbortController().signal,
    version: "0",
  });
  expect(problems).toBe("");
  expect(code).toBe(0);
  return out;
}

async function set(tab: Page, label: string, value: number | string): Promise<void> {
  await tab.getByLabel(`${label}, typed`).fill(String(value));
  await tab.keyboard.press("Enter");
}

describe.skipIf(browserOptions === undefined)("the board's room", () => {
  const { open } = studioBrowser();
  const folder = join(root, "opened");
  mkdirSync(folder);

  /** Compares the network and figures that the page saves with the output of the command that the page shows. */
  async function compare(tab: Page, name: string): Promise<void> {
    const network = await downloadOf(tab, () => tab.getByRole("button", { name: "Save network.json" }).click());
    const figures = await downloadOf(tab, () => tab.getByRole("button", { name: "Save inspection.json" }).click());
    const [file, saved] = [join(root, `${name}.json`), readFileSync(figures.path, "utf8")];
    copyFileSync(network.path, file);
    const line = await tab.locator(".figures .command code").textContent();
    const words = line!.split(" ").slice(1);
    const own = words.map((word) =>
      word === "network.json" ? file : word === "./mine.json" ? join(root, "mine.json") : word,
    );
    expect(saved, line!).toBe(await phinets([...own, "--json"]));
  }

  it("shows inspect's figures for several boards and networks", async () => {
    const { tab, complaints, close } = await open(folder, { room: "board" });
    await tab.getByText("Fits STM32H743").waitFor();
    await compare(tab, "first");
    await set(tab, "Width α", 0.35);
    await set(tab, "Late expansion β", 0.75);
    await set(tab, "Expansion t₀", 4.5);
    await set(tab, "Resolution", 96);
    await tab.getByLabel("Board", { exact: true }).selectOption("rp2040");
    await tab.getByText(/(Fits|Does not fit) .*RP2040/).waitFor();
    await compare(tab, "second");
    await set(tab, "Blocks N", 5);
    await tab.getByLabel("Squeeze-and-excite").uncheck();
    await tab.getByLabel("Task", { exact: true }).selectOption("classify");
    await tab.getByLabel("Camera pushes rows").check();
    await tab.getByLabel("Program", { exact: true }).selectOption("ram");
    await tab.getByLabel("Board", { exact: true }).selectOption("stm32n657");
    await tab.getByText(/(Fits|Does not fit) .*STM32N657/).waitFor();
    await compare(tab, "third");
    writeFileSync(
      join(root, "mine.json"),
      JSON.stringify({ ...loadBoard("nrf52840"), name: "mine", title: "My board" }),
    );
    await tab.getByLabel("Your board.json…").setInputFiles(join(root, "mine.json"));
    await tab.getByText(/(Fits|Does not fit) My board/).waitFor();
    await compare(tab, "fourth");
    expect(complaints).toEqual([]);
    await close();
  });

  it("says how long figures take from a slider's move to the page", async () => {
    const { tab, close } = await open(folder, { room: "board" });
    await tab.getByText("Fits STM32H743").waitFor();
    const { moves, figures } = await tab.evaluate(moveSlider, 60);
    expect(figures.length).toBe(60);
    const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);
    const at = (list: readonly number[], share: number) =>
      sorted(list)[Math.floor(share * (list.length - 1))].toFixed(1);
    console.log(
      `a move takes ${at(moves, 0.5)} ms of the page's thread (p95 ${at(moves, 0.95)}), figures follow after ${at(figures, 0.5)} ms (p95 ${at(figures, 0.95)})`,
    );
    await close();
  });

  it("says what one step more takes and brings: the figures of inspect, of either network", async () => {
    const { tab, complaints, close } = await open(folder, { room: "board" });
    await set(tab, "Width α", 0.25);
    await set(tab, "Resolution", 96);
    await tab.getByRole("tab", { name: "One step more" }).click();
    const row = tab.getByRole("row", { name: /^Resolution \+16 px/ });
    await row.waitFor();
    expect(await tab.locator("table.layers tbody tr").count()).toBe(6);
    expect([await tab.evaluate(unnamed), await tab.evaluate(unreadable)]).toEqual([[], []]);
    const inspectionOf = async (name: string): Promise<Inspection> => {
      const { path } = await downloadOf(tab, () => tab.getByRole("button", { name: "Save network.json" }).click());
      copyFileSync(path, join(root, name));
      return JSON.parse(await phinets(["inspect", join(root, name), "--target", "stm32h743", "--json"]));
    };
    const now = await inspectionOf("now.json");
    const cells = await row.locator("td").allTextContents();
    await row.getByRole("button").click();
    await expect.poll(() => tab.getByLabel("Resolution, typed").inputValue()).toBe("112");
    const then = await inspectionOf("then.json");
    expect(cells.slice(0, 2)).toEqual([
      `+${formatBytes(then.target!.ram.total - now.target!.ram.total)}`,
      `+${formatBytes(then.target!.flashBytes - now.target!.flashBytes)}`,
    ]);
    expect(cells[4]).toBe(`+${((100 * (then.macs - now.macs)) / now.macs).toFixed(0)} %`);
    expect(cells[6]).toBe("fits");
    expect(complaints).toEqual([]);
    await close();
  });

  it("refuses a bad board in one line, and what is not a network too", async () => {
    const { tab, close } = await open(folder, { room: "board" });
    const file = (text: string) => ({
      name: "<b>bad</b>.json",
      mimeType: "application/json",
      buffer: Buffer.from(text),
    });
    await tab.getByLabel("Your board.json…").setInputFiles(file('{"name": "x"}'));
    await expect
      .poll(() => tab.getByRole("alert").textContent())
      .toMatch(/^<b>bad<\/b>\.json: .*is missing; .*is needed$/);
    await tab.getByLabel("Your board.json…").setInputFiles(file("{"));
    await expect.poll(() => tab.getByRole("alert").textContent()).toMatch(/is no JSON/);
    await close();
  });

  it("fits the board in the page, and takes a network over by keyboard", async () => {
    const { tab, close } = await open(folder, { room: "board" });
    await tab.getByLabel("choose the resolution too").uncheck();
    await tab.getByRole("button", { name: "Fit this board" }).click();
    const chosen = tab.getByRole("button", { name: "fit's choice" });
    await chosen.waitFor({ timeout: 60_000 });
    await chosen.focus();
    await tab.keyboard.press("Enter");
    const line = await tab.locator(".solve .command code").textContent();
    const document = JSON.parse(await phinets([...line!.split(" ").slice(1), "--json"]));
    const network = await downloadOf(tab, () => tab.getByRole("button", { name: "Save network.json" }).click());
    expect(JSON.parse(readFileSync(network.path, "utf8"))).toEqual(document.chosen.network);
    expect(await tab.locator(".scatter circle").count()).toBe(document.pareto.length);
    await close();
  });
});
