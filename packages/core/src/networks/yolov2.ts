/**
 * Detection head in the manner of YOLOv2 (Redmon & Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017), sized for
 * a microcontroller: a depthwise 3x3 lets neighbouring cells talk, a 1x1 mixes channels, a last 1x1 predicts. Output
 * `[batch, gridHeight, gridWidth, anchors * (5 + classes)]`; channel = anchor * (5 + classes) + one of x, y, w, h,
 * objectness, class 0, class 1, ..., all before their sigmoid, exponential or softmax.
 */
import type { GraphBuilder } from "../graph/index.js";
import { PhinetsError } from "../tensor/index.js";
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

/**
 * Adds the head with the backbone's activation; returns the name of the raw predictions. Parameters are `head.*`.
 * @param maps outputs of the backbone's blocks, in order
 */
export function addYolov2(
  builder: GraphBuilder,
  head: Yolov2Head,
  maps: readonly string[],
  activate: Activation,
): string {
  const features = head.neck === "fpn" ? addPyramid(builder, head, maps) : maps.at(-1)!;
  let x = builder.depthwise("head.0", features, { kernel: 3, padding: 1 });
  x = builder.batchNorm("head.1", x, epsilon);
  x = activate("head.2", x);
  x = builder.conv2d("head.3", x, { filters: head.filters });
  x = builder.batchNorm("head.4", x, epsilon);
  x = activate("head.5", x);
  return builder.conv2d(predictionLayer, x, { filters: yolov2Channels(head), bias: true });
}

/**
 * One level of a feature pyramid (Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017, section 3): the
 * last map, enlarged, plus the last of those that are larger, each after a 1x1 convolution of `head.filters` channels.
 * The depthwise 3x3 that follows takes the place of the 3x3 convolution that smooths the sum.
 * Throws PhinetsError where all maps have one size.
 */
function addPyramid(builder: GraphBuilder, { filters }: Yolov2Head, maps: readonly string[]): string {
  const last = maps.at(-1)!;
  const [, least] = builder.shape(last);
  const finer = maps.findLast((map) => builder.shape(map)[1] > least);
  if (finer === undefined)
    throw new PhinetsError(
      "networks.neck",
      `network: head.neck "fpn" joins the last two sizes of map, and the backbone's maps all have a height of ${least}; give it a downsampling id, or leave the neck out`,
      "head.neck",
    );
  const [, height, width] = builder.shape(finer);
  const lateral = builder.batchNorm("head.neck.1", builder.conv2d("head.neck.0", finer, { filters }), epsilon);
  const top = builder.batchNorm("head.neck.3", builder.conv2d("head.neck.2", last, { filters }), epsilon);
  const enlarged = builder.resize("head.neck.4", top, {
    mode: "nearest",
    size: [height, width],
    alignCorners: false,
    halfPixelCenters: false,
  });
  return builder.add("head.neck.5", enlarged, lateral);
}
