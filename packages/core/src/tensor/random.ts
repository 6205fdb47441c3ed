/**
 * Seeded random numbers, the same on every machine. A generator is keyed by a tuple such as (seed, epoch, sample), so a
 * draw never depends on the order in which work arrives. A PCG hash of the key (Jarzynski & Olano, "Hash functions for
 * GPU rendering", JCGT 2020) seeds sfc32 (Doty-Humphrey, PractRand).
 */
import { log } from "./math.js";

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param key integers, of which only the low 32 bits are used */
  constructor(...key: readonly number[]) {
    let h = 0x9e3779b9;
    for (const part of key) h = pcg(h ^ pcg((part | 0) + 0x7f4a7c15));
    this.#a = pcg(h);
    this.#b = pcg(this.#a + 1);
    this.#c = pcg(this.#b + 1);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** Uniform in 0..2^32-1. */
  uint32(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }

  /** Uniform in [low, high), with 32 random bits. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / 4294967296);
  }

  /** Uniform integer in 0..n-1. */
  integer(n: number): number {
    return Math.floor((this.uint32() / 4294967296) * n);
  }

  /** Standard normal, by Marsaglia's polar method (log comes from tensor/math, not the host). */
  normal(): number {
    for (;;) {
      const u = this.uniform(-1, 1);
      const v = this.uniform(-1, 1);
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * log(s)) / s);
    }
  }

  /** A permutation of 0..n-1 (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const t = order[i];
      order[i] = order[j];
      order[j] = t;
    }
    return order;
  }
}

function pcg(x: number): number {
  const state = (Math.imul(x, 747796405) + 2891336453) | 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737);
  return (word >>> 22) ^ word;
}

/** 32-bit FNV-1a hash of a string, for keying a generator by name. */
export function hashString(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h | 0;
}
