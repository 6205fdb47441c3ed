/**
 * A synthetic data set that needs no download: three kinds of parts on a conveyor belt, with exact boxes and track ids.
 * The belt is textured and worn, the light is uneven and flickers, shadows pass, the sensor is noisy, and parts
 * sometimes overlap. Every bit is determined by the seed.
 */
import { Random } from "../tensor/index.js";
import { type Belt, drawBelt, drawLight, exposeCanvas, type Light, paintBelt } from "./conveyor/belt.js";
import { cosSin, noiseAt } from "./conveyor/noise.js";
import {
  drawPart,
  type Part,
  type PartKind,
  paintPart,
  paintShadow,
  partBounds,
  type Silhouette,
} from "./conveyor/parts.js";
import type { BoxLabel, Picture, PictureSize } from "./types.js";

export { conveyorClasses } from "./conveyor/parts.js";

/** A part's box, clipped at the picture's edges; it includes areas covered by other parts. */
export interface ConveyorLabel extends BoxLabel {
  readonly trackId: number;
  /** Fraction of the part's area in the picture that other parts cover, 0..1. */
  readonly occlusion: number;
  /** Fraction of the part's area that lies outside the picture, 0..1. */
  readonly truncation: number;
}

export interface ConveyorFrame {
  /** RGB. */
  readonly picture: Picture;
  readonly labels: readonly ConveyorLabel[];
}

/** Default size of rendered pictures. */
export const conveyorSize: PictureSize = { height: 120, width: 160 };
/** A part is labelled if at most this fraction of it is outside the picture. */
export const maxTruncation = 0.5;
/** A part is labelled if others cover at most this fraction of its area in the picture. */
export const maxOcclusion = 0.5;

/** A part on the belt; lengths in units (the picture's shorter side), in coordinates of the belt at rest. */
interface Rider {
  readonly part: Part;
  readonly along: number;
  readonly across: number;
  readonly angle: number;
  /**
   * In view the part moves at (1 + slip) times the belt's speed, and drifts and rotates (in full turns) slightly as it
   * moves.
   */
  readonly slip: number;
  readonly drift: number;
  readonly spin: number;
}

interface Scene {
  readonly belt: Belt;
  readonly light: Light;
  /** In stacking order, lowest first. */
  readonly riders: readonly Rider[];
}

const kindOfRandom = { still: 0x7374696c, clip: 0x636c6970 };

/**
 * One still picture of its own scene. A training set uses indices 0..n-1 of a seed; other sets use other indices or
 * seeds.
 */
export function renderConveyorPicture(seed: number, index: number, size: PictureSize = conveyorSize): ConveyorFrame {
  const random = new Random(kindOfRandom.still, seed, index);
  const unit = Math.min(size.width, size.height);
  const scene = drawScene(random, 0, size.width / unit, size.height / unit);
  return renderFrame(scene, size, unit, 0, scene.light, random.uint32());
}

/**
 * A clip of one scene: the belt carries parts from left to right at a nearly constant speed of about 1/60 of the
 * picture's shorter side per frame. Track ids count from 1 in the order in which parts are first labelled.
 */
export function renderConveyorClip(seed: number, frames: number, size: PictureSize = conveyorSize): ConveyorFrame[] {
  const random = new Random(kindOfRandom.clip, seed);
  const unit = Math.min(size.width, size.height);
  const speed = random.uniform(0.014, 0.02);
  const travels = new Float64Array(frames); // in units
  for (let t = 1; t < frames; t++) {
    const wobble = noiseAt(t * 0.5, seed * 7.3) - 0.5;
    travels[t] = travels[t - 1] + speed * (1 + 0.2 * wobble + random.uniform(-0.08, 0.08));
  }
  const travel = frames > 0 ? travels[frames - 1] : 0;
  const scene = drawScene(random, travel, size.width / unit, size.height / unit);
  const ids = new Map<number, number>();
  const result: ConveyorFrame[] = [];
  for (let t = 0; t < frames; t++) {
    const light = lightAt(scene.light, t, random);
    const frame = renderFrame(scene, size, unit, travels[t], light, random.uint32());
    const labels = frame.labels.map((label) => {
      const id = ids.get(label.trackId) ?? ids.size + 1;
      ids.set(label.trackId, id);
      return { ...label, trackId: id };
    });
    result.push({ picture: frame.picture, labels });
  }
  return result;
}

/** Light of a frame: it flickers and drifts, and the shadow moves. */
function lightAt(light: Light, t: number, random: Random): Light {
  const drift = noiseAt(t * 0.25, 11) - 0.5;
  const flicker = random.uniform(-0.03, 0.03);
  // The shadow sweeps 3 units back and forth.
  const phase = (t / 160 + light.shadow.at / 3) % 2;
  const at = 3 * (phase < 1 ? phase : 2 - phase) - 0.6;
  return {
    ...light,
    gain: light.gain * (1 + 0.3 * drift + flicker),
    slopeX: light.slopeX + 0.3 * (noiseAt(t * 0.2, 57) - 0.5),
    shadow: { ...light.shadow, at },
  };
}

