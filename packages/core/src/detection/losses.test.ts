import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { Random } from "../tensor/index.js";
import { assignTargets } from "./assignment.js";
import type { Anchors, Truth } from "./boxes.js";
import { atan, completeIou } from "./ciou.js";
import { type CiouLossOptions, ciouLoss, lossOfAssignment } from "./ciou-loss.js";
import { type Decoder, detect } from "./decode.js";
import { detectionLosses } from "./losses.js";
import { type Yolov2LossOptions, yolov2Loss } from "./yolov2-loss.js";

interface GoldenCost {
  cost: number;
  cost_parts_float64: { coord: number; obj: number; class: number };
  delta: number[];
}
type MapShape = readonly [number, number, number, number];

describe.skipIf(!goldens)("darknet's region loss", () => {
  for (const name of goldens ? ["region_loss_voc_7x7", "region_loss_norescore_nobiasmatch_5x5"] : []) {
    const golden = JSON.parse(readFileSync(`${goldens}/yolo/${name}.json`, "utf8"));
    const { batch, w: width, h: height, classes, params } = golden;
    const anchors: [number, number][] = [];
    for (let i = 0; i < golden.anchors.length; i += 2) anchors.push([golden.anchors[i], golden.anchors[i + 1]]);
    const channels = anchors.length * (5 + classes);
    const nhwc = (values: number[]) => {
      const out = new Float32Array(values.length);
      const plane = height * width;
      for (let i = 0; i < values.length; i++) {
        const c = Math.floor(i / plane) % channels;
        out[(Math.floor(i / (plane * channels)) * plane + (i % plane)) * channels + c] = values[i];
      }
      return out;
    };
    const truths = golden.truths_xywh_class.map((list: number[][]) =>
      list.map(([x, y, w, h, c]): Truth => ({ class: c, x, y, width: w, height: h })),
    );
    const options = {
      rescore: params.rescore === 1,
      biasMatch: params.bias_match === 1,
      thresh: params.thresh,
      coordScale: params.coord_scale,
      objectScale: params.object_scale,
      noobjectScale: params.noobject_scale,
      classScale: params.class_scale,
    };
    for (const [seen, expected] of Object.entries<GoldenCost>(golden.by_net_seen)) {
      it(`${name}, ${seen} pictures seen`, () => {
        const output = nhwc(golden.input);
        const activated = nhwc(golden.activated_output);
        const delta = nhwc(expected.delta);
        const shape: MapShape = [batch, height, width, channels];
        const result = yolov2Loss(output, shape, truths, anchors, classes, { ...options, seen: Number(seen) });
        const { coord, obj, class: cls } = expected.cost_parts_float64;
        const near = (ours: number, theirs: number) =>
          expect(Math.abs(ours * batch - theirs) / theirs).toBeLessThan(1e-5);
        near(result.loss, expected.cost);
        near(result.parts.xy + result.parts.wh, coord);
        near(result.parts.object + result.parts.noobject, obj);
        near(result.parts.class, cls);
        let worst = 0;
        for (let i = 0; i < delta.length; i++) {
          const entry = (i % channels) % (5 + classes);
          const slope = entry < 2 || entry === 4 ? activated[i] * (1 - activated[i]) : 1;
          worst = Math.max(worst, Math.abs(result.gradient[i] * batch + delta[i] * slope));
        }
        expect(worst).toBeLessThan(1e-5);
      });
    }
  }
});

/** A random map and truths, in the usual channel order. */
function example(seed: number, classes: number, shape: MapShape, truthsPerPicture: number) {
  const random = new Random(seed);
  const output = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 0.7 * random.normal());
  const truths = Array.from({ length: shape[0] }, () =>
    Array.from({ length: truthsPerPicture }, (): Truth => {
      const width = random.uniform(0.05, 0.7);
      const height = random.uniform(0.05, 0.7);
      return {
        class: random.integer(classes),
        x: random.uniform(width / 2, 1 - width / 2),
        y: random.uniform(height / 2, 1 - height / 2),
        width,
        height,
      };
    }),
  );
  return { output, truths };
}

