/**
 * Picture sizes from label files of very many pictures: stated sizes are trusted if a sample of the pictures confirms
 * them.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import type { PictureSize } from "../types.js";
import { spread } from "./find-picture.js";
import type { OpenContext } from "./format.js";
import { compareSizes, type LabelSize, labelSizes, type StatedSize } from "./picture-sizes.js";

/** Number of pictures in the sample: reading a hundred thousand headers would take too long. */
const sampled = 1000;

/**
 * Like `labelSizes`, but if every sampled picture has its stated size, all stated sizes are trusted; otherwise all
 * pictures are compared. Pictures without a stated size are always read.
 */
export async function statedSizes(
  survey: Survey,
  context: Pick<OpenContext, "host" | "log">,
  list: readonly StatedSize[],
): Promise<Map<string, LabelSize>> {
  const stated = list.filter((each) => each.stated !== undefined);
  for (const { picture, stated: size } of spread(stated, sampled)) {
    const own = await sizeOf(survey, context, picture);
    if (own !== undefined && compareSizes(size as PictureSize, own) !== "same")
      return labelSizes(survey, context, list);
  }
  const sizes = await labelSizes(
    survey,
    context,
    list.filter((each) => each.stated === undefined),
  );
  for (const { picture, stated: size } of stated) sizes.set(picture, size as PictureSize);
  return sizes;
}

/** Returns undefined for a picture that cannot be read; decoding it will report why. */
async function sizeOf(survey: Survey, { host }: Pick<OpenContext, "host">, picture: string) {
  try {
    return await host.pictureSize(survey.tree, picture);
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    return undefined;
  }
}
