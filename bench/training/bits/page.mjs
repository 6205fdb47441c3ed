/** Runs the same twenty steps in headless Chromium, in the page of examples/browser. */
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { serve } from "../../../examples/browser/serve.mjs";

const executablePath = process.env.PHINETS_CHROMIUM ?? "/usr/bin/chromium";
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];

/** SHA-256 by number of threads, and the browser's version. Throws with one line if Chromium is not installed. */
export async function trainInPage(threadCounts) {
  if (!existsSync(executablePath))
    throw new Error(`${executablePath} is absent; \`npm run setup\` installs it, PHINETS_CHROMIUM names another`);
  const browser = await chromium.launch({ executablePath, args });
  const server = await serve();
  try {
    const page = await browser.newPage();
    const digests = [];
    for (const threads of threadCounts) {
      await page.goto(server.url);
      await page.fill("#threads", String(threads));
      await page.click("#start");
      await page.waitForFunction("document.getElementById('sha256').textContent !== ''", undefined, {
        timeout: 300_000,
      });
      digests.push(await page.textContent("#sha256"));
    }
    return { version: browser.version(), digests };
  } finally {
    await browser.close();
    await server.close();
  }
}
