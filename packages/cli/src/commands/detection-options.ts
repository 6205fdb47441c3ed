/** Options of the commands that detect objects in pictures and videos. */
import { detectDefaults } from "@phinets/core/detection";
import { parseTiles } from "@phinets/node/picture";
import { parseRawFrames } from "@phinets/node/video";
import type { OptionDefinition } from "../terminal/definition.js";
import { fraction, integer, oneOf } from "../terminal/options.js";

const group = "Boxes";

export const arithmetic: OptionDefinition = {
  flags: "--on <arithmetic>",
  help: "arithmetic: int8 (as in the firmware) or float",
  group,
  parse: oneOf("int8", "float"),
  usual: "int8, or float if the run is not quantised yet",
};

export const conf: OptionDefinition = {
  flags: "--conf <score>",
  help: "lowest score of a box",
  group,
  parse: fraction,
  usual: detectDefaults.threshold,
};

export const nmsIou: OptionDefinition = {
  flags: "--nms-iou <overlap>",
  help: "non-maximum suppression: of boxes of one class that overlap by more than this (IoU), only the best is kept",
  group,
  parse: fraction,
  usual: detectDefaults.iouThreshold,
};

export const maxDet: OptionDefinition = {
  flags: "--max-det <n>",
  help: "largest number of boxes per picture",
  group,
  parse: integer(1),
  default: detectDefaults.maxDetections,
};

export const tiles: OptionDefinition = {
  flags: "--tiles <columnsxrows>",
  help: "for small objects: also run the network on overlapping parts of the picture, for example 2x2",
  group,
  parse: parseTiles,
  usual: "off",
};

export const maxFrames: OptionDefinition = {
  flags: "--max-frames <n>",
  help: "stop after this many frames of a video, camera or stream",
  group: "Source",
  parse: integer(1),
};

export const raw: OptionDefinition = {
  flags: "--raw <widthxheight:format@fps>",
  help: "standard input holds raw frames in this format, for example 640x480:bgr24@30",
  group: "Source",
  parse: parseRawFrames,
};

export const saveTxt: OptionDefinition = { flags: "--save-txt", help: "same as --save yolo", group: "Output" };
export const saveJson: OptionDefinition = { flags: "--save-json", help: "same as --save coco", group: "Output" };
