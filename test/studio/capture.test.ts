/** Pictures taken in the room Data, with this machine's camera and with a phone that was admitted. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderConveyorClip } from "@phinets/core/data";
import { writeConveyorDataset } from "@phinets/node/dataset";
import { readPicture } from "@phinets/node/picture";
import { unzipSync } from "fflate";
import jsQR from "jsqr";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeY4m } from "../../bench/studio/lib/y4m.mjs";
import { dataFolder, jpeg } from "../data-folder.js";
import { browserOptions, downloadOf, requireUsable, studioBrowser } from "./page.js";
import { serveStatic } from "./static-site.js";

const { root, put, yolo } = dataFolder("studio-capture");
const camera = join(root, "belt.y4m");
const slow = { timeout: 30_000 };
const today = /^capture-\d{8}-\d{4}\.jpg$/;

/** Its types declare the function as a member of the module; at run time the module is the function. */
const readQr = jsQR as unknown as typeof jsQR.default;

const captures = (folder: string): string[] => readdirSync(folder).filter((name) => today.test(name));

describe.skipIf(browserOptions === undefined)("pictures that are taken", { timeout: 120_000 }, () => {
  const { page, open, visit } = studioBrowser({ camera });

  beforeAll(async () => {
    const frames = renderConveyorClip(5, 30).map(({ picture }) => picture);
    writeFileSync(camera, encodeY4m(frames, 15));
    await writeConveyorDataset(join(root, "belt"), { train: 5, val: 2, clipFrames: 2 });
    for (const kind of ["bolt", "nut"]) for (const n of [1, 2]) put(`kinds/${kind}/${n}.jpg`, await jpeg(40, 30, n));
    await yolo("parts");
  });

  const dialogOf = (tab: Page) => tab.getByRole("dialog", { name: "Take pictures" });

  async function openCamera(tab: Page) {
    await tab.getByRole("button", { name: "Take pictures…" }).click();
    await tab.getByRole("img", { name: "What the camera sees" }).waitFor(slow);
    await expect
      .poll(() => tab.locator(".capture video").evaluate((video) => (video as HTMLVideoElement).videoWidth), slow)
      .toBe(160);
    return dialogOf(tab);
  }

  it("by the space bar go into the set, are in the grid and are labelled from there", async () => {
    const { tab, complaints, close } = await open(join(root, "belt"));
    await tab.getByText("9 of 9 pictures").waitFor(slow);
    const dialog = await openCamera(tab);
    await requireUsable(tab);
    await tab.setViewportSize({ width: 1280, height: 800 });
    await tab.keyboard.press("Space");
    await dialog.getByText(/^1 picture into the whole folder; the last is train\/images\/capture-/).waitFor(slow);
    // Also where the focused element does not handle the key.
    await dialog.getByRole("heading").click();
    await tab.keyboard.press("Space");
    await dialog.getByText(/^2 pictures into/).waitFor(slow);
    const images = join(root, "belt/train/images");
    const names = captures(images);
    expect(names.map((name) => name.slice(-8))).toEqual(["0001.jpg", "0002.jpg"]);
    const { width, height, data } = await readPicture(join(images, names[0]));
    expect([width, height]).toEqual([160, 120]);
    // The frame shows the belt and is not empty.
    expect(new Set(data).size).toBeGreaterThan(50);
    const { exif, format } = await sharp(join(images, names[0])).metadata();
    expect([exif, format]).toEqual([undefined, "jpeg"]);
    await dialog.getByRole("button", { name: "Edit boxes" }).click();
    await tab.getByRole("heading", { name: `train/images/${names[1]}`, exact: true }).waitFor(slow);
    await tab.keyboard.press("n");
    await tab.getByRole("status", { name: "Saving" }).getByText("Saved", { exact: true }).waitFor(slow);
    expect(readFileSync(join(root, "belt/train/labels", names[1].replace("jpg", "txt")), "utf8")).toMatch(/^0 0\.5 /);
    await tab.keyboard.press("Escape");
    await tab.getByText("11 of 11 pictures").waitFor(slow);
    expect(await tab.locator(".cell").evaluateAll((all) => all.map((each) => each.ariaLabel))).toContain(
      `train/images/${names[0]}: nothing`,
    );
    expect(complaints).toEqual([]);
    await close();
  });

  it("one after another stop at their number", async () => {
    const { tab, complaints, close } = await open(join(root, "parts"));
    const dialog = await openCamera(tab);
    await dialog.getByLabel("or every").fill("0.2");
    await dialog.getByLabel("seconds, until there are").fill("4");
    await dialog.getByRole("button", { name: "Start" }).click();
    await dialog.getByText(/^4 pictures into/).waitFor(slow);
    await dialog.getByRole("button", { name: "Start" }).waitFor(slow);
    expect(captures(join(root, "parts/train/images"))).toHaveLength(4);
    expect(await dialog.getByRole("list", { name: "Taken last" }).getByRole("img").count()).toBe(4);
    expect(complaints).toEqual([]);
    await close();
  });

  it("of a class go into its folder", async () => {
    const { tab, close } = await open(join(root, "kinds"));
    const dialog = await openCamera(tab);
    await dialog.getByLabel("Class", { exact: true }).selectOption("nut");
    await dialog.getByRole("button", { name: "Take a picture" }).click();
    await dialog.getByText(/the last is nut\/capture-/).waitFor(slow);
    expect([captures(join(root, "kinds/bolt")), captures(join(root, "kinds/nut"))]).toEqual([
      [],
      [expect.stringMatching(today)],
    ]);
    expect(await dialog.getByRole("button", { name: "Edit boxes" }).count()).toBe(0);
    await close();
  });

  it("make a folder of their own where there is nothing yet", async () => {
    mkdirSync(join(root, "empty"));
    const { tab, complaints, close } = await open(join(root, "empty"));
    await tab.getByText("No data set was found here.").waitFor(slow);
    const dialog = await openCamera(tab);
    const name = dialog.getByLabel("Name of the folder");
    await name.fill("../outside");
    await dialog.getByRole("button", { name: "Take a picture" }).click();
    await dialog
      .getByRole("alert")
      .getByText(/is no name of a new folder/)
      .waitFor(slow);
    await name.fill("my parts");
    await dialog.getByRole("button", { name: "Take a picture" }).click();
    await dialog.getByText(/^1 picture into/).waitFor(slow);
    expect(captures(join(root, "empty/my parts"))).toHaveLength(1);
    await dialog.getByRole("button", { name: "Edit boxes" }).click();
    await tab.getByRole("heading", { name: /^my parts\/capture-/ }).waitFor(slow);
    // The browser logs every error response.
    expect(complaints.filter((each) => !/status of 400/.test(each))).toEqual([]);
    await close();
  });

  it("stay in the page where there is no server, and leave it as a .zip", async () => {
    const { url, close: stop } = await serveStatic(page);
    const { tab, complaints, close } = await visit(url);
    const dialog = await openCamera(tab);
    await dialog.getByText(/Without a server this page writes into no folder/).waitFor(slow);
    for (const n of [1, 2]) {
      await dialog.getByRole("button", { name: "Take a picture" }).click();
      await dialog.getByText(new RegExp(`^${n} pictures? in this page`)).waitFor(slow);
    }
    const { name, path } = await downloadOf(tab, () =>
      dialog.getByRole("button", { name: "Save captures.zip" }).click(),
    );
    expect(name).toBe("captures.zip");
    const files = unzipSync(readFileSync(path));
    expect(Object.keys(files)).toEqual([expect.stringMatching(today), expect.stringMatching(today)]);
    for (const bytes of Object.values(files)) expect((await sharp(bytes).metadata()).width).toBe(160);
    expect(await tab.getByRole("button", { name: "Let a phone in…" }).count()).toBe(0);
    // The page looked for a server.
    expect(complaints.filter((each) => !/status of 404/.test(each))).toEqual([]);
    await close();
    await stop();
  });

  describe("by a telephone", () => {
    const door = (tab: Page) => tab.getByRole("dialog", { name: "A phone" });

    async function openDoor(tab: Page, { mayAdd = false, address }: { mayAdd?: boolean; address?: string } = {}) {
      await tab.getByRole("button", { name: "Let a phone in…" }).click();
      const dialog = door(tab);
      if (mayAdd) await dialog.getByLabel("The phone may add pictures").check();
      if (address !== undefined) await dialog.getByLabel("Address").selectOption(address);
      await dialog.getByRole("button", { name: "Open the door" }).click();
      const code = (await dialog.locator(".code").textContent())!.replace(" ", "");
      expect(code).toMatch(/^\d{8}$/);
      return { dialog, code, url: (await dialog.locator(".address").textContent())! };
    }

    const wrongOf = (code: string): string => String((Number(code) + 1) % 10 ** 8).padStart(8, "0");

    it("need the code, once, and only look until they may add", async () => {
      await yolo("looked", { train: 3, val: 2, test: 1 });
      const { tab, complaints, close } = await open(join(root, "looked"));
      await tab.getByText("6 of 6 pictures").waitFor(slow);
      const { dialog, code, url } = await openDoor(tab);
      await requireUsable(tab);
      await tab.setViewportSize({ width: 1280, height: 800 });
      const phone = await visit(url, { width: 390, height: 844 });
      const entry = phone.tab.getByLabel("The code that the studio's page shows");
      await entry.fill(wrongOf(code));
      await phone.tab.getByRole("button", { name: "Enter" }).click();
      await phone.tab.getByRole("alert").getByText("this is not the code; 4 tries are left").waitFor(slow);
      await requireUsable(phone.tab);
      await entry.fill(`${code.slice(0, 4)} ${code.slice(4)}`);
      await phone.tab.getByRole("button", { name: "Enter" }).click();
      await phone.tab.getByRole("heading", { name: "looked" }).waitFor(slow);
      await phone.tab.getByText("6 pictures").waitFor(slow);
      const newest = phone.tab.getByRole("list", { name: "Newest pictures" }).getByRole("img");
      await expect.poll(() => newest.count(), slow).toBe(6);
      await expect
        .poll(() => newest.evaluateAll((all) => all.every((each) => (each as HTMLImageElement).naturalWidth > 0)), slow)
        .toBe(true);
      await requireUsable(phone.tab);
      expect(await phone.tab.getByLabel("Take a picture").count()).toBe(0);
      // The door refuses what the page does not offer.
      const refused = await phone.tab.evaluate(async () => {
        const answer = await fetch("./api/picture", { method: "POST", body: new Blob(["x"]) });
        return [answer.status, await answer.text()];
      });
      expect(refused).toEqual([403, expect.stringMatching(/phone.readonly/)]);
      await dialog.getByText(/^A phone is in\. 0 pictures added/).waitFor(slow);
      await dialog.getByText(/The code was used/).waitFor(slow);
      // The code admits nobody else.
      const other = await visit(`${url}#${code}`, { width: 390, height: 844 });
      await other.tab
        .getByRole("alert")
        .getByText(/this code was used already/)
        .waitFor(slow);
      expect(other.tab.url()).toBe(url);
      await other.close();

      await dialog.getByLabel("The phone may add pictures").check();
      await phone.tab.getByLabel("Take a picture").waitFor({ state: "attached", ...slow });
      await requireUsable(phone.tab);
      const bytes = await sharp(await jpeg(60, 40, 1))
        .withExif({ IFD0: { Make: "Telephone" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "48/1 8/1 0/1" } })
        .withMetadata({ orientation: 6 })
        .toBuffer();
      expect(bytes.toString("latin1")).toMatch(/Telephone/);
      await phone.tab
        .getByLabel("Take a picture")
        .setInputFiles({ name: "../../x.jpg", mimeType: "image/jpeg", buffer: bytes });
      await phone.tab.getByText("The picture is there").waitFor(slow);
      const [made, ...more] = captures(join(root, "looked/train/images"));
      expect([made, more]).toEqual([expect.stringMatching(today), []]);
      const file = join(root, "looked/train/images", made);
      const { width, height, exif, orientation } = await sharp(file).metadata();
      expect({ width, height, exif, orientation }).toEqual({ width: 40, height: 60 });
      expect(readFileSync(file, "latin1")).not.toMatch(/Telephone/);
      await dialog.getByText(/^A phone is in\. 1 picture added/).waitFor(slow);
      await phone.tab.getByText("7 pictures; 1 came from a phone").waitFor(slow);
      await dialog.getByRole("button", { name: "Close", exact: true }).click();
      await tab.getByText("7 of 7 pictures").waitFor(slow);
      expect(await tab.locator(".cell").evaluateAll((all) => all.map((each) => each.ariaLabel))).toContain(
        `train/images/${made}: nothing`,
      );
      // A file that is not a picture is reported and not kept.
      await phone.tab.getByLabel("Pictures of the phone…").setInputFiles({
        name: "a.heic",
        mimeType: "image/heic",
        buffer: Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1"),
      });
      await phone.tab.getByRole("alert").getByText(/HEIC/).waitFor(slow);
      expect(captures(join(root, "looked/train/images"))).toHaveLength(1);

      await tab.getByRole("button", { name: "A phone's door is open…" }).click();
      await dialog.getByRole("button", { name: "Close the door" }).click();
      await dialog.getByRole("button", { name: "Open the door" }).waitFor(slow);
      await phone.tab
        .getByRole("alert")
        .getByText(/the door is closed/)
        .waitFor(slow);
      await expect(fetch(url)).rejects.toThrow();
      expect(complaints).toEqual([]);
      await phone.close();
      await close();
    });

    it("are read from the QR code, and let in by it", async () => {
      await yolo("read", { train: 3, val: 2, test: 1 });
      const { tab, close } = await open(join(root, "read"));
      const { dialog, code, url } = await openDoor(tab);
      const shot = await dialog.getByRole("img", { name: /for a phone's camera/ }).screenshot();
      const { data, info } = await sharp(shot).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      const read = readQr(new Uint8ClampedArray(data), info.width, info.height)?.data;
      expect(read).toBe(`${url}#${code}`);
      const phone = await visit(read!, { width: 390, height: 844 });
      await phone.tab.getByText("6 pictures").waitFor(slow);
      expect(phone.tab.url()).toBe(url);
      // A new code admits another phone and locks out the previous one.
      await dialog.getByRole("button", { name: "New code" }).click();
      const second = (await dialog.locator(".code").textContent())!.replace(" ", "");
      expect(second).not.toBe(code);
      const other = await visit(`${url}#${second}`, { width: 390, height: 844 });
      await other.tab.getByText("6 pictures").waitFor(slow);
      await phone.tab
        .getByRole("alert")
        .getByText(/this phone is not in any more/)
        .waitFor(slow);
      expect(other.complaints).toEqual([]);
      await other.close();
      await phone.close();
      await close();
    });

    it("come with a live camera where the browser trusts the address", async () => {
      await yolo("live", { train: 3, val: 2, test: 1 });
      const { tab, close } = await open(join(root, "live"));
      const { code, url } = await openDoor(tab, { mayAdd: true, address: "127.0.0.1" });
      const phone = await visit(`${url}#${code}`, { width: 390, height: 844 });
      await phone.tab.getByRole("button", { name: "Live camera" }).click();
      await phone.tab.getByRole("button", { name: "Take this" }).click();
      await phone.tab.getByText("The picture is there").waitFor(slow);
      const [made] = captures(join(root, "live/train/images"));
      expect((await readPicture(join(root, "live/train/images", made))).width).toBe(160);
      await requireUsable(phone.tab);
      expect(phone.complaints).toEqual([]);
      await phone.close();
      await close();
    });

    it("find a code expired, and a door that was not used closed", async () => {
      await yolo("timed", { train: 3, val: 2, test: 1 });
      for (const [phoneTimes, words] of [
        [{ codeMs: 1 }, "The code has expired."],
        [{ idleMs: 1 }, "Closed: the door was closed: it was not used for a while"],
      ] as const) {
        const { tab, close } = await open(join(root, "timed"), { phoneTimes });
        await tab.getByRole("button", { name: "Let a phone in…" }).click();
        const dialog = door(tab);
        await dialog.getByRole("button", { name: "Open the door" }).click();
        await dialog.getByText(words).waitFor(slow);
        await dialog.getByRole("button", { name: "idleMs" in phoneTimes ? "Open the door" : "New code" }).waitFor(slow);
        await close();
      }
    });
  });
});
