/**
 * network.json: what a network is, before any graph exists. Every field but `family` and `input` has a default; a field
 * that is unknown, of the wrong type or impossible is an error naming it, its value and what is allowed.
 */
import type { GraphDocument } from "../graph/index.js";
import { anchorOf, countOf, Fields, integer, refuse } from "./fields.js";
import { parseMapsHead, type Yolov5Head, type Yolov8Head } from "./map-heads.js";

export interface NetworkInput {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  readonly channels: number;
}

/** Class names, or only how many there are. */
export type Classes = readonly string[] | number;

export interface NoHead {
  readonly kind: "none";
}

export interface ClassifierHead {
  readonly kind: "classifier";
  /** At least 2. Default 10. */
  readonly classes: Classes;
  /**
   * Family phinet: channels of a 1x1 convolution with bias between the pooling and the classifier; 0 for none. Default
   * none, in profile `paper` int(1280 * alpha).
   */
  readonly features?: number;
}

/** What joins the backbone's maps before a detector's head: nothing, or one level of a feature pyramid. */
export const necks = ["none", "fpn"] as const;
export type Neck = (typeof necks)[number];

export interface Yolov2Head {
  readonly kind: "yolov2";
  /** At least 1. */
  readonly classes: Classes;
  /** Width and height in grid cells. Default: `defaultAnchors`. */
  readonly anchors: readonly (readonly [width: number, height: number])[];
  /** Channels between the backbone and the prediction layer. Default 128. */
  readonly filters: number;
  /** "fpn": one level of a feature pyramid; the grid has twice the height and width of the backbone's last map. Default none. */
  readonly neck?: Exclude<Neck, "none">;
  /** How raw centres become positions (see detection/decode): what the training loss assumed. Default "yolov2". */
  readonly decoder: "yolov2" | "scaled";
}

/** A head of the families that are built here. */
export type BuiltHead = NoHead | ClassifierHead | Yolov2Head;

export type Head = BuiltHead | Yolov5Head | Yolov8Head;

/** A head that finds boxes. */
export type BoxHead = Exclude<Head, NoHead | ClassifierHead>;

export const findsBoxes = (head: Head): head is BoxHead => head.kind !== "none" && head.kind !== "classifier";

interface PhinetOptions {
  readonly family: "phinet";
  readonly input: NetworkInput;
  /** Width multiplier. Default 0.2. */
  readonly alpha: number;
  /** Last expansion / first expansion. Default 1. */
  readonly beta: number;
  /** Base expansion. Default 6. */
  readonly t0: number;
  /** Blocks with an expansion (N), rounded half to even; blocks 1, 2 and 3 always exist. Default 7. */
  readonly blocks: number;
  /**
   * Ids (4 or more) of blocks that halve the map and double the width; ids above `blocks` have no effect. Default
   * [5, 7], in profile `paper` [].
   */
  readonly downsampling: readonly number[];
  /** Widths are rounded to a multiple of it. Default 1. */
  readonly divisor: number;
  /** Stride of the separable stem. Default 2, in profile `paper` 3. */
  readonly stemStride: number;
  /** Share of the blocks (the last ones, ids 4 and up) with a 5x5 depthwise kernel, 0..1. Default 0. */
  readonly conv5: number;
  /** Default "hardswish", in profile `paper` "relu6". */
  readonly activation: "hardswish" | "relu6";
  /** Default true. */
  readonly squeezeExcite: boolean;
  /** Default true. */
  readonly residuals: boolean;
  /** Max pooling in place of strides. Default false. */
  readonly pool: boolean;
  /** An unpadded 3x3 convolution in place of stem and block 0. Default false. */
  readonly conv2dInput: boolean;
  /** Only operators that every tool chain has: ReLU6 and no squeeze-and-excite. Default false. */
  readonly compatibility: boolean;
  readonly head: BuiltHead;
}

/** As the authors' PyTorch toolkit builds it. */
export interface MicromindPhinet extends PhinetOptions {
  readonly profile: "micromind";
}

/** As the paper's experiments and the authors' first code (Keras) built it. */
export interface PaperPhinet extends PhinetOptions {
  readonly profile: "paper";
  /** Channels of the stem for alpha 1. Default 48. */
  readonly stemFilters: number;
  /** Channels of blocks 0 to 2 for alpha 1. Default 24. */
  readonly b1Filters: number;
  /** Channels of block 3 for alpha 1; each downsampling id doubles them. Default 48. */
  readonly b2Filters: number;
}

