/** Takes the documentation's pictures of the rooms from the current page, so that they are never outdated. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderConveyorClip } from "@phinets/core/data";
import { writeConveyorDataset } from "@phinets/node/dataset";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { encodeY4m } from "../../bench/studio/lib/y4m.mjs";
import { dataFolder } from "../data-folder.js";
import { phinetsJson, writeNetwork } from "../road-tools.js";
import { browserOptions, studioBrowser } from "./page.js";

const { root, put } = dataFolder("studio-pictures");
const camera = join(root, "belt.y4m");
/** PHINETS_WRITE_DOCS=1 writes them into docs/; otherwise they are only made, with networks that are hardly trained. */
const forDocs = process.env.PHINETS_WRITE_DOCS !== undefined;
const into = forDocs ? fileURLToPath(new URL("../../docs/pictures", import.meta.url)) : join(root, "pictures");

describe.skipIf(browserOptions === undefined)("pictures of the rooms", () => {
  const { open } = studioBrowser({ camera });

  beforeAll(() => {
    const frames = renderConveyorClip(5, 90, { height: 480, width: 640 }).map(({ picture }) => picture);
    writeFileSync(camera, encodeY4m(frames, 15));
  });

  async function take(tab: Page, name: string): Promise<void> {
    const file = join(into, `studio-${name}.jpg`);
    const bytes = await tab.screenshot({ type: "jpeg", quality: 80 });
    put(`pictures/studio-${name}.jpg`, bytes);
    if (forDocs) await tab.screenshot({ path: file, type: "jpeg", quality: 80 });
    // A page of one colour would be a few kilobytes.
    expect(bytes.length).toBeGreaterThan(30_000);
  }

  it("are of a sweep's, a shipped run's and an emulated board's", { timeout: 600_000 }, async () => {
    const [folder, slow] = [join(root, "parts"), { timeout: 300_000 }];
    const size = { height: 96, width: 96 };
    await writeConveyorDataset(join(folder, "belt"), { train: 60, val: 10, clipFrames: 40, seed: 3, size });
    writeFileSync(
      join(folder, "sweep.yaml"),
      [
        ...["data: belt", "target: rp2040", "imgsz: 48", "fps: 5", `epochs: ${forDocs ? 3 : 1}`, "batch: 8"],
        ...["space:", "  lr: [0.0003, 0.003, 0.01]", "  mosaic: [0, 0.5]", "  maxMacs: [400000, 1500000]", ""],
      ].join("\n"),
    );
    // Commands then name the folder as a user beside it would.
    const before = process.cwd();
    process.chdir(root);
    onTestFinished(() => process.chdir(before));
    await phinetsJson("sweep", "parts/sweep.yaml", "--out", "parts/runs/sweep/lr");
    const { tab, close } = await open("parts", { room: "sweeps" });
    await tab.locator(".leaderboard tbody tr").nth(5).waitFor();
    await take(tab, "sweeps");
    await tab.getByRole("link", { name: "Ship" }).click();
    await tab.getByRole("button", { name: "Ship", exact: true }).isEnabled();
    const fields = {
      Board: "stm32h743",
      Resolution: "96",
      Epochs: forDocs ? "25" : "2",
      "Pictures to prove": "10",
      Name: "belt",
    };
    for (const [label, value] of Object.entries(fields)) await tab.getByLabel(label, { exact: true }).fill(value);
    await tab.getByLabel("Clip to track").selectOption("belt/clip/images");
    await tab.getByRole("button", { name: "Ship", exact: true }).click();
    await tab.getByText(/^Every output byte/).waitFor(slow);
    await tab.locator("img.memory").waitFor();
    await take(tab, "ship");
    await tab.getByRole("link", { name: "Live" }).click();
    await tab.getByLabel("Run", { exact: true }).selectOption("project:ship/belt");
    await tab.getByLabel("It sees", { exact: true }).selectOption("belt/clip/images");
    await tab.getByLabel("over and over").uncheck();
    await tab.getByLabel("run each picture in this page").check();
    await tab.getByRole("button", { name: "Emulate", exact: true }).click();
    await tab.getByText("The line has ended.").waitFor(slow);
    await tab.getByText(/pictures are the board's, every number/).waitFor(slow);
    await take(tab, "live");
    await close();
  });

  it("are of the data's, the labelling and the board's", async () => {
    await writeConveyorDataset(join(root, "belt"), { train: 60, val: 10, clipFrames: 10 });
    const { tab, close } = await open(join(root, "belt"));
    await expect
      .poll(() =>
        tab.locator(".cell img").evaluateAll((all) => all.length > 9 && all.every((each) => each.clientHeight > 50)),
      )
      .toBe(true);
    await take(tab, "data");
    await tab.getByRole("button", { name: "Edit boxes" }).click();
    await tab.locator(".labelling .box").first().focus();
    await expect.poll(() => tab.locator(".labelling img").evaluate((image) => image.clientHeight > 300)).toBe(true);
    await tab.getByLabel("Model", { exact: true }).waitFor();
    await take(tab, "labelling");
    await tab.keyboard.press("Escape");
    await tab.getByRole("link", { name: "Board" }).click();
    await tab.getByRole("button", { name: "Fit this board" }).click();
    await tab.getByRole("button", { name: "fit's choice" }).click({ timeout: 60_000 });
    await tab.getByRole("button", { name: "Save inspection.json" }).isEnabled();
    await tab.locator("img.memory").waitFor();
    await take(tab, "board");
    await close();
  });

  it("are of a camera that takes pictures", async () => {
    const belt = join(root, "taken/belt");
    await writeConveyorDataset(belt, { train: 60, val: 10, clipFrames: 10 });
    const { tab, close } = await open(belt);
    await tab.getByRole("button", { name: "Take pictures…" }).click();
    const dialog = tab.getByRole("dialog", { name: "Take pictures" });
    await dialog.getByRole("img", { name: "What the camera sees" }).waitFor();
    for (let n = 1; n <= 5; n++) {
      await dialog.getByRole("button", { name: "Take a picture" }).click();
      await dialog.getByText(new RegExp(`^${n} pictures? into`)).waitFor();
    }
    await take(tab, "capture");
    await close();
  });

  it("are of a training and of what was trained", { timeout: 300_000 }, async () => {
    const [folder, project] = [join(root, "trained/parts"), join(root, "trained/runs")];
    await writeConveyorDataset(folder, { seed: 1, train: 160, val: 20, clipFrames: 10 });
    const network = writeNetwork(root, {
      ...{ family: "phinet", input: { height: 96, width: 128 }, alpha: 0.25, blocks: 5, downsampling: [4] },
      head: { kind: "yolov2", classes: 3, filters: 32 },
    });
    const words = ["--data", folder, "--project", project];
    for (const [name, rate] of [
      ["fast", "0.01"],
      ["slow", "0.003"],
    ])
      await phinetsJson("train", ...words, "--network", network, "--epochs", "20", "--name", name, "--lr", rate);
    await phinetsJson("quantize", ...words, "--model", join(project, "detect/fast"));
    const { tab, close } = await open(folder, { room: "train", project, height: 1000 });
    await tab.getByRole("row", { name: /slow/ }).getByRole("checkbox").check();
    await tab.getByRole("img", { name: /^Loss by epoch: .*fast.*slow/ }).waitFor();
    await expect
      .poll(() =>
        tab.locator(".shots img").evaluateAll((all) => (all[0] as HTMLImageElement | undefined)?.naturalWidth ?? 0),
      )
      .toBeGreaterThan(0);
    await take(tab, "train");
    await tab.getByRole("link", { name: "Try" }).click();
    await tab.getByLabel("Run", { exact: true }).selectOption(`project:detect/fast`);
    await tab.getByText("int8 and float").waitFor();
    await tab.getByLabel("Pictures of").selectOption("");
    await tab.getByLabel("float", { exact: true }).check();
    await tab.locator(".found button").first().click();
    await expect.poll(() => tab.locator("canvas").count()).toBe(3);
    await take(tab, "try");
    await close();
  });
});
