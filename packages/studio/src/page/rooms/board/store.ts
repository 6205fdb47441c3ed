/** State of the room Board: the board, the network, and its costs, which follow the sliders. */

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
  /** Path of a custom board's file, for use in commands; undefined for a built-in board. */
  readonly boardFile?: string;
  readonly network: MicromindPhinet;
  /** Frames per second that the board must reach. */
  readonly fps: number;
  readonly request: Request;
}

export const choice = signal<Choice>({
  board: loadBoard("stm32h743"),
  network: startWith("detect", 1, 128),
  fps: 10,
  request: { optimize: "speed", input: "whole" },
});

/** Whether new figures are being computed; those shown belong to the previous choice. */
export const inspecting = signal(true);
/** The memory map (arena over time) as SVG; computed while it is shown. */
export const memory = signal<string | undefined>(undefined);
export const shownDetail = signal<"memory" | "layers" | "units">("memory");
/** Cost and benefit of one step more of each multiplier; computed while it is shown. */
export const units = signal<Units | undefined>(undefined);
export const inspected = signal<Inspected | undefined>(undefined);
/** Why the last choice was refused, until another choice is made. */
export const refused = signal<Error | undefined>(undefined);
/** Why the chosen network has no figures. */
export const inspectProblem = signal<Error | undefined>(undefined);
/** Custom boards, by the names of their files. */
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
/** Depends on these fields only: a change of the frame rate needs no new figures. */
const question = computed<InspectQuestion>(() => ({
  network: network.value,
  board: board.value,
  request: request.value,
}));
effect(() => {
  inspecting.value = true;
  inspector.ask(question.value);
});

/**
 * Whatever is slower than the figures to compute and draw waits until nothing has changed for this many milliseconds.
 */
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

/** Changes fields of the network; an invalid change is refused and reported. */
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

/** A network's head for a task, with default anchors and other settings. */
export function headFor(task: "detect" | "classify", classes: number): MicromindPhinet["head"] {
  return startWith(task, task === "classify" ? Math.max(2, classes) : classes, 128).head;
}

function startWith(task: "detect" | "classify", classes: number, side: number): MicromindPhinet {
  const head = task === "detect" ? { kind: "yolov2", classes } : { kind: "classifier", classes };
  return parseNetwork({ family: "phinet", input: { height: side, width: side, channels: 3 }, head });
}

/** Adds a custom board.json. Throws PhinetsError naming the field. */
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

/** Solves for the networks that make the best use of the board, for this task, picture size and frame rate. */
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

/** Words of the equivalent commands. */
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
