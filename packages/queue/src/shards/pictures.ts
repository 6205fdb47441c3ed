/** What a shard of `predict` is sent, a list of picture files in the store, and what a model saw in them, both as JSON. */
import { pictureExtensions } from "@phinets/core/data";
import { PhinetsError, parseJson } from "@phinets/core/tensor";
import { problemOf } from "@phinets/node/host";
import { z } from "zod";
import { storedFile } from "../job-checks.js";

const pictureFile = z.strictObject({
  ...storedFile.shape,
  /** With its dot, small: decoders go by it. */
  extension: z.enum(pictureExtensions as [string, ...string[]]),
});
export type PictureFile = z.infer<typeof pictureFile>;

/** In the order of the pictures; undefined ones are looked at by who asks. */
const list = z.array(pictureFile.nullable()).min(1).max(1_000_000);

const number = z.number();
const box = z.strictObject({
  ...{ class: z.int().nonnegative(), score: number, name: z.string() },
  ...{ x: number, y: number, width: number, height: number },
});
const classScore = z.strictObject({ class: z.int().nonnegative(), name: z.string(), score: number });

const seen = z.strictObject({
  /** Of the picture, pixels. */
  width: z.int().positive(),
  height: z.int().positive(),
  boxes: z.array(box).optional(),
  classes: z.array(classScore).optional(),
  /** Its depth is hardly used: who reads it says how. */
  hinted: z.literal(true).optional(),
});
/** What a model saw in a picture. */
export type Seen = z.infer<typeof seen>;

/** Null: who asks is to look itself, as this picture cannot be read, or has no numbers that JSON can say. */
const seenList = z.array(seen.nullable());

export const parsePictureList = (text: string): (PictureFile | null)[] => parse(list, text, "queue.job");

/** @throws PhinetsError `queue.output` for anything else, and for another number of pictures */
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
  // As it came, not as the schema would order it: who writes it again writes the same.
  return value as T;
}

/** Where a worker has a picture, below a folder. */
export const picturePlace = ({ sha256, extension }: Pick<PictureFile, "sha256" | "extension">): string =>
  `${sha256}${extension}`;
