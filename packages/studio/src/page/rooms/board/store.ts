/** The board, the network on it, and what that costs: what the sliders move and the figures follow. */

import type { MicromindPhinet } from "@phinets/core/networks";
import { parseNetwork } from "@phinets/core/networks";
import type { FitOptions } from "@phinets/core/scaling";
import { type Board, boardNames, loadBoard, type ProgramRequest, parseBoard } from "@phinets/core/target";
import { computed, effect, signal } from "@preact/signals";
import { Latest } from "../../latest.js";
import type { Fitted } from "./fit-worker.js";
import type { Inspected, InspectQuestion } from "./inspect-worker.js";
import type { Units } from "./units-worker.js";

export type Request = Required<Pick<ProgramRequest, "optimize" | "input">>;

export interface Choice {
  readonly board: Board;
  /** File of a board of the user's own, as commands name it; undefined for a built-in one. */
  readonly boardFile?: string;
  readonly network: MicromindPhinet;
  /** Frames a second that the board must reach. */
  readonly fps: number;
  readonly request: Request;
}

export const choice = signal<Choice>({
  board: loadBoard("stm32h743"),
  network: startWith("detect", 1, 128),
  fps: 10,
  request: { optimize: "speed", input: "whole" },
});

/** The figures are on their way: those that are shown are of what was chosen before. */
export const inspecting = signal(true);
/** The memory over time, as SVG; asked for while it is shown. */
export const memory = signal<string | undefined>(undefined);
export const shownDetail = signal<"memory" | "layers" | "units">("memory");
/** What a unit more of each multiplier would take and bring; asked for while that is shown. */
export const units = signal<Units | undefined>(undefined);
export const inspected = signal<Inspected | undefined>(undefined);
/** What is wrong with what was chosen; it stays until something else is. */
export const refused = signal<Error | undefined>(undefined);
/** Why a network that was chosen has no figures. */
export const inspectProblem = signal<Error | undefined>(undefined);
/** The user's own boards, by the names of their files. */
export const ownBoards = signal<ReadonlyMap<string, Board>>(new Map());
export const fitted = signal<Fitted | undefined>(undefined);
export const fitProblem = signal<Error | undefined>(undefined);
export const fitting = signal(false);

export const names = boardNames;

const inspector = new Latest<InspectQuestion, Inspected>(
  () => new Worker(new URL("./inspect-worker.ts", import.meta.url), { type: "module" }),
  (answer, error) => {
    if (answer !== undefined) inspected.value = answer;
    inspectProblem.value = error;
    inspecting.value = inspector.busy;
  },
);

const painter = new Latest<InspectQuestion, string>(
  () => new Worker(new URL("./memory-worker.ts", import.meta.url), { type: "module" }),
  (answer) => {
    if (answer !== undefined) memory.value = answer;
  },
);

const comparer = new Latest<InspectQuestion, Units>(
  () => new Worker(new URL("./units-worker.ts", import.meta.url), { type: "module" }),
  (answer) => {
    if (answer !== undefined) units.value = answer;
  },
);

const solver = new Latest<FitOptions, Fitted>(
  () => new Worker(new URL("./fit-worker.ts", import.meta.url), { type: "module" }),
  (answer, error) => {
    fitting.value = false;
    fitted.value = answer;
    fitProblem.value = error;
  },
);

const network = computed(() => choice.value.network);
const board = computed(() => choice.value.board);
const request = computed(() => choice.value.request);
/** Changes with what it says alone: frames a second ask for no other figures. */
const question = computed<InspectQuestion>(() => ({
  network: network.value,
  board: board.value,
  request: request.value,
}));
effect(() => {
  inspecting.value = true;
  inspector.ask(question.value);
});

/** What takes longer than figures, to make and to paint, follows where nothing has moved for a moment. */
const restMs = 80;
effect(() => {
  const asked = question.value;
  const shown = shownDetail.value;
  if (shown === "layers") return;
  const timer = setTimeout(() => (shown === "memory" ? painter : comparer).ask(asked), restMs);
  return () => clearTimeout(timer);
});

export function change(changes: Partial<Choice>): void {
  choice.value = { ...choice.value, ...changes };
}

/** Changes fields of the network; what is impossible stays as it was, and is said. */
export function changeNetwork(changes: Partial<MicromindPhinet>): void {
  try {
    change({ network: parseNetwork({ ...choice.value.network, ...changes }) });
    refused.value = undefined;
  } catch (error) {
    refused.value = error as Error;
  }
}

export function taskOf({ head }: MicromindPhinet): "detect" | "classify" {
  return head.kind === "classifier" ? "classify" : "detect";
}

/** A network's head for a task; anchors and the like are the defaults. */
export function headFor(task: "detect" | "classify", classes: number): MicromindPhinet["head"] {
  return startWith(task, task === "classify" ? Math.max(2, classes) : classes, 128).head;
}

function startWith(task: "detect" | "classify", classes: number, side: number): MicromindPhinet {
  const head = task === "detect" ? { kind: "yolov2", classes } : { kind: "classifier", classes };
  return parseNetwork({ family: "phinet", input: { height: side, width: side, channels: 3 }, head });
}

/** A board.json of the user's own. Throws PhinetsError naming the field. */
export async function addBoard(file: File): Promise<void> {
  try {
    const board = parseBoard(JSON.parse(await file.text()), file.name);
    ownBoards.value = new Map(ownBoards.value).set(file.name, board);
    change({ board, boardFile: file.name });
    refused.value = undefined;
  } catch (error) {
    refused.value =
      error instanceof SyntaxError ? new Error(`${file.name}: is no JSON: ${error.message}`) : (error as Error);
  }
}

export function chooseBoard(name: string): void {
  const own = ownBoards.value.get(name);
  change(own === undefined ? { board: loadBoard(name), boardFile: undefined } : { board: own, boardFile: name });
}

/** Solves for the networks that use the board, at this task, size of picture and rate. */
export function solve({ anySize }: { readonly anySize: boolean }): void {
  const { board, network, fps, request } = choice.value;
  const { height, width, channels } = network.input;
  fitting.value = true;
  solver.ask({
    board,
    task: taskOf(network),
    classes: classesOf(network),
    channels,
    fps,
    ...(anySize ? {} : { imgsz: { height, width } }),
    ...request,
  });
}

export function classesOf({ head }: MicromindPhinet): number {
  if (head.kind === "none") return 0;
  return typeof head.classes === "number" ? head.classes : head.classes.length;
}

/** Words of the commands that do the same. */
export const commands = computed(() => {
  const { board, boardFile, network, fps, request } = choice.value;
  const target = ["--target", boardFile === undefined ? board.name : `./${boardFile}`];
  const options = [
    ...(request.optimize === "speed" ? [] : ["--optimize", request.optimize]),
    ...(request.input === "whole" ? [] : ["--input", request.input]),
  ];
  const { height, width, channels } = network.input;
  return {
    inspect: ["phinets", "inspect", "network.json", ...target, ...options],
    fit: (anySize: boolean) => [
      ...["phinets", "fit", ...target, "--task", taskOf(network), "--classes", String(classesOf(network))],
      ...(anySize ? [] : ["--imgsz", height === width ? String(height) : `${height}x${width}`]),
      ...(channels === 3 ? [] : ["--channels", String(channels)]),
      ...["--fps", String(fps), ...options],
    ],
  };
});
