/**
 * The parts on the belt: a washer, a hex nut and a bolt lying on its side. Each has a signed distance function (in
 * pixels, negative inside) for its edge, shadow and box, and is shaded from its surface normals.
 */
import type { Random } from "../../tensor/index.js";
import type { Canvas, Light } from "./belt.js";
import { cosSin, noiseAt, smoothstep } from "./noise.js";

export type PartKind = 0 | 1 | 2;
/** Names of the part kinds, by class number. */
export const conveyorClasses: readonly string[] = ["washer", "nut", "bolt"];

/** What a part is made of. */
interface Material {
  readonly colour: readonly [number, number, number];
  /** Strength of the highlights, 0..1. */
  readonly gloss: number;
}

const materials: readonly Material[] = [
  { colour: [176, 180, 186], gloss: 0.9 }, // zinc
  { colour: [146, 150, 157], gloss: 0.8 }, // steel
  { colour: [196, 158, 84], gloss: 0.85 }, // brass
  { colour: [190, 128, 96], gloss: 0.75 }, // copper
  { colour: [104, 106, 114], gloss: 0.6 }, // black oxide
  { colour: [214, 212, 204], gloss: 0.3 }, // nylon
  { colour: [184, 62, 54], gloss: 0.35 }, // red coat
  { colour: [64, 104, 176], gloss: 0.35 }, // blue coat
];

/** A part; lengths in units of the scene. */
export interface Part {
  readonly kind: PartKind;
  readonly material: Material;
  /** Washer: outer radius. Nut: inradius (half its width across flats). Bolt: half its length. */
  readonly size: number;
  /** Washer, nut: radius of the hole. Bolt: radius of the shank. */
  readonly bore: number;
  /** Bolt: half the width of the head; others: 0. */
  readonly head: number;
  /** Height above the belt, for the shadow. */
  readonly rise: number;
  /** Offset of its wear in the noise texture. */
  readonly grain: number;
}

export function drawPart(random: Random, kind: PartKind): Part {
  const material = materials[random.integer(materials.length)];
  const tone = random.uniform(0.85, 1.12);
  const [r, g, b] = material.colour;
  const scale = random.uniform(0.88, 1.15);
  const ratio = random.uniform();
  const grain = random.uniform(0, 200);
  const common = { material: { ...material, colour: [r * tone, g * tone, b * tone] as const }, grain };
  if (kind === 0) {
    const size = 0.116 * scale;
    return { kind, size, bore: size * (0.5 + 0.15 * ratio), head: 0, rise: 0.014, ...common };
  }
  if (kind === 1) {
    const size = 0.1 * scale;
    return { kind, size, bore: size * (0.42 + 0.1 * ratio), head: 0, rise: 0.05, ...common };
  }
  const size = 0.138 * scale * (0.9 + 0.25 * ratio);
  return { kind, size, bore: 0.038 * scale, head: 0.08 * scale, rise: 0.055, ...common };
}

/** A part placed in a picture: position in pixels, angle in turns. */
export interface PlacedPart {
  readonly part: Part;
  readonly x: number;
  readonly y: number;
  readonly angle: number;
}

/** Length of a bolt's head along its axis, in multiples of half the head's width. */
const headLength = 0.8;

/** Corners (in pixels) whose convex hull is the part; undefined for round parts. */
function corners(placed: PlacedPart, unit: number): [number, number][] | undefined {
  const { part } = placed;
  const size = part.size * unit;
  if (part.kind === 0) return undefined;
  let points: [number, number][];
  if (part.kind === 1) {
    const radius = size * 1.1547005383792517; // 2 / sqrt(3)
    // Corners are at 30 + 60 k degrees, because the flats' normals are at 60 k degrees.
    const across = radius * 0.8660254037844386;
    points = [
      [across, radius / 2],
      [0, radius],
      [-across, radius / 2],
      [-across, -radius / 2],
      [0, -radius],
      [across, -radius / 2],
    ];
  } else {
    const head = part.head * unit;
    const bore = part.bore * unit;
    const cut = head * 0.25;
    const neck = -size + head * headLength;
    points = [];
    for (const s of [1, -1]) {
      points.push([-size, s * (head - cut)], [-size + cut, s * head], [neck, s * head]);
      points.push([size - bore * 0.5, s * bore], [size, s * bore * 0.5]);
    }
  }
  const [c, s] = cosSin(placed.angle);
  return points.map(([a, b]) => [placed.x + a * c - b * s, placed.y + a * s + b * c]);
}