const anchors: Anchors = [
  [0.8, 1],
  [2.1, 1.2],
];

function checkGradient(output: Float32Array, gradient: Float32Array, loss: (output: Float32Array) => number): void {
  let scale = 0;
  for (const g of gradient) scale = Math.max(scale, Math.abs(g));
  expect(scale).toBeGreaterThan(0);
  for (let i = 0; i < output.length; i++) {
    const up = output.slice();
    const down = output.slice();
    up[i] += 1 / 2048;
    down[i] -= 1 / 2048;
    const slope = (loss(up) - loss(down)) / (up[i] - down[i]);
    expect(Math.abs(slope - gradient[i]), `element ${i}: ${slope} and ${gradient[i]}`).toBeLessThan(1e-4 * scale);
  }
}

describe("yolov2Loss", () => {
  it("has the gradient of the squared errors over 2 plus the classes' cross-entropy", () => {
    // With a fixed target of 1 and no ignored boxes, that function is smooth: rebuild it from the parts.
    const shape: MapShape = [2, 3, 4, 2 * 8];
    const { output, truths } = example(5, 3, shape, 1);
    const options: Yolov2LossOptions = { rescore: false, thresh: 1, objectScale: 1, seen: 0 };
    const { gradient } = yolov2Loss(output, shape, truths, anchors, 3, options);
    const responsible = new Map<number, Truth>();
    for (let at = 0; at < output.length; at += 8) {
      const inClass = Math.abs(gradient[at + 5]) + Math.abs(gradient[at + 6]) > 0;
      if (inClass) responsible.set(at, truths[at < output.length / 2 ? 0 : 1][0]);
    }
    expect(responsible.size).toBe(2);
    checkGradient(output, gradient, (x) => {
      let sum = 0;
      for (let at = 0; at < x.length; at += 8) {
        const truth = responsible.get(at);
        const s = (i: number) => 1 / (1 + Math.exp(-x[at + i]));
        const [aw, ah] = anchors[(at / 8) % 2];
        const cell = Math.floor(at / 16) % 12;
        const scale = truth ? 2 - truth.width * truth.height : 0.01;
        const target = truth
          ? [
              truth.x * 4 - (cell % 4),
              truth.y * 3 - Math.floor(cell / 4),
              Math.log((truth.width * 4) / aw),
              Math.log((truth.height * 3) / ah),
            ]
          : [0.5, 0.5, 0, 0];
        const value = [s(0), s(1), x[at + 2], x[at + 3]];
        for (let i = 0; i < 4; i++) sum += (scale * (target[i] - value[i]) ** 2) / 2;
        sum += ((truth ? 1 : 0) - s(4)) ** 2 / 2;
        if (truth) {
          const logits = [...x.subarray(at + 5, at + 8)];
          sum += Math.log(logits.reduce((a, l) => a + Math.exp(l), 0)) - logits[truth.class];
        }
      }
      return sum / 2;
    });
  });

  it("lets a later truth overwrite an earlier one on the same box, and stops at a list's mark", () => {
    const shape: MapShape = [1, 2, 2, 16];
    const { output } = example(1, 3, shape, 0);
    const a: Truth = { class: 0, x: 0.3, y: 0.3, width: 0.4, height: 0.5 };
    const b: Truth = { class: 2, x: 0.3, y: 0.3, width: 0.4, height: 0.5 };
    const options = { thresh: 1 };
    const last = yolov2Loss(output, shape, [[b]], anchors, 3, options);
    expect(yolov2Loss(output, shape, [[a, b]], anchors, 3, options).gradient).toEqual(last.gradient);
    expect(yolov2Loss(output, shape, [[b, { ...a, x: 0 }, a]], anchors, 3, options).gradient).toEqual(last.gradient);
  });
});

