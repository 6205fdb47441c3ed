/**
 * Detection head in the manner of YOLOv2 (Redmon & Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017), sized for
 * a microcontroller: a depthwise 3x3 lets neighbouring cells talk, a 1x1 mixes channels, a last 1x1 predicts. Output
 * `[batch, gridHeight, gridWidth, anchors * (5 + classes)]`; channel = anchor * (5 + classes) + one of x, y, w, h,
 * objectness, class 0, class 1, ..., all before their sigmoid, exponential or softmax.
 */
import type { GraphBuilder } from "../graph/index.js";
import { classCount, type Yolov2Head } from "./network.js";

const epsilon = 1e-3;

/** Name of the layer that predicts. */
export const predictionLayer = "head.6";

/** Channels of the head's output. */
export function yolov2Channels(head: Yolov2Head): number {
  return head.anchors.length * (5 + classCount(head));
}

/** Adds an activation to a graph under a name; returns the value's name. */
export type Activation = (name: string, x: string) => string;

/** Adds the head with the backbone's activation; returns the name of the raw predictions. Parameters are `head.*`. */
export function addYolov2(builder: GraphBuilder, head: Yolov2Head, features: string, activate: Activation): string {
  let x = builder.depthwise("head.0", features, { kernel: 3, padding: 1 });
  x = builder.batchNorm("head.1", x, epsilon);
  x = activate("head.2", x);
  x = builder.conv2d("head.3", x, { filters: head.filters });
  x = builder.batchNorm("head.4", x, epsilon);
  x = activate("head.5", x);
  return builder.conv2d(predictionLayer, x, { filters: yolov2Channels(head), bias: true });
}
