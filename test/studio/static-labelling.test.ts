/** Labelling without a server: in a picked folder's own files, and in the browser until the labels are downloaded. */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { unzipSync } from "fflate";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { zipOf } from "../build-zip.js";
import { dataFolder, jpeg } from "../data-folder.js";
import { makeRun } from "../make-run.js";
import { fillPicked, readPicked } from "./in-page.js";
import { browserOptions, downloadOf, studioBrowser } from "./page.js";
import { serveStatic } from "./static-site.js";

const { root, put } = dataFolder("studio-static-labels");
const [width, height] = [160, 120];

/** Content of every file below a folder, by path, as base64. */
function filesOf(folder: string): Record<string, string> {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return Object.fromEntries(
    files.map((file) => [relative(join(root, folder), file), readFileSync(file).toString("base64")]).sort(),
  );
}

const object = (name: string) =>
  `  <object>\r\n    <name>${name}</name>\r\n    <bndbox><xmin>11</xmin><ymin>11</ymin><xmax>50</xmax><ymax>40</ymax></bndbox>\r\n  </object>\r\n`;

/**
 * Data sets of two pictures, one of them with a box, in each format that can be written, and a folder of pictures only.
 */
async function makeSets(): Promise<void> {
  const picture = { id: 7, file_name: "1.jpg", width, height };
  const annotation = { id: 3, image_id: 7, category_id: 2, bbox: [10, 10, 40, 30], area: 1200, iscrowd: 0, mine: [1] };
  for (const n of [1, 2]) {
    const content = await jpeg(width, height, n);
    for (const path of ["yolo/images", "voc/JPEGImages", "coco", "bare"]) put(`${path}/${n}.jpg`, content);
  }
  put("yolo/data.yaml", "train: images # here\nnames: [nut]\n");
  put("yolo/labels/1.txt", "# by hand\n0 0.1875 0.208333333 0.25 .25\n");
  put("voc/Annotations/1.xml", `<annotation>\r\n  <filename>1.jpg</filename>\r\n${object("nut")}</annotation>\r\n`);
  put("voc/ImageSets/Main/train.txt", "1\n");
  put(
    "coco/instances.json",
    `${JSON.stringify({ images: [picture], annotations: [annotation], categories: [{ id: 2, name: "nut" }] }, null, 1)}\n`,
  );
}

const press = async (tab: Page, ...keys: string[]) => {
  for (const key of keys) await tab.keyboard.press(key);
};
const saving = (tab: Page) => tab.getByRole("status", { name: "Saving" });
const shows = (tab: Page, name: RegExp) => tab.getByRole("heading", { name }).waitFor();

/**
 * Labels both pictures by keyboard: the second gets boxes of an old and a new class, the first one's box is moved,
 * another is duplicated and undone, and all is saved.
 * @param saved the page's text after saving
 */
async function label(tab: Page, saved: string): Promise<void> {
  const isSaved = () => saving(tab).getByText(saved, { exact: true }).waitFor({ timeout: 20_000 });
  await tab.getByRole("button", { name: "Edit boxes" }).click();
  await tab.getByRole("dialog", { name: "Labelling" }).waitFor();
  const names = await tab.locator(".labelling .classes .name").allTextContents();
  for (const name of ["nut", 'bolt "M8": <1>'].filter((each) => !names.includes(each))) {
    await tab.getByLabel("Name of a new class").fill(name);
    await tab.keyboard.press("Enter");
    await tab.getByText(`class ${name} is there`).waitFor();
  }
  const isBare = names.length === 0;
  await shows(tab, isBare ? /1\.jpg$/ : /2\.jpg$/);
  await press(tab, "n", "2", "ArrowRight", "Alt+ArrowUp", "Shift+ArrowDown", "n", "1", "ArrowLeft");
  await isSaved();
  await press(tab, isBare ? "PageDown" : "PageUp");
  await shows(tab, isBare ? /2\.jpg$/ : /1\.jpg$/);
  if (isBare) await press(tab, "n");
  else {
    await tab.locator(".labelling h2").focus();
    await press(tab, "Tab");
  }
  await press(tab, "ArrowDown", "d", "2", "Control+z", "Control+z", "d", "Delete", "Alt+Shift+ArrowLeft");
  await isSaved();
  await tab.locator(".labelling h2").focus();
  await press(tab, "Enter");
  await isSaved();
  await tab.getByText("every picture is labelled").waitFor();
  await press(tab, "Escape");
  await tab.getByRole("dialog", { name: "Labelling" }).waitFor({ state: "detached" });
}