describe("complete IoU", () => {
  const place = fc.double({ min: -2, max: 2, noNaN: true });
  const size = fc.double({ min: 0.1, max: 3, noNaN: true });
  const empty = { iou: 0, value: 0, tradeOff: 0, byX: 0, byY: 0, byWidth: 0, byHeight: 0 };

  it("has the slopes it says, and is 1 for a box with itself", () => {
    fc.assert(
      fc.property(fc.tuple(place, place, size, size), fc.tuple(place, place, size, size), (box, other) => {
        const at = completeIou({ ...empty }, ...box, ...other);
        const alpha = at.tradeOff;
        const slopes = [at.byX, at.byY, at.byWidth, at.byHeight];
        const edges = [0, 1].flatMap((axis) =>
          [-1, 1].flatMap((s) =>
            [-1, 1].map((t) => box[axis] + (s * box[axis + 2]) / 2 - other[axis] - (t * other[axis + 2]) / 2),
          ),
        );
        fc.pre(edges.every((e) => Math.abs(e) > 1e-3)); // slopes jump where edges meet
        for (let i = 0; i < 4; i++) {
          const value = (step: number) => {
            const b = [...box];
            b[i] += step;
            return completeIou({ ...empty }, b[0], b[1], b[2], b[3], ...other, alpha).value;
          };
          expect(Math.abs((value(1e-5) - value(-1e-5)) / 2e-5 - slopes[i])).toBeLessThan(
            1e-5 * (1 + Math.abs(slopes[i])),
          );
        }
        expect(completeIou({ ...empty }, ...box, ...box).value).toBeCloseTo(1, 9);
        expect(at.value).toBeLessThanOrEqual(at.iou);
      }),
    );
  });

  it("takes atan to the last bits", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e6, noNaN: true }), (x) => {
        expect(Math.abs(atan(x) - Math.atan(x))).toBeLessThanOrEqual(4 * Number.EPSILON * Math.atan(x));
      }),
    );
  });
});

describe("ciouLoss", () => {
  for (const [decoder, assignment] of [
    ["scaled", "anchors"],
    ["yolov2", "anchors"],
    ["scaled", "dynamic"],
  ] as const) {
    it(`has the gradient of its loss at a held assignment, ${decoder} decoder, ${assignment}`, () => {
      for (let seed = 0; seed < 4; seed++) {
        const shape: MapShape = [2, 3, 4, 2 * 8];
        const { output, truths } = example(seed, 3, shape, 3);
        const options: CiouLossOptions = {
          decoder,
          assignment,
          classScale: 1.5,
          noobjectScale: 0.5,
          coordScale: 0.7,
          objectScale: 2,
        };
        const { gradient, loss, parts } = ciouLoss(output, shape, truths, anchors, 3, options);
        expect(Object.values(parts).reduce((a, b) => a + b)).toBeCloseTo(loss, 12);
        const held = assignTargets(output, shape, truths, anchors, options);
        checkGradient(output, gradient, (x) => lossOfAssignment(x, shape, anchors, 3, held, options).loss);
      }
    });
  }

  it("makes the neighbours nearer to the centre positive, and anchors by their likeness", () => {
    const shape: MapShape = [1, 4, 4, 12];
    const truth: Truth = { class: 0, x: 0.55, y: 0.7, width: 0.2, height: 0.25 }; // cell 2,2: left and lower half
    const boxes = (options: CiouLossOptions) =>
      assignTargets(new Float32Array(4 * 4 * 12), shape, [[truth]], anchors, options).positives.map((p) => [
        p.row,
        p.column,
        p.anchor,
      ]);
    expect(boxes({})).toEqual([
      [2, 1, 0],
      [2, 1, 1],
      [2, 2, 0],
      [2, 2, 1],
      [3, 2, 0],
      [3, 2, 1],
    ]);
    expect(boxes({ anchorIou: 0.9 })).toEqual([
      [2, 1, 0],
      [2, 2, 0],
      [3, 2, 0],
    ]);
    expect(boxes({ anchorIou: 0.9, decoder: "yolov2" })).toEqual([[2, 2, 0]]);
    expect(boxes({ anchorIou: 1 }).length).toBe(3);
  });
});

