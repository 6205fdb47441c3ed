/** State of the room Live: the serial line of a board or of an emulated one. Both are handled in the same way. */

import { formatMotTracks } from "@phinets/core/tracking";
import { type WireBox, type WireFrame, type WireHello, WireListener, type WireLosses } from "@phinets/core/wire";
import { computed, signal } from "@preact/signals";
import { type LiveList, type LiveRunDetail, liveFiles } from "../../../shared/live.js";
import { commandPath, joinPath, titleOf } from "../../../shared/places.js";
import { addressOf, get, UserError } from "../../api.js";
import { askAgain } from "../../ask-again.js";
import { runs as changedRuns, connection, places } from "../../connection.js";
import { Latest } from "../../latest.js";
import { saveFile } from "../../ui/save.js";
import { type Emulated, openEmulated } from "./emulated.js";
import type { HostAnswer, HostQuestion } from "./host-worker.js";
import { type Line, openSerial } from "./serial.js";
import { type Trail, Trails } from "./trails.js";

export interface Shown {
  readonly hello: WireHello;
  readonly frame: WireFrame;
  readonly trails: readonly Trail[];
  /** Number of frames received. */
  readonly count: number;
  /** Frames per second, over the last two seconds. */
  readonly rate: number;
  readonly losses: WireLosses;
}

export type State = "closed" | "opening" | "open" | "ended";

export const state = signal<State>("closed");
export const shown = signal<Shown | undefined>(undefined);
export const problem = signal<Error | undefined>(undefined);
export const list = signal<LiveList | undefined>(undefined);
export const baud = signal(115_200);
export const emulated = signal<Emulated>({ run: "", clip: "", pictures: true, times: 0 });

/** Whether this page also runs the network on the frames, and the result of the comparison. */
export const comparing = signal(false);
export interface Compared {
  readonly equal: number;
  readonly different: number;
  /** Boxes of the newest frame. */
  readonly boxes: readonly WireBox[];
}
const nothing: Compared = { equal: 0, different: 0, boxes: [] };
export const compared = signal<Compared>(nothing);
export const compareProblem = signal<Error | undefined>(undefined);

export const monitorWords = computed(() => [
  ...["phinets", "monitor"],
  ...(baud.value === 115_200 ? [] : ["--baud", String(baud.value)]),
]);
export const emulateWords = computed(() => {
  const { run, clip } = emulated.value;
  const { value: where } = places;
  return ["phinets", "monitor", "--emulate", commandPath(run, where), "--clip", joinPath(where.path, clip)];
});

/** Ids of the runs with an int8 network, from the server's events; changes with them. */
const told = () =>
  [...changedRuns.value.values()]
    .flatMap((run) => ("gone" in run ? [`${run.id} gone`] : run.hasInt8 ? [run.id] : []))
    .join("\n");

/** Keeps the state current while the room is open; returns a function that ends it. */
export function watch(): (() => void) | undefined {
  return connection.value.kind === "server" ? askAgain(told, refreshList) : undefined;
}

async function refreshList(): Promise<void> {
  try {
    const found = await get<LiveList>("live");
    list.value = found;
    const { run, clip } = emulated.value;
    emulated.value = {
      ...emulated.value,
      run: run || (found.runs[0]?.id ?? ""),
      clip: clip || (found.clips[0] ?? ""),
    };
  } catch (error) {
    problem.value = error as Error;
  }
}

let line: Line | undefined;
/** MOTChallenge text, one piece per frame. */
let tracks: string[] = [];
/** Several hundred thousand frames. */
const mostPieces = 200_000;

export const listenSerial = (): Promise<void> => listen(() => openSerial(baud.value));
export const listenEmulated = (): Promise<void> => listen(() => openEmulated(emulated.value));

export async function close(): Promise<void> {
  const open = line;
  line = undefined;
  state.value = "closed";
  await open?.close();
}