/** Belt, light and parts; parts cover the belt from `-travel` to the picture's right edge. */
function drawScene(random: Random, travel: number, width: number, height: number): Scene {
  const belt = drawBelt(random);
  const light = drawLight(random, cosSin(random.uniform()));
  const riders: Rider[] = [];
  // Parts per unit of belt. Stills range from nearly empty to crowded; a clip is always busy.
  const density = travel > 0 ? random.uniform(4, 5) : random.uniform(2.2, 5.2);
  let kinds: Int32Array = new Int32Array(0);
  let dealt = 0;
  let along = -travel - 0.25;
  while (along < width + 0.25) {
    along += random.uniform(0.5, 1.5) / density;
    // Kinds are dealt like cards, three at a time, so that short clips contain all of them.
    if (dealt % 3 === 0) kinds = random.permutation(3);
    const part = drawPart(random, kinds[dealt++ % 3] as PartKind);
    const neighbour = riders.at(-1);
    const heaped = neighbour !== undefined && random.uniform() < 0.22;
    const [angle, slip, drift, spin] = [
      random.uniform(),
      random.uniform(-0.03, 0.03),
      random.uniform(-0.02, 0.02),
      random.uniform(-0.02, 0.02),
    ];
    const [, top, , bottom] = partBounds({ part, x: 0, y: 0, angle }, 1);
    const lowest = belt.rails + 0.035 - top;
    const highest = height - belt.rails - 0.035 - bottom;
    let rider: Rider | undefined;
    for (let attempt = 0; attempt < 12 && rider === undefined; attempt++) {
      const place = { part, along, across: random.uniform(lowest, highest), angle, slip, drift, spin };
      if (heaped) {
        const [c, s] = cosSin(random.uniform());
        const away = (reach(part) + reach(neighbour.part)) * random.uniform(0.66, 0.9);
        place.along = neighbour.along + c * away;
        place.across = Math.min(highest, Math.max(lowest, neighbour.across + s * away));
      }
      const clear = riders.slice(-12).every((other) => gap(place, other) > (heaped ? 0.62 : 1.04));
      if (clear) rider = place;
    }
    if (rider !== undefined) riders.push(rider);
  }
  // The stacking order is random.
  const order = random.permutation(riders.length);
  return { belt, light, riders: Array.from(order, (i) => riders[i]) };
}

/** Radius of the discs that `gap` measures between. */
function reach(part: Part): number {
  return part.kind === 2 ? part.size * 0.45 : part.size * 1.08;
}

/** Smallest distance between two parts' discs (three along a bolt), as a multiple of touching. */
function gap(a: Rider, b: Rider): number {
  let least = Number.POSITIVE_INFINITY;
  for (const [ax, ay] of discs(a)) {
    for (const [bx, by] of discs(b)) {
      const apart = Math.sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by));
      least = Math.min(least, apart / (reach(a.part) + reach(b.part)));
    }
  }
  return least;
}

function discs(rider: Rider): [number, number][] {
  if (rider.part.kind !== 2) return [[rider.along, rider.across]];
  const [c, s] = cosSin(rider.angle);
  const step = rider.part.size * 0.6;
  return [-step, 0, step].map((d) => [rider.along + c * d, rider.across + s * d]);
}

/** @param travel distance that the belt has moved, in units */
function renderFrame(
  scene: Scene,
  size: PictureSize,
  unit: number,
  travel: number,
  light: Light,
  noiseKey: number,
): ConveyorFrame {
  const { width, height } = size;
  const canvas = { width, height, data: new Float32Array(width * height * 3) };
  const owner = new Int16Array(width * height).fill(-1);
  paintBelt(canvas, scene.belt, light, unit, travel * unit);
  const painted: { number: number; silhouette: Silhouette; bounds: [number, number, number, number] }[] = [];
  scene.riders.forEach((rider, number) => {
    const inView = travel - Math.max(0, -rider.along);
    const x = (rider.along + travel + inView * rider.slip) * unit;
    if (x < -0.4 * unit || x > width + 0.4 * unit) return;
    const y = (rider.across + inView * rider.drift) * unit;
    const placed = { part: rider.part, x, y, angle: rider.angle + inView * rider.spin };
    paintShadow(canvas, placed, light, unit);
    const silhouette = paintPart(canvas, owner, number, placed, light, unit);
    painted.push({ number, silhouette, bounds: partBounds(placed, unit) });
  });
  const visible = new Int32Array(scene.riders.length);
  for (const number of owner) if (number >= 0) visible[number]++;
  const labels: ConveyorLabel[] = [];
  for (const { number, silhouette, bounds } of painted) {
    const truncation = 1 - silhouette.inside / silhouette.pixels;
    if (silhouette.inside === 0 || truncation > maxTruncation) continue;
    const occlusion = 1 - visible[number] / silhouette.inside;
    if (occlusion > maxOcclusion) continue;
    const [left, top, right, bottom] = clipBounds(bounds, silhouette.bounds, size);
    labels.push({
      class: scene.riders[number].part.kind,
      x: (left + right) / 2 / width,
      y: (top + bottom) / 2 / height,
      width: (right - left) / width,
      height: (bottom - top) / height,
      trackId: number,
      occlusion,
      truncation,
    });
  }
  const data = exposeCanvas(canvas, light, unit, noiseKey);
  return { picture: { width, height, channels: 3, data }, labels };
}

/**
 * The bounding rectangle of a part. It is exact if the part is entirely in the picture. For a part that is cut off, it
 * is the rectangle around its remaining pixels, which a slanted bolt fills only partly.
 */
function clipBounds(
  whole: readonly number[],
  pixels: readonly number[],
  size: PictureSize,
): [number, number, number, number] {
  const cut = whole[0] < 0 || whole[1] < 0 || whole[2] > size.width || whole[3] > size.height;
  if (!cut) return [whole[0], whole[1], whole[2], whole[3]];
  return [
    Math.max(whole[0], pixels[0]),
    Math.max(whole[1], pixels[1]),
    Math.min(whole[2], pixels[2]),
    Math.min(whole[3], pixels[3]),
  ];
}
