/** Parses the option `--tiles`. */
import type { Tiles } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";

/** Parses "2x2", columns x rows. */
export function parseTiles(text: string): Tiles {
  const match = /^(\d)[xX](\d)$/.exec(text.trim());
  const [columns, rows] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || columns < 1 || rows < 1 || columns * rows < 2) {
    throw new PhinetsError(
      "cli.usage",
      `--tiles is ${text}; it is COLUMNSxROWS, as 2x2, of at least two and at most 9x9`,
    );
  }
  return { columns, rows };
}