export function saveTracks(): void {
  saveFile("tracks.txt", tracks.join(""), "text/plain");
}

async function listen(open: () => Promise<Line>): Promise<void> {
  await close();
  problem.value = undefined;
  shown.value = undefined;
  compared.value = nothing;
  tracks = [];
  state.value = "opening";
  let opened: Line;
  try {
    opened = await open();
  } catch (error) {
    state.value = "closed";
    problem.value = error as Error;
    return;
  }
  line = opened;
  state.value = "open";
  const reader = opened.bytes.getReader();
  const listener = new WireListener();
  const show = shower(listener);
  try {
    while (line === opened) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const frame of listener.push(value)) show(frame);
    }
    if (line === opened) state.value = "ended";
  } catch (error) {
    if (line === opened) {
      state.value = "ended";
      problem.value = new UserError(
        "studio.line",
        `the line is gone (${(error as Error).message}); plug the board in, and connect again`,
      );
    }
  } finally {
    reader.cancel().catch(() => {});
    reader.releaseLock();
    await opened.close();
  }
}

const rateMs = 2000;

/** Handles every frame, but redraws the page only as often as the screen refreshes. */
function shower(listener: WireListener): (frame: WireFrame) => void {
  const trails = new Trails();
  const times: number[] = [];
  let count = 0;
  let next: Shown | undefined;
  return (frame) => {
    const { hello, losses } = listener;
    count++;
    const now = performance.now();
    times.push(now);
    while (times[0] < now - rateMs) times.shift();
    if (tracks.length < mostPieces) tracks.push(formatMotTracks(frame.frame + 1, frame.tracks ?? []));
    const moved = trails.add(frame);
    if (comparing.value) compare(frame);
    if (hello === undefined) return;
    const elapsed = Math.max(1, now - times[0]);
    const rate = times.length < 2 ? 0 : (1000 * (times.length - 1)) / elapsed;
    if (next === undefined) requestAnimationFrame(draw);
    next = { hello, frame, trails: moved, count, rate, losses };
  };
  function draw(): void {
    // A board may send only some pictures: keep the last one until the next.
    const { picture = shown.value?.frame.picture, ...frame } = next!.frame;
    shown.value = { ...next!, frame: { ...frame, ...(picture && { picture }) } };
    next = undefined;
  }
}

const host = new Latest<HostQuestion, HostAnswer>(
  () => new Worker(new URL("./host-worker.ts", import.meta.url), { type: "module" }),
  take,
);
let ready = false;

/** Loads a run's int8 network into this page, to run it on the pictures that the board sends. */
export async function compareWith(run: string): Promise<void> {
  comparing.value = true;
  compared.value = nothing;
  compareProblem.value = undefined;
  ready = false;
  try {
    const query = { run };
    const [{ scoreThreshold }, ...contents] = await Promise.all([
      get<LiveRunDetail>("live/run", { query }),
      ...liveFiles.map(async (name) => {
        const response = await fetch(addressOf("live/file", { run, name }));
        if (!response.ok) throw new UserError("studio.live", `${titleOf(run)}: ${name} cannot be read`);
        return new Uint8Array(await response.arrayBuffer());
      }),
    ]);
    host.ask({ files: Object.fromEntries(liveFiles.map((name, i) => [name, contents[i]])), scoreThreshold });
  } catch (error) {
    compareProblem.value = error as Error;
  }
}

function take(answer: HostAnswer | undefined, error: UserError | undefined): void {
  compareProblem.value = error;
  if (answer === undefined) return;
  if (answer.frame === undefined) {
    ready = true;
    return;
  }
  const { equal, different } = compared.value;
  compared.value = {
    equal: equal + Number(answer.equal),
    different: different + Number(!answer.equal),
    boxes: answer.boxes,
  };
}

function compare({ frame, picture, boxes }: WireFrame): void {
  if (ready && picture !== undefined && boxes !== undefined) host.ask({ frame, picture, found: boxes });
}
