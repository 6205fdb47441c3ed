/** Options that train, ship and demo share: the data, the network or the board, the recipe. */

import { availableParallelism } from "node:os";
import { dataFormats } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { deviceNames, type Recipe } from "@phinets/core/training";
import { type PixelRange, parsePixelRange } from "@phinets/node/picture";
import type { LoadingOptions } from "@phinets/node/steps";
import type { Command } from "commander";
import { collect, integer, number, oneOf, pictureSize } from "../terminal/options.js";
import { type AugmentOptions, addAugmentOptions, augmentRecipeOf } from "./augment-options.js";
import { addOptimizerOptions, type OptimizerOptions, optimizerRecipeOf } from "./optimizer-options.js";

/** Which files, and how they are read: what every verb on data sets takes. */
export interface ReadingOptions {
  readonly data?: string[];
  readonly dataFormat?: string;
  readonly skipBad?: boolean;
  readonly pixelRange?: PixelRange;
}

export interface DataOptions extends ReadingOptions {
  readonly fraction?: number;
}

export interface NetworkOptions {
  readonly network?: string;
  readonly target?: string;
  readonly imgsz?: { readonly height: number; readonly width: number };
  readonly channels?: number;
  readonly fps?: number;
  readonly maxRam?: number;
  readonly maxFlash?: number;
  readonly maxMacs?: number;
}

export interface RecipeOptions extends AugmentOptions, OptimizerOptions {
  readonly epochs?: number;
  readonly batch?: number;
  readonly seed?: number;
  readonly dropout?: number;
  readonly labelSmoothing?: number;
  readonly ema?: number;
  readonly loss?: Recipe["loss"];
  readonly augment?: boolean;
  readonly fast?: boolean;
  readonly device?: Recipe["device"];
  readonly workers?: number;
}

export interface RunOptions {
  readonly project: string;
  readonly name?: string;
}

export function addReadingOptions(command: Command): Command {
  return command
    .option(
      "--data <path>",
      "labelled pictures: a folder, .zip, data.yaml or COCO JSON; give it again to join sets",
      collect,
    )
    .option(
      "--data-format <name>",
      `what the data set is (default: as recognised): ${dataFormats.map(({ id }) => id).join(", ")}`,
      oneOf(...dataFormats.map(({ id }) => id)),
    )
    .option("--skip-bad", "leave out bad label rows and pictures, and say which")
    .option("--pixel-range <low..high>", "pixel values that become 0 and 255, for deep pictures", parsePixelRange);
}

/** What `openData` needs of these options. */
export function loadingOf({ dataFormat, skipBad, pixelRange }: ReadingOptions): LoadingOptions {
  return { dataFormat, skipBad, pixelRange };
}

export function addDataOptions(command: Command): Command {
  return addReadingOptions(command).option(
    "--fraction <share>",
    "share of the training pictures to use, above 0, at most 1",
    number(1e-6, 1),
  );
}

export function addNetworkOptions(command: Command): Command {
  return command
    .option("--network <file>", "network.json; its head is fitted to the data set")
    .option("--target <board>", "solve for the network that uses this board (name or board.json)")
    .option("--imgsz <size>", "input in pixels, N or HEIGHTxWIDTH", pictureSize)
    .option("--channels <n>", "1 grey, 3 colour", integer(1, 3))
    .option("--fps <n>", "frames a second that the board must reach (default 10)", number(1e-3, 1e4))
    .option("--max-ram <bytes>", "most bytes of arena", integer(1))
    .option("--max-flash <bytes>", "most bytes of code and weights", integer(1))
    .option("--max-macs <n>", "most multiply-accumulates an inference", integer(1));
}

export function addRecipeOptions(command: Command): Command {
  return addAugmentOptions(
    addOptimizerOptions(command)
      .option("--epochs <n>", "passes over the training pictures (default 30)", integer(1))
      .option("--batch <n>", "pictures a step (default 8 to detect, 128 to classify)", integer(1))
      .option("--seed <n>", "seeds weights, order, augmentation and splits (default 0)", integer(0, 2 ** 32 - 1))
      .option(
        "--dropout <rate>",
        "rate of all dropout layers, 0 = off (default 0 to detect, the network's own to classify)",
        number(0, 0.95),
      )
      .option("--label-smoothing <x>", "classification, 0..1 (default 0.1)", number(0, 0.99))
      .option("--ema <decay>", "decay of the averaged weights (default 0.9985)", number(0, 0.999999))
      .option("--loss <name>", "detection: ciou or yolov2 (default ciou)", oneOf("ciou", "yolov2"))
      .option("--no-augment", "train on the pictures as they are")
      .option("--fast", "relaxed SIMD: bits may differ between kinds of processors; Node 22 or later (default off)")
      .option(
        "--device <name>",
        "cpu, webgpu or onnx-cpu; the last two by ONNX Runtime, which is installed apart (default cpu)",
        oneOf(...deviceNames),
      )
      .option("--workers <n>", "threads (default: the machine's cores, at most 8)", integer(1, 64)),
  );
}

export function addRunOptions(command: Command): Command {
  return command
    .option("--project <dir>", "folder of all runs", "runs")
    .option("--name <name>", "name of this run's folder");
}

/** The recipe's options by the recipe's names; what was not given stays undefined. */
export function recipeOf(options: RecipeOptions): Partial<Recipe> {
  return {
    ...optimizerRecipeOf(options),
    epochs: options.epochs,
    batch: options.batch,
    seed: options.seed,
    dropout: options.dropout,
    labelSmoothing: options.labelSmoothing,
    emaDecay: options.ema,
    loss: options.loss,
    augment: options.augment,
    fast: options.fast,
    device: options.device,
    ...augmentRecipeOf(options),
  };
}

export function threadsOf({ workers }: RecipeOptions): number {
  return workers ?? Math.min(8, availableParallelism());
}

/** A usage error when --data is missing. */
export function requireData(data: string[] | undefined): string[] {
  if (data === undefined || data.length === 0)
    throw new PhinetsError(
      "cli.usage",
      "--data is missing; name a data.yaml, a folder of class folders or of idx files",
    );
  return data;
}

/** What `fit` may use, as the options say. */
export function limitsOf(options: NetworkOptions) {
  return {
    imgsz: options.imgsz,
    channels: options.channels,
    fps: options.fps,
    maxRamBytes: options.maxRam,
    maxFlashBytes: options.maxFlash,
    maxMacs: options.maxMacs,
  };
}