/** Smallest rectangle around the whole part, in pixels: left, top, right, bottom. */
export function partBounds(placed: PlacedPart, unit: number): [number, number, number, number] {
  const points = corners(placed, unit);
  if (points === undefined) {
    const radius = placed.part.size * unit;
    return [placed.x - radius, placed.y - radius, placed.x + radius, placed.y + radius];
  }
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/**
 * Signed distance in pixels at (a, b) in the part's own axes; accurate enough for blending within a pixel of the edge.
 */
function distance(part: Part, unit: number, a: number, b: number): number {
  const size = part.size * unit;
  const bore = part.bore * unit;
  if (part.kind === 0) {
    const r = Math.sqrt(a * a + b * b);
    return Math.max(r - size, bore - r);
  }
  if (part.kind === 1) {
    const r = Math.sqrt(a * a + b * b);
    return Math.max(hexDistance(a, b) - size, bore - r);
  }
  const across = Math.abs(b);
  const head = part.head * unit;
  const cut = head * 0.25;
  const neck = -size + head * headLength;
  const chamfer = (across - head - a - size + cut) * Math.SQRT1_2;
  const inHead = Math.max(across - head, -size - a, a - neck, chamfer);
  const tip = (across + a - size - bore * 0.5) * Math.SQRT1_2;
  const inShank = Math.max(across - bore, a - size, tip, neck - 1 - a);
  return Math.min(inHead, inShank);
}

/** Largest distance along the normals of a hexagon's flats (at 0, 60 and 120 degrees). */
function hexDistance(a: number, b: number): number {
  const p = Math.abs(a);
  const q = Math.abs(b);
  return Math.max(p, 0.5 * p + 0.8660254037844386 * q);
}

/** Range [x, y) of pixel centres that the part covers by more than half, to loop over. */
function pixelRange(placed: PlacedPart, unit: number, margin: number): [number, number, number, number] {
  const [left, top, right, bottom] = partBounds(placed, unit);
  return [Math.floor(left - margin), Math.floor(top - margin), Math.ceil(right + margin), Math.ceil(bottom + margin)];
}

/** Darkens the belt under the part: its cast shadow and the dark seam where it touches. */
export function paintShadow(canvas: Canvas, placed: PlacedPart, light: Light, unit: number): void {
  const { part } = placed;
  const [c, s] = cosSin(placed.angle);
  const reach = part.rise * unit;
  const soft = Math.max(1.2, reach * 0.45);
  const seam = 0.022 * unit;
  const range = pixelRange(placed, unit, reach + soft + seam);
  const [left, top] = [Math.max(0, range[0]), Math.max(0, range[1])];
  const [right, bottom] = [Math.min(canvas.width, range[2]), Math.min(canvas.height, range[3])];
  // Direction towards the light in the part's axes.
  const la = (light.x * c + light.y * s) * reach;
  const lb = (light.y * c - light.x * s) * reach;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const dx = x + 0.5 - placed.x;
      const dy = y + 0.5 - placed.y;
      const a = dx * c + dy * s;
      const b = dy * c - dx * s;
      const here = distance(part, unit, a, b);
      if (here < -1) continue; // will be painted over by the part
      const far = distance(part, unit, a + la, b + lb);
      const near = distance(part, unit, a + la * 0.5, b + lb * 0.5);
      const cast = Math.max(smoothstep(soft, -soft, far) * 0.9, smoothstep(soft * 0.6, -soft * 0.6, near));
      const touch = here < seam ? 1 - Math.max(0, here) / seam : 0;
      const keep = (1 - 0.55 * cast) * (1 - 0.4 * touch * touch);
      const i = (y * canvas.width + x) * 3;
      canvas.data[i] *= keep;
      canvas.data[i + 1] *= keep;
      canvas.data[i + 2] *= keep;
    }
  }
}

