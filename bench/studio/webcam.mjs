/**
 * Frames per second of the studio's room Try on a camera: person-192, int8, with drawn boxes, in headless Chromium
 * limited to one core. The camera is Chromium's own, fed from a file of frames at 60 per second, 640 x 480: pictures of
 * people if a folder of them is given, else a rendered belt, which costs the network the same. Prints the median of ten
 * seconds; the goal is 30. Other work on the machine lowers the result, so its load is printed, and also the processor
 * time per frame of the browser's processes, including the camera, which tells what a free core would achieve. Linux;
 * needs `npm run build` and Chromium.
 *
 *   node bench/studio/webcam.mjs [PICTURES] [--core 0] [--seconds 10]
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { renderConveyorClip, resize } from "@phinets/core/data";
import { readPicture } from "@phinets/node/picture";
import { startStudio } from "@phinets/studio";
import { chromium } from "playwright-core";
import { encodeY4m } from "./lib/y4m.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { core: { type: "string", default: "0" }, seconds: { type: "string", default: "10" } },
});
const size = { height: 480, width: 640 };
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "phinets-bench-webcam-"));
const camera = join(folder, "camera.y4m");

/** Processor time, in hundredths of a second, of this process's descendants, which are the browser's processes. */
function processorTicks() {
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/stat`, "utf8");
        const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
        return [{ pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
      } catch {
        return []; // the process has ended
      }
    });
  const own = new Set([process.pid]);
  for (let size = 0; size !== own.size; ) {
    size = own.size;
    for (const { pid, parent } of stats) if (own.has(parent)) own.add(pid);
  }
  own.delete(process.pid);
  return stats.reduce((sum, { pid, ticks }) => sum + (own.has(pid) ? ticks : 0), 0);
}

async function frames() {
  const [pictures] = positionals;
  if (pictures === undefined) return renderConveyorClip(1, 30, size).map(({ picture }) => picture);
  const names = readdirSync(pictures, { recursive: true }).filter((name) => /\.(jpe?g|png)$/i.test(name));
  const some = names.sort().slice(0, 30);
  return Promise.all(some.map(async (name) => resize(await readPicture(join(pictures, name)), size)));
}

writeFileSync(camera, encodeY4m(await frames(), 60));
mkdirSync(join(folder, "opened"));
cpSync(join(root, "models/person-192"), join(folder, "opened/person-192"), { recursive: true });
const studio = await startStudio({ folder: join(folder, "opened"), project: join(folder, "runs") });
// Every process of the browser inherits the core affinity.
const wrapper = join(folder, "chromium.sh");
const program = process.env.PHINETS_CHROMIUM ?? "/usr/bin/chromium";
writeFileSync(wrapper, `#!/bin/sh\nexec taskset -c ${values.core} ${program} "$@"\n`, { mode: 0o755 });
const browser = await chromium.launch({
  executablePath: wrapper,
  args: [
    ...["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
    `--use-file-for-fake-video-capture=${camera}`,
  ],
});
try {
  const context = await browser.newContext({ permissions: ["camera"], viewport: { width: 1280, height: 800 } });
  const tab = await context.newPage();
  await tab.goto(`${studio.url}#try`);
  await tab.getByText(/; int8/).waitFor({ timeout: 120_000 });
  await tab.getByRole("button", { name: "Webcam" }).click();
  await tab.getByText(/^\d+ frames/).waitFor({ timeout: 120_000 });
  const count = async () => Number.parseInt((await tab.locator(".rate").textContent()).replaceAll(",", ""), 10);
  const ticks = processorTicks();
  const first = await count();
  const rates = [];
  const networkMs = [];
  let [before, since] = [await count(), performance.now()];
  for (let second = 0; second < Number(values.seconds); second++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const [now, at] = [await count(), performance.now()];
    rates.push((1000 * (now - before)) / (at - since));
    networkMs.push(Number.parseFloat(await tab.locator(".stage figcaption .quiet").first().textContent()));
    [before, since] = [now, at];
  }
  const perFrame = ((processorTicks() - ticks) * 10) / (before - first);
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
  console.log(
    JSON.stringify({
      bench: "studio webcam, person-192 int8, one core",
      framesPerSecond: Number(median(rates).toFixed(1)),
      least: Number(Math.min(...rates).toFixed(1)),
      processorMsPerFrame: Number(perFrame.toFixed(1)),
      networkMs: Number(median(networkMs).toFixed(1)),
      processor: cpus()[0].model,
      load: loadavg()[0],
    }),
  );
} finally {
  await browser.close();
  await studio.close();
  rmSync(folder, { recursive: true, force: true });
}
