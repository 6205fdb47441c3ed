/** The room Data on real files: lists, filters, problems, and large numbers of pictures. */
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { writeConveyorDataset } from "@phinets/node/dataset";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { dataFolder, jpeg } from "../data-folder.js";
import { browserOptions, downloadOf, requireUsable, studioBrowser } from "./page.js";
import { serveStatic } from "./static-site.js";

const { root, put, yolo } = dataFolder("studio-data");
const hostile = "<img src=x onerror=document.title='broken'>";

describe.skipIf(browserOptions === undefined)("the data's room", () => {
  const { page, open, visit } = studioBrowser();

  beforeAll(async () => {
    await writeConveyorDataset(join(root, "sets/belt"), { train: 40, val: 10, clipFrames: 10 });
    const yaml = `train: train/images\nval: val/images\nnames: ["${hostile}", bolt]\n`;
    await yolo("sets/parts", { train: 3, val: 2, test: 1 }, yaml);
    cpSync(join(root, "sets/parts/train/images/0.jpg"), join(root, "sets/parts/val/images/copy.jpg"));
    put("sets/parts/val/labels/copy.txt", "1 0.5 0.5 0.2 0.2\n");
    put("sets/parts/train/images/bad.jpg", "no picture");
    put("sets/parts/train/labels/bad.txt", "0 0.5 0.5 0.2 0.4\n");
  });

  it("lists the sets of a folder, shows one with its boxes, and filters", async () => {
    const { tab, complaints, close } = await open(join(root, "sets"));
    await tab.getByText("60 of 60 pictures").waitFor();
    const sets = tab.getByLabel("Data set", { exact: true });
    expect(await sets.locator("option").allTextContents()).toEqual(["belt (60)", "parts (7)"]);
    expect(await tab.locator(".cell .boxes span").count()).toBeGreaterThan(20);
    await tab.getByRole("button", { name: /^val/ }).click();
    await tab.getByText("10 of 60 pictures").waitFor();
    await tab.getByLabel("Part of a file's name").fill("000041");
    await tab.getByText("1 of 60 pictures").waitFor();
    await tab.getByRole("button", { name: "Show all" }).click();
    await tab.getByText("60 of 60 pictures").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("goes through pictures by keyboard", async () => {
    const { tab, close } = await open(join(root, "sets/belt"));
    const grid = tab.getByRole("listbox", { name: "Pictures" });
    await tab.locator(".cell img").first().waitFor();
    await grid.focus();
    const active = async () => {
      const id = await grid.getAttribute("aria-activedescendant");
      return tab.locator(`#${id}`).getAttribute("aria-label");
    };
    expect(await active()).toMatch(/^train\/images\/000000\.png: /);
    await tab.keyboard.press("ArrowRight");
    await expect.poll(active).toMatch(/^train\/images\/000001\.png: /);
    await tab.keyboard.press("End");
    await expect.poll(active).toMatch(/^clip\/images\/000010\.png: /);
    await tab.keyboard.press("Enter");
    const viewer = tab.getByRole("dialog", { name: "Picture" });
    await viewer.getByRole("heading", { name: "clip/images/000010.png" }).waitFor();
    await tab.keyboard.press("ArrowLeft");
    await viewer.getByRole("heading", { name: "clip/images/000009.png" }).waitFor();
    await tab.keyboard.press("Escape");
    await expect.poll(() => viewer.count()).toBe(0);
    await close();
  });

  it("lists the doctor's findings, each with its pictures, and never takes a name for markup", async () => {
    const { tab, complaints, close } = await open(join(root, "sets/parts"));
    await tab.getByText(hostile).first().waitFor();
    await tab.getByRole("button", { name: "Examine every picture" }).click();
    await tab.getByText(/^\d+ findings$/).waitFor();
    expect(await tab.locator(".side .command code").textContent()).toBe(`phinets doctor ${join(root, "sets/parts")}`);
    await tab.getByRole("button", { name: /^leak val shares a picture with train/ }).click();
    await tab.getByText("2 of 7 pictures").waitFor();
    expect(
      await tab.locator(".cell").evaluateAll((cells) => cells.map((cell) => cell.getAttribute("aria-label"))),
    ).toEqual(["val/images/copy.jpg: 1 bolt", `train/images/0.jpg: 1 ${hostile}, 1 bolt`]);
    await tab.getByRole("button", { name: /^all \d+: leak$/ }).click();
    await tab.getByText("2 of 7 pictures").waitFor();
    await tab.getByRole("button", { name: /^bad file .*bad\.jpg/ }).click();
    await tab.getByText("1 of 7 pictures").waitFor();
    await tab.getByText("cannot be shown").waitFor();
    expect(await tab.title()).toBe("Data · PhiNets studio");
    // The browser logs that the bad picture was refused.
    expect(complaints.filter((text) => !text.includes("400 (Bad Request)"))).toEqual([]);
    await close();
  });

  it("finds near copies, those in several splits, and what can go; with and without a server", async () => {
    const photo = (seed: number, side = 160) => {
      const random = new Random(seed, 1);
      const part = () => Math.round(100 * random.uniform());
      const spots = Array.from({ length: 6 }, () => {
        const shade = Math.round(255 * random.uniform());
        return `<circle cx="${part()}" cy="${part()}" r="${15 + part() / 4}" fill="rgb(${shade},${shade},${shade})"/>`;
      });
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 100 100">${spots}</svg>`;
      return sharp(Buffer.from(svg)).flatten({ background: "#888888" });
    };
    put("copies/data.yaml", "train: train/images\nval: val/images\nnames: [nut]\n");
    for (const [name, content] of [
      ["train/images/0.png", photo(1).png()],
      ["train/images/1.png", photo(2).png()],
      ["train/images/2.png", photo(3).png()],
      ["train/images/small.png", photo(1, 96).png()],
      ["val/images/3.png", photo(4).png()],
      ["val/images/worse.jpg", photo(2).linear(0.9, 10).jpeg({ quality: 50 })],
    ] as const)
      put(`copies/${name}`, await content.toBuffer());
    for (const name of ["train/labels/0", "train/labels/1", "val/labels/worse"])
      put(`copies/${name}.txt`, "0 0.5 0.5 0.2 0.2\n");
    const all = [
      "train/images/0.png: 1 nut; copies 1, kept",
      "train/images/small.png: nothing; copies 1",
      "train/images/1.png: 1 nut; copies 2, leak, kept",
      "val/images/worse.jpg: 1 nut; copies 2, leak",
    ];
    const site = await serveStatic(page);
    for (const kind of ["server", "static"]) {
      const { tab, complaints, close } =
        kind === "server" ? await open(join(root, "copies")) : await visit(site.url, { room: "data" });
      if (kind === "static") await tab.getByLabel("Open a folder…").setInputFiles(join(root, "copies"));
      await tab.getByText("6 of 6 pictures").waitFor();
      await tab.getByRole("button", { name: "Find near copies" }).click();
      await tab.getByText("2 groups of pictures that are the same").waitFor();
      const shown = () =>
        tab.locator(".cell").evaluateAll((cells) => cells.map((cell) => cell.getAttribute("aria-label")));
      await tab.getByRole("button", { name: "all, group by group" }).click();
      await expect.poll(shown).toEqual(all);
      // Other filters stay in effect.
      await tab.getByRole("button", { name: /^val/ }).click();
      await expect.poll(shown).toEqual([all[3]]);
      await tab.getByRole("button", { name: /^val/ }).click();
      await tab.getByRole("button", { name: "in several splits: leaks" }).click();
      await expect.poll(shown).toEqual(all.slice(2));
      await tab.getByRole("button", { name: "can go: one of each is kept" }).click();
      await expect.poll(shown).toEqual([all[1], all[3]]);
      const save = () => tab.getByRole("button", { name: "Save the list of what can go" }).click();
      const { path } = await downloadOf(tab, save);
      expect(readFileSync(path, "utf8")).toBe("train/images/small.png\nval/images/worse.jpg\n");
      if (kind === "server") await requireUsable(tab);
      await tab.getByRole("button", { name: "can go: one of each is kept" }).click();
      await tab.getByText("6 of 6 pictures").waitFor();
      expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
      await close();
    }
    site.close();
  });

  it("stays as it is with 50,000 pictures", async () => {
    const count = 50_000;
    const images = Buffer.alloc(16 + count * 64);
    images.writeUInt32BE(2051, 0);
    for (const [i, value] of [count, 8, 8].entries()) images.writeUInt32BE(value, 4 + 4 * i);
    for (let i = 16; i < images.length; i++) images[i] = (i * 31) & 255;
    const labels = Buffer.alloc(8 + count);
    labels.writeUInt32BE(2049, 0);
    labels.writeUInt32BE(count, 4);
    for (let n = 0; n < count; n++) labels[8 + n] = n % 10;
    mkdirSync(join(root, "digits"), { recursive: true });
    put("digits/train-images-idx3-ubyte", images);
    put("digits/train-labels-idx1-ubyte", labels);
    const { tab, complaints, close } = await open(join(root, "digits"));
    await tab.getByText("50,000 of 50,000 pictures").waitFor();
    const grid = tab.getByRole("listbox", { name: "Pictures" });
    await grid.focus();
    await tab.keyboard.press("End");
    await tab.locator(`#picture-${count - 1} img`).waitFor();
    expect(await tab.locator(".cell").count()).toBeLessThan(200);
    await tab.keyboard.press("Home");
    await tab.locator("#picture-0 img").waitFor();
    await tab.getByRole("button", { name: /^3\b/ }).click();
    await tab.getByText("5,000 of 50,000 pictures").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("shows pictures that nobody has labelled, beside those of sets", async () => {
    put("fresh/a.jpg", await jpeg(20, 20, 1));
    put("fresh/b/c.jpg", await jpeg(20, 20, 2));
    const { tab, close } = await open(join(root, "fresh"));
    await tab.getByText("2 of 2 pictures").waitFor();
    await tab.getByText("pictures without labels").waitFor();
    await close();
  });

  it("says what is no data set, and that a folder has none", async () => {
    put("other/note.txt", "nothing");
    put("other/deep/one.json", "{}");
    const { tab, close } = await open(join(root, "other"));
    await tab.getByText("No data set was found here.").waitFor();
    await close();
  });
});