/** Pixels of a part's silhouette, inside the picture or not. */
export interface Silhouette {
  pixels: number;
  /** Pixels inside the picture, and the rectangle around them [left, top, right, bottom). */
  inside: number;
  bounds: [number, number, number, number];
}

/**
 * Paints the part and writes its number into `owner` (`[height, width]`) where it covers at least half a pixel.
 * @returns its silhouette
 */
export function paintPart(
  canvas: Canvas,
  owner: Int16Array,
  number: number,
  placed: PlacedPart,
  light: Light,
  unit: number,
): Silhouette {
  const { part } = placed;
  const { width, height, data } = canvas;
  const [c, s] = cosSin(placed.angle);
  const [left, top, right, bottom] = pixelRange(placed, unit, 1);
  const lightA = light.x * c + light.y * s;
  const lightB = light.y * c - light.x * s;
  const [red, green, blue] = part.material.colour;
  const seen: Silhouette = { pixels: 0, inside: 0, bounds: [width, height, 0, 0] };
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const dx = x + 0.5 - placed.x;
      const dy = y + 0.5 - placed.y;
      const a = dx * c + dy * s;
      const b = dy * c - dx * s;
      const d = distance(part, unit, a, b);
      if (d >= 0.5) continue;
      const cover = d <= -0.5 ? 1 : 0.5 - d;
      if (cover >= 0.5) seen.pixels++;
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const p = y * width + x;
      if (cover >= 0.5) {
        owner[p] = number;
        seen.inside++;
        const box = seen.bounds;
        if (x < box[0]) box[0] = x;
        if (y < box[1]) box[1] = y;
        if (x >= box[2]) box[2] = x + 1;
        if (y >= box[3]) box[3] = y + 1;
      }
      surface(part, unit, a, b, d);
      // Lambert with the light 45 degrees high, and a highlight around the half vector to the viewer above.
      const towards = normalA * lightA + normalB * lightB;
      const diffuse = Math.max(0, Math.SQRT1_2 * (normalZ + towards));
      const half = Math.max(0, 0.924 * normalZ + 0.383 * towards);
      const h4 = half * half * half * half;
      const h16 = h4 * h4 * h4 * h4;
      const shine = part.material.gloss * (70 * h16 + 95 * sheen(part, lightA, lightB, a, b) * normalZ);
      const worn = 1 + 0.22 * (noiseAt(a * (150 / unit) + part.grain, b * (150 / unit)) - 0.5);
      const tone = (0.3 + 0.85 * diffuse) * worn * depthTone;
      const i = p * 3;
      data[i] += (red * tone + shine - data[i]) * cover;
      data[i + 1] += (green * tone + shine - data[i + 1]) * cover;
      data[i + 2] += (blue * tone + shine * 1.02 - data[i + 2]) * cover;
    }
  }
  return seen;
}

// Result of the last `surface` call: the normal in the part's axes, and a factor for crevices. Stored in module
// variables because returning an object for each pixel would cost more than the shading itself.
let normalA = 0;
let normalB = 0;
let normalZ = 1;
let depthTone = 1;

/** Sets the normal at a point of the part; `d` is its (negative) distance to the edge. */
function surface(part: Part, unit: number, a: number, b: number, d: number): void {
  normalA = 0;
  normalB = 0;
  depthTone = 1;
  if (part.kind === 2) boltSurface(part, unit, a, b);
  else ringSurface(part, unit, a, b, d);
  const flat = normalA * normalA + normalB * normalB;
  normalZ = flat < 1 ? Math.sqrt(1 - flat) : 0;
}

