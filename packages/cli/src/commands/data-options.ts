/** Options of all commands that read data sets: which pictures to use, and how to read them. */
import { dataFormats } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { type PixelRange, parsePixelRange } from "@phinets/node/picture";
import type { LoadingOptions } from "@phinets/node/steps";
import type { OptionDefinition } from "../terminal/definition.js";
import { names, number, oneOf } from "../terminal/options.js";
import { groups } from "./shared-options.js";

export interface ReadingOptions {
  readonly data?: string[];
  readonly dataFormat?: string;
  readonly only?: string[];
  readonly skipBad?: boolean;
  readonly pixelRange?: PixelRange;
}

export interface DataOptions extends ReadingOptions {
  readonly fraction?: number;
}

const group = groups.data;

export const dataPath: OptionDefinition = {
  flags: "--data <path>",
  help: "labelled pictures: a folder, .zip, data.yaml or COCO JSON; repeat to join sets",
  group,
  repeatable: true,
  completes: "path",
};

export const dataFormat: OptionDefinition = {
  flags: "--data-format <name>",
  help: "format of the data set",
  group,
  parse: oneOf(...dataFormats.map(({ id }) => id)),
  usual: "detected automatically",
};

export const only: OptionDefinition = {
  flags: "--only <classes>",
  help: "classes to use, for example person,car; other labels are left out",
  group,
  parse: names,
  usual: "all",
};

export const skipBad: OptionDefinition = {
  flags: "--skip-bad",
  help: "leave out bad label rows and pictures, and list them",
  group,
};

export const pixelRange: OptionDefinition = {
  flags: "--pixel-range <low..high>",
  help: "for 16-bit and float pictures: pixel values that become 0 and 255",
  group,
  parse: parsePixelRange,
  wordsOf: ({ low, high }) => `${low}..${high}`,
};

/** Options of every command that reads data sets. */
export const readingOptions: readonly OptionDefinition[] = [dataPath, dataFormat, only, skipBad, pixelRange];

export const dataOptions: readonly OptionDefinition[] = [
  ...readingOptions,
  {
    flags: "--fraction <share>",
    help: "share of the training pictures to use, above 0 and at most 1",
    group,
    parse: number(1e-6, 1),
    usual: 1,
  },
];

/** The loading options of `openData`. */
export function loadingOf({ dataFormat, only, skipBad, pixelRange }: ReadingOptions): LoadingOptions {
  return { dataFormat, only, skipBad, pixelRange };
}

/** Throws a usage error when --data is missing. */
export function requireData(data: string[] | undefined): string[] {
  if (data === undefined || data.length === 0)
    throw new PhinetsError(
      "cli.usage",
      "--data is missing; name a data.yaml, a folder of class folders or of idx files",
    );
  return data;
}
