/**
 * Labelling in the page: by keyboard, by mouse, with a server that is killed, and with others who write the same files.
 */
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { Random } from "@phinets/core/tensor";
import { openDataset } from "@phinets/node/dataset";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { dataFolder, jpeg } from "../data-folder.js";
import { makeRun } from "../make-run.js";
import { installed } from "../tools.js";
import { overflow, unnamed, unreadable } from "./in-page.js";
import { browserOptions, studioBrowser } from "./page.js";

const { root, put } = dataFolder("studio-labelling");
const text = (path: string) => readFileSync(join(root, path), "utf8");
const [width, height] = [160, 120];

/** Boxes of a folder's pictures as the registry reads them: class and corners in pixels, to a tenth. */
async function boxesOf(folder: string): Promise<Record<string, string[]>> {
  const { splits, classes, sets } = await openDataset([join(root, folder)], { bad: "leave out", complete: false });
  expect(sets[0].problems.filter(({ leavesOut }) => leavesOut === "row")).toEqual([]);
  const found: Record<string, string[]> = {};
  for (const { file, labels = [] } of Object.values(splits).flat()) {
    found[file.slice(join(root, folder).length + 1)] = labels.map((box) => {
      const [left, top] = [(box.x - box.width / 2) * width, (box.y - box.height / 2) * height];
      const corners = [left, top, left + box.width * width, top + box.height * height];
      return `${classes[box.class]} ${corners.map((value) => Math.round(value * 10) / 10).join()}`;
    });
  }
  return found;
}

async function pictures(folder: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) put(`${folder}/images/${n}.jpg`, await jpeg(width, height, n));
}

/** The page's status of saving. */
const saving = (tab: Page) => tab.getByRole("status", { name: "Saving" });
const boxesIn = (tab: Page) => tab.locator(".labelling .box:not(.suggested)");
const press = async (tab: Page, ...keys: string[]) => {
  for (const key of keys) await tab.keyboard.press(key);
};
const saved = (tab: Page) => saving(tab).getByText("Saved", { exact: true }).waitFor();
const shows = (tab: Page, picture: string) => tab.getByRole("heading", { name: picture, exact: true }).waitFor();

/** Opens the labelling from the room, by keyboard. */
async function begin(tab: Page): Promise<void> {
  await tab.getByRole("button", { name: "Edit boxes" }).focus();
  await tab.keyboard.press("Enter");
  await tab.getByRole("dialog", { name: "Labelling" }).waitFor();
}

