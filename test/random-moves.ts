/** Random networks of operators that move bytes or slide windows, between convolutions, as in imported networks. */
import { type Graph, GraphBuilder } from "@phinets/core/graph";
import { Random } from "@phinets/core/tensor";

/**
 * A few dozen nodes, each possibly read by several others; two outputs. Concatenated values have one scale
 * (`randomlyQuantized`).
 */
export function randomMoves(seed: number): Graph {
  const random = new Random(seed, 8);
  const between = (low: number, high: number): number => low + random.integer(high - low + 1);
  const g = new GraphBuilder(`moves${seed}`);
  const x = g.input("x", [1, between(7, 13), between(7, 12), between(1, 6)]);
  const maps = [g.conv2d("stem", x, { filters: between(3, 17), kernel: 3, padding: 1, bias: true })];
  const pick = (): string => maps[maps.length - 1 - random.integer(Math.min(4, maps.length))];
  for (let i = 0; i < 16; i++) {
    const map = pick();
    const name = `n${i}`;
    const [, height, width, channels] = g.shape(map);
    const alike = maps.filter((other) => g.shape(other).slice(0, 3).join() === g.shape(map).slice(0, 3).join());
    const steps: (() => string)[] = [
      () => g.conv2d(name, map, { filters: between(2, 20), bias: true }),
      () => g.depthwise(name, map, { kernel: 3, padding: 1, stride: height > 4 ? between(1, 2) : 1, bias: true }),
      () => g.concat(name, [map, ...alike.slice(-between(1, 3))]),
      () => g.concat(name, [map, g.relu6(`${name}.other`, map)], between(1, 2)),
      () => g.hardswish(name, map),
      () => {
        const begin = [between(0, height - 1), between(0, width - 1), between(0, channels - 1)] as const;
        const size = [height - begin[0], width - begin[1], channels - begin[2]] as const;
        const halves = [Math.ceil(size[0] / 2), Math.ceil(size[1] / 2), size[2]] as const;
        const isStrided = random.uniform() < 0.3;
        return g.slice(name, map, { begin, size: isStrided ? halves : size, step: isStrided ? [2, 2] : [1, 1] });
      },
      () => {
        // Padding SAME, or none.
        const same = random.uniform() < 0.5 ? 1 : 0;
        const sides = { top: same, bottom: same, left: 0, right: 0 };
        const kernel = [same === 1 ? 3 : Math.min(2, height), Math.min(between(1, 3), width)] as const;
        const stride = [same === 1 ? 1 : between(1, 2), same === 1 ? 1 : 2] as const;
        const options = { kernel: same === 1 ? ([3, 1] as const) : kernel, stride, padding: sides };
        return g[random.uniform() < 0.6 ? "maxWindow" : "averagePool"](name, map, options);
      },
      () =>
        g.resize(name, map, {
          mode: random.uniform() < 0.5 ? "nearest" : "bilinear",
          size: [between(1, 14), between(1, 14)],
          ...{ alignCorners: i % 3 === 0, halfPixelCenters: i % 3 === 1 },
        }),
      () => g.reshape(name, map, height % 2 === 0 ? [height / 2, 2 * width, channels] : [width, channels, height]),
    ];
    // Neither too large nor too small.
    const made = channels > 60 || height * width > 300 ? steps[1]() : steps[random.integer(steps.length)]();
    maps.push(made);
  }
  const last = maps[maps.length - 1];
  return g.build([last, g.conv2d("second", pick(), { filters: 3, bias: true })]);
}
