/** Compares the real sizes of pictures with those stated in label files. */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import type { PictureSize, Sample } from "../types.js";
import type { OpenContext } from "./format.js";

/** Number of picture headers read concurrently. */
const atOnce = 16;
/** Maximum number of pictures whose size is compared with the stated one; of more, every second, third and so on. */
const mostCompared = 20_000;

export interface StatedSize {
  readonly picture: string;
  /** Size stated in the label file, if any. */
  readonly stated?: PictureSize;
  /** `FILE:LINE` in the label file. */
  readonly where: string;
  /** The label file's name for messages. */
  readonly file: string;
}

export interface LabelSize extends PictureSize {
  /** The picture itself is larger or smaller, with the same shape. */
  readonly scaled?: true;
}

/** The part that a sample stores. */
export function keptLabelSize({ width, height, scaled }: LabelSize): Pick<Sample, "labelSize"> {
  return scaled ? { labelSize: { width, height } } : {};
}

/**
 * The size that each picture's labels refer to: the stated one, else the picture's own. Pictures that differ only in
 * scale are counted. A picture with another shape, or one that cannot be read, is a problem and absent from the result.
 */
export async function labelSizes(
  survey: Survey,
  context: Pick<OpenContext, "host" | "log">,
  list: readonly StatedSize[],
): Promise<Map<string, LabelSize>> {
  const { log } = context;
  const stride = Math.ceil(list.length / mostCompared);
  const looked = list.filter(({ stated }, n) => stated === undefined || n % stride === 0);
  const own = await readSizes(
    survey,
    context,
    looked.map(({ picture }) => picture),
  );
  const ownOf = new Map(looked.map(({ picture }, n) => [picture, own[n]]));
  const sizes = new Map<string, LabelSize>();
  for (const { picture, stated, where, file } of list) {
    const size = ownOf.get(picture);
    if (size === undefined) {
      if (stated !== undefined && !ownOf.has(picture)) sizes.set(picture, stated);
      continue;
    }
    const relation = stated === undefined ? "same" : compareSizes(stated, size);
    if (stated === undefined || relation === "same") sizes.set(picture, size);
    else if (relation === "scaled") {
      log.changed("pictures are larger or smaller than their labels state, in the same shape: boxes are scaled", where);
      sizes.set(picture, { width: stated.width, height: stated.height, scaled: true });
    } else {
      const turned =
        relation === "turned" ? ", which is the picture before it was turned upright, or its sides were exchanged" : "";
      log.read(picture);
      log.problem(
        "picture",
        "data.size",
        `${where}: states ${stated.width}x${stated.height}, but ${survey.show(picture)} is ${size.width}x${size.height}${turned}; where the boxes fit the picture as it is, remove the size; otherwise label it again`,
        file,
      );
    }
  }
  return sizes;
}

/**
 * Sizes of the upright pictures. A file that is not a picture is logged as a problem and undefined in the result;
 * problems are in file order.
 */
export async function readSizes(
  survey: Survey,
  { host, log }: Pick<OpenContext, "host" | "log">,
  files: readonly string[],
): Promise<(PictureSize | undefined)[]> {
  const sizes: (PictureSize | undefined)[] = [];
  for (let start = 0; start < files.length; start += atOnce) {
    const some = files.slice(start, start + atOnce);
    const found = await Promise.allSettled(some.map((file) => host.pictureSize(survey.tree, file)));
    for (const [n, result] of found.entries()) {
      if (result.status === "fulfilled") {
        sizes.push(result.value);
        continue;
      }
      const error: unknown = result.reason;
      if (!(error instanceof PhinetsError)) throw error;
      log.problem("picture", error.code, error.message, error.path ?? some[n]);
      sizes.push(undefined);
    }
  }
  return sizes;
}

/**
 * Compares a stated size with the picture's own: the same; scaled, if the shape is the same up to a pixel's rounding,
 * so that fractions of the stated size remain valid; turned, if width and height are swapped; other.
 */
export function compareSizes(stated: PictureSize, own: PictureSize): "same" | "scaled" | "turned" | "other" {
  if (stated.width === own.width && stated.height === own.height) return "same";
  if (sameShape(stated, own)) return "scaled";
  return sameShape({ width: stated.height, height: stated.width }, own) ? "turned" : "other";
}

/** Whether the two scales differ by at most a pixel of each side. */
function sameShape(a: PictureSize, b: PictureSize): boolean {
  const [small, large] = a.width * a.height < b.width * b.height ? [a, b] : [b, a];
  const across = small.width / large.width;
  const down = small.height / large.height;
  return Math.abs(across - down) <= 1 / large.width + 1 / large.height;
}
