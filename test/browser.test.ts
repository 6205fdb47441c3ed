/** Training and detection in headless Chromium give the same bits as in Node. */
import { readFileSync } from "node:fs";
import { renderConveyorClip } from "@phinets/core/data";
import { loadModel } from "@phinets/core/model";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../packages/node/src/picture/index.js";
import { nodeThreads } from "../packages/node/src/threads/pool.js";
import { chromiumOptions } from "./chromium.js";

/** A module of the example, which is plain JavaScript. */
// biome-ignore lint/suspicious/noExplicitAny: it has no declarations
const example = (name: string): Promise<any> => import(new URL(`../examples/browser/${name}`, import.meta.url).href);

const options = chromiumOptions();

describe.skipIf(options === undefined)("a page", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch(options);
  });
  afterAll(async () => {
    await browser.close();
  });

  /** Presses the page's button; resolves with the page's final text. */
  async function trainInPage(threads: number, isolated = true): Promise<string> {
    const { serve } = await example("serve.mjs");
    const server = await serve({ conditionNames: ["@phinets/source", "import"], isolated });
    const page = await browser.newPage();
    try {
      await page.goto(server.url);
      await page.fill("#threads", String(threads));
      await page.click("#start");
      await page.waitForFunction("document.getElementById('sha256').textContent !== ''", undefined, {
        timeout: 60_000,
      });
      return (await page.textContent("#sha256"))!;
    } finally {
      await page.close();
      await server.close();
    }
  }

  it("trains 20 steps on one and on two threads to Node's bits", async () => {
    const { train, sha256 } = await example("training.js");
    const losses: number[] = [];
    const onStep = (_: number, loss: number) => losses.push(loss);
    const expected = await sha256(await train(nodeThreads(2), { onStep }));
    expect(new Set(losses).size).toBe(20);
    expect(await trainInPage(1)).toBe(expected);
    expect(await trainInPage(2)).toBe(expected);
  });

  it("detects, without those headers, to Node's bits", async () => {
    const { serve } = await example("serve.mjs");
    const server = await serve({ conditionNames: ["@phinets/source", "import"], isolated: false });
    const page = await browser.newPage();
    const [{ picture }] = renderConveyorClip(3, 1);
    try {
      await page.goto(`${server.url}detect.html`);
      const png = Buffer.from(await encodePng(picture));
      await page.setInputFiles("#picture", { name: "belt.png", mimeType: "image/png", buffer: png });
      await page.waitForFunction("document.getElementById('found').textContent !== ''");
      const found = JSON.parse((await page.textContent("#found"))!);
      const folder = new URL("../models/person-192/", import.meta.url);
      const model = await loadModel((name) => new Uint8Array(readFileSync(new URL(name, folder))));
      expect(found).toEqual(model.detect(picture));
    } finally {
      await page.close();
      await server.close();
    }
  });

  it("says which headers threads need", async () => {
    expect(await trainInPage(2, false)).toMatch(/Cross-Origin-Opener-Policy: same-origin/);
  });
});
