/** What the backbones of all families have in common, for programs that show networks: their blocks and settings. */
import { efficientnetBlocks } from "./efficientnet.js";
import { mobilenetv2Blocks } from "./mobilenetv2.js";
import type { Network, PhinetNetwork } from "./network.js";
import { phinetBlocks } from "./phinet.js";

/** An inverted residual block. */
export interface BackboneBlock {
  readonly id: number;
  /** Prefix of its nodes' names, without the dot that follows. */
  readonly module: string;
  /** Input channels. */
  readonly input: number;
  /** Channels between expansion and projection. */
  readonly hidden: number;
  /** Output channels. */
  readonly output: number;
  /** Side of the depthwise kernel. */
  readonly kernel: number;
  readonly stride: number;
  /** The block's input is added to its output. */
  readonly skip: boolean;
}

/**
 * The backbone's blocks in order; empty for an imported network. Throws PhinetsError when options contradict each
 * other.
 */
export function backboneBlocks(network: Network): BackboneBlock[] {
  if (network.family === "imported") return [];
  if (network.family === "mobilenetv2") return mobilenetv2Blocks(network);
  if (network.family === "efficientnet") return efficientnetBlocks(network);
  let index = network.conv2dInput ? 3 : 2; // modules of the stem
  return phinetBlocks(network).map((block) => {
    if (block.poolBefore) index++;
    const module = `_layers.${index++}`;
    if (block.poolAfter) index++;
    return { ...block, module };
  });
}

/** Settings of a network under the names that users know, the most important first; without input and head. */
export function networkSettings(network: Network): (readonly [name: string, value: string | number])[] {
  if (network.family === "phinet") return phinetSettings(network);
  if (network.family === "imported") return [["source", network.source]];
  const settings: [string, string | number][] = [["width", network.width]];
  if (network.family === "efficientnet") settings.push(["depth", network.depth]);
  return [...settings, ["stop at stride", network.stopAtStride]];
}

function phinetSettings(network: PhinetNetwork): (readonly [name: string, value: string | number])[] {
  const { alpha, beta, t0, blocks, downsampling, activation, squeezeExcite, compatibility } = network;
  return [
    ["alpha", alpha],
    ["beta", beta],
    ["t0", t0],
    ["N", blocks],
    ["downsampling", downsampling.join(", ") || "none"],
    ["activation", compatibility ? "relu6" : activation],
    ["squeeze-and-excite", squeezeExcite && !compatibility ? "yes" : "no"],
    ...(network.profile === "micromind"
      ? []
      : ([
          ["stem, b1, b2 filters", `${network.stemFilters}, ${network.b1Filters}, ${network.b2Filters}`],
          ["stem stride", network.stemStride],
        ] as const)),
  ];
}

const familyNames = {
  phinet: "PhiNet",
  mobilenetv2: "MobileNetV2",
  efficientnet: "EfficientNet",
  imported: "imported",
} as const;

/** Name of a network's family for people: "PhiNet (micromind)", "MobileNetV2". */
export function networkTitle(network: Network): string {
  const name = familyNames[network.family];
  return network.family === "phinet" ? `${name} (${network.profile})` : name;
}

/** The most important settings in one line: "micromind  alpha 0.35  beta 1  t0 6  N 7". */
export function networkSummary(network: Network): string {
  const settings = networkSettings(network).slice(0, network.family === "phinet" ? 4 : undefined);
  const words = settings.map(([name, value]) => `${name} ${value}`);
  return (network.family === "phinet" ? [network.profile, ...words] : words).join("  ");
}
