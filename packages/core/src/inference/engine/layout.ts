/**
 * Layout of a value in the int8 kernels: planes of eight channels, [channels / 8][pixels][8]
 * (kernels/assembly-int8/planes.ts).
 */
import type { Shape } from "../../tensor/index.js";

export interface Layout {
  readonly pixels: number;
  readonly channels: number;
  readonly planes: number;
  /** Bytes of a plane, with pixels padded to a multiple of four. */
  readonly planeBytes: number;
  readonly bytes: number;
}

/** @param shape `[1, height, width, channels]` or `[1, features]` */
export function layoutOf(shape: Shape): Layout {
  const channels = shape.at(-1)!;
  const pixels = shape.length === 4 ? shape[1] * shape[2] : 1;
  const planes = Math.ceil(channels / 8);
  const planeBytes = 32 * Math.ceil(pixels / 4);
  return { pixels, channels, planes, planeBytes, bytes: planes * planeBytes };
}

/** Bytes behind the last element that vectors may read and write. */
export const slackBytes = 64;

/** Alignment of everything in memory, in bytes. */
export const alignment = 16;

/** The bits of a float32 as a word. */
export function floatWord(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0];
}

/** 1.5 * 2^23: adding it to a float32 rounds that to the nearest integer. */
export const whole = 12582912;

/**
 * Three words that most kernels need: the constant that rounds a result and adds its zero point, and the two limits.
 */
export function outputWords(node: {
  readonly outputZeroPoint: number;
  readonly clampMin: number;
  readonly clampMax: number;
}): number[] {
  return [floatWord(whole + node.outputZeroPoint), node.clampMin, node.clampMax];
}
