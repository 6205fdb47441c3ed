/**
 * Examines a data set: counts, sizes, bad files, leaks between splits, and boxes too small for the chosen resolution.
 */
import type { OpenedTree } from "./formats/open.js";
import { type CopyGroup, findCopies, findLeaks, type Leak } from "./leaks.js";
import { boxIntoRect, fitRect } from "./resize.js";
import {
  type DatasetIndex,
  type Fit,
  type PictureSize,
  type Sample,
  type SplitName,
  splitNames,
  type Task,
} from "./types.js";

/** The result of reading one picture. */
export interface PictureFinding {
  readonly file: string;
  readonly split: SplitName;
  /** Absent if the picture could not be decoded. */
  readonly size?: PictureSize;
  /** Digest of the picture's content; pictures with equal digests are copies. */
  readonly digest?: string;
  /** From `greyCells`, for detecting near copies. */
  readonly cells?: Uint8Array;
}

/** A file, or a row of one, that cannot be used as it is, and the reason. */
export interface BadFile {
  readonly file: string;
  readonly reason: string;
}

/** How one of the joined data sets was interpreted. */
export type SetReport = Pick<OpenedTree, "format" | "recognised" | "notes" | "changes" | "notRead" | "rows"> & {
  /** Path as the user wrote it. */
  readonly path: string;
};

/** The input of a report: a data set and everything found while reading it. */
export interface Examined {
  readonly index: DatasetIndex;
  readonly sets?: readonly SetReport[];
  /** One entry per examined picture and split. Pictures without an entry are assumed to have the input's shape. */
  readonly findings: readonly PictureFinding[];
  /** Pictures and files that cannot be used. */
  readonly badFiles: readonly BadFile[];
  /** Label rows that cannot be used. */
  readonly badRows?: readonly BadFile[];
}

export interface DoctorOptions extends PictureSize {
  /** Default "stretch". */
  readonly fit?: Fit;
  /** Width and height in input pixels of a cell of the detector's grid. Default 16. */
  readonly gridStride?: number;
  /** A box narrower or lower than this many input pixels counts as lost. Default 4. */
  readonly minBoxPixels?: number;
}

export interface SplitReport {
  readonly pictures: number;
  /** Detection: pictures without boxes, and number of boxes. */
  readonly background: number;
  readonly boxes: number;
  /** Detection: boxes that are excluded from training and scoring (crowds, difficult ones); not included in `boxes`. */
  readonly ignored: number;
  /** Boxes (detection) or pictures (classification) of each class, by name. */
  readonly perClass: Readonly<Record<string, number>>;
}

export interface DoctorReport {
  /** The data sets that were joined. */
  readonly sets: readonly SetReport[];
  readonly task: Task;
  readonly classes: readonly string[];
  readonly splits: Readonly<Record<SplitName, SplitReport>>;
  /** Picture sizes, most frequent first. */
  readonly pictureSizes: readonly { readonly width: number; readonly height: number; readonly pictures: number }[];
  /**
   * Detection: histogram of boxes by the square root of their area in input pixels; each bin is `from` (inclusive) to
   * `to`.
   */
  readonly boxSides: readonly { readonly from: number; readonly to: number | null; readonly boxes: number }[];
  /** Detection: boxes that a detector with this input and grid will miss. */
  readonly lost?: {
    readonly input: PictureSize;
    readonly gridStride: number;
    readonly minBoxPixels: number;
    readonly boxes: number;
    /** Boxes narrower or lower than minBoxPixels. */
    readonly tooSmall: number;
    /** Boxes whose centre falls in a grid cell that another box of the picture already has. */
    readonly sharedCell: number;
  };
  /** Groups of files with the same content; `acrossSplits` marks training pictures that leak into val or test. */
  readonly duplicates: readonly CopyGroup[];
  /** Pictures that val and test share with the splits before them. */
  readonly leaks: readonly Leak[];
  /** Copies of one picture whose labels differ. */
  readonly disagreeing: readonly {
    readonly files: readonly [string, string];
    readonly labels: readonly [string, string];
  }[];
  readonly badFiles: readonly BadFile[];
  readonly badRows: readonly BadFile[];
}

const sideBins = [0, 4, 8, 16, 32, 64, 128];

/** Defaults of the report's options. */
export const doctorDefaults = { height: 128, width: 128, fit: "stretch", gridStride: 16, minBoxPixels: 4 } as const;

