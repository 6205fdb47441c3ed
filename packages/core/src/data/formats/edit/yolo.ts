/**
 * Edits rows of a YOLO label file. A row whose box moves becomes `class x y width height`, whatever else it contained.
 */
import { utf8Encode } from "../../../tensor/index.js";
import type { PictureSize } from "../../types.js";
import { readYoloRows } from "../yolo-rows.js";
import {
  byRow,
  type EditContext,
  type EditedBox,
  isSamePlace,
  type LabelEditor,
  newRows,
  type PixelBox,
  textOf,
} from "./editor.js";

interface Line {
  /** Including its line end. */
  readonly text: string;
  /** Undefined for a comment, an empty line, and a row that is not a box. */
  readonly box?: PixelBox;
}

export const yoloEditor: LabelEditor = {
  read(bytes, context) {
    const lines = bytes === undefined ? [] : readLines(bytes, context);
    return {
      boxes: lines.flatMap(({ box }) => box ?? []),
      labelled: bytes !== undefined,
      own: bytes ?? new Uint8Array(),
    };
  },
  write(bytes, boxes, context) {
    const lines = bytes === undefined ? [] : readLines(bytes, context);
    const { kept, added } = byRow(boxes, lines.filter(({ box }) => box !== undefined).length);
    const end = /\r\n|\n|\r/.exec(lines[0]?.text ?? "")?.[0] ?? "\n";
    let row = 0;
    let text = "";
    for (const line of lines) {
      const wanted = line.box === undefined ? undefined : kept.get(row++);
      if (line.box === undefined) text += line.text;
      else if (wanted !== undefined) text += changedRow(line.text, line.box, wanted, context.size);
    }
    if (added.length > 0 && text !== "" && !/[\r\n]$/.test(text)) text += end;
    for (const box of added) text += rowOf(box, context.size) + end;
    return { bytes: utf8Encode(text), rows: newRows(boxes) };
  },
};

function readLines(bytes: Uint8Array, context: EditContext): Line[] {
  const { classes, size } = context;
  const whole = textOf(bytes, context);
  const lines = whole.match(/[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g) ?? [];
  const rows = new Map(readYoloRows(whole.replace(/^\ufeff/, ""), { classes }).map((row) => [row.line, row]));
  return lines.map((text, n) => {
    const label = rows.get(n + 1)?.label;
    if (label === undefined) return { text };
    const { class: kind, x, y, width, height } = label;
    const [across, down] = [width * size.width, height * size.height];
    const box = { left: x * size.width - across / 2, top: y * size.height - down / 2, width: across, height: down };
    return { text, box: { class: kind, ...box } };
  });
}

function changedRow(text: string, before: PixelBox, box: EditedBox, size: PictureSize): string {
  if (!isSamePlace(before, box)) return rowOf(box, size) + (/[\r\n]+$/.exec(text)?.[0] ?? "");
  if (before.class === box.class) return text;
  return text.replace(/^([\s,;\ufeff]*)[^\s,;]+/, (_, start: string) => start + box.class);
}

/** Decimals of fractions: more precise than a thousandth of a pixel in any picture. */
const decimals = 9;

function rowOf({ class: kind, left, top, width, height }: PixelBox, size: PictureSize): string {
  const fractions = [
    (left + width / 2) / size.width,
    (top + height / 2) / size.height,
    width / size.width,
    height / size.height,
  ];
  return [kind, ...fractions.map((value) => Number(value.toFixed(decimals)))].join(" ");
}
