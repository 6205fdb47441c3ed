/** Instructions of the parts of a PhiNet before and after its blocks with an expansion. */
import { type BuiltHead, classCount, yolov2Channels } from "../networks/index.js";
import type { Activation, Count } from "./instructions.js";
import type { BlockMaps, Frame } from "./memory.js";

/** Instructions of the fastest and of the smallest program. */
export interface Instructions {
  readonly speed: number;
  readonly ram: number;
}

/** Instructions of stem and block 0. With a residual sum the stem's map is read twice, so it is stored as NHWC. */
export function startInstructions(count: Count, frame: Omit<Frame, "head">, activation: Activation): Instructions {
  const { dsp, input, stem, first } = frame;
  const { height, width, channels } = input;
  const depthwise = {
    ...{ rows: stem.height, width: stem.width, inputWidth: width, channels, filters: channels, products: 9, size: 3 },
    ...{ stride: stem.stride, padLeft: stem.padding, inputHeight: height, padTop: stem.padding },
  };
  const stemRow = { rows: stem.height, width: stem.width, inputWidth: stem.width };
  const product = { ...stemRow, channels, filters: stem.channels, products: channels, ...activation };
  const out = { rows: first.outHeight, width: first.outWidth };
  const depthwise0 = {
    ...{ ...out, inputWidth: stem.width, channels: stem.channels, filters: stem.channels, products: 9, size: 3 },
    ...{ stride: first.stride, padLeft: 1, inputHeight: stem.height, padTop: 1, ...activation },
  };
  const row0 = { ...out, inputWidth: first.outWidth };
  const project0 = { ...row0, channels: stem.channels, filters: first.output, products: stem.channels };
  const sum0 = { ...row0, channels: first.output, filters: first.output };
  if (!dsp) {
    const all =
      count("depthwise", depthwise) +
      count("pointwise", product) +
      count("depthwise", depthwise0) +
      count("pointwise", project0) +
      (first.skip ? count("add", sum0) : 0);
    return { speed: all, ram: all };
  }
  const common =
    count("dsp_planes8", { rows: height, width, inputWidth: width, channels, filters: channels }) +
    count("dsp_depthwise3_planes8_quads", depthwise) +
    count("dsp_product_nhwc", project0);
  if (first.skip) {
    const all =
      common +
      count("dsp_product_nhwc", product) +
      count("dsp_planes8", { ...stemRow, channels: stem.channels, filters: stem.channels }) +
      count("dsp_depthwise3_planes8_quads", depthwise0) +
      count("dsp_add", sum0);
    return { speed: all, ram: all };
  }
  const of = (planes: "planes16" | "planes8"): number =>
    common + count(`dsp_product_${planes}`, product) + count(`dsp_depthwise3_${planes}_quads`, depthwise0);
  return { speed: of("planes16"), ram: of("planes8") };
}

/** Instructions of a dense layer. */
export function denseInstructions(
  count: Count,
  { dsp }: Pick<Frame, "dsp">,
  inputs: number,
  filters: number,
  activation: Partial<Activation> = {},
): number {
  const shape = { rows: 1, inputHeight: 1, channels: inputs, filters, products: inputs, ...activation };
  return count(dsp ? "dsp_dense" : "pointwise", shape);
}

/** Widths of a classifier's layers, from its features to its classes. */
export function denseWidths(head: BuiltHead & { readonly kind: "classifier" }, features: number): readonly number[] {
  return [features, ...(head.features ? [head.features] : []), classCount(head)];
}

/** Instructions of the head, after the last block. */
export function headInstructions(
  count: Count,
  { dsp }: Pick<Frame, "dsp">,
  head: BuiltHead,
  { outHeight: height, outWidth: width, output: channels, skip }: BlockMaps,
  activation: Activation,
): Instructions {
  if (head.kind === "none") return { speed: 0, ram: 0 };
  if (head.kind === "classifier") {
    const widths = denseWidths(head, channels);
    let all = count("mean", { rows: height, width: 1, inputWidth: width, channels, filters: channels });
    for (let i = 1; i < widths.length; i++) all += denseInstructions(count, { dsp }, widths[i - 1], widths[i]);
    return { speed: all, ram: all };
  }
  const row = { rows: height, width, inputWidth: width };
  const wide = {
    ...{ ...row, channels, filters: channels, products: 9, size: 3, padLeft: 1, inputHeight: height, padTop: 1 },
    ...activation,
  };
  const filters = { ...row, channels, filters: head.filters, products: channels, ...activation };
  const predict = { ...row, channels: head.filters, filters: yolov2Channels(head), products: head.filters };
  if (!dsp) {
    const all = count("depthwise", wide) + count("pointwise", filters) + count("pointwise", predict);
    return { speed: all, ram: all };
  }
  const common =
    count("dsp_product_nhwc", filters) +
    count("dsp_quads_nhwc", { ...row, channels: head.filters, filters: head.filters }) +
    count("dsp_product_nhwc", predict);
  const small = common + count("dsp_depthwise3_planes8_quads", wide);
  if (!skip) return { speed: common + count("dsp_depthwise3_planes16_quads", wide), ram: small };
  const all = small + count("dsp_planes8", { ...row, channels, filters: channels });
  return { speed: all, ram: all };
}
