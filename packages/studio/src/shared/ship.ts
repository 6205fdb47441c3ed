/** Shipping a data set to a board: what is asked for, the line that does it, and how far it is. */
import { commandPath, joinPath, placeId } from "./places.js";
import type { Session } from "./session.js";

/** What the form says. Paths are within the opened folder; a run is named as a place. */
export interface ShipForm {
  /** A data set, "" for the folder itself. */
  readonly data: string;
  /** A board's name, or the path of a board.json. */
  readonly target: string;
  /** Of the run's folder, in ship/ of the folder of all runs. */
  readonly name: string;
  readonly fps?: number;
  readonly imgsz?: number;
  readonly epochs?: number;
  readonly seed?: number;
  /** Test pictures for the emulated firmware. */
  readonly images?: number;
  /** A run to start from. */
  readonly weights?: string;
  /** Video or folder of frames. */
  readonly clip?: string;
  /** Quantisation-aware epochs, where plain rounding costs too much. */
  readonly qat?: boolean;
}

type Where = Pick<Session, "path" | "project">;

/** Name of the run's place. */
export const runOf = ({ name }: Pick<ShipForm, "name">): string => placeId("project", `ship/${name}`);

/** Words of the command. */
export function shipWords(form: ShipForm, where: Where): string[] {
  const { data, target, weights, clip, qat, ...rest } = form;
  const numbers = (["fps", "imgsz", "epochs", "seed", "images"] as const).flatMap((name) =>
    rest[name] === undefined ? [] : [`--${name}`, String(rest[name])],
  );
  return [
    ...["phinets", "ship", "--data", joinPath(where.path, data)],
    ...["--target", isBoardFile(target) ? joinPath(where.path, target) : target, ...numbers],
    ...(weights ? ["--weights", commandPath(weights, where)] : []),
    ...(clip ? ["--clip", joinPath(where.path, clip)] : []),
    ...(qat ? ["--qat"] : []),
    ...projectWords(where),
    ...["--out", commandPath(runOf(form), where)],
  ];
}

/** Words that go on with a run, by what it was asked for. @param run name of its place */
export function resumeWords(run: string, where: Where): string[] {
  const path = commandPath(run, where);
  return ["phinets", "ship", "--cfg", `${path}/args.yaml`, ...projectWords(where), "--out", path];
}

/** "runs" is the command's own default. */
const projectWords = ({ project }: Where): string[] => (project === "runs" ? [] : ["--project", project]);

export const isBoardFile = (target: string): boolean => /\.json$|[\\/]/.test(target);

export interface ShipList {
  /** Names of their places, newest first. */
  readonly runs: readonly { readonly id: string; readonly running: boolean; readonly done: boolean }[];
  /** Videos and folders of frames. */
  readonly clips: readonly string[];
}

export interface ShipFigures {
  readonly task: "detect" | "classify";
  readonly images: number;
  readonly [name: string]: string | number | null | undefined;
}

/** A shipped run, done or not. */
export interface ShipRun {
  /** Name of its place. */
  readonly id: string;
  readonly steps: readonly {
    readonly name: string;
    /** "kept": taken over from a run before. */
    readonly state: "waiting" | "running" | "kept" | "done" | "stopped";
    readonly seconds?: number;
  }[];
  readonly holder?: { readonly pid: number; readonly work: string };
  readonly progress?: {
    readonly label: string;
    readonly done: number;
    readonly total: number;
    readonly unit: string;
    readonly detail: string;
  };
  /** It has what `resumeWords` needs. */
  readonly canResume: boolean;
  readonly hasReport: boolean;
  readonly result?: {
    readonly target: string;
    readonly data: string;
    readonly network: {
      readonly parameters: number;
      readonly macs: number;
      readonly latencyMs: readonly [low: number, high: number];
    };
    readonly evaluation: {
      readonly split: string;
      readonly float: ShipFigures;
      readonly int8: ShipFigures;
      readonly firmware?: ShipFigures;
    };
    readonly emulate:
      | { readonly leftOut: string }
      | {
          readonly machine: string;
          readonly images: number;
          readonly matchesInterpreter: boolean;
          readonly differingBytes: number;
          readonly instructions: number;
          readonly flashBytes: number;
          readonly arenaBytes: number;
          readonly target: { readonly name: string; readonly fits: boolean };
        };
    readonly track?: {
      readonly frames: number;
      readonly tracks: number;
      readonly clip: string;
      readonly firmware?: { readonly leftOut: string } | { readonly frames: number; readonly tracksMatch: boolean };
    };
    readonly artefacts: readonly { readonly file: string; readonly bytes: number; readonly sha256: string }[];
  };
}
