import { ciouLoss } from "./ciou-loss.js";
import type { Decoder } from "./decode.js";
import type { DetectionLoss } from "./loss.js";
import { yolov2Loss } from "./yolov2-loss.js";

/**
 * The losses by name, each with the decoder that its boxes need. "ciou" gives better detectors; "yolov2" is darknet's.
 */
export const detectionLosses = {
  ciou: { loss: ciouLoss, decoder: "scaled" },
  yolov2: { loss: yolov2Loss, decoder: "yolov2" },
} as const satisfies Record<string, { loss: DetectionLoss; decoder: Decoder }>;

export type DetectionLossName = keyof typeof detectionLosses;
