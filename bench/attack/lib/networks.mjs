/** Random integer networks at the limits of the arithmetic; they are not trained. */
import { GraphBuilder } from "@phinets/core/graph";
import { sizeOf, tensor } from "@phinets/core/tensor";

const pick = (draws, list) => list[draws.integer(list.length)];

/** A graph of up to 14 layers of every kind, with branches that merge and one to three outputs. */
export function randomGraph(draws) {
  const b = new GraphBuilder("random");
  const maps = [b.input("in", [1, 1 + draws.integer(12), 1 + draws.integer(12), pick(draws, [1, 2, 3, 4, 7])])];
  const flat = [];
  for (let i = 0, layers = 1 + draws.integer(14); i < layers; i++) {
    const x = pick(draws, maps);
    const [, height, width] = b.shape(x);
    const name = `n${i}`;
    const kernel = 1 + draws.integer(Math.min(5, height, width));
    const side = () => draws.integer(kernel);
    const padding = draws.integer(3) === 0 ? 0 : { top: side(), bottom: side(), left: side(), right: side() };
    const options = {
      kernel,
      padding,
      stride: 1 + draws.integer(3),
      bias: draws.integer(4) > 0,
      activation: pick(draws, ["none", "none", "relu6"]),
    };
    const twin = pick(
      draws,
      maps.filter((map) => b.shape(map).join() === b.shape(x).join()),
    );
    switch (draws.integer(15)) {
      case 0:
      case 1:
        maps.push(
          b.conv2d(name, x, { filters: 1 + draws.integer(33), bias: options.bias, activation: options.activation }),
        );
        break;
      case 2:
        maps.push(b.conv2d(name, x, { ...options, filters: 1 + draws.integer(12) }));
        break;
      case 3:
        maps.push(b.depthwise(name, x, { kernel: 3, padding: 1, stride: 1 + draws.integer(2), bias: true }));
        break;
      case 4:
        maps.push(b.depthwise(name, x, options));
        break;
      case 5:
        maps.push(b.add(name, x, twin));
        break;
      case 6:
        maps.push(b.multiply(name, x, b.sigmoid(`${name}s`, b.globalAveragePool(`${name}g`, x))));
        break;
      case 7:
        maps.push(b.multiply(name, x, twin));
        break;
      case 8:
        maps.push(b.hardswish(name, x));
        break;
      case 9:
        maps.push(b.sigmoid(name, x));
        break;
      case 10:
        maps.push(b.maxPool(name, x, kernel, options.stride));
        break;
      case 11: {
        const sides = Math.min(draws.integer(2), kernel - 1);
        const around = { top: sides, bottom: sides, left: sides, right: sides };
        const windows = { kernel: [kernel, kernel], stride: [options.stride, options.stride], padding: around };
        maps.push(b.averagePool(name, x, windows));
        break;
      }
      case 12:
        maps.push(b.softmax(name, x));
        break;
      case 13:
        maps.push(
          b.pad(name, x, {
            top: draws.integer(3),
            bottom: draws.integer(2),
            left: draws.integer(2),
            right: draws.integer(3),
          }),
        );
        break;
      default:
        flat.push(b.dense(name, b.flatten(`${name}f`, x), 1 + draws.integer(12), { activation: options.activation }));
    }
  }
  const all = [...maps.slice(1), ...flat];
  const outputs = Array.from({ length: 1 + draws.integer(3) }, () => pick(draws, all));
  return b.build([...new Set(outputs)]);
}

/** Random scales, zero points, weights and biases: typical or extreme ones. */
export function randomlyQuantized(draws, graph) {
  const values = {};
  const weightScales = {};
  const weights = {};
  const wild = draws.integer(3) === 0;
  const factor = () => Math.fround(2 ** draws.uniform(wild ? -12 : -1, wild ? 12 : 1));
  const zeroPoint = () => pick(draws, [-128, 127, 0, draws.integer(256) - 128, draws.integer(256) - 128]);
  const make = (scale) => ({ scale: Math.fround(Math.max(scale, 1e-30)), zeroPoint: zeroPoint() });
  for (const node of graph.nodes) {
    const [a, b] = node.inputs.map((input) => values[input]);
    if (node.op === "conv2d" || node.op === "dense") {
      const { weight, bias } = node.parameters;
      const { shape } = graph.parameters[weight];
      const perOutput = sizeOf(shape) / shape[0];
      const style = draws.integer(4);
      const value = () =>
        style === 0 ? 127 : style === 1 ? -127 : style === 2 ? pick(draws, [-127, 127]) : draws.integer(255) - 127;
      weights[weight] = tensor("int8", shape, new Int8Array(sizeOf(shape)).map(value));
      const spread = 75 * 73 * Math.sqrt(perOutput);
      weightScales[weight] = Array.from({ length: shape[0] }, () => Math.fround((60 / spread) * factor()));
      if (bias !== undefined) {
        const range = wild ? pick(draws, [2 ** 20, 2 ** 30, 2 ** 31 - 1]) : Math.round(spread);
        weights[bias] = tensor(
          "int32",
          [shape[0]],
          new Int32Array(shape[0]).map(() => Math.round(draws.uniform(-range, range))),
        );
      }
      values[node.name] = make(a.scale * factor());
    } else if (node.op === "input") values[node.name] = wild ? make(factor()) : { scale: 1 / 128, zeroPoint: 0 };
    else if (node.op === "add") values[node.name] = make(Math.max(a.scale, b.scale) * factor());
    else if (node.op === "multiply") values[node.name] = make(a.scale * b.scale * 100 * factor());
    else if (node.op === "globalAveragePool" || node.op === "hardswish") values[node.name] = make(a.scale * factor());
    else if (node.op === "sigmoid" || node.op === "softmax") values[node.name] = { scale: 1 / 256, zeroPoint: -128 };
    else values[node.name] = a; // pad, pools of windows, flatten keep their input's
  }
  return { graph, values, weightScales, weights };
}

/** Pictures whose bytes are all at the ends of the range, and random ones. */
export function extremeInputs(draws, graph) {
  const [{ name }] = graph.nodes.filter(({ op }) => op === "input");
  const bytes = sizeOf(graph.shapes[name]);
  const fills = [
    () => -128,
    () => 127,
    (i) => (i % 2 === 0 ? -128 : 127),
    () => draws.integer(256) - 128,
    () => pick(draws, [-128, 127]),
  ];
  return fills.map((fill) => Int8Array.from({ length: bytes }, (_, i) => fill(i)));
}
