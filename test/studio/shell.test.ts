/// <reference lib="dom" />
/**
 * The page's frame: small, fast, usable by keyboard, at every width, in the light and the dark scheme, with and without
 * a server.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { zipOf } from "../build-zip.js";
import { dataFolder } from "../data-folder.js";
import { writeNetwork } from "../road-tools.js";
import { countUsable, firstPaint, focused, overflow, unnamed, unreadable } from "./in-page.js";
import { browserOptions, builtPage, downloadOf, studioBrowser } from "./page.js";
import { serveStatic } from "./static-site.js";

const { root: given, yolo } = dataFolder("studio-given");
const root = mkdtempSync(join(tmpdir(), "phinets-studio-shell-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("the built page", () => {
  const { folder } = builtPage();

  it("begins with less than 150 KB of JavaScript, gzipped", () => {
    const html = readFileSync(join(folder, "index.html"), "utf8");
    const first = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map(([, file]) => file);
    expect(first.length).toBeGreaterThan(0);
    // Including static imports of those.
    const all = new Set(first);
    for (const file of all)
      for (const [, other] of readFileSync(join(folder, file), "utf8").matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
        all.add(`assets/${other}`);
    const bytes = [...all].reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file))).length, 0);
    expect(bytes).toBeLessThan(150_000);
    expect(bytes).toBeGreaterThan(5_000);
  });

  it("loads nothing from elsewhere and has nothing inline", () => {
    const html = readFileSync(join(folder, "index.html"), "utf8");
    expect(html).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;/);
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|(?:src|href)="(?!\.\/)/);
    const styles = readdirSync(join(folder, "assets")).filter((name) => name.endsWith(".css"));
    for (const name of styles) expect(readFileSync(join(folder, "assets", name), "utf8")).not.toMatch(/url\(|@import/);
  });
});

describe.skipIf(browserOptions === undefined)("the page", () => {
  const { page, open, visit } = studioBrowser();
  const folder = join(root, "opened <b>");
  mkdirSync(folder);

  it("takes the token out of the address, and threads could share memory", async () => {
    const { studio, tab, complaints, close } = await open(folder);
    await tab.getByText("opened <b>").waitFor();
    expect(tab.url()).toBe(`http://localhost:${studio.port}/`);
    expect(await tab.evaluate("crossOriginIsolated")).toBe(true);
    // The cookie opens the page again; without it the page says what to do.
    await tab.reload();
    await tab.getByText("No data set was found here.").waitFor();
    expect(complaints).toEqual([]);
    await tab.context().clearCookies();
    await tab.reload();
    expect(await tab.textContent("body")).toMatch(/this address needs its token/);
    await close();
  });

  it("says when it first painted", async () => {
    const { tab, close } = await open(folder);
    await tab.getByRole("heading", { name: "Data set" }).waitFor();
    const ms = await tab.evaluate(firstPaint);
    expect(ms).toBeGreaterThan(0);
    console.log(`first contentful paint: ${ms!.toFixed(0)} ms`);
    await close();
  });

  it("is wide enough for nothing to be cut off from 390 pixels to 4K, light and dark, with enough contrast", async () => {
    for (const room of ["data", "board", "train", "try", "sweeps", "ship", "live"])
      for (const [width, height, dark] of [
        [390, 844, false],
        [1280, 800, true],
        [3840, 2160, false],
      ] as const) {
        const { tab, complaints, close } = await open(folder, { width, height, dark, room });
        await tab.getByRole("heading", { level: 1 }).waitFor();
        if (room === "board") await tab.locator(".verdict").waitFor();
        const at = `${room} ${width}`;
        expect(await tab.evaluate(overflow), at).toBeLessThanOrEqual(0);
        expect(await tab.evaluate(unreadable), at).toEqual([]);
        expect(await tab.evaluate(unnamed), at).toEqual([]);
        expect(complaints, at).toEqual([]);
        await close();
      }
  });

  it("is reached by keyboard as a whole, and shows where one is", async () => {
    for (const room of ["board", "train", "try"]) {
      const { tab, close } = await open(folder, { room });
      await tab.getByRole("heading", { level: 1 }).waitFor();
      if (room === "board") await tab.locator(".verdict").waitFor();
      const usable = await tab.evaluate(countUsable);
      const seen = new Set<number>();
      // Scrollable elements are stops too.
      for (let i = 0; i < 2 * usable; i++) {
        await tab.keyboard.press("Tab");
        const found = await tab.evaluate(focused);
        if (found === undefined) break;
        expect(found.outlined, found.what).toBe(true);
        if (found.usable) seen.add(found.place);
      }
      expect(seen.size, room).toBe(usable);
      await close();
    }
  });

  it("does without a server what a browser can", async () => {
    const site = await serveStatic(page);
    const { tab, complaints, close } = await visit(site.url, { room: "board" });
    await tab.getByText("in this browser").waitFor();
    await tab.getByText("Fits STM32H743").waitFor();
    await tab.getByRole("link", { name: "Data" }).click();
    await yolo("parts");
    await tab.getByLabel("Open a folder…").setInputFiles(join(given, "parts"));
    await tab.getByText("6 of 6 pictures").waitFor();
    await tab.locator(".cell img").nth(5).waitFor();
    await tab.getByRole("button", { name: "Examine every picture" }).click();
    await tab.getByText(/Nothing is wrong|findings/).waitFor();
    await tab.getByLabel("Open a .zip…").setInputFiles({
      name: "set.zip",
      mimeType: "application/zip",
      buffer: Buffer.from(zipOf(join(given, "parts"))),
    });
    await tab.getByText("6 of 6 pictures").waitFor();
    await tab.locator(".cell img").nth(5).waitFor();
    // A folder and an archive, dropped as from a file manager.
    const devtools = await tab.context().newCDPSession(tab);
    const drop = async (path: string) => {
      const data = { items: [], files: [path], dragOperationsMask: 1 };
      for (const type of ["dragEnter", "dragOver", "drop"] as const)
        await devtools.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
    };
    await yolo("dropped", { train: 2, val: 1, test: 0 });
    await drop(join(given, "dropped"));
    await tab.getByText("3 of 3 pictures").waitFor();
    await tab.locator(".cell img").nth(2).waitFor();
    writeFileSync(join(given, "parts.zip"), zipOf(join(given, "parts")));
    await drop(join(given, "parts.zip"));
    await tab.getByText("6 of 6 pictures").waitFor();
    // A picked folder: the browser's private one replaces the dialogue's result.
    await tab.evaluate(async () => {
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("picked", { create: true });
      const put = async (name: string, content: Blob | string) => {
        const parts = name.split("/");
        let folder = root;
        for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
        const writer = await (await folder.getFileHandle(parts.at(-1)!, { create: true })).createWritable();
        await writer.write(content);
        await writer.close();
      };
      const canvas = new OffscreenCanvas(20, 16);
      canvas.getContext("2d")!.fillRect(0, 0, 20, 16);
      await put("data.yaml", "train: images\nnames: [a]\n");
      await put("images/0.png", await canvas.convertToBlob());
      await put("labels/0.txt", "0 0.5 0.5 0.2 0.2\n");
      Object.assign(window, { showDirectoryPicker: async () => root });
    });
    await tab.getByText("Open a folder…").click();
    await tab.getByText("1 of 1 pictures").waitFor();
    await tab.getByRole("link", { name: "Train" }).click();
    // The room before has a field of the same name, which is there until this one is loaded.
    await tab.getByRole("heading", { name: "Training" }).waitFor();
    await tab.getByLabel("Open a folder…").setInputFiles(join(given, "parts"));
    await tab.getByLabel("Network", { exact: true }).selectOption("document");
    await tab.getByLabel("network.json").setInputFiles(writeNetwork(root));
    await tab.getByLabel("Epochs", { exact: true }).fill("1");
    await tab.getByRole("button", { name: "Start training" }).click();
    await tab
      .getByRole("row", { name: /^train \(in this page\)/ })
      .getByText("finished")
      .waitFor({ timeout: 60_000 });
    const { path } = await downloadOf(tab, () => tab.getByRole("button", { name: "Save network.json" }).click());
    expect(JSON.parse(readFileSync(path, "utf8")).head.classes).toEqual(["nut", "bolt"]);
    await tab.getByRole("link", { name: "Try" }).click();
    await tab.getByText("Choose pictures, a clip or a camera").waitFor();
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await close();
    await site.close();
  });
});