describe.skipIf(browserOptions === undefined)("labelling", () => {
  const { page, open, visit } = studioBrowser();

  /** A server in a separate process, to be killed. */
  async function serve(folder: string, port = 0): Promise<{ child: ChildProcess; url: string; port: number }> {
    const server = fileURLToPath(new URL("../../packages/studio/dist/server/index.js", import.meta.url));
    const script = put(
      "serve.mjs",
      `import { startStudio } from ${JSON.stringify(server)};
const [folder, page, port] = process.argv.slice(2);
const studio = await startStudio({ folder, page, port: Number(port) });
process.send({ url: studio.url, port: studio.port });
process.on("disconnect", () => process.exit());`,
    );
    const child = fork(script, [join(root, folder), page, String(port)], { execArgv: [] });
    const [started] = (await once(child, "message")) as [{ url: string; port: number }];
    return { child, ...started };
  }

  it("ten pictures by keyboard alone, though the server is killed midway", async () => {
    await pictures("ten", 10);
    const first = await serve("ten");
    const { tab, close } = await visit(first.url);
    tab.on("dialog", (dialog) => void dialog.accept());
    await begin(tab);
    await shows(tab, "images/0.jpg");
    await press(tab, "n");
    await tab.getByText("name a class first: boxes are of one").waitFor();
    for (const name of ["nut", 'bolt "M8": #1']) {
      await tab.getByLabel("Name of a new class").focus();
      await tab.keyboard.type(name);
      await tab.keyboard.press("Enter");
      await tab.getByText(`class ${name} is there`).waitFor();
    }
    const expected: Record<string, string[]> = {};
    /** A box in the middle, moved in steps of 3 pixels (a fiftieth of the picture) and of one. */
    const label = async (n: number) => {
      await shows(tab, `images/${n}.jpg`);
      await press(tab, "n", n % 2 === 0 ? "1" : "2");
      for (let i = 0; i < n; i++) await press(tab, "ArrowRight");
      await press(tab, "Alt+ArrowUp", "Shift+ArrowDown", "Alt+Shift+ArrowLeft");
      const kind = n % 2 === 0 ? "nut" : 'bolt "M8": #1';
      expected[`images/${n}.jpg`] = [`${kind} ${60 + 3 * n},44,${99 + 3 * n},77`];
    };
    for (let n = 0; n < 4; n++) {
      await label(n);
      await press(tab, "Enter");
    }
    await label(4);
    await saved(tab);
    expect(await boxesOf("ten")).toEqual(expected);

    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    expect(await boxesOf("ten")).toEqual(expected);
    await press(tab, "n", "2", "ArrowLeft");
    await saving(tab).getByText("Not saved: the studio's server does not answer").waitFor();
    // Another session at the same address: its own token, the same browser's storage.
    const second = await serve("ten", first.port);
    await tab.goto("about:blank");
    await tab.goto(second.url);
    expected["images/4.jpg"].push('bolt "M8": #1 57,45,97,75');
    await expect.poll(() => boxesOf("ten")).toEqual(expected);
    await begin(tab);
    for (let n = 5; n < 10; n++) {
      await label(n);
      await saved(tab);
      await press(tab, "Enter");
    }
    await tab.getByText("every picture is labelled").waitFor();
    expect(await boxesOf("ten")).toEqual(expected);
    expect(text("ten/data.yaml")).toBe('train: images\nnames:\n  0: "nut"\n  1: "bolt \\"M8\\": #1"\n');
    await press(tab, "Escape");
    await tab.getByText("10 of 10 pictures").waitFor();
    await close();
    second.child.kill("SIGKILL");
  });

  it("undoes, redoes, doubles, deletes, and is done with the mouse too", async () => {
    await pictures("mouse", 2);
    put("mouse/labels/0.txt", "1 0.500000 0.5 0.25 .25\n");
    put("mouse/data.yaml", "train: images\nnames: [nut, bolt]\n");
    const { tab, complaints, close } = await open(join(root, "mouse"));
    await begin(tab);
    await shows(tab, "images/1.jpg");
    await press(tab, "PageUp");
    await shows(tab, "images/0.jpg");
    await press(tab, "Tab", "d");
    await expect.poll(() => boxesIn(tab).count()).toBe(2);
    await saved(tab);
    expect(text("mouse/labels/0.txt")).toBe("1 0.500000 0.5 0.25 .25\n1 0.55 0.566666667 0.25 0.25\n");
    await press(tab, "Control+z");
    await expect.poll(() => text("mouse/labels/0.txt")).toBe("1 0.500000 0.5 0.25 .25\n");
    await press(tab, "Control+Shift+Z", "Delete", "Tab", "Delete");
    await expect.poll(() => text("mouse/labels/0.txt")).toBe("");
    await press(tab, "Control+z");
    await saved(tab);
    await press(tab, "Control+z", "Control+z", "Control+z");
    await expect.poll(() => text("mouse/labels/0.txt")).toBe("1 0.5 0.5 0.25 0.25\n");

    // The mouse draws, moves by the middle and resizes by a corner.
    const frame = (await tab.locator(".labelling .frame").boundingBox())!;
    const at = (x: number, y: number) =>
      [frame.x + (x / width) * frame.width, frame.y + (y / height) * frame.height] as const;
    const drag = async (from: readonly [number, number], to: readonly [number, number]) => {
      await tab.mouse.move(...at(...from));
      await tab.mouse.down();
      await tab.mouse.move(...at(...to), { steps: 4 });
      await tab.mouse.up();
    };
    await drag([10, 10], [40, 30]);
    await drag([25, 20], [30, 25]);
    await drag([45, 35], [50, 45]);
    await saved(tab);
    expect((await boxesOf("mouse"))["images/0.jpg"][1]).toMatch(/^nut /);
    const [left, top, right, bottom] = (await boxesOf("mouse"))["images/0.jpg"][1].slice(4).split(",").map(Number);
    for (const [value, wanted] of [
      [left, 15],
      [top, 15],
      [right, 50],
      [bottom, 45],
    ])
      expect(Math.abs(value - wanted)).toBeLessThan(0.5);
    expect([await tab.evaluate(unnamed), await tab.evaluate(unreadable), await tab.evaluate(overflow)]).toEqual([
      [],
      [],
      0,
    ]);
    await press(tab, "?");
    await tab.getByRole("region", { name: "Keys" }).waitFor();
    await press(tab, "Escape", "Escape");
    await expect.poll(() => tab.getByRole("dialog", { name: "Labelling" }).count()).toBe(0);
    await tab.getByRole("button", { name: /^without labels/ }).click();
    await tab.getByText("1 of 2 pictures").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("says why a save failed and tries again; asks where somebody else wrote", async () => {
    await pictures("fails", 1);
    put("fails/labels/0.txt", "0 0.5 0.5 0.25 0.25\n");
    put("fails/data.yaml", "train: images\nnames: [nut]\n");
    const { tab, close } = await open(join(root, "fails"));
    await begin(tab);
    chmodSync(join(root, "fails/labels/0.txt"), 0o444);
    await press(tab, "n");
    await saving(tab)
      .getByText(/^Not saved: .*0\.txt: is read-only/)
      .waitFor();
    expect(text("fails/labels/0.txt")).toBe("0 0.5 0.5 0.25 0.25\n");
    chmodSync(join(root, "fails/labels/0.txt"), 0o644);
    await saved(tab);
    expect((await boxesOf("fails"))["images/0.jpg"]).toEqual(["nut 60,45,100,75"]);
    const one = "0 0.5 0.5 0.25 0.25\n";
    expect(text("fails/labels/0.txt")).toBe(one + one);
    for (const [button, boxes] of [
      ["Take theirs", 1],
      ["Keep mine", 2],
    ] as const) {
      put("fails/labels/0.txt", `0 0.5 0.5 0.${boxes} 0.2\n`);
      await press(tab, "n", "ArrowLeft");
      await saving(tab)
        .getByText(/^Not saved: .*was changed by somebody else/)
        .waitFor();
      expect(text("fails/labels/0.txt")).toBe(`0 0.5 0.5 0.${boxes} 0.2\n`);
      await tab.getByRole("button", { name: button }).click();
      await saved(tab);
      await expect.poll(() => text("fails/labels/0.txt").trim().split("\n").length).toBe(boxes);
    }
    await close();
  });

  it("suggests what a run finds; each is accepted or dropped", async () => {
    await pictures("runs-beside/set", 2);
    put("runs-beside/set/data.yaml", "train: images\nnames: [bolt]\n");
    makeRun(join(root, "runs-beside/runs/detect/tiny"));
    const { tab, close } = await open(join(root, "runs-beside"));
    await begin(tab);
    const choice = tab.getByLabel("Model", { exact: true });
    await choice.waitFor();
    expect(await choice.locator("option").allTextContents()).toContain("runs/detect/tiny (nut, bolt)");
    await tab.getByRole("heading", { name: "images/0.jpg" }).focus();
    await press(tab, "p");
    await tab.getByText(/suggested; nut found too: add the class and look again$/).waitFor();
    const suggested = tab.locator(".labelling .suggested");
    const count = await suggested.count();
    expect(count).toBeGreaterThan(2);
    await press(tab, "a");
    await expect.poll(() => boxesIn(tab).count()).toBe(1);
    await press(tab, "x");
    await expect.poll(() => suggested.count()).toBe(count - 2);
    await press(tab, "Shift+X");
    await expect.poll(() => suggested.count()).toBe(0);
    await saved(tab);
    expect((await boxesOf("runs-beside/set"))["images/0.jpg"].length).toBe(1);
    await press(tab, "Control+z", "Shift+A");
    await saved(tab);
    expect((await boxesOf("runs-beside/set"))["images/0.jpg"].length).toBe(count - 1);
    await close();
  });

  it("follows a box through a clip by its keyframes", async () => {
    for (const n of [2, 4, 6, 8]) put(`clip/belt_${n}.jpg`, await jpeg(width, height, n));
    const { tab, close } = await open(join(root, "clip"));
    await begin(tab);
    await shows(tab, "belt_2.jpg");
    await tab.getByLabel("Name of a new class").fill("nut");
    await tab.getByRole("button", { name: "Add", exact: true }).click();
    await tab.getByText("class nut is there").waitFor();
    await press(tab, "n", "Shift+K");
    await tab.getByText("keyframe 1 of this object, at frame 2").waitFor();
    await saved(tab);
    await press(tab, "k", "k", "k");
    await shows(tab, "belt_8.jpg");
    await press(tab, "n", "ArrowRight", "ArrowRight", "Alt+ArrowDown", "Shift+K");
    await tab.getByText("keyframe 2 of this object, at frame 8").waitFor();
    await saved(tab);
    await press(tab, "i");
    await tab.getByText("boxes put into 2 of 2 frames between 2 and 8").waitFor();
    expect(await boxesOf("clip")).toEqual({
      "belt_2.jpg": ["nut 60,45,100,75"],
      "belt_4.jpg": ["nut 62,45.3,102,75.3"],
      "belt_6.jpg": ["nut 64,45.7,104,75.7"],
      "belt_8.jpg": ["nut 66,46,106,76"],
    });
    await press(tab, "i");
    await tab.getByText("boxes put into 0 of 2 frames between 2 and 8").waitFor();
    await press(tab, "c");
    await tab.getByText("1 box taken over from belt_6.jpg").waitFor();
    await expect.poll(() => boxesIn(tab).count()).toBe(2);
    await close();
    expect(existsSync(join(root, "clip/data.yaml"))).toBe(true);
  });

  it("follows a box by what a model finds", async () => {
    // A belt that stands still: a model detects the same in every frame.
    for (const n of [1, 2, 3, 4]) put(`still/set/images/belt_${n}.jpg`, await jpeg(width, height, 1));
    put("still/set/data.yaml", "train: images\nnames: [nut, bolt]\n");
    makeRun(join(root, "still/runs/tiny"));
    const { tab, close } = await open(join(root, "still"));
    await begin(tab);
    await tab.getByLabel("Model", { exact: true }).waitFor();
    await press(tab, "p", "a", "Shift+X", "f");
    await tab.getByText("choose a box to follow first").waitFor();
    await boxesIn(tab).first().focus();
    await press(tab, "f");
    await tab.getByText("followed through 3 of 3 frames, 3 of which got its box").waitFor();
    await saved(tab);
    const found = await boxesOf("still/set");
    expect(Object.keys(found).length).toBe(4);
    for (const boxes of Object.values(found)) expect(boxes).toEqual(found["images/belt_1.jpg"]);
    await close();
  });

  it("stands any keys, as fast as they come", async () => {
    await pictures("fast/set", 4);
    put("fast/set/data.yaml", "train: images\nnames: [nut, bolt]\n");
    makeRun(join(root, "fast/runs/tiny"));
    const { tab, complaints, close } = await open(join(root, "fast"));
    await begin(tab);
    await tab.getByLabel("Model", { exact: true }).waitFor();
    const random = new Random(8);
    const keys = ["n", "n", "ArrowRight", "Shift+ArrowDown", "Alt+ArrowLeft", "1", "2", "d", "Delete", "p", "a", "x"];
    const more = ["Shift+A", "Shift+X", "Control+z", "Control+Shift+Z", "Enter", "j", "k", "c", "Shift+K", "?"];
    const all = [...keys, ...more];
    for (let i = 0; i < 250; i++) await press(tab, all[random.integer(all.length)]);
    // The page shows the same boxes as the files, for every picture.
    const shown = async () => {
      const boxes = await boxesIn(tab).evaluateAll((all) => all.map((each) => each.getAttribute("aria-label")!));
      // Readers merge equal rows.
      return [...new Set(boxes.map((box) => box.replace(/^Box \d+: (\w+), ([^ ]+) to /, "$1 $2,")))].sort();
    };
    const heading = async () => (await tab.locator(".labelling h2").textContent())!;
    for (let n = 0; n < 4; n++) {
      await press(tab, n === 0 ? "PageUp" : "PageDown");
      const state = async () => {
        const picture = await heading();
        const inFile = ((await boxesOf("fast/set"))[picture.replace(/^set\//, "")] ?? []).sort();
        const inPage = await shown();
        return isDeepStrictEqual([picture, inFile], [await heading(), inPage]) || { picture, inFile, inPage };
      };
      await expect.poll(state).toBe(true);
    }
    expect(complaints).toEqual([]);
    await close();
  });

  it.skipIf(!installed("ffmpeg"))("takes frames of a clip as pictures", async () => {
    put("film/note.txt", "");
    const clip = join(root, "film/belt.mp4");
    spawnSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=3", clip]);
    const { tab, close } = await open(join(root, "film"));
    await tab.getByText("No data set was found here.").waitFor();
    await tab.getByLabel("every", { exact: true }).fill("10");
    await tab.getByRole("button", { name: "Take frames" }).click();
    await tab.getByText("3 pictures written into").waitFor();
    await tab.getByText("3 of 3 pictures").waitFor();
    await begin(tab);
    await shows(tab, "belt_000001.jpg");
    await tab.getByRole("heading", { name: "Clip of 3 frames" }).waitFor();
    // None is overwritten.
    await press(tab, "Escape");
    await tab.getByRole("button", { name: "Take frames" }).click();
    await tab.getByText(/belt_000001\.jpg: is there already/).waitFor();
    await close();
  });
});
