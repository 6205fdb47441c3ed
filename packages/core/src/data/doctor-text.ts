/** Formats the doctor's report as lines for a terminal. */
import type { BadFile, DoctorReport } from "./doctor.js";
import { countedLine } from "./formats/describe.js";
import type { Leak } from "./leaks.js";
import { splitNames } from "./types.js";

/**
 * Maximum number of lines of one kind; further ones are only counted, and are listed in the document printed by
 * `--json`.
 */
const mostLines = 100;

export function formatDoctorReport(report: DoctorReport): string {
  return `${[
    ...setLines(report),
    ...countLines(report),
    ...sizeLines(report),
    ...lostLines(report),
    ...copyLines(report),
    ...badLines(report),
  ].join("\n")}\n`;
}

function setLines({ sets }: DoctorReport): string[] {
  const lines: string[] = [];
  for (const { path, recognised, notes, changes, notRead } of sets) {
    lines.push(`${path} is ${recognised}`);
    for (const note of notes) lines.push(`note: ${note}`);
    for (const change of changes) lines.push(`note: ${countedLine(change)}`);
    for (const kind of notRead) lines.push(`not read: ${countedLine(kind)}`);
  }
  return lines.length > 0 ? [...lines, ""] : [];
}

function countLines({ task, classes, splits }: DoctorReport): string[] {
  const detect = task === "detect";
  const ignored = splitNames.some((split) => splits[split].ignored > 0);
  const columns = ["pictures", ...(detect ? ["background", "boxes", ...(ignored ? ["ignored"] : [])] : [])];
  const lines = [
    `${detect ? "detection" : "classification"}, ${plural(classes.length, "class", "classes")}`,
    "",
    pad("split", columns),
  ];
  for (const split of splitNames) {
    const s = splits[split];
    const counts = [s.pictures, ...(detect ? [s.background, s.boxes, ...(ignored ? [s.ignored] : [])] : [])];
    lines.push(pad(split, counts.map(String)));
  }
  lines.push("", pad(`${detect ? "boxes" : "pictures"} of class`, [...splitNames]));
  const shown = classes.slice(0, 30);
  for (const name of shown) {
    lines.push(
      pad(
        name,
        splitNames.map((split) => String(splits[split].perClass[name])),
      ),
    );
  }
  if (shown.length < classes.length) lines.push(`and ${classes.length - shown.length} more classes`);
  return lines;
}

function sizeLines({ pictureSizes }: DoctorReport): string[] {
  if (pictureSizes.length === 0) return [];
  const most = pictureSizes.slice(0, 5).map((s) => `${s.width}x${s.height} (${s.pictures})`);
  const rest = pictureSizes.length - most.length;
  return ["", `picture sizes: ${most.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`];
}

function lostLines({ lost, boxSides }: DoctorReport): string[] {
  if (lost === undefined) return [];
  const { input, boxes, tooSmall, sharedCell, minBoxPixels, gridStride } = lost;
  const share = (part: number) => (boxes === 0 ? "" : ` (${((100 * part) / boxes).toFixed(1)} %)`);
  const lines = ["", `at ${input.width}x${input.height}, box side in pixels (square root of the area):`];
  const top = Math.max(1, ...boxSides.map((bin) => bin.boxes));
  for (const bin of boxSides) {
    const range = bin.to === null ? `${bin.from} and more` : `${bin.from} to ${bin.to}`;
    lines.push(`${pad(range, [String(bin.boxes)])}  ${"#".repeat(Math.round((40 * bin.boxes) / top))}`.trimEnd());
  }
  lines.push(
    "",
    `lost: ${plural(tooSmall, "box", "boxes")} below ${minBoxPixels} pixels${share(tooSmall)}; ` +
      `${sharedCell} in the same ${gridStride}x${gridStride} cell as another box${share(sharedCell)}`,
  );
  return lines;
}

function copyLines({ duplicates, leaks, disagreeing }: DoctorReport): string[] {
  const lines: string[] = [];
  if (duplicates.length > 0) {
    const across = duplicates.filter(({ acrossSplits }) => acrossSplits).length;
    lines.push("", `${plural(duplicates.length, "picture", "pictures")} with copies, ${across} across splits`);
  }
  for (const leak of leaks) if (leak.left < leak.pictures) lines.push("", ...leakLines(leak));
  if (disagreeing.length > 0) {
    lines.push("", `${plural(disagreeing.length, "copy", "copies")} with other labels than the picture`);
    for (const { files, labels } of disagreeing.slice(0, 10)) {
      lines.push(`  ${files[0]} (${labels[0]}) = ${files[1]} (${labels[1]})`);
    }
    if (disagreeing.length > 10) lines.push(`  and ${disagreeing.length - 10} more`);
  }
  return lines;
}

const signs = { "same file": "=", copy: "=", "near copy": "~" } as const;

function leakLines({ split, pictures, shared, left, examples }: Leak): string[] {
  const others = split === "val" ? "train" : "train or val";
  if (shared["same file"] === pictures) {
    const same = new Set(examples.map((example) => example.in));
    return [
      `${split} is ${same.size === 1 ? [...same][0] : others}: all its ${plural(pictures, "picture", "pictures")} are the same files, so its figures say nothing about new pictures; give it pictures of its own`,
    ];
  }
  const parts = [
    ...(shared["same file"] > 0 ? [plural(shared["same file"], "same file", "same files")] : []),
    ...(shared.copy > 0 ? [plural(shared.copy, "copy", "copies")] : []),
    ...(shared["near copy"] > 0 ? [plural(shared["near copy"], "near copy", "near copies")] : []),
  ];
  const lines = [
    `${split} shares ${pictures - left} of its ${plural(pictures, "picture", "pictures")} with ${others} (${parts.join(", ")}); without them ${left} would be left`,
  ];
  const shown = examples.filter(({ kind }) => kind !== "same file");
  for (const { file, like, kind } of shown) lines.push(`  ${file} ${signs[kind]} ${like}`);
  const more = shared.copy + shared["near copy"] - shown.length;
  if (more > 0) lines.push(`  and ${more} more`);
  return lines;
}

function badLines({ badFiles, badRows, sets }: DoctorReport): string[] {
  const rows = sets.reduce((sum, set) => sum + set.rows, 0);
  const lines = [
    "",
    badFiles.length === 0 ? "no bad files" : plural(badFiles.length, "bad file", "bad files"),
    ...named(badFiles),
  ];
  if (badRows.length === 0) return lines;
  const of = rows > 0 ? ` of ${rows}` : "";
  return [...lines, "", `${plural(badRows.length, "bad row", "bad rows")}${of}`, ...named(badRows)];
}

function named(bad: readonly BadFile[]): string[] {
  const lines = bad
    .slice(0, mostLines)
    .map(({ file, reason }) => `  ${reason.startsWith(file) ? "" : `${file}: `}${reason}`);
  if (bad.length > mostLines) lines.push(`  and ${bad.length - mostLines} more (--json lists them)`);
  return lines;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function pad(first: string, columns: readonly string[]): string {
  return first.padEnd(18) + columns.map((column) => column.padStart(12)).join("");
}
