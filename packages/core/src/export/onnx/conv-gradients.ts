/** Computes a convolution's gradients by convolutions and matrix products. Tensors are NCHW and OIHW, shapes NHWC. */
import type { OpAttributes } from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";
import type { Emission } from "./emission.js";

type Conv = OpAttributes["conv2d"];

function isPointwise({ kernel, stride, padding, groups }: Conv): boolean {
  return groups === 1 && [...kernel, ...stride].every((n) => n === 1) && Object.values(padding).every((n) => n === 0);
}

/** Gradient with respect to the weight: x convolved with dy, with the stride as a dilation. */
export function convGradWeight(
  to: Emission,
  conv: Conv,
  [xShape, dyShape]: readonly [Shape, Shape],
  [x, dy]: readonly [string, string],
  name: string,
): string {
  const [batch, height, width, channels] = xShape;
  const [, outHeight, outWidth, filters] = dyShape;
  const { kernel, stride, padding, groups } = conv;
  const perGroup = channels / groups;
  if (isPointwise(conv)) {
    const pixels = height * width;
    const columns = to.transpose(to.reshape(x, [batch, channels, pixels]), [0, 2, 1]);
    const products = to.op("MatMul", [to.reshape(dy, [batch, filters, pixels]), columns]);
    return to.reshape(to.reduce("ReduceSum", products, [0], false), [filters, channels, 1, 1], name);
  }
  const least = [height + padding.top, width + padding.left];
  const reach = [(outHeight - 1) * stride[0] + kernel[0], (outWidth - 1) * stride[1] + kernel[1]];
  const after = reach.map((size, i) => Math.max(0, size - least[i]));
  const sizes = kernel.map((size, i) => least[i] + after[i] - reach[i] + size);
  const attributes = (group: number) => ({
    kernel_shape: { ints: [outHeight, outWidth] },
    dilations: { ints: stride },
    pads: { ints: [padding.top, padding.left, ...after] },
    group: { int: group },
  });
  // Input rows and columns that no window reaches give taps beyond the kernel.
  const crop = (taps: string): string =>
    sizes.every((size, i) => size === kernel[i]) ? taps : to.slice(taps, [2, 3], [0, 0], kernel);
  if (groups === channels && filters === channels) {
    // Each channel of each picture becomes a group; the pictures are summed afterwards.
    const planes = to.reshape(x, [1, batch * channels, height, width]);
    const kernels = to.reshape(dy, [batch * channels, 1, outHeight, outWidth]);
    const taps = crop(to.op("Conv", [planes, kernels], attributes(batch * channels)));
    const byPicture = to.reshape(taps, [batch, channels, 1, ...kernel]);
    return to.reduce("ReduceSum", byPicture, [0], false, name);
  }
  // Pictures take the place of channels: [channels in a group, groups * batch] * [filters, batch].
  let planes = x;
  if (groups > 1) {
    const grouped = to.reshape(x, [batch, groups, perGroup, height, width]);
    planes = to.reshape(to.transpose(grouped, [2, 1, 0, 3, 4]), [perGroup, groups * batch, height, width]);
  } else planes = to.transpose(x, [1, 0, 2, 3]);
  const taps = crop(to.op("Conv", [planes, to.transpose(dy, [1, 0, 2, 3])], attributes(groups)));
  return to.transpose(taps, [1, 0, 2, 3], name);
}

/** Gradient with respect to the input. */
export function convGradInput(
  to: Emission,
  conv: Conv & { readonly inputShape: Shape },
  dyShape: Shape,
  dy: string,
  weight: string,
  name: string,
): string {
  const { kernel, stride, padding, groups, inputShape, filters } = conv;
  const [batch, height, width, channels] = inputShape;
  if (isPointwise(conv)) {
    const matrix = to.transpose(to.reshape(weight, [filters, channels]), [1, 0]);
    const pixels = height * width;
    const product = to.op("MatMul", [matrix, to.reshape(dy, [batch, filters, pixels])]);
    return to.reshape(product, [batch, channels, height, width], name);
  }
  const { top, left, bottom, right } = padding;
  const pads = [top, left, bottom, right];
  const mirrored = pads.map((pad, i) => kernel[i % 2] - 1 - pad);
  const depthwise = groups === channels && filters === channels;
  if (depthwise && stride.every((step) => step === 1) && mirrored.every((pad) => pad >= 0)) {
    // Faster than a transposed convolution.
    const flipped = to.slice(weight, [2, 3], [-1, -1], [-kernel[0] - 1, -kernel[1] - 1], [-1, -1]);
    const attributes = { kernel_shape: { ints: kernel }, pads: { ints: mirrored }, group: { int: groups } };
    return to.op("Conv", [dy, flipped], attributes, name);
  }
  // Where windows reach beyond the input's end, the surplus is cut; where they do not reach it, zeros are added.
  const surplus = [height, width].map((size, i) => {
    const reached = (dyShape[1 + i] - 1) * stride[i] + kernel[i] - pads[i];
    return reached - size;
  });
  const attributes = {
    kernel_shape: { ints: kernel },
    strides: { ints: stride },
    pads: { ints: [top, left, ...surplus.map((n) => Math.max(0, n))] },
    output_padding: { ints: surplus.map((n) => Math.max(0, -n)) },
    group: { int: groups },
  };
  return to.op("ConvTranspose", [dy, weight], attributes, name);
}
