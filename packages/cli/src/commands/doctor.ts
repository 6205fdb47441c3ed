/** `phinets doctor`: reports the contents and problems of a data set. */
import { type DatasetIndex, doctorDefaults } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import type { PixelRange } from "@phinets/node/picture";
import type { Progress } from "@phinets/node/steps";
import { formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { integer, number, oneOf, pictureSize } from "../terminal/options.js";
import { dataFormat, dataPath, pixelRange } from "./data-options.js";
import { groups, json, seed } from "./shared-options.js";

interface DoctorOptions {
  readonly data?: readonly string[];
  readonly dataFormat?: string;
  readonly imgsz?: { readonly height: number; readonly width: number };
  readonly fit: "stretch" | "letterbox";
  readonly stride: number;
  readonly minBox: number;
  readonly seed?: number;
  readonly pixelRange?: PixelRange;
  readonly anchors?: readonly [from: number, to: number];
  readonly plot?: string;
}

/** Parses `1..10`, or one number. */
function range(text: string): [from: number, to: number] {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text.trim());
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (!(from >= 1 && to >= from && to <= 100)) {
    throw new PhinetsError("cli.usage", `--anchors is ${text}; it is numbers of anchors, as 1..10, from 1 to 100`);
  }
  return [from, to];
}

const definition: VerbDefinition = {
  name: "doctor",
  description:
    "Reads every picture and label of a data set and reports its format and how it was interpreted, counts, sizes, boxes that are lost at the chosen resolution, copies and near copies across splits, and each bad file and row with the reason. The exit code is 1 if there are any bad ones.",
  arguments: [
    { name: "[data...]", help: "labelled pictures: a folder, .zip, data.yaml or COCO JSON", completes: "path" },
  ],
  examples: [
    ["phinets doctor my-parts", "contents and problems of a data set"],
    ["phinets doctor my-parts --imgsz 96 --anchors 1..10", "for a network with that input size"],
  ],
  options: [
    vary(dataPath, { help: "same as the argument; repeat to join data sets" }),
    dataFormat,
    {
      flags: "--imgsz <size>",
      help: "input size in pixels, N or HEIGHTxWIDTH",
      group: groups.network,
      parse: pictureSize,
      usual: doctorDefaults.height,
    },
    {
      flags: "--fit <how>",
      help: "how pictures are resized to the network's input",
      group: groups.network,
      parse: oneOf("stretch", "letterbox"),
      default: doctorDefaults.fit,
    },
    {
      flags: "--stride <pixels>",
      help: "side of a cell of the detector's grid",
      group: groups.network,
      parse: integer(1),
      default: doctorDefaults.gridStride,
    },
    {
      flags: "--min-box <pixels>",
      help: "boxes smaller than this in the input count as lost",
      group: groups.network,
      parse: number(0),
      default: doctorDefaults.minBoxPixels,
    },
    seed,
    pixelRange,
    {
      flags: "--anchors <from..to>",
      help: "show the mean IoU of the training boxes with their best anchor, for these numbers of anchors, for example 1..10",
      group: groups.network,
      parse: range,
    },
    {
      flags: "--plot <file.svg>",
      help: "write a chart of the mean IoU against the number of anchors",
      group: groups.run,
      completes: "path",
    },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((paths: string[], options: DoctorOptions) =>
    doctor([...(options.data ?? []), ...paths], options, context),
  );
}

async function doctor(data: readonly string[], options: DoctorOptions, context: Context): Promise<void> {
  if (options.plot !== undefined && options.anchors === undefined) {
    throw new PhinetsError("cli.usage", "--plot needs --anchors, as --anchors 1..10");
  }
  const { doctorCommand, formatDoctorReport } = await import("@phinets/node/dataset");
  let progress: Progress | undefined;
  let toRead = 0;
  let index: DatasetIndex | undefined;
  try {
    const report = await doctorCommand({
      data,
      ...options.imgsz,
      format: options.dataFormat,
      fit: options.fit,
      gridStride: options.stride,
      minBoxPixels: options.minBox,
      seed: options.seed,
      pixelRange: options.pixelRange,
      onProgress: (done, total) => {
        if (total !== toRead) progress?.stop();
        if (total !== toRead)
          progress = context.progress({ label: "reading", total, from: done - 1, unit: "pictures" });
        toRead = total;
        progress?.update(done);
      },
      onOpened: (opened) => {
        index = opened;
      },
      signal: context.signal,
    });
    progress?.stop();
    const anchors = options.anchors && (await anchorCurve(index as DatasetIndex, options.anchors, options));
    context.result(anchors ? { ...report, anchors } : report, () => {
      if (!anchors) return formatDoctorReport(report);
      const rows = anchors.map(({ anchors: count, meanIou }) => [count, meanIou.toFixed(4)]);
      return `${formatDoctorReport(report)}\n\n${formatTable(["anchors", "mean IoU"], rows)}`;
    });
    if (report.badFiles.length + report.badRows.length > 0) context.exitCode = 1;
  } finally {
    progress?.stop();
  }
}

/** Mean IoU by number of anchors, on the training boxes; shapes are fractions of the picture. */
async function anchorCurve(
  { splits }: DatasetIndex,
  [from, to]: readonly [number, number],
  { plot, seed }: DoctorOptions,
): Promise<{ readonly anchors: number; readonly meanIou: number }[]> {
  const { meanIouOverCount } = await import("@phinets/core/detection");
  const shapes = splits.train.flatMap(({ labels = [] }) =>
    labels.filter(({ ignore }) => ignore === undefined).map(({ width, height }) => [width, height] as const),
  );
  const curve = meanIouOverCount(shapes, from, to, { seed });
  if (plot !== undefined) {
    const [{ meanIouChart, svgFile }, { writeFileAtomic }] = await Promise.all([
      import("@phinets/node/report"),
      import("@phinets/node/host"),
    ]);
    writeFileAtomic(plot, svgFile(meanIouChart(curve)));
  }
  return curve;
}
