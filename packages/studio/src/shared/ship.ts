/** Shipping a data set to a board: the request, its command line, and the progress. */
import { commandPath, joinPath, placeId } from "./places.js";
import type { Session } from "./session.js";

/** Content of the form. Paths are relative to the opened folder; a run is given by the id of its place. */
export interface ShipForm {
  /** A data set, "" for the folder itself. */
  readonly data: string;
  /** A board's name, or the path of a board.json. */
  readonly target: string;
  /** Name of the run's folder, in ship/ of the folder of all runs. */
  readonly name: string;
  readonly fps?: number;
  readonly imgsz?: number;
  readonly epochs?: number;
  readonly seed?: number;
  /** Number of test pictures for the emulated firmware. */
  readonly images?: number;
  /** A run to start from. */
  readonly weights?: string;
  /** Video or folder of frames. */
  readonly clip?: string;
  /** Always train quantisation-aware; otherwise only where post-training quantisation loses too much. */
  readonly qat?: boolean;
}

type Where = Pick<Session, "path" | "project">;

export const runOf = ({ name }: Pick<ShipForm, "name">): string => placeId("project", `ship/${name}`);

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

/** The words that resume a run with its saved options. @param run id of its place */
export function resumeWords(run: string, where: Where): string[] {
  const path = commandPath(run, where);
  return ["phinets", "ship", "--cfg", `${path}/args.yaml`, ...projectWords(where), "--out", path];
}

/** "runs" is the command's own default. */
const projectWords = ({ project }: Where): string[] => (project === "runs" ? [] : ["--project", project]);

export const isBoardFile = (target: string): boolean => /\.json$|[\\/]/.test(target);

export interface ShipList {
  /** Ids of their places; running ones first, then the most recently changed. */
  readonly runs: readonly { readonly id: string; readonly running: boolean; readonly done: boolean }[];
  /** Videos and folders of frames. */
  readonly clips: readonly string[];
}

export interface ShipFigures {
  readonly task: "detect" | "classify";
  readonly images: number;
  readonly [name: string]: string | number | null | undefined;
}

/** A shipped run, complete or not. */
export interface ShipRun {
  /** Id of its place. */
  readonly id: string;
  readonly steps: readonly {
    readonly name: string;
    /** "kept": taken from an earlier run. */
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
  /** Whether it has what `resumeWords` needs. */
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
