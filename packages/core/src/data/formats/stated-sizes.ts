/** Sizes of pictures from label files of very many pictures: trusted where a sample of the pictures agrees with them. */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import type { PictureSize } from "../types.js";
import { spread } from "./find-picture.js";
import type { OpenContext } from "./format.js";
import { compareSizes, type LabelSize, labelSizes, type StatedSize } from "./picture-sizes.js";

/** Pictures that are compared before the rest is trusted: a hundred thousand headers are too many to read. */
const sampled = 1000;

/**
 * As `labelSizes`. Where every sampled picture has its stated size all have; where one has not, all are compared. Pictures
 * without a stated size are read in any case.
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

/** undefined for a picture that cannot be read: who decodes it says why. */
async function sizeOf(survey: Survey, { host }: Pick<OpenContext, "host">, picture: string) {
  try {
    return await host.pictureSize(survey.tree, picture);
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    return undefined;
  }
}
