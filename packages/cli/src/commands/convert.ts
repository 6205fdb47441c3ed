/** `phinets convert`: converts a data set to another format. */
import {
  countedLine,
  datasetWriters,
  describeOpened,
  type SplitMove,
  type SplitName,
  splitNames,
} from "@phinets/core/data";
import type { PixelRange } from "@phinets/node/picture";
import type { Progress } from "@phinets/node/steps";
import { formatCount } from "@phinets/node/text";
import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { fraction, oneOf } from "../terminal/options.js";
import { dataFormat, only, pixelRange, skipBad } from "./data-options.js";
import { groups, json, seed } from "./shared-options.js";

interface ConvertCommandOptions {
  readonly to: string;
  readonly dataFormat?: string;
  readonly only?: string[];
  readonly move?: SplitMove[];
  readonly background?: number;
  readonly skipBad?: boolean;
  readonly existOk?: boolean;
  readonly link?: boolean;
  readonly split?: boolean;
  readonly seed?: number;
  readonly pixelRange?: PixelRange;
}

const definition: VerbDefinition = {
  name: "convert",
  description:
    "Writes a data set in another format: boxes as coco, yolo or voc, classes as folders. Pictures are copied unchanged.",
  arguments: [
    { name: "<data>", help: "labelled pictures: a folder, .zip, data.yaml or COCO JSON", completes: "path" },
    { name: "<folder>", help: "folder of the new data set; must be new or empty", completes: "path" },
  ],
  examples: [
    ["phinets convert my-parts parts-coco --to coco", "the same boxes as COCO JSON"],
    ["phinets convert voc2007 people --to yolo --only person --move val:train", "only people; val joins train"],
  ],
  options: [
    {
      flags: "--to <format>",
      help: "format to write",
      group: groups.data,
      parse: oneOf(...datasetWriters.map(({ id }) => id)),
      required: true,
    },
    dataFormat,
    only,
    {
      flags: "--move <from:to>",
      help: "move all pictures of a split into another, for example val:train,test:train",
      group: groups.data,
      parse: moves,
      usual: "every picture keeps its split",
    },
    {
      flags: "--background <share>",
      help: "share of the unlabelled pictures to keep",
      group: groups.data,
      parse: fraction,
      usual: 1,
    },
    skipBad,
    { flags: "--exist-ok", help: "replace a folder that an earlier conversion wrote", group: groups.data },
    {
      flags: "--link",
      help: "make hard links to the pictures instead of copies, if the file system supports them",
      group: groups.data,
    },
    {
      flags: "--split",
      help: "also make splits that the data set lacks",
      group: groups.data,
      usual: "keep the splits as they are",
    },
    seed,
    vary(pixelRange, {
      help: "with --split, for 16-bit and float pictures: pixel values that become 0 and 255 when pictures are compared; copies are unchanged",
    }),
    json,
  ],
};

/** Parses `val:train,test:train`; no split may be moved to two places. */
function moves(text: string): SplitMove[] {
  const list = text.split(",").map((part) => {
    const [from, to, ...more] = part.trim().split(":");
    const known = (split: string | undefined): split is SplitName => splitNames.includes(split as SplitName);
    if (!known(from) || !known(to) || more.length > 0) throw notMoves();
    return { from, to };
  });
  if (new Set(list.map(({ from }) => from)).size < list.length) throw notMoves();
  return list;
}

const notMoves = () =>
  new InvalidArgumentError("It is pairs of train, val and test, each at most once moved: val:train.");

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((from: string, into: string, options: ConvertCommandOptions) =>
    convert(from, into, options, context),
  );
}

async function convert(from: string, into: string, options: ConvertCommandOptions, context: Context): Promise<void> {
  const { to, dataFormat, only, move, background, skipBad, existOk, link, split, seed, pixelRange } = options;
  const { convertDataset } = await import("@phinets/node/dataset");
  let progress: Progress | undefined;
  let label = "";
  try {
    const done = await convertDataset({
      ...{
        from,
        into,
        to,
        format: dataFormat,
        only,
        moves: move,
        background,
        bad: skipBad ? "leave out" : "throw",
        existOk,
        link,
        split,
        seed,
        pixelRange,
      },
      onOpened: (set) => {
        for (const line of describeOpened(set, from)) context.note(line);
      },
      onBad: ({ message }) => context.note(`skipped: ${message.split("; ")[0]}`),
      onProgress: (what, count, total) => {
        if (what !== label) {
          progress?.stop();
          progress = context.progress({ label: what, total, unit: "pictures" });
          label = what;
        }
        progress?.update(count);
      },
      signal: context.signal,
    });
    progress?.stop();
    for (const line of done.notes) context.note(`note: ${line}`);
    for (const change of done.changes) context.note(`note: ${countedLine(change)}`);
    const parts = splitNames.flatMap((each) =>
      done.pictures[each] > 0 ? [`${each} ${formatCount(done.pictures[each])}`] : [],
    );
    const boxes = done.boxes > 0 ? `, ${formatCount(done.boxes)} boxes` : "";
    context.result(done, () => `${into}: ${to}, ${parts.join(", ")} pictures${boxes}`);
  } finally {
    progress?.stop();
  }
}