describe("dynamic assignment", () => {
  /**
   * The same rule computed independently: every box of the map, candidates by the reach of their centres, plain
   * arithmetic.
   */
  function cheapestBoxes(output: Float32Array, [, height, width]: MapShape, truths: readonly Truth[], classes: number) {
    const s = (x: number) => 1 / (1 + Math.exp(-x));
    const owners = new Map<number, { cost: number; truth: Truth }>();
    for (const truth of truths) {
      const candidates = [];
      const [tx, ty] = [truth.x * width, truth.y * height];
      for (let box = 0; box < height * width * anchors.length; box++) {
        const at = box * (5 + classes);
        const cell = Math.floor(box / anchors.length);
        const [column, row] = [cell % width, Math.floor(cell / width)];
        if (!(tx > column - 0.5 && tx < column + 1.5 && ty > row - 0.5 && ty < row + 1.5)) continue;
        const [aw, ah] = anchors[box % anchors.length];
        const x = column + 2 * s(output[at]) - 0.5;
        const y = row + 2 * s(output[at + 1]) - 0.5;
        const [w, h] = [aw * Math.exp(output[at + 2]), ah * Math.exp(output[at + 3])];
        const [tw, th] = [truth.width * width, truth.height * height];
        const across = Math.max(0, Math.min(x + w / 2, tx + tw / 2) - Math.max(x - w / 2, tx - tw / 2));
        const down = Math.max(0, Math.min(y + h / 2, ty + th / 2) - Math.max(y - h / 2, ty - th / 2));
        const iou = (across * down) / (w * h + tw * th - across * down);
        const odds = [...output.subarray(at + 5, at + 5 + classes)].map(Math.exp);
        const found = s(output[at + 4]) * (odds[truth.class] / odds.reduce((a, b) => a + b));
        candidates.push({ box, iou, cost: -Math.log(Math.sqrt(found)) - 3 * Math.log(iou + 1e-8) });
      }
      const ious = candidates.map(({ iou }) => iou).sort((a, b) => b - a);
      const k = Math.max(1, Math.floor(ious.slice(0, 10).reduce((a, b) => a + b, 0)));
      candidates.sort((a, b) => a.cost - b.cost);
      for (const { box, cost } of candidates.slice(0, k))
        if (!(cost >= (owners.get(box)?.cost ?? Number.POSITIVE_INFINITY))) owners.set(box, { cost, truth });
    }
    return [...owners].sort(([a], [b]) => a - b).map(([box, { truth }]) => [box, truth]);
  }

  it("takes the boxes that are cheapest for a truth, and so many as overlap it", () => {
    const shape: MapShape = [1, 4, 5, 2 * 8];
    let several = 0;
    for (let seed = 0; seed < 50; seed++) {
      const { output, truths } = example(seed, 3, shape, 4);
      const { positives } = assignTargets(output, shape, truths, anchors, { assignment: "dynamic" });
      expect(positives.map(({ box, truth }) => [box, truth])).toEqual(cheapestBoxes(output, shape, truths[0], 3));
      several += positives.length > truths[0].length ? 1 : 0;
    }
    expect(several).toBeGreaterThan(0);
  });

  it("stays in the cell with the decoder whose boxes do", () => {
    const shape: MapShape = [1, 4, 4, 12];
    const truth: Truth = { class: 0, x: 0.55, y: 0.7, width: 0.2, height: 0.25 };
    const { positives } = assignTargets(new Float32Array(4 * 4 * 12), shape, [[truth]], anchors, {
      assignment: "dynamic",
      decoder: "yolov2",
    });
    expect(new Set(positives.map(({ row, column }) => `${row},${column}`))).toEqual(new Set(["2,2"]));
  });
});

