/** Small networks of each family, with either head, odd sizes and the options of a network.json. */
import { buildNetwork, parseNetwork } from "@phinets/core/networks";
import type { Case } from "../case.js";

const classifier = { kind: "classifier", classes: 3 };
const yolo = { kind: "yolov2", classes: 2 };
const input = (height: number, width: number, channels = 3) => ({ height, width, channels });

const networks: Readonly<Record<string, object>> = {
  "PhiNet, squeeze-and-excite": {
    ...{ family: "phinet", input: input(39, 38), alpha: 0.1, t0: 2, squeezeExcite: true, head: yolo },
  },
  "PhiNet, grey pictures": { family: "phinet", input: input(32, 33, 1), alpha: 0.08, t0: 1, head: classifier },
  "PhiNet of few blocks": { family: "phinet", input: input(48, 32), alpha: 0.2, blocks: 5, head: yolo },
  "PhiNet, relu6, a convolution for a stem": {
    ...{ family: "phinet", input: input(35, 48), alpha: 0.12, t0: 5, head: yolo },
    ...{ squeezeExcite: false, activation: "relu6", conv2dInput: true },
  },
  "PhiNet, compatibility, pooling": {
    ...{ family: "phinet", input: input(40, 35), alpha: 0.2, blocks: 4, compatibility: true, pool: true },
    head: classifier,
  },
  "PhiNet, 5x5": { family: "phinet", input: input(36, 43), alpha: 0.1, t0: 3, blocks: 5, conv5: 1, head: classifier },
  "PhiNet of the paper": { family: "phinet", profile: "paper", input: input(48, 32), alpha: 0.15, head: classifier },
  "PhiNet with a feature pyramid": {
    ...{ family: "phinet", input: input(39, 50), alpha: 0.12, t0: 3, downsampling: [5] },
    head: { ...yolo, filters: 12, neck: "fpn" },
  },
  "MobileNetV2 that detects": {
    ...{ family: "mobilenetv2", input: input(33, 37), width: 0.07, stopAtStride: 16, head: yolo },
  },
  "MobileNetV2 that classifies": {
    ...{ family: "mobilenetv2", input: input(32, 35), width: 0.05, stopAtStride: 8, head: classifier },
  },
  "EfficientNet that detects": {
    ...{ family: "efficientnet", input: input(32, 33), width: 0.1, stopAtStride: 8, head: yolo },
  },
  "EfficientNet that classifies": {
    ...{ family: "efficientnet", input: input(33, 34), width: 0.1, stopAtStride: 16, head: classifier },
  },
};

export const networkCases: readonly Case[] = Object.entries(networks).map(([name, json]) => ({
  name,
  graph: buildNetwork(parseNetwork(json)),
}));
