import type { Picture } from "../data/index.js";
import type { OutputMap } from "../detection/index.js";
import type { Shape } from "../tensor/index.js";

/** From a picture of the network's size to its raw output. */
export interface Runner {
  /** Of each output that the head reads: `[1, height, width, channels]` of a detector, `[1, classes]` of a classifier. */
  readonly outputShapes: readonly Shape[];
  /** These outputs of a picture of the network's height, width and channels, one behind the other: real values, the caller's to keep. */
  run(picture: Picture): OutputMap;
  dispose(): Promise<void>;
}
