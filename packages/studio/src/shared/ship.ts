/** Shipping a data set to a board: what is asked for, the line that does it, and how far it is. */

/** What the form says. Paths are within the opened folder. */
export interface ShipForm {
  /** A data set, "" for the folder itself. */
  readonly data: string;
  /** A board's name, or the path of a board.json. */
  readonly target: string;
  /** Of the run's folder in runs/ship. */
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

/** Where runs lie in the opened folder. */
export const runsFolder = "runs";

/** The path of something in the opened folder as commands name it. @param folder the opened one, as the user named it */
export function within(folder: string, path: string): string {
  if (path === "" || path === ".") return folder;
  return folder === "." ? path : `${folder.replace(/\/+$/, "")}/${path}`;
}

/** The run's folder, within the opened one. */
export const runOf = ({ name }: Pick<ShipForm, "name">): string => `${runsFolder}/ship/${name}`;

/** Words of the command. @param folder the opened one, as the user named it */
export function shipWords(form: ShipForm, folder: string): string[] {
  const { data, target, weights, clip, qat, ...rest } = form;
  const numbers = (["fps", "imgsz", "epochs", "seed", "images"] as const).flatMap((name) =>
    rest[name] === undefined ? [] : [`--${name}`, String(rest[name])],
  );
  return [
    ...["phinets", "ship", "--data", within(folder, data)],
    ...["--target", isBoardFile(target) ? within(folder, target) : target, ...numbers],
    ...(weights ? ["--weights", within(folder, weights)] : []),
    ...(clip ? ["--clip", within(folder, clip)] : []),
    ...(qat ? ["--qat"] : []),
    ...projectWords(folder),
    ...["--out", within(folder, runOf(form))],
  ];
}

/** Words that go on with a run, by what it was asked for. @param run within the opened folder */
export function resumeWords(run: string, folder: string): string[] {
  const path = within(folder, run);
  return ["phinets", "ship", "--cfg", `${path}/args.yaml`, ...projectWords(folder), "--out", path];
}

/** "runs" is the command's own default. */
function projectWords(folder: string): string[] {
  const project = within(folder, runsFolder);
  return project === runsFolder ? [] : ["--project", project];
}

export const isBoardFile = (target: string): boolean => /\.json$|[\\/]/.test(target);

export interface ShipList {
  /** Within the opened folder, newest first. */
  readonly runs: readonly { readonly path: string; readonly running: boolean; readonly done: boolean }[];
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
  readonly path: string;
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
