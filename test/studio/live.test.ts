/// <reference lib="dom" />
/** The room Live: the page shows for an emulated board's bytes what the library computes for the clip. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeInputInt8 } from "@phinets/core/data";
import { Follower, modelOptions, wireMessagesOf } from "@phinets/core/export";
import { IntegerEngine } from "@phinets/core/inference";
import { formatMotTracks } from "@phinets/core/tracking";
import { encodeWire, WireDecoder, type WireTracks } from "@phinets/core/wire";
import { framesOf } from "@phinets/node";
import { writeConveyorDataset } from "@phinets/node/dataset";
import { loadRun, openModel } from "@phinets/node/run";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { dataFolder } from "../data-folder.js";
import { makeRun } from "../make-run.js";
import { installed } from "../tools.js";
import { overflow, unnamed, unreadable } from "./in-page.js";
import { browserOptions, downloadOf, idleRequests, studioBrowser } from "./page.js";

const { root } = dataFolder("studio-live");
const [folder, clip] = [join(root, "opened"), "belt/clip/images"];
const tools = installed("arm-none-eabi-gcc", "qemu-system-arm");

/**
 * The library's tracks of the clip, rounded to the wire format's steps, as MOTChallenge text; and those of the last
 * frame.
 */
async function expected(): Promise<{ text: string; last: WireTracks }> {
  const run = loadRun(join(folder, "run"));
  const model = await openModel(run);
  const { width, height } = model.input;
  const [engine, follower] = [
    new IntegerEngine(run.quantized!),
    new Follower(run.quantized!, modelOptions(run.network).detector!),
  ];
  let [text, last] = ["", undefined as WireTracks | undefined];
  const input = new Int8Array(engine.inputBytes);
  for await (const { number, picture } of (await framesOf(join(folder, clip))).frames) {
    writeInputInt8(model.prepare(picture).data, input);
    const followed = follower.next(engine.run(input));
    const [, tracks] = wireMessagesOf(followed, number - 1, { width, height });
    [last] = new WireDecoder().push(encodeWire(tracks)) as WireTracks[];
    text += formatMotTracks(number, last.tracks);
  }
  return { text, last: last! };
}

/** The labels and corners of the tracks that are drawn. */
const drawn = (tab: Page) =>
  tab.locator(".scene .track").evaluateAll((all) =>
    all.map((each) => {
      const numbers = ["x", "y", "width", "height"].map((name) =>
        Number(each.querySelector("rect")!.getAttribute(name)),
      );
      return [each.querySelector("text")!.textContent, ...numbers];
    }),
  );

