/** The studio as users have it: the page and the server built from source, in a real browser. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect } from "vitest";
import { type RunningStudio, type StudioOptions, startStudio } from "../../packages/studio/src/server/index.js";
import { chromiumOptions } from "../chromium.js";
import { overflow, unnamed, unreadable } from "./in-page.js";

/** The built command line. */
export const phinets = [process.execPath, fileURLToPath(new URL("../../packages/cli/bin/phinets.js", import.meta.url))];
const configFile = fileURLToPath(new URL("../../packages/studio/vite.config.ts", import.meta.url));

/** Whether the command that the studio starts is built: it runs as a separate process, from dist. */
export const commandBuilt = existsSync(fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url)));

/** Undefined, with a message, where Chromium is not installed: the tests are then skipped. */
export const browserOptions = chromiumOptions();

/** Builds the page once for a test file; the folder is removed after the file's tests. */
export function builtPage(): { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "phinets-studio-page-"));
  beforeAll(async () => {
    await build({ configFile, build: { outDir: folder } });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { folder };
}

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** Name of the room, as in the address. Default: the first. */
  readonly room?: string;
}

/**
 * A browser for a test file, with studios in it; closed after the file's tests.
 * @param camera a .y4m that the browser plays in a loop as its camera
 */
export function studioBrowser({ camera }: { readonly camera?: string } = {}) {
  const { folder: page } = builtPage();
  const running: RunningStudio[] = [];
  let browser: Browser;
  beforeAll(async () => {
    const fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    const cameraArgs = camera === undefined ? [] : [...fake, `--use-file-for-fake-video-capture=${camera}`];
    browser = await chromium.launch({ ...browserOptions, args: [...(browserOptions?.args ?? []), ...cameraArgs] });
  });
  afterAll(async () => {
    await browser?.close();
    for (const each of running) await each.close();
  });

  /** Opens an address. Errors in the page's console are collected for the test to check. */
  async function visit(url: string, { width = 1280, height = 800, dark = false, room }: OpenOptions = {}) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      permissions: ["clipboard-read", "clipboard-write", "camera"],
      acceptDownloads: true,
    });
    const tab = await context.newPage();
    const complaints: string[] = [];
    tab.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(String(error)));
    await tab.goto(room === undefined ? url : `${url}#${room}`);
    return { tab, complaints, close: () => context.close() };
  }

  /** Serves a folder and opens the page at the printed address. */
  async function open(
    folder: string,
    { project, phoneTimes, ...options }: OpenOptions & Pick<StudioOptions, "project" | "phoneTimes"> = {},
  ) {
    const studio = await startStudio({ folder, page, project, phinets, phoneTimes });
    running.push(studio);
    return { studio, ...(await visit(studio.url, options)) };
  }

  return { page, open, visit };
}

/** The file that a click downloads. */
export async function downloadOf(tab: Page, click: () => Promise<void>): Promise<{ name: string; path: string }> {
  const [download] = await Promise.all([tab.waitForEvent("download"), click()]);
  return { name: download.suggestedFilename(), path: await download.path() };
}

/** Addresses that the page requests in some idle seconds: there should be none, because it gets events. */
export async function idleRequests(tab: Page): Promise<string[]> {
  const asked: string[] = [];
  const note = (request: { url(): string }) => asked.push(request.url());
  tab.on("request", note);
  await tab.waitForTimeout(4000);
  tab.off("request", note);
  return asked;
}

/**
 * Requires that everything a room shows is legible, named and not cut off, also at a phone's width, in the light and
 * the dark scheme.
 */
export async function requireUsable(tab: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await tab.emulateMedia({ colorScheme });
    await tab.setViewportSize({ width: 390, height: 844 });
    await expect.poll(() => tab.evaluate(overflow), { message: colorScheme, timeout: 15_000 }).toBeLessThanOrEqual(0);
    expect(await tab.evaluate(unreadable), colorScheme).toEqual([]);
    expect(await tab.evaluate(unnamed), colorScheme).toEqual([]);
  }
}
