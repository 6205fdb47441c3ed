/**
 * What is in a data set and what is wrong with it: counts, sizes, boxes that the chosen resolution cannot show, bad files.
 */
import { boxIntoRect, fitRect } from "./resize.js";
import { type DatasetIndex, type Fit, type PictureSize, type SplitName, splitNames, type Task } from "./types.js";

/** What became of one picture when it was read. */
export interface PictureFinding {
  readonly file: string;
  readonly split: SplitName;
  /** Absent where the picture could not be decoded. */
  readonly size?: PictureSize;
  /** Digest of the file's content; equal ones are reported as duplicates. */
  readonly digest?: string;
}

/** A file that cannot be used as it is, and why. */
export interface BadFile {
  readonly file: string;
  readonly reason: string;
}

export interface DoctorOptions extends PictureSize {
  /** Default "stretch". */
  readonly fit?: Fit;
  /** Pixels of the input a cell of the detector's grid is wide and high. Default 16. */
  readonly gridStride?: number;
  /** A box below this many input pixels in width or height counts as lost. Default 4. */
  readonly minBoxPixels?: number;
}

export interface SplitReport {
  readonly pictures: number;
  /** Detection: pictures without boxes, and boxes. */
  readonly background: number;
  readonly boxes: number;
  /** Boxes (detection) or pictures (classification) of each class, by name. */
  readonly perClass: Readonly<Record<string, number>>;
}

export interface DoctorReport {
  readonly task: Task;
  readonly classes: readonly string[];
  readonly splits: Readonly<Record<SplitName, SplitReport>>;
  /** Picture sizes, commonest first. */
  readonly pictureSizes: readonly { readonly width: number; readonly height: number; readonly pictures: number }[];
  /** Detection: boxes by the square root of their area in input pixels; each bin is `from` (inclusive) to `to`. */
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
  /** Groups of files with the same content; `acrossSplits` where training pictures leak into val or test. */
  readonly duplicates: readonly { readonly files: readonly string[]; readonly acrossSplits: boolean }[];
  readonly badFiles: readonly BadFile[];
}

const sideBins = [0, 4, 8, 16, 32, 64, 128];

/**
 * Writes the report.
 * @param findings one a picture that was looked at; boxes of pictures without a finding are measured as if the picture
 *   had the input's shape
 */
export function diagnose(
  index: DatasetIndex,
  findings: readonly PictureFinding[],
  badFiles: readonly BadFile[],
  options: DoctorOptions,
): DoctorReport {
  const { width, height, fit = "stretch", gridStride = 16, minBoxPixels = 4 } = options;
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
    for (const sample of index.splits[split]) {
      if (sample.class !== undefined) perClass[index.classes[sample.class]]++;
      if (index.task !== "detect") continue;
      const labels = sample.labels ?? [];
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
    splits[split] = { pictures: index.splits[split].length, background, boxes, perClass };
  }
  const detect = index.task === "detect";
  return {
    task: index.task,
    classes: index.classes,
    splits,
    pictureSizes: countSizes(findings),
    boxSides: detect ? boxSides : [],
    lost: detect ? { input, gridStride, minBoxPixels, boxes: allBoxes, tooSmall, sharedCell } : undefined,
    duplicates: findDuplicates(findings),
    badFiles,
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

function findDuplicates(findings: readonly PictureFinding[]): DoctorReport["duplicates"] {
  const groups = new Map<string, PictureFinding[]>();
  for (const finding of findings) {
    if (finding.digest === undefined) continue;
    const group = groups.get(finding.digest);
    if (group === undefined) groups.set(finding.digest, [finding]);
    else group.push(finding);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => ({
      files: group.map((finding) => finding.file),
      acrossSplits: new Set(group.map((finding) => finding.split)).size > 1,
    }));
}

/** The report as lines for a terminal. */
export function formatDoctorReport(report: DoctorReport): string {
  const lines: string[] = [];
  const detect = report.task === "detect";
  const thing = detect ? "boxes" : "pictures";
  const shares = (part: number, of: number) => (of === 0 ? "" : ` (${((100 * part) / of).toFixed(1)} %)`);
  lines.push(`${detect ? "detection" : "classification"}, ${plural(report.classes.length, "class", "classes")}`);
  lines.push("", pad("split", ["pictures", ...(detect ? ["background", "boxes"] : [])]));
  for (const split of splitNames) {
    const s = report.splits[split];
    lines.push(pad(split, [s.pictures, ...(detect ? [s.background, s.boxes] : [])].map(String)));
  }
  lines.push("", pad(`${thing} of class`, [...splitNames]));
  const shown = report.classes.slice(0, 30);
  for (const name of shown)
    lines.push(
      pad(
        name,
        splitNames.map((split) => String(report.splits[split].perClass[name])),
      ),
    );
  if (shown.length < report.classes.length) lines.push(`and ${report.classes.length - shown.length} more classes`);
  if (report.pictureSizes.length > 0) {
    const most = report.pictureSizes.slice(0, 5).map((s) => `${s.width}x${s.height} (${s.pictures})`);
    const rest = report.pictureSizes.length - most.length;
    lines.push("", `picture sizes: ${most.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`);
  }
  if (report.lost !== undefined) {
    const { input, boxes, tooSmall, sharedCell, minBoxPixels, gridStride } = report.lost;
    lines.push("", `at ${input.width}x${input.height}, box side in pixels (square root of the area):`);
    const top = Math.max(1, ...report.boxSides.map((bin) => bin.boxes));
    for (const bin of report.boxSides) {
      const range = bin.to === null ? `${bin.from} and more` : `${bin.from} to ${bin.to}`;
      lines.push(`${pad(range, [String(bin.boxes)])}  ${"#".repeat(Math.round((40 * bin.boxes) / top))}`.trimEnd());
    }
    lines.push(
      "",
      `lost: ${plural(tooSmall, "box", "boxes")} below ${minBoxPixels} pixels${shares(tooSmall, boxes)}; ` +
        `${sharedCell} in a ${gridStride}x${gridStride} cell that another box has${shares(sharedCell, boxes)}`,
    );
  }
  const leaks = report.duplicates.filter((group) => group.acrossSplits);
  if (report.duplicates.length > 0) {
    lines.push(
      "",
      `${plural(report.duplicates.length, "picture", "pictures")} with copies, ${leaks.length} across splits`,
    );
    for (const group of leaks.slice(0, 10)) lines.push(`  ${group.files.join(" = ")}`);
    if (leaks.length > 10) lines.push(`  and ${leaks.length - 10} more`);
  }
  lines.push(
    "",
    report.badFiles.length === 0 ? "no bad files" : plural(report.badFiles.length, "bad file", "bad files"),
  );
  for (const bad of report.badFiles)
    lines.push(`  ${bad.reason.startsWith(bad.file) ? "" : `${bad.file}: `}${bad.reason}`);
  return `${lines.join("\n")}\n`;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function pad(first: string, columns: readonly string[]): string {
  return first.padEnd(18) + columns.map((column) => column.padStart(12)).join("");
}
