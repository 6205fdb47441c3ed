import type { Picture } from "../data/index.js";
import type { OutputMap } from "../detection/index.js";
import type { Shape } from "../tensor/index.js";

/** Computes a network's raw output for a picture of the network's size. */
export interface Runner {
  /**
   * Shape of each output that the head reads: `[1, height, width, channels]` for a detector, `[1, classes]` for a
   * classifier.
   */
  readonly outputShapes: readonly Shape[];
  /**
   * These outputs, one behind the other, in real values, for a picture of the network's height, width and channels. The
   * caller owns the result.
   */
  run(picture: Picture): OutputMap;
  dispose(): Promise<void>;
}
