/**
 * SORT's Kalman filter over a box (Bewley et al., "Simple online and realtime tracking", ICIP 2016, section 3.2) with
 * constant velocity. State: centre x, centre y, area, aspect (width / height), and the velocities of the first three.
 *
 * Transition, noise and measurement couple a quantity only with its own velocity, so the 7 x 7 covariance consists of
 * four blocks: three of 2 x 2 and the aspect's single variance. Everything outside them is exactly 0, so filtering
 * block by block gives the same result as the 7 x 7 form with a tenth of the arithmetic.
 */
const blocks = 3;
/** Length of a filter's state, and of its covariance: three blocks of four and the aspect's variance. */
const stateSize = 7;
const covarianceSize = 13;
/** Measurement noise of centre x, centre y, area, aspect. */
const measurementNoise = Float64Array.of(1, 1, 10, 10);
/** Process noise of the velocities; that of the other quantities is 1. */
const velocityNoise = Float64Array.of(0.01, 0.01, 0.0001);

/**
 * Filters of any number of boxes, each in a slot. Numbers are passed only in typed arrays, because V8 allocates a
 * number on the heap when it is passed to a function that is not inlined or stored in a field.
 */
export class BoxKalmanFilters {
  #state = new Float64Array(0);
  /** for each block: variance of the quantity, the two covariances, variance of the velocity */
  #covariance = new Float64Array(0);
  /** centre x, centre y, area, aspect of the measured box */
  readonly #measured = new Float64Array(4);

  /** Makes room for slots 0 ... `slots` - 1; existing slots keep their content. */
  reserve(slots: number): void {
    this.#state = grown(this.#state, stateSize * slots);
    this.#covariance = grown(this.#covariance, covarianceSize * slots);
  }

  /** Restarts a slot from a first box, corners `boxes[at...at + 3]`. Velocities are 0 and very uncertain. */
  start(slot: number, boxes: Float64Array, at: number): void {
    const state = this.#state;
    const p = this.#covariance;
    const s = stateSize * slot;
    this.#measure(boxes, at);
    for (let b = 0; b < 4; b++) state[s + b] = this.#measured[b];
    for (let b = 0; b < blocks; b++) {
      state[s + 4 + b] = 0;
      const i = covarianceSize * slot + 4 * b;
      p[i] = 10;
      p[i + 1] = 0;
      p[i + 2] = 0;
      p[i + 3] = 10000;
    }
    p[covarianceSize * slot + 12] = 10;
  }

  /** Advances by one frame. An area that would reach 0 or less first stops shrinking. */
  predict(slot: number): void {
    const state = this.#state;
    const p = this.#covariance;
    const s = stateSize * slot;
    if (state[s + 6] + state[s + 2] <= 0) state[s + 6] = 0;
    for (let b = 0; b < blocks; b++) {
      state[s + b] += state[s + b + 4];
      const i = covarianceSize * slot + 4 * b;
      const crossed = p[i + 1] + p[i + 3];
      p[i] = p[i] + p[i + 2] + crossed + 1;
      p[i + 1] = crossed;
      p[i + 2] += p[i + 3];
      p[i + 3] += velocityNoise[b];
    }
    p[covarianceSize * slot + 12] += 1;
  }

  /** Sets the area's velocity to 0. */
  holdArea(slot: number): void {
    this.#state[stateSize * slot + 6] = 0;
  }

  /** Corrects a prediction with a measured box; covariance in Joseph's form. */
  correct(slot: number, boxes: Float64Array, at: number): void {
    const state = this.#state;
    const p = this.#covariance;
    const s = stateSize * slot;
    this.#measure(boxes, at);
    for (let b = 0; b < blocks; b++) {
      const i = covarianceSize * slot + 4 * b;
      const noise = measurementNoise[b];
      const inverse = 1 / (p[i] + noise);
      const gain = p[i] * inverse;
      const velocityGain = p[i + 2] * inverse;
      const residual = this.#measured[b] - state[s + b];
      state[s + b] += gain * residual;
      state[s + b + 4] += velocityGain * residual;
      // (I - K H) P (I - K H)' + K R K'
      const kept = 1 - gain;
      const p00 = kept * p[i];
      const p01 = kept * p[i + 1];
      const p10 = p[i + 2] - velocityGain * p[i];
      const p11 = p[i + 3] - velocityGain * p[i + 1];
      p[i] = p00 * kept + gain * noise * gain;
      p[i + 1] = p01 - p00 * velocityGain + gain * noise * velocityGain;
      p[i + 2] = p10 * kept + velocityGain * noise * gain;
      p[i + 3] = p11 - p10 * velocityGain + velocityGain * noise * velocityGain;
    }
    const a = covarianceSize * slot + 12;
    const gain = p[a] / (p[a] + measurementNoise[3]);
    state[s + 3] += gain * (this.#measured[3] - state[s + 3]);
    p[a] = (1 - gain) * p[a] * (1 - gain) + gain * measurementNoise[3] * gain;
  }

  /** Writes a slot's state as corners x1, y1, x2, y2 to `corners[at...at + 3]`; NaN if the area is negative. */
  corners(slot: number, corners: Float64Array, at: number): void {
    const state = this.#state;
    const s = stateSize * slot;
    const width = Math.sqrt(state[s + 2] * state[s + 3]);
    const height = state[s + 2] / width;
    corners[at] = state[s] - width / 2;
    corners[at + 1] = state[s + 1] - height / 2;
    corners[at + 2] = state[s] + width / 2;
    corners[at + 3] = state[s + 1] + height / 2;
  }

  /** A copy of centre x, centre y, area, aspect, and the velocities per frame of centre x, centre y and area. */
  state(slot: number): Float64Array {
    return this.#state.slice(stateSize * slot, stateSize * (slot + 1));
  }

  /** A copy of the full covariance `[7, 7]`, row-major. */
  covariance(slot: number): Float64Array {
    const p = this.#covariance.subarray(covarianceSize * slot, covarianceSize * (slot + 1));
    const full = new Float64Array(49);
    for (let b = 0; b < blocks; b++) {
      full[b * 7 + b] = p[4 * b];
      full[b * 7 + b + 4] = p[4 * b + 1];
      full[(b + 4) * 7 + b] = p[4 * b + 2];
      full[(b + 4) * 7 + b + 4] = p[4 * b + 3];
    }
    full[3 * 7 + 3] = p[12];
    return full;
  }

  #measure(boxes: Float64Array, at: number): void {
    const width = boxes[at + 2] - boxes[at];
    const height = boxes[at + 3] - boxes[at + 1];
    this.#measured[0] = boxes[at] + width / 2;
    this.#measured[1] = boxes[at + 1] + height / 2;
    this.#measured[2] = width * height;
    this.#measured[3] = width / height;
  }
}

/** `list` itself if it is long enough, else a list of twice `length` that starts with its content. */
export function grown(list: Float64Array, length: number): Float64Array<ArrayBuffer>;
export function grown(list: Int32Array, length: number): Int32Array<ArrayBuffer>;
export function grown(list: Float64Array | Int32Array, length: number): Float64Array | Int32Array {
  if (list.length >= length) return list;
  const longer = list instanceof Float64Array ? new Float64Array(2 * length) : new Int32Array(2 * length);
  longer.set(list);
  return longer;
}