/** Computes the report. */
export function diagnose(examined: Examined, options: DoctorOptions): DoctorReport {
  const { index, sets = [], findings, badFiles, badRows = [] } = examined;
  const {
    width,
    height,
    fit = doctorDefaults.fit,
    gridStride = doctorDefaults.gridStride,
    minBoxPixels = doctorDefaults.minBoxPixels,
  } = options;
  const input = { height, width };
  const sizes = new Map(findings.map((finding) => [finding.file, finding.size]));
  const boxSides = sideBins.map((from, i) => ({ from, to: sideBins[i + 1] ?? null, boxes: 0 }));
  let tooSmall = 0;
  let sharedCell = 0;
  let allBoxes = 0;
  const splits = {} as Record<SplitName, SplitReport>;
  for (const split of splitNames) {
    const perClass: Record<string, number> = Object.fromEntries(index.classes.map((name) => [name, 0]));
    let background = 0;
    let boxes = 0;
    let ignored = 0;
    for (const sample of index.splits[split]) {
      if (sample.class !== undefined) perClass[index.classes[sample.class]]++;
      if (index.task !== "detect") continue;
      const labels = (sample.labels ?? []).filter(({ ignore }) => ignore === undefined);
      ignored += (sample.labels?.length ?? 0) - labels.length;
      if (labels.length === 0) background++;
      boxes += labels.length;
      const picture = sizes.get(sample.file) ?? input;
      const rect = fitRect(picture, input, fit);
      const cells = new Set<number>();
      for (const label of labels) {
        perClass[index.classes[label.class]]++;
        const box = boxIntoRect(label, picture, rect);
        const sides = { width: box.width * width, height: box.height * height };
        const side = Math.sqrt(sides.width * sides.height);
        boxSides[sideBins.findLastIndex((from) => side >= from)].boxes++;
        if (Math.min(sides.width, sides.height) < minBoxPixels) {
          tooSmall++;
          continue;
        }
        const columns = Math.ceil(width / gridStride);
        const column = Math.min(columns - 1, Math.floor((box.x * width) / gridStride));
        const cell =
          Math.min(Math.ceil(height / gridStride) - 1, Math.floor((box.y * height) / gridStride)) * columns + column;
        if (cells.has(cell)) sharedCell++;
        cells.add(cell);
      }
    }
    allBoxes += boxes;
    splits[split] = { pictures: index.splits[split].length, background, boxes, ignored, perClass };
  }
  const detect = index.task === "detect";
  return {
    sets,
    task: index.task,
    classes: index.classes,
    splits,
    pictureSizes: countSizes(findings),
    boxSides: detect ? boxSides : [],
    lost: detect ? { input, gridStride, minBoxPixels, boxes: allBoxes, tooSmall, sharedCell } : undefined,
    duplicates: findCopies(findings),
    leaks: findLeaks(findings),
    disagreeing: findDisagreeing(index, findings),
    badFiles,
    badRows,
  };
}

function countSizes(findings: readonly PictureFinding[]): DoctorReport["pictureSizes"] {
  const counts = new Map<string, { width: number; height: number; pictures: number }>();
  for (const { size } of findings) {
    if (size === undefined) continue;
    const key = `${size.width}x${size.height}`;
    const entry = counts.get(key);
    if (entry === undefined) counts.set(key, { width: size.width, height: size.height, pictures: 1 });
    else entry.pictures++;
  }
  return [...counts.values()].sort((a, b) => b.pictures - a.pictures || a.width - b.width || a.height - b.height);
}

/** Pairs of copies with different labels, at most one per picture. */
function findDisagreeing(index: DatasetIndex, findings: readonly PictureFinding[]): DoctorReport["disagreeing"] {
  const samples = new Map(splitNames.flatMap((split) => index.splits[split].map((each) => [each.file, each] as const)));
  const known = new Map<string, { file: string; label: string; key: string }>();
  const found: DoctorReport["disagreeing"][number][] = [];
  const told = new Set<string>();
  for (const { file, digest } of findings) {
    const sample = samples.get(file);
    if (digest === undefined || sample === undefined || told.has(file)) continue;
    const { label, key } = shows(sample, index.classes);
    const before = known.get(digest);
    if (before === undefined) known.set(digest, { file, label, key });
    else if (before.file !== file && before.key !== key) {
      told.add(file);
      found.push({ files: [before.file, file], labels: [before.label, label] });
    }
  }
  return found;
}

/** A picture's labels as text, and a key that is equal for equal labels in any order. */
function shows({ class: label, labels = [] }: Sample, classes: readonly string[]): { label: string; key: string } {
  if (label !== undefined) return { label: classes[label], key: String(label) };
  const rows = labels.map((box) =>
    [box.class, ...[box.x, box.y, box.width, box.height].map((v) => v.toFixed(3))].join(" "),
  );
  return { label: `${labels.length} ${labels.length === 1 ? "box" : "boxes"}`, key: rows.sort().join("\n") };
}
