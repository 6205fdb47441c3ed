/** Constants that ONNX's QuantizeLinear and DequantizeLinear make, and their scales. */
import { formatShape, type Shape, sizeOf } from "../../../tensor/index.js";
import { Unsupported } from "../../unsupported.js";
import { floats } from "../constants.js";
import type { OnnxConstant } from "../file.js";

interface Scaling {
  readonly scale: OnnxConstant | undefined;
  readonly zero: OnnxConstant | undefined;
  /** Axis of several scales. */
  readonly axis: number;
}

/** Distance of each integer type's zero points from int8's. */
const offsets: Readonly<Record<string, number>> = { int8: 0, uint8: 128, int32: 0 };

/** Distance of a type's zero points from int8's. Throws Unsupported for types other than int8, uint8 and int32. */
export function offsetOf(type: string): number {
  if (!Object.hasOwn(offsets, type)) throw new Unsupported(`is of ${type}; int8 and uint8 can be imported`);
  return offsets[type];
}

function scalesOf({ scale, zero, axis: given }: Scaling, shape: Shape) {
  if (scale === undefined) throw new Unsupported("has no scale; quantise the network again");
  const scales = scale.floats();
  const zeros = zero?.ints() ?? [0];
  const axis = scales.length === 1 ? 0 : given < 0 ? given + shape.length : given;
  if (scales.length !== 1 && scales.length !== shape[axis])
    throw new Unsupported(
      `has ${scales.length} scales along axis ${given} of ${formatShape(shape)}; quantise it again`,
    );
  if (
    !scales.every((each) => each > 0 && Number.isFinite(each)) ||
    (zeros.length !== 1 && zeros.length !== scales.length)
  )
    throw new Unsupported(`has the scale ${scales[0]} and ${zeros.length} zero points; quantise the network again`);
  const inner = sizeOf(shape.slice(axis + 1));
  const of = (i: number): number => (scales.length === 1 ? 0 : Math.floor(i / inner) % scales.length);
  const zeroOf = (i: number): number => zeros[zeros.length === 1 ? 0 : of(i)];
  return { scales, zeros, axis, scaleOf: (i: number) => scales[of(i)], zeroOf };
}

/** scale * (integers - zero point) */
export function dequantized(name: string, x: OnnxConstant, scaling: Scaling): OnnxConstant {
  const { type, shape } = x;
  const offset = offsetOf(type);
  const { scales, zeros, axis, scaleOf, zeroOf } = scalesOf(scaling, shape);
  const data = Float32Array.from(x.ints(), (value, i) => (value - zeroOf(i)) * scaleOf(i));
  const isOne = zeros.every((zero) => zero === zeros[0]);
  return floats(x.name || name, shape, data, {
    ...{ scales: [...scales], axis, type },
    ...(isOne && { zeroPoint: zeros[0] - offset }),
  });
}

/** Quantises floats to integers, to the nearest, halves to even. */
export function quantized(name: string, x: OnnxConstant, scaling: Scaling): OnnxConstant {
  const type = scaling.zero?.type ?? "uint8";
  const least = -128 + offsetOf(type);
  const { scaleOf, zeroOf } = scalesOf(scaling, x.shape);
  const ints = Array.from(x.floats(), (value, i) => {
    const exact = value / scaleOf(i);
    const near = Math.round(exact);
    const even = Math.abs(exact - Math.trunc(exact)) === 0.5 && near % 2 !== 0 ? near - 1 : near;
    return Math.min(least + 255, Math.max(least, even + zeroOf(i)));
  });
  const fail = (): never => {
    throw new Unsupported("reads integers where floats are needed; export the network again");
  };
  return { name: x.name || name, shape: x.shape, type, ints: () => ints, floats: fail };
}

/** Scales of int8 weights whose outputs lie along an axis. Throws Unsupported for weights of another form. */
export function weightScales({ name, shape, quantization }: OnnxConstant, outputs: number): readonly number[] {
  const { scales = [], axis = 0, zeroPoint, type = "" } = quantization ?? {};
  const shown = `weights "${name.slice(0, 60)}"`;
  if (type === "int32") throw new Unsupported(`has ${shown} of int32; int8 can be imported`);
  if (zeroPoint !== 0)
    throw new Unsupported(
      `has ${shown} that are asymmetric (zero point ${zeroPoint ?? "of its own for each channel"}); quantise weights symmetrically (weight_type=QuantType.QInt8, extra_options WeightSymmetric)`,
    );
  if (scales.length > 1 && axis !== outputs)
    throw new Unsupported(
      `has ${shown} ${formatShape(shape)} with scales along axis ${axis}; one scale, or one an output (axis ${outputs}), can be imported`,
    );
  return scales;
}
