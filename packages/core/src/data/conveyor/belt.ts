/**
 * The conveyor's belt, rails and light. Lengths are in units of the scene; a unit is `unit` pixels, the shorter picture
 * side.
 */
import type { Random } from "../../tensor/index.js";
import { noiseAt, smoothstep, wave } from "./noise.js";

/** An RGB picture being rendered: `[height, width, 3]`, nominally 0..255 but not clipped. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export interface Belt {
  readonly colour: readonly [number, number, number];
  readonly pattern: "ribs" | "weave" | "diamonds" | "plain";
  /** Period of the pattern, in units. */
  readonly period: number;
  /** Strength of pattern, stains and scuffs, about 0.05..0.2. */
  readonly relief: number;
  readonly wear: number;
  /** Height of the rails above and below, in units; 0 = not visible. */
  readonly rails: number;
  /** Offset of this belt in the noise texture. */
  readonly offset: readonly [number, number];
}

export interface Light {
  /** Direction towards the light in the picture plane; a unit vector. */
  readonly x: number;
  readonly y: number;
  readonly gain: number;
  /** Relative change of brightness across the picture, right and down. */
  readonly slopeX: number;
  readonly slopeY: number;
  /** -1 cold .. 1 warm. */
  readonly warmth: number;
  /** A lamp's bright spot: centre as fractions of the picture, radius in units, strength. */
  readonly spot: { readonly x: number; readonly y: number; readonly radius: number; readonly strength: number };
  /** A shadow that falls across the picture: normal, position along it, half width, softness (units), depth 0..1. */
  readonly shadow: {
    readonly nx: number;
    readonly ny: number;
    readonly at: number;
    readonly half: number;
    readonly soft: number;
    readonly depth: number;
  };
  /** Standard deviation of the sensor's noise, in grey levels. */
  readonly noise: number;
}

const beltColours: readonly (readonly [number, number, number])[] = [
  [62, 64, 67],
  [48, 50, 54],
  [50, 82, 74],
  [56, 72, 96],
  [88, 84, 78],
];

export function drawBelt(random: Random): Belt {
  const base = beltColours[random.integer(beltColours.length)];
  const tone = random.uniform(0.9, 1.25);
  return {
    colour: [base[0] * tone, base[1] * tone, base[2] * tone],
    pattern: (["ribs", "weave", "diamonds", "plain"] as const)[random.integer(4)],
    period: random.uniform(0.045, 0.075),
    relief: random.uniform(0.05, 0.13),
    wear: random.uniform(0.12, 0.32),
    rails: random.uniform() < 0.7 ? random.uniform(0.045, 0.085) : 0,
    offset: [random.uniform(0, 256), random.uniform(0, 256)],
  };
}

export function drawLight(random: Random, direction: readonly [number, number]): Light {
  const [nx, ny] = random.uniform() < 0.5 ? [0.8, 0.6] : [0.96, -0.28];
  return {
    x: direction[0],
    y: direction[1],
    gain: random.uniform(0.8, 1.3),
    slopeX: random.uniform(-0.35, 0.35),
    slopeY: random.uniform(-0.3, 0.3),
    warmth: random.uniform(-1, 1),
    spot: {
      x: random.uniform(-0.1, 1.1),
      y: random.uniform(-0.1, 1.1),
      radius: random.uniform(0.35, 0.8),
      strength: random.uniform(0, 0.45),
    },
    shadow: {
      nx,
      ny,
      at: random.uniform(-0.4, 2.2),
      half: random.uniform(0.12, 0.35),
      soft: random.uniform(0.03, 0.12),
      depth: random.uniform() < 0.7 ? random.uniform(0.2, 0.42) : 0,
    },
    noise: random.uniform(1.5, 4.5),
  };
}

