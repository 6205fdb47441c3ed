/**
 * Milliseconds until `fit` answers for several boards, each in a fresh process as a user experiences it, and the number
 * of networks whose cost is computed per second on one core. Usage: node bench/scaling/speed.mjs. Needs
 * `npm run build`. If other programs use the cores, `cpuMs` (this process including its compiler threads) is more
 * reliable than `ms`.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseNetwork } from "../../packages/core/dist/networks/index.js";
import { fit as solve } from "../../packages/core/dist/scaling/index.js";
import { walk } from "../../packages/core/dist/scaling/search.js";
import { loadBoard } from "../../packages/core/dist/target/index.js";

const imgsz = { height: 160, width: 160 };
const requests = [
  ...["stm32h743", "stm32f746", "stm32l4r5", "nrf52840", "rp2040", "esp32-s3"].flatMap((board) => [
    { board, imgsz },
    { board, imgsz, noTimeLimit: true },
  ]),
  { board: "stm32h743", imgsz, wide: true },
  { board: "stm32h743" },
  { board: "rp2040" },
  // No network fits.
  { board: "stm32h743", maxRamBytes: 4096 },
  { board: "rp2040", maxRamBytes: 4096 },
  { board: "nrf52840", task: "classify", maxRamBytes: 3000 },
  { board: "rp2040", fps: 3000 },
];

/** Milliseconds of processor time since `process.cpuUsage()`. */
function cpuMs(before) {
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / 1e3);
}

function answer({ board, ...options }) {
  const request = { board: loadBoard(board), ...options };
  const [start, before] = [performance.now(), process.cpuUsage()];
  let found;
  try {
    const { evaluated, fill, chosen } = solve(request);
    found = { evaluated, fill, input: chosen.network.input.height };
  } catch (error) {
    found = { error: error.message };
  }
  return { ms: Math.round(performance.now() - start), cpuMs: cpuMs(before), ...found };
}

const [, , one] = process.argv;
if (one !== undefined) {
  console.log(JSON.stringify(answer(JSON.parse(one))));
  process.exit();
}

for (const request of requests) {
  const runs = Array.from({ length: 3 }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(request)], {
      encoding: "utf8",
    });
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout);
  }).sort((a, b) => a.ms - b.ms);
  console.log(JSON.stringify({ bench: "fit", ...request, imgsz: request.imgsz?.height, ...runs[1] }));
}

const { input, head } = parseNetwork({ family: "phinet", input: imgsz, head: { kind: "yolov2", classes: 1 } });
const board = loadBoard("stm32h743");
const limits = { arenaBytes: 524288, weightBytes: 2 ** 21, instructions: 1e12, macs: 1e12 };
const unlimited = { arenaBytes: 1e12, weightBytes: 1e12, instructions: 1e15, macs: 1e15 };
for (const [name, bound, wide] of [
  ["all kept", unlimited, false],
  ["within the board", limits, false],
  ["within the board, wide", limits, true],
]) {
  const rates = Array.from({ length: 5 }, () => {
    const [start, before] = [performance.now(), process.cpuUsage()];
    const { evaluated } = walk("ordinary", "detect", input, head, board, bound, { wide });
    const perSecond = Math.round((evaluated / (performance.now() - start)) * 1e3);
    return { evaluated, perSecond, perCpuSecond: Math.round((evaluated / cpuMs(before)) * 1e3) };
  }).sort((a, b) => a.perSecond - b.perSecond);
  console.log(JSON.stringify({ bench: "costed", lattice: name, ...rates[2] }));
}
