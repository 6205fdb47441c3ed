/**
 * Milliseconds from a slider's input event, triggered by a key in headless Chromium, until the resulting figures are in
 * the page and until they are painted: median and 95th percentile over all moves of each slider in the studio's room
 * Board, for a board with the DSP extension and one without. At 60 frames per second, a result that just misses a frame
 * waits 17 ms for the next. Needs `npm run build` and Chromium; prints the machine's load.
 *
 *   node bench/studio/sliders.mjs [--moves 200] [--boards stm32h743,rp2040]
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable } from "@phinets/node/text";
import { startStudio } from "@phinets/studio";
import { chromium } from "playwright-core";

const { values } = parseArgs({
  options: {
    moves: { type: "string", default: "200" },
    boards: { type: "string", default: "stm32h743,rp2040" },
  },
});
const moves = Number(values.moves);
const sliders = ["Width α", "Late expansion β", "Expansion t₀", "Blocks N", "Resolution", "Frames a second"];

/** Records the duration of each move. Runs in the page. */
function watchMoves() {
  const figures = document.querySelector(".figures");
  const taken = [];
  let start;
  document.addEventListener(
    "input",
    ({ timeStamp }) => {
      start = timeStamp;
    },
    true,
  );
  new MutationObserver(() => {
    if (start === undefined || figures.getAttribute("aria-busy") === "true") return;
    const since = start;
    start = undefined;
    const shown = performance.now() - since;
    requestAnimationFrame(() => {
      // A message is delivered after the frame has been painted.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => taken.push({ shown, painted: performance.now() - since });
      port2.postMessage(0);
    });
  }).observe(figures, { attributes: true, childList: true, characterData: true, subtree: true });
  Object.assign(globalThis, { taken });
}

const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(share * (list.length - 1))].toFixed(1);

const root = mkdtempSync(join(tmpdir(), "phinets-bench-sliders-"));
mkdirSync(join(root, "opened"));
const studio = await startStudio({ folder: join(root, "opened"), project: join(root, "runs") });
const browser = await chromium.launch({
  executablePath: process.env.PHINETS_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const tab = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await tab.goto(`${studio.url}#board`);
  await tab.getByText(/^(Fits|Does not fit) /).waitFor({ timeout: 120_000 });
  await tab.evaluate(watchMoves);
  for (const board of values.boards.split(",")) {
    await tab.getByLabel("Board", { exact: true }).selectOption(board);
    await tab.locator('.figures[aria-busy="false"]').waitFor();
    const rows = [];
    for (const label of sliders) {
      const slider = tab.getByLabel(label, { exact: true });
      await slider.focus();
      const [before, least, most] = await slider.evaluate(({ value, min, max }) => [value, min, max].map(Number));
      await tab.evaluate(() => globalThis.taken.splice(0));
      // Moves the slider to one end, then to the other, and so on.
      let up = true;
      for (let move = 0; move < moves; move++) {
        const now = await slider.evaluate(({ valueAsNumber }) => valueAsNumber);
        if (now >= most) up = false;
        if (now <= least) up = true;
        await slider.press(up ? "ArrowRight" : "ArrowLeft");
        await tab.waitForFunction((count) => globalThis.taken.length >= count, move + 1, { polling: 5 });
      }
      const taken = await tab.evaluate(() => globalThis.taken);
      const [shown, painted] = ["shown", "painted"].map((name) => taken.map((each) => each[name]));
      rows.push([label, at(shown, 0.5), at(shown, 0.95), at(painted, 0.5), at(painted, 0.95)]);
      await tab.getByLabel(`${label}, typed`).fill(String(before));
      await tab.keyboard.press("Enter");
      await tab.locator('.figures[aria-busy="false"]').waitFor();
    }
    console.log(`${board}, ms from input, ${moves} moves a slider`);
    console.log(`${formatTable(["slider", "in the page", "p95", "painted", "p95"], rows)}\n`);
  }
  console.log(`${cpus()[0].model}, load ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`);
} finally {
  await browser.close();
  await studio.close();
  rmSync(root, { recursive: true, force: true });
}
