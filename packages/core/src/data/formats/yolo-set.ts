/** The result of reading a YOLO description, in any of its layouts. */
import type { SplitName } from "../types.js";
import type { OpenContext, Recognition } from "./format.js";
import type { LabelRules } from "./yolo-labels.js";
import type { YoloPart } from "./yolo-pictures.js";

export interface YoloSet extends LabelRules {
  readonly parts: readonly YoloPart[];
  /** Splits that the files define; pictures in none of them are in train. */
  readonly named: readonly SplitName[];
  /** The file of class names, as `FileTree.locate` gives it. */
  readonly namesFile?: string;
}

/** A description, and the function that opens it. */
export interface YoloFinding extends Recognition {
  load(context: OpenContext): Promise<YoloSet>;
}
