/** `phinets doctor`: what is in a data set, and what is wrong with it. */
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { collect, integer, number, oneOf, pictureSize } from "../terminal/options.js";
import type { Progress } from "../terminal/progress.js";
import { formatTable } from "../terminal/table.js";

interface DoctorOptions {
  readonly data?: readonly string[];
  readonly imgsz: { readonly height: number; readonly width: number };
  readonly fit: "stretch" | "letterbox";
  readonly stride: number;
  readonly minBox: number;
  readonly seed: number;
  readonly anchors?: readonly [from: number, to: number];
  readonly plot?: string;
}

/** `1..10`, or one number. */
function range(text: string): [from: number, to: number] {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text.trim());
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (!(from >= 1 && to >= from && to <= 100)) {
    throw new PhinetsError("cli.usage", `--anchors is ${text}; it is numbers of anchors, as 1..10, from 1 to 100`);
  }
  return [from, to];
}

export function register(program: Command, context: Context): void {
  program
    .command("doctor")
    .summary("say what a data set holds and what is wrong with it")
    .description(
      "Reads every picture and label of a data set: counts, sizes, boxes that the chosen resolution loses, copies across splits, and every bad file with its reason. Exit code 1 when there are bad files.",
    )
    .argument("[data...]", "data.yaml, class folders or idx files")
    .option("--data <path>", "data set; give it twice to join two", collect)
    .option("--imgsz <size>", "network input, N or HEIGHTxWIDTH", pictureSize, { height: 128, width: 128 })
    .option("--fit <how>", "stretch or letterbox", oneOf("stretch", "letterbox"), "stretch")
    .option("--stride <pixels>", "width of a cell of the detector's grid", integer(1), 16)
    .option("--min-box <pixels>", "boxes smaller than this count as lost", number(0), 4)
    .option("--seed <n>", "of the split, where the data set has none", integer(), 0)
    .option("--anchors <from..to>", "the mean IoU that this many anchors reach on the training boxes, as 1..10", range)
    .option("--plot <file.svg>", "where a picture of the mean IoU over the number of anchors goes")
    .action((paths: string[], options: DoctorOptions) => doctor([...(options.data ?? []), ...paths], options, context));
}

async function doctor(data: readonly string[], options: DoctorOptions, context: Context): Promise<void> {
  if (options.plot !== undefined && options.anchors === undefined) {
    throw new PhinetsError("cli.usage", "--plot needs --anchors, as --anchors 1..10");
  }
  const { doctorCommand, formatDoctorReport } = await import("../dataset/index.js");
  let progress: Progress | undefined;
  try {
    const report = await doctorCommand({
      data,
      ...options.imgsz,
      fit: options.fit,
      gridStride: options.stride,
      minBoxPixels: options.minBox,
      seed: options.seed,
      onProgress: (done, total) => {
        progress ??= context.progress({ label: "reading", total, unit: "pictures" });
        progress.update(done);
      },
      signal: context.signal,
    });
    progress?.stop();
    const anchors = options.anchors && (await anchorCurve(data, options.anchors, options));
    context.result(anchors ? { ...report, anchors } : report, () => {
      if (!anchors) return formatDoctorReport(report);
      const rows = anchors.map(({ anchors: count, meanIou }) => [count, meanIou.toFixed(4)]);
      return `${formatDoctorReport(report)}\n\n${formatTable(["anchors", "mean IoU"], rows)}`;
    });
    if (report.badFiles.length > 0) context.exitCode = 1;
  } finally {
    progress?.stop();
  }
}

/** Mean IoU over the number of anchors, on the training boxes; shapes are fractions of the picture. */
async function anchorCurve(
  data: readonly string[],
  [from, to]: readonly [number, number],
  { plot, seed }: DoctorOptions,
): Promise<{ readonly anchors: number; readonly meanIou: number }[]> {
  const [{ openDataset }, { meanIouOverCount }] = await Promise.all([
    import("../dataset/index.js"),
    import("@phinets/core/detection"),
  ]);
  const { splits } = await openDataset(data, { seed, onProblem: () => {} });
  const shapes = splits.train.flatMap(({ labels = [] }) => labels.map(({ width, height }) => [width, height] as const));
  const curve = meanIouOverCount(shapes, from, to, { seed });
  if (plot !== undefined) {
    const [{ meanIouChart, svgFile }, { writeFileAtomic }] = await Promise.all([
      import("../report/charts.js"),
      import("../run/atomic.js"),
    ]);
    writeFileAtomic(plot, svgFile(meanIouChart(curve)));
  }
  return curve;
}