export type PhinetNetwork = MicromindPhinet | PaperPhinet;

/** Total strides at which a backbone can end. */
const strides = [4, 8, 16, 32] as const;

/** Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR 2018. */
export interface Mobilenetv2Network {
  readonly family: "mobilenetv2";
  readonly input: NetworkInput;
  /** Width multiplier. Default 1. */
  readonly width: number;
  /** Widths are rounded to a multiple of it. Default 8, the paper's. */
  readonly divisor: number;
  /** Ends the backbone before the map gets smaller than input / stopAtStride; below 32 without the last 1x1. Default 32. */
  readonly stopAtStride: (typeof strides)[number];
  readonly head: BuiltHead;
}

/** Tan and Le, "EfficientNet: Rethinking model scaling for convolutional neural networks", ICML 2019. */
export interface EfficientnetNetwork {
  readonly family: "efficientnet";
  readonly input: NetworkInput;
  /** Width multiplier. Default 1 (B0). */
  readonly width: number;
  /** Widths are rounded to a multiple of it. Default 8, the paper's. */
  readonly divisor: number;
  /** Depth multiplier; the blocks of a stage are rounded up. Default 1 (B0). */
  readonly depth: number;
  /** Ends the backbone before the map gets smaller than input / stopAtStride; below 32 without the last 1x1. Default 32. */
  readonly stopAtStride: (typeof strides)[number];
  readonly head: BuiltHead;
}

/** A network that `networks` builds. */
export type BuiltNetwork = PhinetNetwork | Mobilenetv2Network | EfficientnetNetwork;

/** A network of another tool. */
export interface ImportedNetwork {
  readonly family: "imported";
  readonly input: NetworkInput;
  readonly head: Head;
  /** Name of the file that it was imported from. */
  readonly source: string;
  /** Of a float network, which `buildNetwork` validates; of an int8 one it lies beside this file, in quantized.json. */
  readonly graph?: GraphDocument;
}

export type Network = BuiltNetwork | ImportedNetwork;

/** Whether it was imported as int8: then it has no float graph, and its int8 one lies beside network.json. */
export function isImportedInt8(network: Network): network is ImportedNetwork {
  return network.family === "imported" && network.graph === undefined;
}

/** Name of the input value of every network: `[1, height, width, channels]`, pixel / 128 - 1. */
export const inputName = "image";

/** Anchors of the authors' STM32H7 person detector, in cells of its 10x10 grid. */
export const defaultAnchors: readonly (readonly [number, number])[] = [
  [0.72, 1.43],
  [1.12, 1.09],
  [1.31, 2.25],
  [2.37, 3.5],
  [4.23, 5.7],
];

/** Number of classes of a head; 0 without one. */
export function classCount(head: Head): number {
  if (head.kind === "none") return 0;
  return countOf(head.classes);
}

/** Names of a head's classes; "class0", "class1", ... where only their number is known. */
export function classNames(head: Head): readonly string[] {
  if (head.kind === "none") return [];
  if (typeof head.classes !== "number") return head.classes;
  return Array.from({ length: head.classes }, (_, i) => `class${i}`);
}

/**
 * Validates the content of a network.json and fills in its defaults.
 * Throws PhinetsError whose `path` is the field, e.g. `head.anchors[1]`.
 */
export function parseNetwork(
  json: { readonly family: "phinet"; readonly profile?: "micromind" } & Readonly<Record<string, unknown>>,
): MicromindPhinet;
export function parseNetwork(
  json: { readonly family: "phinet"; readonly profile: "paper" } & Readonly<Record<string, unknown>>,
): PaperPhinet;
export function parseNetwork(json: unknown): Network;
export function parseNetwork(json: unknown): Network {
  const root = new Fields(json, "");
  // The family decides which fields exist, so it is read first.
  const family = root.oneOf("family", ["phinet", "mobilenetv2", "efficientnet", "imported"] as const);
  const network =
    family === "phinet" ? parsePhinet(root) : family === "imported" ? parseImported(root) : parsePeer(root, family);
  root.end();
  return network;
}