describe.skipIf(browserOptions === undefined)("labelling without a server", () => {
  const { page, open, visit } = studioBrowser();
  let site: Awaited<ReturnType<typeof serveStatic>>;
  /** The files of each data set after the server has written them. */
  const expected: Record<string, Record<string, string>> = {};
  const sets = ["yolo", "voc", "coco", "bare"] as const;

  beforeAll(async () => {
    site = await serveStatic(page);
    await makeSets();
    for (const set of sets) {
      cpSync(join(root, set), join(root, `served-${set}`), { recursive: true });
      const { tab, close } = await open(join(root, `served-${set}`));
      await label(tab, "Saved");
      await close();
      expected[set] = filesOf(`served-${set}`);
      expect(expected[set]).not.toEqual(filesOf(set));
    }
  }, 240_000);
  afterAll(() => site?.close());

  const upload = (tab: Page, set: string, name = "set.zip") =>
    tab.getByLabel("Open a .zip…").setInputFiles({
      name,
      mimeType: "application/zip",
      buffer: Buffer.from(zipOf(join(root, set))),
    });

  it.each(sets)("%s: a picked folder's files are the server's, to the byte", async (set) => {
    const { tab, complaints, close } = await visit(site.url, { room: "data" });
    await tab.getByText("in this browser").waitFor();
    await tab.evaluate(fillPicked, filesOf(set));
    await tab.getByText("Open a folder…").click();
    await tab.getByText("2 of 2 pictures").waitFor();
    await tab.getByText("Boxes are saved into the folder's own files.").waitFor();
    await label(tab, "Saved");
    expect(await tab.evaluate(readPicked)).toEqual(expected[set]);
    // Read again, the boxes are those that were drawn.
    const boxes = await tab.locator(".cell .boxes span").count();
    await tab.getByRole("button", { name: "Read again" }).click();
    await expect.poll(() => tab.locator(".cell .boxes span").count()).toBe(boxes);
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await close();
  });

  it.each(sets)("%s: an archive's labels outlive the page, and are downloaded in it", async (set) => {
    const { tab, complaints, close } = await visit(site.url, { room: "data" });
    await upload(tab, set);
    await tab.getByText("Boxes are kept in this browser until you save them as a .zip.").waitFor();
    await label(tab, "Kept in this browser");
    const boxes = await tab.locator(".cell .boxes span").count();
    await tab.reload();
    await upload(tab, set);
    await tab.getByText("2 of 2 pictures").waitFor();
    await expect.poll(() => tab.locator(".cell .boxes span").count()).toBe(boxes);
    const { name, path } = await downloadOf(tab, () => tab.getByRole("button", { name: "Save labels…" }).click());
    expect(name).toBe("set.zip");
    const files = Object.entries(unzipSync(readFileSync(path)));
    const content = Object.fromEntries(
      files.map(([file, bytes]) => [file, Buffer.from(bytes).toString("base64")]).sort(),
    );
    expect(content).toEqual(expected[set]);
    // Labels that the archive has are no longer kept.
    await tab.getByLabel("Open a .zip…").setInputFiles({
      name,
      mimeType: "application/zip",
      buffer: readFileSync(path),
    });
    await tab.getByText("Boxes are kept in this browser until you save them as a .zip.").waitFor();
    await expect.poll(() => tab.locator(".cell .boxes span").count()).toBe(boxes);
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await close();
  });

  it("a folder without the right to write: the files that differ are downloaded, or given up", async () => {
    const { tab, close } = await visit(site.url, { room: "data" });
    tab.on("dialog", (dialog) => void dialog.accept());
    await tab.getByLabel("Open a folder…").setInputFiles(join(root, "yolo"));
    await tab.getByText("2 of 2 pictures").waitFor();
    await label(tab, "Kept in this browser");
    await tab.getByText("3 label files are kept in this browser, and nowhere else.").waitFor();
    const { name, path } = await downloadOf(tab, () => tab.getByRole("button", { name: "Save labels…" }).click());
    expect(name).toBe("yolo-labels.zip");
    const files = Object.entries(unzipSync(readFileSync(path))).sort();
    expect(files.map(([file]) => file)).toEqual(["data.yaml", "labels/1.txt", "labels/2.txt"]);
    for (const [file, bytes] of files) expect(Buffer.from(bytes).toString("base64")).toBe(expected.yolo[file]);
    await tab.getByRole("button", { name: "Give up…" }).click();
    await tab.getByText("Boxes are kept in this browser until you save them as a .zip.").waitFor();
    await expect.poll(() => tab.locator(".cell .boxes span").count()).toBe(1);
    await close();
  });

  it("asks where another tab has labelled the same picture", async () => {
    const { tab, close } = await visit(site.url, { room: "data" });
    const other = await tab.context().newPage();
    await other.goto(`${site.url}#data`);
    for (const each of [tab, other]) {
      await upload(each, "yolo");
      await each.getByRole("button", { name: "Edit boxes" }).click();
      await shows(each, /2\.jpg$/);
    }
    await press(tab, "n");
    await saving(tab).getByText("Kept in this browser", { exact: true }).waitFor();
    await press(other, "n", "ArrowLeft");
    await saving(other)
      .getByText(/was changed by somebody else/)
      .waitFor();
    await other.getByRole("button", { name: "Keep mine" }).click();
    await saving(other).getByText("Kept in this browser", { exact: true }).waitFor();
    await close();
  });

  it("a run that is given to the page suggests the server's boxes", async () => {
    // All decoders give the same pixels for a PNG.
    const png = await sharp(await jpeg(width, height, 5))
      .png()
      .toBuffer();
    put("suggest/set/images/1.png", png);
    put("suggest/set/data.yaml", "train: images\nnames: [nut, bolt]\n");
    makeRun(join(root, "suggest/run"));
    const accept = async (tab: Page) => {
      await tab.getByText(/ suggested$/).waitFor();
      await press(tab, "Shift+A", "Enter");
      await tab.getByText("every picture is labelled").waitFor();
    };
    cpSync(join(root, "suggest/set"), join(root, "suggest-page"), { recursive: true });
    const served = await open(join(root, "suggest"));
    await served.tab.getByRole("button", { name: "Edit boxes" }).click();
    await served.tab.getByLabel("Model", { exact: true }).selectOption({ label: "run (nut, bolt)" });
    await served.tab.getByRole("button", { name: /^Suggest/ }).click();
    await accept(served.tab);
    await served.close();
    const { tab, complaints, close } = await visit(site.url, { room: "data" });
    await tab.evaluate(fillPicked, filesOf("suggest-page"));
    await tab.getByText("Open a folder…").click();
    await tab.getByRole("button", { name: "Edit boxes" }).click();
    await shows(tab, /1\.png$/);
    await press(tab, "p");
    await tab.getByText("there is no model; open the .zip of a run").waitFor();
    await tab.getByLabel("Open a run's .zip…").setInputFiles({
      name: "run.zip",
      mimeType: "application/zip",
      buffer: Buffer.from(zipOf(join(root, "suggest/run"))),
    });
    await tab.getByText("run.zip suggests: nut, bolt").waitFor();
    await tab.getByRole("button", { name: /^Suggest/ }).click();
    await accept(tab);
    const files = await tab.evaluate(readPicked);
    expect(files).toEqual(filesOf("suggest/set"));
    expect(Buffer.from(files["labels/1.txt"], "base64").toString().split("\n").length).toBeGreaterThan(2);
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await close();
  });

  it("says why a set cannot be labelled", async () => {
    put("kinds/a.jpg", await jpeg(40, 30, 1));
    const shape = {
      label: "nut",
      shape_type: "rectangle",
      points: [
        [1, 1],
        [9, 9],
      ],
    };
    put("kinds/a.json", JSON.stringify({ shapes: [shape], imagePath: "a.jpg", imageWidth: 40, imageHeight: 30 }));
    const { tab, close } = await visit(site.url, { room: "data" });
    await upload(tab, "kinds");
    await tab.getByRole("button", { name: "Edit boxes" }).click();
    await tab.getByRole("alert").getByText("labels in the format labelme are read and not changed").waitFor();
    await close();
  });
});