/** Paints belt and rails. @param travel how far the belt has moved right, in pixels */
export function paintBelt(canvas: Canvas, belt: Belt, light: Light, unit: number, travel: number): void {
  const { width, height, data } = canvas;
  const [ox, oy] = belt.offset;
  const [red, green, blue] = belt.colour;
  const rail = belt.rails * unit;
  const middle = height / 2;
  // A pattern with a period below about three pixels would only alias.
  const relief = belt.relief * smoothstep(2, 3.5, belt.period * unit);
  const frequency = 1 / (belt.period * unit);
  const grain = 192 / unit;
  for (let y = 0; y < height; y++) {
    const py = y + 0.5;
    const fromRail = Math.min(py, height - py) - rail;
    const railCover = rail === 0 ? 0 : Math.min(1, Math.max(0, 0.5 - fromRail));
    // The belt is darker in the shade of its rails.
    const edgeShade = rail === 0 ? 1 : 0.55 + 0.45 * smoothstep(-0.01 * unit, 0.07 * unit, fromRail);
    const across = Math.abs(py - middle) / middle;
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 3;
      let r = 0;
      let g = 0;
      let b = 0;
      if (railCover < 1) {
        const bx = x + 0.5 - travel;
        let tone = 1;
        if (belt.pattern === "ribs") tone += relief * wave(bx * frequency);
        else if (belt.pattern === "weave") tone += relief * wave(bx * frequency) * wave(py * frequency);
        else if (belt.pattern === "diamonds") {
          const along = (bx + py) * frequency * 0.5;
          const against = (bx - py) * frequency * 0.5;
          tone += relief * (0.8 - 1.6 * Math.min(1, 1.7 * Math.min(Math.abs(wave(along)), Math.abs(wave(against)))));
        }
        const u = bx * grain + ox;
        const v = py * grain + oy;
        // Stains (broad), streaks along the travel, grain (fine).
        const stain = noiseAt(u * 0.35, v * 0.35) - 0.5;
        const streak = noiseAt(u * 0.12 + 40, v * 1.3) - 0.5;
        const fine = noiseAt(u * 2.3, v * 2.3 + 90) - 0.5;
        tone += belt.wear * (1.3 * stain + 0.9 * streak + 0.9 * fine);
        // Chalk dust in the middle of the belt, where parts rub.
        const dust = Math.max(0, noiseAt(u * 1.1 + 17, v * 1.1) - 0.62) * 150 * belt.wear * (1 - across);
        tone *= edgeShade;
        r = red * tone + dust;
        g = green * tone + dust;
        b = blue * tone + dust * 0.95;
      }
      if (railCover > 0) {
        // Brushed aluminium, rounded: bright towards the light.
        const depth = Math.min(1, Math.max(0, -fromRail / rail));
        const round = (py < middle ? 1 : -1) * (1 - 2 * depth);
        const brushed = noiseAt((x + ox) * 0.15, py * 5 + oy) - 0.5;
        const metal = 128 + 42 * round * -light.y + 24 * brushed - 55 * smoothstep(0.82, 1, 1 - depth);
        r += (metal - r) * railCover;
        g += (metal * 1.01 - g) * railCover;
        b += (metal * 1.04 - b) * railCover;
      }
      data[i] = r;
      data[i + 1] = g;
      data[i + 2] = b;
    }
  }
}

/** Applies light, vignette and sensor noise, and rounds to bytes. @param noiseKey differs from frame to frame */
export function exposeCanvas(canvas: Canvas, light: Light, unit: number, noiseKey: number): Uint8Array {
  const { width, height, data } = canvas;
  const out = new Uint8Array(data.length);
  const { spot, shadow } = light;
  const warm = light.warmth;
  const [gr, gg, gb] = [1 + 0.05 * warm, 1, 1 - 0.07 * warm];
  const inverseSpot = 1 / (spot.radius * unit * (spot.radius * unit));
  // The sum of two bytes has a standard deviation of 104.5.
  const amplitude = light.noise / 104.5;
  let state = noiseKey | 0;
  for (let y = 0; y < height; y++) {
    const fy = (y + 0.5) / height - 0.5;
    for (let x = 0; x < width; x++) {
      const fx = (x + 0.5) / width - 0.5;
      let gain = light.gain * (1 + light.slopeX * fx + light.slopeY * fy);
      const sx = x - spot.x * width;
      const sy = y - spot.y * height;
      const fall = 1 + (sx * sx + sy * sy) * inverseSpot;
      gain += spot.strength / (fall * fall);
      if (shadow.depth > 0) {
        const d = Math.abs((x * shadow.nx + y * shadow.ny) / unit - shadow.at) - shadow.half;
        gain *= 1 - shadow.depth * smoothstep(shadow.soft, -shadow.soft, d);
      }
      gain *= 1 - 0.35 * (fx * fx + fy * fy);
      // Two steps of a 32-bit generator (constants of Numerical Recipes) give eight bytes; the high ones are good.
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      const a = state >>> 8;
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      const b = state >>> 8;
      const luma = (b >> 16) - 127.5;
      const i = (y * width + x) * 3;
      out[i] = toByte(data[i] * gain * gr + amplitude * (luma + (a & 255) - 127.5));
      out[i + 1] = toByte(data[i + 1] * gain * gg + amplitude * (luma + ((a >> 8) & 255) - 127.5));
      out[i + 2] = toByte(data[i + 2] * gain * gb + amplitude * (luma + ((a >> 16) & 255) - 127.5));
    }
  }
  return out;
}

/** Highlights roll off above 200, as a camera's curve does. */
function toByte(value: number): number {
  if (value <= 0) return 0;
  if (value > 200) {
    const over = value - 200;
    return 200.5 + (55 * over) / (over + 55);
  }
  return value + 0.5;
}
