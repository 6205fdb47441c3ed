/**
 * Heads of Ultralytics' detectors as their exporter writes them: raw maps, followed by the decoding, which is part of
 * the file.
 */
import { convSilu, type OnnxNet } from "./onnx-net.js";

export interface HeadSize {
  readonly height: number;
  readonly width: number;
  readonly classes: number;
}

const channels = [8, 12, 16];
export const strides = [8, 16, 32];

/** Maps of three sizes of a small network. */
function levels(net: OnnxNet, { height, width }: HeadSize): string[] {
  net.input("images", [1, 3, height, width]);
  let x = convSilu(net, "stem.0", "images", 3, 6, 2);
  x = convSilu(net, "stem.1", x, 6, 8, 2);
  return channels.map((to, i) => {
    x = convSilu(net, `level.${i}`, x, i === 0 ? 8 : channels[i - 1], to, 2);
    return x;
  });
}

const sizesOf = ({ height, width }: HeadSize) => strides.map((stride) => [height / stride, width / stride] as const);

const floats = (net: OnnxNet, name: string, shape: readonly number[], data: readonly number[]) =>
  net.constant(name, { shape, data: Float32Array.from(data) });
const ints = (net: OnnxNet, name: string, data: readonly number[]) =>
  net.constant(name, { shape: [data.length], data });

/** A bias gives some cells confident boxes. */
function prediction(net: OnnxNet, name: string, x: string, from: number, to: number): string {
  return net.node("Conv", [x, net.weight(`${name}.weight`, [to, from, 1, 1]), net.weight(`${name}.bias`, [to])], {
    ...{ dilations: [1, 1], group: 1, kernel_shape: [1, 1], pads: [0, 0, 0, 0], strides: [1, 1] },
  });
}

/**
 * YOLOv8: boxes as distributions of distances, scores; "output0" `[1, 4 + classes, cells]`, centres and sizes in pixels.
 * @returns names of the three maps before the decoding
 */
export function yolov8(net: OnnxNet, size: HeadSize, bins: number): string[] {
  const { classes } = size;
  const maps = levels(net, size).map((x, i) =>
    net.node(
      "Concat",
      [prediction(net, `cv2.${i}`, x, channels[i], 4 * bins), prediction(net, `cv3.${i}`, x, channels[i], classes)],
      { axis: 1 },
      `/model.22/Concat${i === 0 ? "" : `_${i}`}_output_0`,
    ),
  );
  const sizes = sizesOf(size);
  const cells = sizes.flatMap(([height, width]) =>
    Array.from({ length: height * width }, (_, i) => [(i % width) + 0.5, Math.floor(i / width) + 0.5]),
  );
  const flat = maps.map((map, i) => net.node("Reshape", [map, ints(net, `flat.${i}`, [1, 4 * bins + classes, -1])]));
  const all = net.node("Concat", flat, { axis: 2 });
  const [box, scores] = net.nodes("Split", [all, ints(net, "parts", [4 * bins, classes])], 2, { axis: 1 });
  const sides = net.node("Transpose", [net.node("Reshape", [box, ints(net, "sides", [1, 4, bins, cells.length])])], {
    perm: [0, 2, 1, 3],
  });
  const shares = net.node("Softmax", [sides], { axis: 1 });
  const values = floats(
    net,
    "dfl.conv.weight",
    [1, bins, 1, 1],
    Array.from({ length: bins }, (_, i) => i),
  );
  const means = net.node("Conv", [shares, values], { kernel_shape: [1, 1], pads: [0, 0, 0, 0], strides: [1, 1] });
  const distances = net.node("Reshape", [means, ints(net, "distances", [1, 4, cells.length])]);
  const [before, after] = net.nodes("Split", [distances, ints(net, "corners", [2, 2])], 2, { axis: 1 });
  const centres = floats(
    net,
    "anchors",
    [1, 2, cells.length],
    [0, 1].flatMap((axis) => cells.map((cell) => cell[axis])),
  );
  const [low, high] = [net.node("Sub", [centres, before]), net.node("Add", [centres, after])];
  const middle = net.node("Div", [net.node("Add", [low, high]), net.scalar("two", 2)]);
  const boxes = net.node("Concat", [middle, net.node("Sub", [high, low])], { axis: 1 });
  const each = sizes.flatMap(([height, width], i) => new Array<number>(height * width).fill(strides[i]));
  const pixels = net.node("Mul", [boxes, floats(net, "strides", [1, cells.length], each)]);
  net.node("Concat", [pixels, net.node("Sigmoid", [scores])], { axis: 1 }, "output0");
  net.output("output0", [1, 4 + classes, cells.length]);
  return maps;
}

export const anchors = [
  [
    [10, 13],
    [16, 30],
  ],
  [
    [30, 61],
    [62, 45],
  ],
  [
    [59, 59],
    [80, 40],
  ],
] as const;

/**
 * YOLOv5: anchors; "output" `[1, boxes, 5 + classes]`, centres and sizes in pixels.
 * @returns names of the three maps before the decoding
 */
export function yolov5(net: OnnxNet, size: HeadSize): string[] {
  const entries = 5 + size.classes;
  const maps = levels(net, size).map((x, i) => prediction(net, `m.${i}`, x, channels[i], 2 * entries));
  const rows = maps.map((map, i) => {
    const [height, width] = sizesOf(size)[i];
    const own = net.node("Reshape", [map, ints(net, `own.${i}`, [1, 2, entries, height, width])]);
    const last = net.node("Sigmoid", [net.node("Transpose", [own], { perm: [0, 1, 3, 4, 2] })]);
    const [xy, wh, rest] = net.nodes("Split", [last, ints(net, `parts.${i}`, [2, 2, entries - 4])], 3, { axis: 4 });
    const grid = Array.from({ length: height * width }, (_, cell) => [
      (cell % width) - 0.5,
      Math.floor(cell / width) - 0.5,
    ]);
    const doubled = net.node("Add", [
      net.node("Mul", [xy, net.scalar(`two.${i}`, 2)]),
      floats(net, `grid.${i}`, [1, 1, height, width, 2], grid.flat()),
    ]);
    const centre = net.node("Mul", [doubled, net.scalar(`stride.${i}`, strides[i])]);
    const scaled = net.node("Mul", [wh, net.scalar(`twice.${i}`, 2)]);
    const extent = net.node("Mul", [
      net.node("Mul", [scaled, scaled]),
      floats(net, `anchor.${i}`, [1, 2, 1, 1, 2], anchors[i].flat()),
    ]);
    const whole = net.node("Concat", [centre, extent, rest], { axis: 4 });
    return net.node("Reshape", [whole, ints(net, `rows.${i}`, [1, 2 * height * width, entries])]);
  });
  net.node("Concat", rows, { axis: 1 }, "output");
  net.output("output", [1, sizesOf(size).reduce((sum, [h, w]) => sum + 2 * h * w, 0), entries]);
  return maps;
}
