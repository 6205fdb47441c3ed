/**
 * Input and result of a `predict` shard as JSON: a list of picture files in the store, and the model's predictions for
 * them.
 */
import { pictureExtensions } from "@phinets/core/data";
import { PhinetsError, parseJson } from "@phinets/core/tensor";
import { problemOf } from "@phinets/node/host";
import { z } from "zod";
import { storedFile } from "../job-checks.js";

const pictureFile = z.strictObject({
  ...storedFile.shape,
  /** Including the dot, in lower case: some decoders are chosen by it. */
  extension: z.enum(pictureExtensions as [string, ...string[]]),
});
export type PictureFile = z.infer<typeof pictureFile>;

/** In the order of the pictures; null for pictures that the requesting side processes itself. */
const list = z.array(pictureFile.nullable()).min(1).max(1_000_000);

const number = z.number();
const box = z.strictObject({
  ...{ class: z.int().nonnegative(), score: number, name: z.string() },
  ...{ x: number, y: number, width: number, height: number },
});
const classScore = z.strictObject({ class: z.int().nonnegative(), name: z.string(), score: number });

const seen = z.strictObject({
  /** Width of the picture in pixels. */
  width: z.int().positive(),
  height: z.int().positive(),
  boxes: z.array(box).optional(),
  classes: z.array(classScore).optional(),
  /** Set where the picture uses little of its depth; the requesting side reads it again for the hint. */
  hinted: z.literal(true).optional(),
});
/** A model's prediction for a picture. */
export type Seen = z.infer<typeof seen>;

/**
 * Null: the requesting side has to process this picture, because it cannot be read or has values that JSON cannot
 * express.
 */
const seenList = z.array(seen.nullable());

export const parsePictureList = (text: string): (PictureFile | null)[] => parse(list, text, "queue.job");

/** @throws PhinetsError `queue.output` for anything else, or where the number of pictures differs */
export function parseSeen(text: string, pictures: number): (Seen | null)[] {
  const found = parse(seenList, text, "queue.output");
  if (found.length === pictures) return found;
  throw new PhinetsError("queue.output", `what a worker delivered is of ${found.length} pictures, not ${pictures}`);
}

function parse<T>(schema: z.ZodType<T>, text: string, code: string): T {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new PhinetsError(code, `its list of pictures: ${(error as Error).message}`);
  }
  const problem = problemOf(schema, value);
  if (problem !== undefined) throw new PhinetsError(code, `its list of pictures: ${problem}`);
  // The value as received, not in the schema's key order, so that writing it again gives the same bytes.
  return value as T;
}

/** A worker's path of a picture, below a folder. */
export const picturePlace = ({ sha256, extension }: Pick<PictureFile, "sha256" | "extension">): string =>
  `${sha256}${extension}`;
