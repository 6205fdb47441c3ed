/** Contents of the files that `phinets init` writes. */
import { type DatasetIndex, splitNames } from "@phinets/core/data";
import { defaultFps } from "@phinets/core/scaling";
import { detectionRecipe } from "@phinets/core/training";
import { defaultTarget } from "@phinets/node/target";
import { formatCount } from "@phinets/node/text";

/** Quotes any text for YAML: JSON's strings are valid YAML. */
const quoted = (text: string): string =>
  /^[A-Za-z][\w./-]*$/.test(text) && !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text).replace(
        /[\u007f-\u009f\u2028\u2029\ufeff]/g,
        (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );

export interface DataYaml {
  /** Folders of pictures by split, relative to the file. */
  readonly splits: Readonly<Record<string, readonly string[]>>;
  readonly classes: readonly string[];
}

/** A data.yaml, for existing pictures or for pictures to come. */
export function dataYaml({ splits, classes }: DataYaml): string {
  const lines = [
    "# Where the pictures of this data set are, and what their labels mean. Each picture has its labels in a .txt of the",
    "# same name, in a folder labels beside images: one line per box, CLASS X Y WIDTH HEIGHT, with the centre and the size of the",
    "# box as fractions of the picture. A picture without objects has an empty .txt.",
    ...Object.entries(splits).map(([split, folders]) =>
      folders.length === 1 ? `${split}: ${quoted(folders[0])}` : `${split}: [${folders.map(quoted).join(", ")}]`,
    ),
    "# Splits that are not named are made from train; copies and near copies stay in one split.",
    "",
    "# Classes by their numbers in the labels.",
    "names:",
    ...classes.map((name, n) => `  ${n}: ${quoted(name)}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** The data.yaml for a folder without pictures. */
export const emptyDataYaml = dataYaml({
  splits: { train: ["images/train"], val: ["images/val"] },
  classes: ["part"],
});

/**
 * A phinets.yaml.
 * @param data the path to write for `data`
 * @param found the data set; undefined where there is none yet
 */
export function configYaml(data: string, found: (DatasetIndex & { readonly format: string }) | undefined): string {
  const lines = [
    "# How the pictures here become firmware: phinets ship --cfg phinets.yaml",
    "# Any option of ship, train, fit, val and quantize can be set here by its name without the dashes. The command line",
    "# overrides this file. Paths are relative to it.",
    "",
    ...(found === undefined ? [] : [`# ${describeFound(found)}`]),
    `data: ${quoted(data)}`,
    "",
    "# The board (phinets boards lists them), and what the network may use of it.",
    `target: ${defaultTarget}`,
    "# imgsz: 96x128    # input, HEIGHTxWIDTH; by default chosen for the board",
    `# fps: ${defaultFps}          # frames a second that the board must reach`,
    "# channels: 1      # grey pictures",
    "",
    "# The training.",
    `# epochs: ${detectionRecipe.epochs}`,
    `# seed: ${detectionRecipe.seed}`,
    ...(found?.task === "classify"
      ? []
      : ["", "# A video or a folder of frames to track at the end.", "# clip: clip.mp4"]),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * A sweep.yaml.
 * @param data the path to write for `data`
 */
export function sweepYaml(data: string, found: Pick<DatasetIndex, "task"> | undefined): string {
  const objective = found?.task === "classify" ? "top1" : "AP50";
  const lines = [
    "# Many trainings, one leaderboard: phinets sweep sweep.yaml",
    "# Any option of train can be set here by its name without the dashes; values below space are tried. Paths are relative",
    "# to this file. If you add values and run it again, only the new ones are trained.",
    "",
    `data: ${quoted(data)}`,
    `target: ${defaultTarget}     # or several: [${defaultTarget}, nrf52840]; a network is solved for each`,
    `epochs: ${detectionRecipe.epochs}`,
    "# seed: [0, 1, 2]    # train each setting with these seeds; its score is the mean",
    "",
    "# Lists of values, or ranges. Or space: pareto, to try the networks of fit's Pareto set of each board.",
    "space:",
    "  lr: { min: 0.003, max: 0.03, scale: log }",
    "  batch: [8, 16]",
    "",
    "search: asha         # or grid (all combinations of lists), random",
    "trials: 9            # number of settings to draw",
    "reduction: 3         # asha: one in three continues, three times as long",
    `objective: ${objective}${objective === "AP50" ? "      # or AP" : ""}`,
    "# on: int8           # rank fully trained settings by their int8 networks",
    "",
    "# What a network may use of its board; settings that need more are not started.",
    "# limits: { ramBytes: 131072, flashBytes: 524288, latencyMs: 100 }",
  ];
  return `${lines.join("\n")}\n`;
}

/** "yolo: 120 pictures (train 100, val 20), 3 classes: bolt, nut, washer" */
export function describeFound({ format, splits, classes }: DatasetIndex & { readonly format: string }): string {
  const used = splitNames.filter((split) => splits[split].length > 0);
  const total = used.reduce((sum, split) => sum + splits[split].length, 0);
  const counts = used.map((split) => `${split} ${formatCount(splits[split].length)}`).join(", ");
  const shown = classes.length > 8 ? [...classes.slice(0, 7), `${classes.length - 7} more`] : classes;
  const names = shown.map((name) => quoted(name)).join(", ");
  return `${format}: ${formatCount(total)} pictures (${counts}), ${classes.length} ${classes.length === 1 ? "class" : "classes"}: ${names}`;
}
