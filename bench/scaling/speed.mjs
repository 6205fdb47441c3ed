/**
 * Networks costed a second on one core, and the milliseconds and memory of an answer. Usage: node bench/scaling/speed.mjs.
 * Needs `npm run build`. Where other programs share the cores, `cpuMs` (this process, its compiler threads included) says
 * more than `ms`.
 */

import { parseNetwork } from "../../packages/core/dist/networks/index.js";
import { fit as solve } from "../../packages/core/dist/scaling/index.js";
import { walk } from "../../packages/core/dist/scaling/search.js";
import { loadBoard } from "../../packages/core/dist/target/index.js";

const board = loadBoard("stm32h743");
const imgsz = { height: 160, width: 160 };

/** Milliseconds of processor time since `process.cpuUsage()`. */
function cpuMs(before) {
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / 1e3);
}

/** The first answer of a process is the one that a user waits for. */
function answer(name, options) {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const { evaluated, fill } = solve({ board, classes: 1, ...options });
  const ms = Math.round(performance.now() - start);
  console.log(JSON.stringify({ bench: "fit", options: name, evaluated, ms, cpuMs: cpuMs(before), fill }));
}
answer("imgsz 160 (first)", { imgsz });
answer("imgsz 160", { imgsz });
answer("imgsz 160, no time limit", { imgsz, noTimeLimit: true });
answer("imgsz 160, wide", { imgsz, wide: true });
answer("every input size", {});
answer("every input size, no time limit", { noTimeLimit: true });

const { input, head } = parseNetwork({ family: "phinet", input: imgsz, head: { kind: "yolov2", classes: 1 } });
const limits = { arenaBytes: 524288, weightBytes: 2 ** 21, instructions: 1e12, macs: 1e12 };
const unlimited = { arenaBytes: 1e12, weightBytes: 1e12, instructions: 1e15, macs: 1e15 };
for (const [name, bound, wide] of [
  ["all kept", unlimited, false],
  ["within the board", limits, false],
  ["within the board, wide", limits, true],
]) {
  const rates = Array.from({ length: 5 }, () => {
    const [start, before] = [performance.now(), process.cpuUsage()];
    const { evaluated } = walk("ordinary", "detect", input, head, board, bound, wide);
    const perSecond = Math.round((evaluated / (performance.now() - start)) * 1e3);
    return { evaluated, perSecond, perCpuSecond: Math.round((evaluated / cpuMs(before)) * 1e3) };
  }).sort((a, b) => a.perSecond - b.perSecond);
  console.log(JSON.stringify({ bench: "costed", lattice: name, ...rates[2] }));
}
console.log(JSON.stringify({ bench: "fit", peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1000) }));
