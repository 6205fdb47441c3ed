/** Zoom and pan of a picture in labelling, by wheel, keys, buttons and touch, with boxes drawn in between. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { dataFolder, jpeg } from "../data-folder.js";
import { browserOptions, requireUsable, studioBrowser } from "./page.js";

const { root, put } = dataFolder("studio-zoom");
const [width, height] = [1600, 1200];
type Point = readonly [x: number, y: number];

async function makeSet(name: string): Promise<string> {
  put(`${name}/images/1.jpg`, await jpeg(width, height, 1));
  put(`${name}/data.yaml`, "train: images\nnames: [nut]\n");
  return join(root, name);
}

/** Corners of the boxes in the label file, in pixels to a tenth. */
const boxesOf = (name: string): number[][] =>
  readFileSync(join(root, name, "labels/1.txt"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" ").slice(1).map(Number))
    .map(([x, y, w, h]) =>
      [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height].map(
        (value) => Math.round(10 * value) / 10,
      ),
    );

async function begin(tab: Page): Promise<void> {
  await tab.getByRole("button", { name: "Edit boxes" }).click();
  await tab.getByRole("heading", { name: "images/1.jpg" }).waitFor();
  await tab.locator(".labelling .frame img").evaluate((image) => (image as HTMLImageElement).decode());
}

/** Converts a point in the picture to one on the screen, at the current zoom. */
async function onScreen(tab: Page): Promise<(x: number, y: number) => Point> {
  const frame = (await tab.locator(".labelling .frame").boundingBox())!;
  return (x, y) => [frame.x + (x / width) * frame.width, frame.y + (y / height) * frame.height];
}

const percent = async (tab: Page) => Number.parseInt((await tab.getByTitle("The whole picture").textContent())!, 10);
const saved = (tab: Page) =>
  tab.getByRole("status", { name: "Saving" }).getByText("Saved", { exact: true }).waitFor({ timeout: 20_000 });
const boxes = (tab: Page) => tab.locator(".labelling .box");

async function drag(tab: Page, from: Point, to: Point, button: "left" | "middle" = "left"): Promise<void> {
  await tab.mouse.move(...from);
  await tab.mouse.down({ button });
  await tab.mouse.move(...to, { steps: 5 });
  await tab.mouse.up({ button });
}

const near = (a: Point, b: Point, by = 1.5) => Math.hypot(a[0] - b[0], a[1] - b[1]) <= by;

/** Moves fingers together along the given paths. */
async function touch(devtools: CDPSession, paths: readonly (readonly [from: Point, to: Point])[]): Promise<void> {
  const steps = 6;
  const at = (share: number) =>
    paths.map(([from, to], id) => ({
      ...{ x: from[0] + share * (to[0] - from[0]), y: from[1] + share * (to[1] - from[1]), id },
    }));
  // Fingers touch one after another.
  for (let n = 1; n <= paths.length; n++)
    await devtools.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(0).slice(0, n) });
  for (let step = 1; step <= steps; step++)
    await devtools.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(step / steps) });
  for (let n = paths.length - 1; n >= 0; n--)
    await devtools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: at(1).slice(0, n) });
}