/** Washers and nuts: flat on top, rounded at the rim and the hole; a nut's corners are chamfered. */
function ringSurface(part: Part, unit: number, a: number, b: number, d: number): void {
  const size = part.size * unit;
  const bore = part.bore * unit;
  const r = Math.sqrt(a * a + b * b);
  const ea = r > 0 ? a / r : 0;
  const eb = r > 0 ? b / r : 0;
  const nut = part.kind === 1;
  const rim = Math.max(1, (size - bore) * (nut ? 0.14 : 0.22));
  let tilt = 0;
  if (nut) {
    const turned = smoothstep(size * 0.98, size * 1.07, r);
    tilt = 0.6 * turned;
    depthTone = 1 - 0.1 * turned;
    const countersink = smoothstep(bore * 1.34, bore * 1.18, r);
    if (countersink > 0) {
      tilt = -0.62 * countersink;
      // Two turns of the thread show in the countersink.
      depthTone = 0.78 + 0.22 * smoothstep(bore * 1.02, bore * 1.12, r);
    }
  } else {
    tilt = 0.75 * smoothstep(size - rim, size, r) - 0.75 * smoothstep(bore + rim, bore, r);
  }
  if (nut && d > -rim && r > bore * 1.4) {
    const edge = 0.35 * (1 + d / rim);
    tilt = Math.min(0.85, tilt + edge);
  }
  normalA = ea * tilt;
  normalB = eb * tilt;
}

/** Bolts: three visible flats of the head, the seam of a collar, a cylinder with a slanted thread. */
function boltSurface(part: Part, unit: number, a: number, b: number): void {
  const size = part.size * unit;
  const bore = part.bore * unit;
  const head = part.head * unit;
  const neck = -size + head * headLength;
  if (a < neck) {
    const across = b / head;
    const side = smoothstep(0.5 - 0.7 / head, 0.5 + 0.7 / head, Math.abs(across));
    normalB = (across < 0 ? -0.78 : 0.78) * side;
    const top = smoothstep(-size + head * 0.3, -size + head * 0.08, a);
    normalA = -0.6 * top;
    normalB *= 1 - 0.35 * top;
    // The edge between two flats is slightly brighter; the seam at the neck is not.
    depthTone = (1 - 0.12 * side) * (1 - 0.35 * smoothstep(neck - 1.6, neck, a));
    return;
  }
  normalB = 0.93 * Math.max(-1, Math.min(1, b / bore));
  depthTone = 0.7 + 0.3 * smoothstep(neck, neck + bore * 0.8, a);
  const pitch = Math.max(2.6, bore * 0.62);
  const threaded = smoothstep(-size * 0.25, -size * 0.2, a);
  if (threaded > 0) {
    const t = (a + 0.35 * b) / pitch;
    const saw = Math.abs(2 * (t - Math.floor(t)) - 1); // 1 at the roots, 0 at the crests
    normalA = 0.5 * threaded * (t - Math.floor(t) < 0.5 ? -1 : 1) * (1 - Math.abs(2 * saw - 1) * 0.4);
    depthTone *= 1 - 0.38 * threaded * saw;
  }
  const tip = smoothstep(size - bore * 0.6, size, a);
  normalA += (0.6 - normalA) * tip;
}

/** The two bright wedges of a lathe-turned surface; a bolt's shank and head have none. */
function sheen(part: Part, lightA: number, lightB: number, a: number, b: number): number {
  if (part.kind === 2) return 0;
  const along = a * lightA + b * lightB;
  const w = (along * along) / (a * a + b * b + 1e-9);
  return w * w * w * (part.kind === 0 ? 1.25 : 0.6);
}
