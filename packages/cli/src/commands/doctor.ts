/** `phinets doctor`: what is in a data set, and what is wrong with it. */
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { collect, integer, number, oneOf, pictureSize } from "../terminal/options.js";
import type { Progress } from "../terminal/progress.js";

interface DoctorOptions {
  readonly data?: readonly string[];
  readonly imgsz: { readonly height: number; readonly width: number };
  readonly fit: "stretch" | "letterbox";
  readonly stride: number;
  readonly minBox: number;
  readonly seed: number;
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
    .action((paths: string[], options: DoctorOptions) => doctor([...(options.data ?? []), ...paths], options, context));
}

async function doctor(data: readonly string[], options: DoctorOptions, context: Context): Promise<void> {
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
    context.result(report, () => formatDoctorReport(report));
    if (report.badFiles.length > 0) context.exitCode = 1;
  } finally {
    progress?.stop();
  }
}