describe.skipIf(browserOptions === undefined)("what is seen while labelling", () => {
  const { open } = studioBrowser();

  it("wheel, keys and buttons zoom about the pointer; three pixels are drawn exactly", async () => {
    const { tab, complaints, close } = await open(await makeSet("wheel"));
    await begin(tab);
    // Wheel events have integer coordinates.
    const pointer = (await onScreen(tab))(1000, 700).map(Math.round) as unknown as Point;
    const under = async () => {
      const [zero, one] = [(await onScreen(tab))(0, 0), (await onScreen(tab))(1, 1)];
      return pointer.map((value, n) => (value - zero[n]) / (one[n] - zero[n])) as unknown as Point;
    };
    const pixel = await under();
    await tab.mouse.move(...pointer);
    await tab.keyboard.down("Control");
    for (let i = 0; i < 9; i++) await tab.mouse.wheel(0, -100);
    await tab.keyboard.up("Control");
    await expect.poll(() => percent(tab)).toBeGreaterThan(2000);
    // The page itself is not zoomed, and the same pixel stays under the pointer.
    expect(await tab.evaluate("devicePixelRatio")).toBe(1);
    await expect.poll(async () => near(await under(), pixel, 0.2)).toBe(true);
    const place = await onScreen(tab);
    await drag(tab, place(1000.2, 699.9), place(1003.3, 702.8));
    await expect.poll(() => boxes(tab).count()).toBe(1);
    await saved(tab);
    expect(boxesOf("wheel")).toEqual([[1000, 700, 1003, 703]]);
    // Moved and resized, its edges stay between pixels.
    await drag(tab, place(1001.5, 701.5), place(1003.6, 700.4));
    await drag(tab, place(1005, 702), place(1008.1, 705.2));
    await saved(tab);
    expect(boxesOf("wheel")).toEqual([[1002, 699, 1008, 705]]);
    const sides = () =>
      boxes(tab).evaluate((box) => {
        const handle = box.querySelector("i")!.getBoundingClientRect();
        return [getComputedStyle(box).borderTopWidth, handle.width, handle.height];
      });
    const zoomed = await sides();
    await tab.keyboard.press("0");
    expect(await percent(tab)).toBe(100);
    expect(await sides()).toEqual(zoomed);
    // Keys and buttons.
    await tab.keyboard.press("+");
    await expect.poll(() => percent(tab)).toBe(141);
    await tab.getByRole("button", { name: "Zoom in" }).click();
    await expect.poll(() => percent(tab)).toBe(200);
    await tab.keyboard.press("-");
    await expect.poll(() => percent(tab)).toBe(141);
    await tab.getByTitle("The whole picture").click();
    await expect.poll(() => percent(tab)).toBe(100);
    expect(complaints).toEqual([]);
    await close();
  });

  it("Space, the middle button and the wheel move the picture, never over its edge, and draw nothing", async () => {
    const { tab, complaints, close } = await open(await makeSet("pan"));
    await begin(tab);
    for (let i = 0; i < 6; i++) await tab.keyboard.press("+");
    await expect.poll(() => percent(tab)).toBe(800);
    const first = await onScreen(tab);
    const [x, y] = first(800, 600);
    const moved = async (by: Point) => {
      const before = first(800, 600);
      await expect
        .poll(async () => near((await onScreen(tab))(800, 600), [before[0] + by[0], before[1] + by[1]]))
        .toBe(true);
    };
    await tab.keyboard.down("Space");
    await drag(tab, [x, y], [x + 60, y + 40]);
    await tab.keyboard.up("Space");
    await moved([60, 40]);
    await drag(tab, [x, y], [x - 100, y + 10], "middle");
    await moved([-40, 50]);
    await tab.mouse.wheel(30, -20);
    await moved([-70, 70]);
    expect(await boxes(tab).count()).toBe(0);
    await drag(tab, [x, y], [x + 5000, y + 5000], "middle");
    const edge = (await onScreen(tab))(0, 0);
    const stage = (await tab.locator(".labelling .stage").boundingBox())!;
    expect(near(edge, [stage.x, stage.y])).toBe(true);
    // A new box lies in the visible part; a selected box outside is scrolled into view.
    await tab.keyboard.press("n");
    await saved(tab);
    const [[left, top, right, bottom]] = boxesOf("pan");
    expect([left > 0, top > 0, right < 300, bottom < 300]).toEqual([true, true, true, true]);
    await drag(tab, [x, y], [x - 5000, y - 5000], "middle");
    await tab.getByRole("heading", { name: "images/1.jpg" }).focus();
    await tab.keyboard.press("Tab");
    await expect
      .poll(async () => {
        const box = (await boxes(tab).boundingBox())!;
        return box.x + box.width > stage.x && box.x < stage.x + stage.width && box.y + box.height > stage.y;
      })
      .toBe(true);
    expect(complaints).toEqual([]);
    await close();
  });

  it.each([390, 1280])("fingers draw, move, resize and pinch on %i pixels", async (across) => {
    const name = `touch-${across}`;
    const { tab, complaints, close } = await open(await makeSet(name), { width: across, height: 844 });
    const devtools = await tab.context().newCDPSession(tab);
    await devtools.send("Emulation.setTouchEmulationEnabled", { enabled: true, maxTouchPoints: 5 });
    await begin(tab);
    let place = await onScreen(tab);
    const least = 1600 / (place(width, 0)[0] - place(0, 0)[0]) + 0.2;
    const shows = async (wanted: readonly number[]) => {
      await expect
        .poll(() => {
          const [found] = boxesOf(name);
          return found.every((value, n) => Math.abs(value - wanted[n]) <= least) || found;
        })
        .toBe(true);
    };
    await touch(devtools, [[place(200, 200), place(800, 700)]]);
    await expect.poll(() => boxes(tab).count()).toBe(1);
    await saved(tab);
    await shows([200, 200, 800, 700]);
    await touch(devtools, [[place(500, 450), place(700, 550)]]);
    await shows([400, 300, 1000, 800]);
    await touch(devtools, [[place(1000, 800), place(1400, 1100)]]);
    await shows([400, 300, 1400, 1100]);
    // Two fingers: their midpoint keeps its place, and nothing is drawn or moved.
    await saved(tab);
    place = await onScreen(tab);
    const middle = place(800, 600);
    await touch(devtools, [
      [place(700, 600), place(400, 600)],
      [place(900, 600), place(1200, 600)],
    ]);
    await expect.poll(() => percent(tab)).toBeGreaterThan(350);
    const found = (await onScreen(tab))(800, 600);
    expect(near(found, middle, 4), `${found} is to be ${middle}`).toBe(true);
    expect(await boxes(tab).count()).toBe(1);
    // Both move in the same direction: the picture is panned.
    await touch(devtools, [
      [place(700, 600), place(700, 500)],
      [place(900, 600), place(900, 500)],
    ]);
    const lower = place(800, 500);
    expect(near((await onScreen(tab))(800, 600), lower, 4)).toBe(true);
    await touch(devtools, [
      [place(400, 600), place(750, 600)],
      [place(1200, 600), place(850, 600)],
    ]);
    await expect.poll(() => percent(tab)).toBe(100);
    await shows([400, 300, 1400, 1100]);
    // One finger draws again.
    await touch(devtools, [[place(100, 100), place(350, 250)]]);
    await expect.poll(() => boxes(tab).count()).toBe(2);
    await saved(tab);
    if (across === 390) await requireUsable(tab);
    expect(complaints).toEqual([]);
    await close();
  });
});
