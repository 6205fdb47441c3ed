/** Registry of the formats whose labels can be edited in place. */
import { PhinetsError } from "../../../tensor/index.js";
import { cocoEditor } from "./coco.js";
import type { LabelEditor } from "./editor.js";
import { vocEditor } from "./voc.js";
import { yoloEditor } from "./yolo.js";

const labelEditors: Readonly<Record<string, LabelEditor>> = { coco: cocoEditor, voc: vocEditor, yolo: yoloEditor };

/**
 * The editor of a format's files.
 * @param format format id
 * @param shown the data set's name for the message
 * @throws PhinetsError `data.edit` for a format whose labels cannot be edited in place.
 */
export function labelEditorOf(format: string, shown: string): LabelEditor {
  const editor = labelEditors[format];
  if (editor !== undefined) return editor;
  throw new PhinetsError(
    "data.edit",
    `${shown}: labels in the format ${format} are read and not changed; phinets convert ${shown} NEW_FOLDER --to yolo makes a set whose boxes can be edited`,
    shown,
  );
}
