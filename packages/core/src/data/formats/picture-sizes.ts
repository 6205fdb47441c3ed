/** Sizes of pictures, against those that label files state. */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import type { PictureSize, Sample } from "../types.js";
import type { OpenContext } from "./format.js";

/** Pictures whose headers are read at a time. */
const atOnce = 16;
/** Pictures whose own size is compared with the one that their labels state; of more, every second or third and so on. */
const mostCompared = 20_000;

export interface StatedSize {
  readonly picture: string;
  /** What the label file says; absent where it says nothing. */
  readonly stated?: PictureSize;
  /** `FILE:LINE` of the label file. */
  readonly where: string;
  /** The label file, for messages. */
  readonly file: string;
}

export interface LabelSize extends PictureSize {
  /** The picture itself is larger or smaller, in the same shape. */
  readonly scaled?: true;
}

/** What a sample keeps of it. */
export function keptLabelSize({ width, height, scaled }: LabelSize): Pick<Sample, "labelSize"> {
  return scaled ? { labelSize: { width, height } } : {};
}

/**
 * The size that each picture's labels are in: the stated one, else the picture's own. Pictures of the same shape as
 * stated are scaled, and counted; one of another shape is a problem, as are those that cannot be read: they are absent
 * from the result.
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
 * Sizes of pictures, upright. What is no picture is a problem of the log and undefined here; problems are in the order of
 * the files.
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
 * How a size that a label file states relates to the picture's own: the same; scaled, where the shape is the same within
 * a pixel's rounding, so that fractions of the stated size hold; turned, where width and height are each other's; other.
 */
export function compareSizes(stated: PictureSize, own: PictureSize): "same" | "scaled" | "turned" | "other" {
  if (stated.width === own.width && stated.height === own.height) return "same";
  if (sameShape(stated, own)) return "scaled";
  return sameShape({ width: stated.height, height: stated.width }, own) ? "turned" : "other";
}

/** The two scales differ by no more than a pixel of each side. */
function sameShape(a: PictureSize, b: PictureSize): boolean {
  const [small, large] = a.width * a.height < b.width * b.height ? [a, b] : [b, a];
  const across = small.width / large.width;
  const down = small.height / large.height;
  return Math.abs(across - down) <= 1 / large.width + 1 / large.height;
}
