/** The room Try: it shows what the command line detects and tracks in the same frames, to the last digit. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderConveyorClip } from "@phinets/core/data";
import { writeConveyorDataset } from "@phinets/node/dataset";
import { readPicture } from "@phinets/node/picture";
import { openRun } from "@phinets/node/run";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeY4m } from "../../bench/studio/lib/y4m.mjs";
import { dataFolder } from "../data-folder.js";
import { phinetsJson, writeNetwork } from "../road-tools.js";
import { installed } from "../tools.js";
import { watchFrames } from "./in-page.js";
import { browserOptions, downloadOf, requireUsable, studioBrowser } from "./page.js";

const { root } = dataFolder("studio-try");
const folder = join(root, "opened");
const project = join(root, "runs");
const run = join(project, "detect/parts");
const camera = join(root, "belt.y4m");
const minutes = { timeout: 180_000 };

describe.skipIf(browserOptions === undefined)("the room Try", minutes, () => {
  const { open } = studioBrowser({ camera });

  beforeAll(async () => {
    mkdirSync(folder);
    await writeConveyorDataset(join(folder, "belt"), { seed: 1, train: 160, val: 20, clipFrames: 10 });
    const network = writeNetwork(root, {
      ...{ family: "phinet", input: { height: 96, width: 128 }, alpha: 0.25, blocks: 5, downsampling: [4] },
      head: { kind: "yolov2", classes: 3, filters: 32 },
    });
    const words = ["--data", join(folder, "belt"), "--project", project];
    await phinetsJson("train", ...words, "--network", network, "--epochs", "12", "--name", "parts", "--no-plots");
    await phinetsJson("quantize", ...words, "--model", run);
    writeFileSync(
      camera,
      encodeY4m(
        renderConveyorClip(5, 90).map(({ picture }) => picture),
        15,
      ),
    );
  }, 240_000);

  async function ready(tab: Page): Promise<void> {
    await tab.getByText("int8 and float").waitFor();
  }

  /** The listed boxes, as "gear 0.71". */
  const listed = (tab: Page) =>
    tab
      .locator(".found button")
      .evaluateAll((all) =>
        all.map(
          (each) => each.firstChild!.textContent + each.childNodes[1].textContent! + each.childNodes[2].textContent,
        ),
      );

  it("finds in pictures of a set what Node finds, at any threshold, and says what kind of error each box is", async () => {
    const { tab, complaints, close } = await open(folder, { room: "try", project });
    await tab.addInitScript(watchFrames);
    await tab.reload();
    await ready(tab);
    await tab.getByLabel("Pictures of").selectOption("belt");
    await tab.getByText("train/images/000000.png", { exact: true }).waitFor();
    const looks = () => tab.evaluate("frames.length");
    const picture = await readPicture(join(folder, "belt/train/images/000000.png"));
    const wanted = async (conf: number, on: "int8" | "float" = "int8") => {
      const model = await openRun(run, { conf, on });
      const boxes = model.detect(picture).map(({ name, score }) => `${name} ${score.toFixed(2)}`);
      await model.dispose();
      return boxes;
    };
    const plain = await wanted(0.25);
    await expect.poll(() => listed(tab)).toEqual(plain);
    const before = await looks();
    for (const conf of [0.05, 0.6]) {
      await tab.getByLabel("Score, typed").fill(String(conf));
      await tab.keyboard.press("Tab");
      const boxes = await wanted(conf);
      expect(boxes.length).not.toBe(plain.length);
      await expect.poll(() => listed(tab)).toEqual(boxes);
    }
    // The network did not run again.
    expect(await looks()).toBe(before);
    await tab.getByLabel("Score, typed").fill("0.05");
    await tab.keyboard.press("Tab");
    const first = tab.locator(".found button").first();
    await first.click();
    await tab
      .locator(".meaning")
      .getByText(/^(right|localisation|class|duplicate|background)/)
      .waitFor();
    await tab.getByLabel("float", { exact: true }).check();
    await expect.poll(() => tab.locator("canvas").count()).toBe(3);
    await tab.getByLabel("int8", { exact: true }).uncheck();
    await expect.poll(() => listed(tab)).toEqual(await wanted(0.05, "float"));
    const shown = await tab.getByRole("img", { name: /^What the chip sees/ }).evaluate((each) => {
      const { width, height } = each as HTMLCanvasElement;
      return [width, height];
    });
    expect(shown).toEqual([128, 96]);
    await requireUsable(tab);
    expect(complaints).toEqual([]);
    await close();
  });

  it("tracks on a camera what the command line tracks in the same frames", async () => {
    for (const [title, tracker] of [
      ["SORT", "sort"],
      ["in the manner of ByteTrack", "bytetrack"],
    ]) {
      const { tab, complaints, close } = await open(folder, { room: "try", project });
      await tab.addInitScript(watchFrames);
      await tab.reload();
      await ready(tab);
      await tab.getByRole("button", { name: "Webcam" }).click();
      await tab.getByText(/^\d+ frames/).waitFor({ timeout: 60_000 });
      await tab.getByLabel("Tracks").selectOption(title);
      if (tracker === "bytetrack") {
        // The network was trained for seconds only.
        await tab.getByLabel("Good score, typed").fill("0.25");
        await tab.keyboard.press("Tab");
      }
      // Tracks begin with the following frames.
      await expect.poll(() => tab.evaluate("frames.tracked().length"), { timeout: 90_000 }).toBeGreaterThan(45);
      await tab.getByRole("button", { name: "Stop" }).click();
      const line = await tab.locator(".command code").last().textContent();
      expect(line).toMatch(/^phinets track 0 --model /);
      const { path } = await downloadOf(tab, () => tab.getByRole("button", { name: "Save tracks.txt" }).click());
      const found = readFileSync(path, "utf8");
      const pictures = (await tab.evaluate("frames.pngs()")) as string[];
      const own = mkdtempSync(join(tmpdir(), "phinets-studio-frames-"));
      for (const [n, png] of pictures.entries())
        writeFileSync(join(own, `${String(n + 1).padStart(6, "0")}.png`), Buffer.from(png, "base64"));
      const out = join(root, `${tracker}.txt`);
      const how = tracker === "sort" ? [] : ["--tracker", tracker, "--high-score", "0.25"];
      await phinetsJson("track", own, "--model", run, "--out", out, ...how, "--no-video");
      const expected = readFileSync(out, "utf8");
      expect(new Set(expected.split("\n").map((row) => row.split(",")[1])).size).toBeGreaterThan(3);
      expect(found).toBe(expected);
      expect(complaints).toEqual([]);
      await close();
    }
  });

  it("counts over a line and in a zone that are drawn or typed", async () => {
    const { tab, close } = await open(folder, { room: "try", project });
    await ready(tab);
    await tab.getByRole("button", { name: "Webcam" }).click();
    await tab.getByLabel("Tracks").selectOption("SORT");
    await tab.getByRole("button", { name: "Line", exact: true }).click();
    // Parts move to the right: over a line that is drawn upwards they cross to its right.
    const box = (await tab.getByRole("img", { name: /^int8/ }).boundingBox())!;
    await tab.mouse.move(box.x + box.width / 2, box.y + box.height - 2);
    await tab.mouse.down();
    await tab.mouse.move(box.x + box.width / 2, box.y + 2, { steps: 3 });
    await tab.mouse.up();
    await tab.getByText(/over the line: [1-9]\d* to the right of its way/).waitFor({ timeout: 90_000 });
    await tab.getByRole("button", { name: "Zone", exact: true }).click();
    await tab.getByLabel("Left, typed").fill("0");
    await tab.keyboard.press("Tab");
    await tab.getByText(/in the zone: \d+ now, [1-9]\d* in all/).waitFor({ timeout: 90_000 });
    await close();
  });

  it.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))(
    "runs the firmware on the frame, to the same values",
    async () => {
      const { tab, close } = await open(folder, { room: "try", project });
      await ready(tab);
      await tab.getByLabel("Pictures of").selectOption("belt");
      await tab.getByRole("button", { name: "Run the firmware on it" }).click();
      await tab.getByText(/^All [\d,]+ values of the output are the firmware's/).waitFor({ timeout: 120_000 });
      await close();
    },
  );

  it("puts a frame into a set and opens it to be labelled", async () => {
    const own = join(root, "labelled");
    mkdirSync(own);
    cpSync(join(folder, "belt"), join(own, "belt"), { recursive: true });
    const { tab, complaints, close } = await open(own, { room: "try", project });
    await ready(tab);
    await tab.getByRole("button", { name: "Webcam" }).click();
    await tab.getByText(/^\d+ frames/).waitFor({ timeout: 60_000 });
    await tab.getByLabel("Label this frame in").selectOption({ index: 1 });
    await tab.getByRole("dialog", { name: "Labelling" }).waitFor();
    expect(tab.url()).toMatch(/#data$/);
    const made = readdirSync(join(own, "belt/train/images")).filter((name) => name.startsWith("frame-"));
    expect(made).toHaveLength(1);
    await tab.getByRole("heading", { name: `train/images/${made[0]}`, exact: true }).waitFor();
    const { width, height } = await readPicture(join(own, "belt/train/images", made[0]));
    expect([width, height]).toEqual([160, 120]);
    expect(existsSync(join(own, "belt/train/labels", made[0].replace(".png", ".txt")))).toBe(false);
    expect(complaints).toEqual([]);
    await close();
  });

  it.skipIf(!installed("ffmpeg"))("plays a clip to its end, and says what is none", async () => {
    const clip = join(root, "belt.webm");
    const words = ["-loglevel", "error", "-i", camera, "-frames:v", "30", "-c:v", "libvpx", "-b:v", "1M", clip];
    expect(spawnSync("ffmpeg", words).status).toBe(0);
    const { tab, complaints, close } = await open(folder, { room: "try", project });
    await ready(tab);
    await tab.getByLabel("Clip…").setInputFiles(clip);
    await tab.getByText(/^[1-9]\d* frames/).waitFor({ timeout: 60_000 });
    // Thirty frames at most, at any processing speed; none after the end.
    const count = async () => Number.parseInt((await tab.locator(".rate").textContent())!, 10);
    await expect
      .poll(async () => [await count(), await new Promise((done) => setTimeout(done, 1500)), await count()], {
        timeout: 60_000,
      })
      .toSatisfy(([a, , b]) => a === b);
    expect(await count()).toBeLessThanOrEqual(31);
    await tab.getByRole("img", { name: /^int8: \d+ boxes/ }).waitFor();
    expect(complaints).toEqual([]);
    await tab.getByLabel("Clip…").setInputFiles({ name: "no.mp4", mimeType: "video/mp4", buffer: Buffer.from("none") });
    await tab
      .getByRole("alert")
      .getByText(/no.mp4: this browser cannot play it/)
      .waitFor();
    await close();
  });

  it("looks at the screen", async () => {
    const { tab, close } = await open(folder, { room: "try", project });
    await ready(tab);
    await tab.getByRole("button", { name: "Screen" }).click();
    await tab.getByText(/^[1-9]\d* frames/).waitFor({ timeout: 60_000 });
    await close();
  });

  it("takes a run folder that is chosen in the page", async () => {
    const { tab, close } = await open(folder, { room: "try", project: join(root, "none") });
    await tab.getByLabel("A run folder…").setInputFiles(run);
    await ready(tab);
    await tab.getByLabel("Pictures…").setInputFiles(join(folder, "belt/train/images/000000.png"));
    await tab.locator(".found button").first().waitFor();
    await tab.getByLabel("A run folder…").setInputFiles(join(folder, "belt/val"));
    await tab
      .getByRole("alert")
      .getByText(/has no network.json; choose a run folder/)
      .waitFor();
    await close();
  });
});
