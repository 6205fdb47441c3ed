/** `phinets eval mot`: MOTA, IDF1 and HOTA of tracks. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { MotRows, SequenceInfo, TrackFile, TrackFormat } from "@phinets/core/data";
import {
  type MotBenchmark,
  type MotConvention,
  type MotFigures,
  type MotSequence,
  motBenchmarks,
  motConventions,
} from "@phinets/core/evaluation";
import { PhinetsError } from "@phinets/core/tensor";
import type { TrackedSequence } from "@phinets/node/report";
import { formatCount, formatMs, formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../../terminal/context.js";
import { addVerb, type VerbDefinition } from "../../terminal/definition.js";
import { integer, oneOf } from "../../terminal/options.js";
import { groups, json, report } from "../shared-options.js";
import { percent, readBytes, readText, writePage } from "./files.js";
import { countPictures, findSequences, findTracks, firstJpeg, type SequencePlace } from "./mot-layout.js";

interface MotOptions {
  readonly gt: string;
  readonly pred: string;
  readonly report?: string;
  readonly benchmark?: MotBenchmark;
  readonly like: MotConvention;
  readonly sequences?: string;
  readonly classes?: string;
  readonly firstFrame?: 0 | 1;
  readonly keepDistractors?: boolean;
}

const definition: VerbDefinition = {
  name: "mot",
  description:
    "Computes CLEAR MOT, identity and HOTA figures, for each sequence and combined, as TrackEval or py-motmetrics does.",
  examples: [
    ["phinets eval mot --gt MOT15/train --pred tracks --benchmark MOT15", "tracks has SEQ.txt for every sequence"],
  ],
  options: [
    {
      flags: "--gt <path>",
      help: "ground truth: folder of sequences (SEQ/gt/gt.txt with SEQ/seqinfo.ini, or SEQ.txt), one sequence, or a folder laid out as by TrackEval, VisDrone or KITTI",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--pred <path>",
      help: "tracks: folder of SEQ.txt files (or TRACKER/data/SEQ.txt), or one file for one sequence",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--benchmark <name>",
      help: "benchmark whose rules apply",
      group: groups.matching,
      parse: oneOf(...motBenchmarks),
      usual: "by the name of the first sequence, else MOT15",
    },
    {
      flags: "--like <tool>",
      help: "tool to follow where TrackEval and py-motmetrics differ",
      group: groups.matching,
      parse: oneOf(...motConventions),
      default: "trackeval",
    },
    { flags: "--sequences <names>", help: "score only these sequences, separated by commas", group: groups.data },
    {
      flags: "--classes <names>",
      help: "VisDrone and KITTI: score only these classes, separated by commas",
      group: groups.data,
      usual: "all classes as one",
    },
    {
      flags: "--first-frame <n>",
      help: "number of the first frame in the track files, 0 or 1; also in the ground truth if it has a frame 0",
      group: groups.data,
      parse: integer(0, 1),
      usual: "1, or 0 for KITTI",
    },
    {
      flags: "--keep-distractors",
      help: "MOT16, MOT17 and MOT20: keep tracked boxes that match distractors, such as static people or people on vehicles",
      group: groups.matching,
    },
    report("write an HTML report with the figures of every sequence and the trajectories"),
    json,
  ],
};

export function registerMot(command: Command, context: Context): void {
  addVerb(command, definition).action((options: MotOptions) => evalMot(options, context));
}

async function evalMot(options: MotOptions, context: Context): Promise<void> {
  const [{ parseTracks, parseSequenceInfo }, { benchmarkOf, evaluateMot }] = await Promise.all([
    import("@phinets/core/data"),
    import("@phinets/core/evaluation"),
  ]);
  const start = performance.now();
  const { gt, pred, firstFrame } = options;
  const places = findSequences(gt, options.sequences);
  const files = findTracks(pred, places);
  const benchmark = options.benchmark ?? benchmarkOf(places.sequences[0].name);
  const texts = places.sequences.map(({ file }) => readText(file));
  const fromZero = firstFrame === 0 && texts.some((text) => /^\s*0+[\s,;]/m.test(text.replace(/^\ufeff/, "")));
  const truthOptions = {
    firstFrame: firstFrame === 0 && !fromZero ? undefined : firstFrame,
    visdrone: benchmark === "MOT15",
  };
  const truths = places.sequences.map(({ file }, i) => parseTracks(texts[i], file, truthOptions));
  const tracks = files.map((file) => parseTracks(readText(file), file, { firstFrame, visdrone: false }));
  if (firstFrame === 0 && !fromZero) {
    context.note(`${gt}: has no frame 0, so its frames are assumed to begin at 1; the frames of the tracks begin at 0`);
  }
  await chooseClasses(options, truths, tracks, context);
  noteLeftOut(gt, truths, context);
  const sequences = places.sequences.map((place, i): MotSequence & TrackedSequence => {
    context.signal.throwIfAborted();
    const { rows: truth, regions } = truths[i];
    const { rows: found } = tracks[i];
    const picture = options.report ? firstJpeg(place.pictures) : undefined;
    const jpeg = picture === undefined ? undefined : readBytes(picture);
    const { length, width, height } = lengthOf(place, [truth, found, regions], parseSequenceInfo, context);
    return { name: place.name, truth, found, regions, frames: length, width, height, jpeg };
  });
  const { like } = options;
  const result = evaluateMot(sequences, { benchmark, like, removeDistractors: !options.keepDistractors });
  const ms = performance.now() - start;
  const { report } = options;
  if (report) await writePage(report, context, ({ motPage }) => motPage(result, sequences, basename(pred)));
  context.result(result, () => {
    const frames = sequences.reduce((sum, sequence) => sum + sequence.frames, 0);
    const tool = { trackeval: "TrackEval", motmetrics: "py-motmetrics" }[like];
    const head = `${result.benchmark} rules as in ${tool}, ${formatCount(frames)} frames, ${formatMs(ms)}; in %${like === "motmetrics" ? "; MOTP is a distance" : ""}`;
    const rows = result.sequences.map((figures) => motRow(figures.name, figures));
    return `${head}\n\n${formatTable(motTitles(result.combined), [...rows, motRow("combined", result.combined)])}`;
  });
}

/** Number of frames in a sequence: from seqinfo.ini, the sequence map, the number of pictures, or the last box. */
function lengthOf(
  place: SequencePlace,
  rows: readonly (MotRows | undefined)[],
  parseInfo: (text: string, file: string) => SequenceInfo,
  context: Context,
): Omit<SequenceInfo, "name"> {
  const { info, frames, pictures } = place;
  if (info && existsSync(info)) return parseInfo(readText(info), info);
  const length = frames ?? countPictures(pictures);
  if (length !== undefined) return { length };
  let last = 1;
  for (const each of rows) if (each) for (const frame of each.frame) last = Math.max(last, frame);
  if (info) context.note(`${info}: is missing; the sequence is assumed to end at the last frame with a box, ${last}`);
  return { length: last };
}