describe("truths to be ignored", () => {
  const shape: MapShape = [1, 4, 4, 12];
  const output = new Float32Array(4 * 4 * 12); // every box equals its anchor, in the middle of its cell
  const ignored: Truth = { class: 0, x: 0.25, y: 0.25, width: 0.5, height: 0.5, ignore: "crowd" };

  for (const assignment of ["anchors", "dynamic"] as const)
    it(`are no positives, and boxes within them no negatives (${assignment})`, () => {
      const { positives, negative } = assignTargets(output, shape, [[ignored]], anchors, { assignment });
      expect(positives).toEqual([]);
      // In the four cells, the smaller anchor's box, 0.8 x 1, lies inside; the larger, 2.1 x 1.2, for 1.55 / 2.1 of its
      // width.
      const expected = Uint8Array.from({ length: 32 }, (_, box) => {
        const cell = Math.floor(box / 2);
        return cell % 4 < 2 && Math.floor(cell / 4) < 2 ? 0 : 1;
      });
      expect(negative).toEqual(expected);
    });

  it("change nothing for darknet's loss", () => {
    const truth: Truth = { class: 0, x: 0.6, y: 0.6, width: 0.3, height: 0.3 };
    const without = yolov2Loss(output, shape, [[truth]], anchors, 1);
    expect(yolov2Loss(output, shape, [[ignored, truth]], anchors, 1)).toEqual(without);
  });
});

describe("every detection loss", () => {
  for (const [name, { loss, decoder }] of Object.entries(detectionLosses)) {
    it(`${name}: gradient descent on the map finds the truths`, () => {
      const shape: MapShape = [2, 4, 4, 2 * 7];
      const { output } = example(3, 2, shape, 0);
      const truths: Truth[][] = [
        [
          { class: 1, x: 0.3, y: 0.4, width: 0.3, height: 0.35 },
          { class: 0, x: 0.8, y: 0.7, width: 0.35, height: 0.3 },
        ],
        [{ class: 0, x: 0.52, y: 0.5, width: 0.6, height: 0.4 }],
      ];
      const gradient = new Float32Array(output.length);
      for (let step = 0; step < 600; step++) {
        loss(output, shape, truths, anchors, 2, { gradient });
        for (let i = 0; i < output.length; i++) output[i] -= 0.3 * (1 - step / 600) * gradient[i];
      }
      for (const [b, list] of truths.entries()) {
        const map = output.subarray(b * 16 * 14, (b + 1) * 16 * 14);
        const found = detect(map, [4, 4, 14], { anchors, classes: 2, decoder: decoder as Decoder });
        expect(found.length).toBe(list.length);
        for (const truth of list) {
          const match = found.find((d) => d.class === truth.class)!;
          expect(match.x + match.width / 2).toBeCloseTo(truth.x, 1);
          expect(match.y + match.height / 2).toBeCloseTo(truth.y, 1);
          expect(match.width).toBeCloseTo(truth.width, 1);
          expect(match.height).toBeCloseTo(truth.height, 1);
        }
      }
    });

    it(`${name}: the batch's loss is the mean of its pictures', empty ones included`, () => {
      const shape: MapShape = [3, 2, 3, 14];
      const { output, truths } = example(9, 2, shape, 2);
      truths[1] = [];
      const whole = loss(output, shape, truths, anchors, 2);
      const size = output.length / 3;
      let sum = 0;
      for (let b = 0; b < 3; b++) {
        const one = loss(output.slice(b * size, (b + 1) * size), [1, 2, 3, 14], [truths[b]], anchors, 2);
        sum += one.loss;
        for (let i = 0; i < size; i++) expect(whole.gradient[b * size + i]).toBeCloseTo(one.gradient[i] / 3, 6);
      }
      expect(whole.loss).toBeCloseTo(sum / 3, 9);
    });

    it(`${name}: says what does not fit`, () => {
      const output = new Float32Array(2 * 2 * 14);
      const truth: Truth = { class: 0, x: 0.5, y: 0.5, width: 0.1, height: 0.1 };
      expect(() => loss(output, [1, 2, 2, 14], [[{ ...truth, class: 2 }]], anchors, 2)).toThrow("class 2");
      expect(() => loss(output, [1, 2, 2, 14], [[{ ...truth, x: 1.5 }]], anchors, 2)).toThrow("1.5,0.5");
      expect(() => loss(output, [1, 2, 2, 14], [], anchors, 2)).toThrow("0");
      expect(() => loss(output, [1, 2, 2, 14], [[truth]], anchors, 3)).toThrow("14 channels");
      expect(() => loss(output, [1, 2, 2, 14], [[truth]], anchors, 2, { objectScale: -1 })).toThrow(
        "objectScale is -1",
      );
    });
  }
});
