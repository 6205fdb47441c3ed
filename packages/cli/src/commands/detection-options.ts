/** Options of the commands that detect objects in pictures and videos. */
import { detectDefaults } from "@phinets/core/detection";
import { parseTiles } from "@phinets/node/picture";
import { parseRawFrames } from "@phinets/node/video";
import type { OptionDefinition } from "../terminal/definition.js";
import { fraction, integer, oneOf } from "../terminal/options.js";

const group = "Boxes";

export const arithmetic: OptionDefinition = {
  flags: "--on <arithmetic>",
  help: "int8 (what the firmware computes) or float",
  group,
  parse: oneOf("int8", "float"),
  usual: "int8; float before the run is quantised",
};

export const conf: OptionDefinition = {
  flags: "--conf <score>",
  help: "least score of a box",
  group,
  parse: fraction,
  usual: detectDefaults.threshold,
};

export const nmsIou: OptionDefinition = {
  flags: "--nms-iou <overlap>",
  help: "boxes of a class that overlap more (IoU) are one",
  group,
  parse: fraction,
  usual: detectDefaults.iouThreshold,
};

export const maxDet: OptionDefinition = {
  flags: "--max-det <n>",
  help: "most boxes a picture",
  group,
  parse: integer(1),
  default: detectDefaults.maxDetections,
};

export const tiles: OptionDefinition = {
  flags: "--tiles <columnsxrows>",
  help: "also look at overlapping parts, as 2x2: for small objects",
  group,
  parse: parseTiles,
  usual: "off",
};

export const maxFrames: OptionDefinition = {
  flags: "--max-frames <n>",
  help: "most frames of a video, camera or stream",
  group: "Source",
  parse: integer(1),
};

export const raw: OptionDefinition = {
  flags: "--raw <widthxheight:format@fps>",
  help: "standard input is raw frames, as 640x480:bgr24@30",
  group: "Source",
  parse: parseRawFrames,
};

export const saveTxt: OptionDefinition = { flags: "--save-txt", help: "as --save yolo", group: "Output" };
export const saveJson: OptionDefinition = { flags: "--save-json", help: "as --save coco", group: "Output" };