/** Keeps the rows of the wanted classes; notes the classes where several are scored as one. */
async function chooseClasses(
  { gt, classes }: MotOptions,
  truths: TrackFile[],
  tracks: TrackFile[],
  context: Context,
): Promise<void> {
  const { keepMotRows, trackClasses } = await import("@phinets/core/data");
  const format = truths.find((each) => each.format !== "mot")?.format;
  const names = format === "visdrone" || format === "kitti" ? trackClasses[format] : [];
  const present = [...new Set(truths.flatMap(({ rows }) => [...rows.class]))].sort((a, b) => a - b);
  const nameOf = (kind: number) => names[kind] ?? String(kind);
  if (classes === undefined) {
    if (format && present.length > 1) {
      context.note(
        `${gt}: ${present.map(nameOf).join(", ")} are scored as one class; --classes ${nameOf(present[0])} scores only that class`,
      );
    }
    return;
  }
  const wanted = classes.split(",").map((word) => {
    const text = word.trim().toLowerCase();
    const index = names.findIndex((name) => name !== "" && name.toLowerCase() === text);
    if (index >= 0) return index;
    if (/^\d+$/.test(text)) return Number(text);
    throw new PhinetsError(
      "eval.classes",
      `--classes: there is no class "${word.trim()}" in ${gt}; it has ${present.map(nameOf).join(", ")}`,
      gt,
    );
  });
  for (const list of [truths, tracks]) {
    for (const [i, file] of list.entries()) {
      // Tracks without a class (-1) count as the wanted class.
      const rows = keepMotRows(
        file.rows,
        (row) => wanted.includes(file.rows.class[row]) || file.rows.class[row] === -1,
      );
      list[i] = { ...file, rows };
    }
  }
}

/** Notes truths that do not count, especially where none does. */
function noteLeftOut(gt: string, truths: readonly TrackFile[], context: Context): void {
  const regions = truths.reduce((sum, each) => sum + (each.regions?.count ?? 0), 0);
  const what: Record<TrackFormat, string> = {
    mot: "",
    visdrone: "VisDrone's ignored regions, others and boxes of score 0",
    kitti: "KITTI's DontCare",
  };
  const format = truths.find((each) => (each.regions?.count ?? 0) > 0)?.format;
  if (format)
    context.note(`${gt}: ${regions} rows are left out (${what[format]}); tracks in these regions do not count`);
  for (const { rows, regions: out } of truths) {
    if (rows.count === 0 && out && out.count > 0)
      context.note(`${rows.file}: all rows are left out, so there is nothing to find`);
    if (rows.count === 0 || rows.confidence.some((each) => Math.trunc(each) !== 0)) continue;
    context.note(
      `${rows.file}: all ${rows.count} rows have confidence 0 (column 7), which means "leave out", so there is nothing to find and every track counts as wrong; write 1 for boxes that count`,
    );
  }
}

const motFractions = ["MOTA", "MOTP", "IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "LocA"] as const;
const motCounts = ["MT", "PT", "ML", "TP", "FP", "FN", "IDSW", "Frag"] as const;
const motExtras = ["IDt", "IDa", "IDm"] as const;

function motTitles(figures: MotFigures): string[] {
  return ["sequence", ...motFractions, ...motCounts, ...motExtras.filter((name) => name in figures)];
}

function motRow(name: string, figures: MotFigures): (string | number)[] {
  const extras = motExtras.flatMap((extra) => figures[extra] ?? []);
  return [
    name,
    ...motFractions.map((each) => percent(figures[each])),
    ...motCounts.map((each) => figures[each]),
    ...extras,
  ];
}
