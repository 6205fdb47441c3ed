/** `phinets convert`: a data set in another format. */
import { countedLine, dataFormats, datasetWriters, describeOpened, splitNames } from "@phinets/core/data";
import { type PixelRange, parsePixelRange } from "@phinets/node/picture";
import type { Progress } from "@phinets/node/steps";
import { formatCount } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { integer, oneOf } from "../terminal/options.js";

interface ConvertCommandOptions {
  readonly to: string;
  readonly dataFormat?: string;
  readonly skipBad?: boolean;
  readonly existOk?: boolean;
  readonly link?: boolean;
  readonly split?: boolean;
  readonly seed: number;
  readonly pixelRange?: PixelRange;
}

export function register(program: Command, context: Context): void {
  const ids = dataFormats.map(({ id }) => id);
  program
    .command("convert")
    .description(
      "Writes a data set in another format: boxes as coco, yolo or voc, classes as folders. Pictures are copied as they are.",
    )
    .argument("<data>", "labelled pictures: a folder, .zip, data.yaml or COCO JSON")
    .argument("<folder>", "the new data set; must not exist yet, or be empty")
    .requiredOption(
      "--to <format>",
      datasetWriters.map(({ id }) => id).join(", "),
      oneOf(...datasetWriters.map(({ id }) => id)),
    )
    .option("--data-format <name>", `what the data set is (default: as recognised): ${ids.join(", ")}`, oneOf(...ids))
    .option("--skip-bad", "leave out bad label rows and pictures, and say which")
    .option("--exist-ok", "replace a folder that an earlier conversion wrote")
    .option("--link", "hard links to the pictures in place of copies, where the file system has them")
    .option("--split", "make the splits that the data set lacks (default: keep it as it is)")
    .option("--seed <n>", "of the split", integer(0), 0)
    .option(
      "--pixel-range <low..high>",
      "pixel values that become 0 and 255 where pictures are compared for the split; they are copied as they are",
      parsePixelRange,
    )
    .action((from: string, into: string, options: ConvertCommandOptions) => convert(from, into, options, context));
}

async function convert(from: string, into: string, options: ConvertCommandOptions, context: Context): Promise<void> {
  const { to, dataFormat, skipBad, existOk, link, split, seed, pixelRange } = options;
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