function parsePhinet(root: Fields): PhinetNetwork {
  const profile = root.oneOf("profile", ["micromind", "paper"] as const, "micromind");
  const paper = profile === "paper";
  const input = parseInput(root);
  const alpha = root.positive("alpha", 16, 0.2);
  const options: PhinetOptions = {
    family: "phinet",
    input,
    alpha,
    beta: root.positive("beta", 16, 1),
    t0: root.positive("t0", 64, 6),
    blocks: root.positive("blocks", 64, 7),
    downsampling: root.list("downsampling", paper ? [] : [5, 7], (value, path) => integer(value, path, 4, 64)),
    divisor: root.integer("divisor", 1, 256, 1),
    stemStride: root.integer("stemStride", 1, 8, paper ? 3 : 2),
    conv5: root.number("conv5", 0, 1, 0),
    activation: root.oneOf("activation", ["hardswish", "relu6"] as const, paper ? "relu6" : "hardswish"),
    squeezeExcite: root.boolean("squeezeExcite", true),
    residuals: root.boolean("residuals", true),
    pool: root.boolean("pool", false),
    conv2dInput: root.boolean("conv2dInput", false),
    compatibility: root.boolean("compatibility", false),
    head: parseHead(root, paper ? Math.trunc(1280 * alpha) : 0),
  };
  if (new Set(options.downsampling).size !== options.downsampling.length)
    refuse("downsampling", options.downsampling, "block ids that differ");
  if (roundHalfToEven(options.blocks) < 1) refuse("blocks", options.blocks, "a number that rounds to 1 or more");
  if (!paper) return { ...options, profile };
  return {
    ...options,
    profile,
    stemFilters: root.integer("stemFilters", 1, 4096, 48),
    b1Filters: root.integer("b1Filters", 1, 4096, 24),
    b2Filters: root.integer("b2Filters", 1, 4096, 48),
  };
}

function parsePeer(root: Fields, family: "mobilenetv2" | "efficientnet"): Mobilenetv2Network | EfficientnetNetwork {
  const input = parseInput(root);
  const width = root.positive("width", 16, 1);
  const depth = family === "efficientnet" ? root.positive("depth", 16, 1) : 1;
  const divisor = root.integer("divisor", 1, 256, 8);
  const stopAtStride = root.oneOfNumbers("stopAtStride", strides, 32);
  const head = parseHead(root);
  return family === "efficientnet"
    ? { family, input, width, depth, divisor, stopAtStride, head }
    : { family, input, width, divisor, stopAtStride, head };
}

function parseImported(root: Fields): ImportedNetwork {
  const network = {
    input: parseInput(root),
    head: parseMapsHead(root) ?? parseHead(root),
    source: root.text("source", 200),
  };
  const graph = root.value("graph") as GraphDocument | undefined;
  return { family: "imported", ...network, ...(graph !== undefined && { graph }) };
}

function parseInput(root: Fields): NetworkInput {
  const fields = root.object("input");
  const input = {
    height: fields.integer("height", 1, 4096),
    width: fields.integer("width", 1, 4096),
    channels: fields.integer("channels", 1, 65536, 3),
  };
  fields.end();
  return input;
}

/** 6.5 -> 6, 7.5 -> 8: how the reference rounds a number of blocks. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** `usualFeatures`: default of a classifier's `features`, where the family has the field. */
function parseHead(root: Fields, usualFeatures?: number): BuiltHead {
  if (!root.has("head")) return { kind: "none" };
  const fields = root.object("head");
  const kind = fields.oneOf("kind", ["none", "classifier", "yolov2"] as const);
  let head: BuiltHead;
  if (kind === "none") head = { kind };
  else if (kind === "classifier") {
    const classes = fields.classes(2, 10);
    const features = usualFeatures === undefined ? 0 : fields.integer("features", 0, 65536, usualFeatures);
    head = features === 0 && !usualFeatures ? { kind, classes } : { kind, classes, features };
  } else {
    const anchors = fields.list("anchors", defaultAnchors, (value, path) =>
      anchorOf(value, path, { unit: "grid cells", most: 1024 }),
    );
    if (anchors.length === 0) refuse("head.anchors", anchors, "at least one [width, height] in grid cells");
    const filters = fields.integer("filters", 1, 4096, 128);
    const neck = fields.oneOf("neck", necks, "none");
    head = {
      kind,
      classes: fields.classes(1),
      anchors,
      filters,
      ...(neck !== "none" && { neck }),
      decoder: fields.oneOf("decoder", ["yolov2", "scaled"] as const, "yolov2"),
    };
  }
  fields.end();
  return head;
}