describe.skipIf(browserOptions === undefined || !tools)("the room Live", () => {
  const { open } = studioBrowser();
  let wanted: Awaited<ReturnType<typeof expected>>;
  let frames = 0;

  beforeAll(async () => {
    mkdirSync(folder);
    await writeConveyorDataset(join(folder, "belt"), { train: 2, val: 1, clipFrames: 12, seed: 4 });
    makeRun(join(folder, "run"));
    wanted = await expected();
    frames = readdirSync(join(folder, clip)).length;
    expect(wanted.text.split("\n").length).toBeGreaterThan(10);
  });

  async function showsTheLibrarys(tab: Page): Promise<void> {
    await tab.getByText("The line has ended.").waitFor({ timeout: 120_000 });
    await tab.getByText(`${frames} heard`).waitFor();
    const tracks = await downloadOf(tab, () => tab.getByRole("button", { name: "Save tracks.txt" }).click());
    expect(readFileSync(tracks.path, "utf8")).toBe(wanted.text);
    const names = ["nut", "bolt"];
    const last = wanted.last.tracks.map(({ id, class: index, score, x1, y1, x2, y2 }) => [
      `${id} ${names[index]} ${score.toFixed(2)}`,
      ...[x1, y1, x2 - x1, y2 - y1],
    ]);
    expect(await drawn(tab)).toEqual(last);
    await tab.getByText("0 frames, 0 packets, 0 B").waitFor();
  }

  it("draws an emulated board's pictures, boxes and tracks, and finds the same boxes itself", async () => {
    const { tab, complaints, close } = await open(folder, { room: "live" });
    await tab.getByLabel("It sees", { exact: true }).selectOption(clip);
    await tab.getByLabel("over and over").uncheck();
    await tab.getByLabel("run each picture in this page").check();
    expect(await tab.locator(".ask .command code").last().textContent()).toBe(
      `phinets monitor --emulate ${folder}/run --clip ${folder}/${clip}`,
    );
    await tab.getByRole("button", { name: "Emulate", exact: true }).click();
    await showsTheLibrarys(tab);
    await tab.getByText(/^The boxes of \d+ pictures are the board's, every number\.$/).waitFor();
    for (const look of [unreadable, unnamed]) expect(await tab.evaluate(look)).toEqual([]);
    expect(await tab.evaluate(overflow)).toBeLessThanOrEqual(0);
    // The picture is the last frame as the network saw it.
    const pixels = await tab.locator(".scene canvas").evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return [canvas.width, canvas.height, ...data.filter((_, i) => i % 4 < 3)];
    });
    const model = await openModel(loadRun(join(folder, "run")));
    let last: number[] = [];
    for await (const { picture } of (await framesOf(join(folder, clip))).frames)
      last = [...model.prepare(picture).data];
    expect(pixels).toEqual([model.input.width, model.input.height, ...last]);
    expect(complaints).toEqual([]);
    await close();
  });

  it("draws the same of a serial port that carries the board's bytes", async () => {
    const { tab, complaints, close } = await open(folder, { room: "data" });
    // A simulated port replaces only the cable: its bytes are the emulated board's.
    await tab.evaluate(
      (address) => {
        const requestPort = async () => {
          const { body } = await fetch(address);
          return { readable: body, open: async () => {}, close: async () => {} };
        };
        Object.defineProperty(navigator, "serial", { value: { requestPort } });
      },
      `./api/live/emulated?run=folder:run&clip=${encodeURIComponent(clip)}&pictures=0&times=1`,
    );
    await tab.getByRole("link", { name: "Live" }).click();
    await tab.getByRole("button", { name: "Connect…" }).click();
    await showsTheLibrarys(tab);
    expect(complaints).toEqual([]);
    await close();
  });

  it("hears of runs that come and go, and asks for nothing meanwhile", async () => {
    const { tab, complaints, close } = await open(folder, { room: "live" });
    const titles = () => tab.getByLabel("Run", { exact: true }).locator("option").allTextContents();
    const heard = { timeout: 60_000 };
    await expect.poll(titles, heard).toHaveLength(1);
    await expect.poll(() => idleRequests(tab), heard).toEqual([]);
    cpSync(join(folder, "run"), join(folder, "second"), { recursive: true });
    await expect
      .poll(async () => (await titles()).map((title) => title.split(" ")[0]), heard)
      .toEqual(["run", "second"]);
    rmSync(join(folder, "second"), { recursive: true });
    await expect.poll(titles, heard).toHaveLength(1);
    expect(complaints).toEqual([]);
    await close();
  });

  it("goes on for ever until it is told to stop, and says what cannot be emulated", async () => {
    const { tab, close } = await open(folder, { room: "live" });
    await tab.getByLabel("It sees", { exact: true }).selectOption(clip);
    await tab.getByRole("button", { name: "Emulate", exact: true }).click();
    await expect
      .poll(async () => Number(/(\d+) heard/.exec((await tab.locator(".seen dl").textContent()) ?? "")?.[1]), {
        timeout: 120_000,
      })
      .toBeGreaterThan(2 * frames);
    await tab.getByRole("button", { name: "Disconnect" }).click();
    await tab.getByText("Disconnected.").waitFor();
    const missing = await tab.evaluate(async () => {
      const answers = [];
      for (const query of [
        "run=folder:run&clip=absent",
        "run=folder:..&clip=belt",
        "run=folder:belt&clip=belt/clip/images",
      ])
        answers.push((await (await fetch(`./api/live/emulated?${query}&pictures=0&times=1`)).json()).error.code);
      for (const name of ["../run/network.json", "args.yaml"])
        answers.push((await (await fetch(`./api/live/file?run=folder:run&name=${name}`)).json()).error.code);
      return answers;
    });
    expect(missing).toEqual(["studio.missing", "studio.outside", "run.missing", "studio.missing", "studio.missing"]);
    await close();
  });
});
