/**
 * SORT's Kalman filter over a box (Bewley et al., "Simple online and realtime tracking", ICIP 2016, section 3.2): state
 * centre x, centre y, area, aspect (width / height), and the velocities of the first three; constant velocity.
 *
 * Transition, noise and measurement couple a quantity with its own velocity only, so the 7 x 7 covariance stays four
 * blocks: three of 2 x 2 and the aspect's single variance. Everything outside them is exactly 0, so filtering block by
 * block does what the 7 x 7 form does in a tenth of the arithmetic.
 */
const blocks = 3;
/** Measurement noise of centre x, centre y, area, aspect. */
const measurementNoise = [1, 1, 10, 10];
/** Process noise of the velocities; that of the quantities themselves is 1. */
const velocityNoise = [0.01, 0.01, 0.0001];

/** Corners, any unit, positive size. An object, as V8 puts a number that goes to a call of its own onto the heap. */
export interface MeasuredBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

export class BoxKalmanFilter {
  /** centre x, centre y, area, aspect, and the velocities of centre x, centre y, area a frame */
  readonly state = new Float64Array(7);
  /** per block: variance of the quantity, the two covariances, variance of the velocity */
  readonly #covariance = new Float64Array(4 * blocks);
  #aspectVariance = 0;

  /** Starts anew from a first box. Velocities are 0 and very uncertain. */
  start({ x1, y1, x2, y2 }: MeasuredBox): void {
    const width = x2 - x1;
    const height = y2 - y1;
    this.state.fill(0);
    this.state[0] = x1 + width / 2;
    this.state[1] = y1 + height / 2;
    this.state[2] = width * height;
    this.state[3] = width / height;
    for (let b = 0; b < blocks; b++) {
      this.#covariance[4 * b] = 10;
      this.#covariance[4 * b + 1] = 0;
      this.#covariance[4 * b + 2] = 0;
      this.#covariance[4 * b + 3] = 10000;
    }
    this.#aspectVariance = 10;
  }

  /** One frame on. An area about to become 0 or less stops shrinking first. */
  predict(): void {
    const { state } = this;
    const p = this.#covariance;
    if (state[6] + state[2] <= 0) state[6] = 0;
    for (let b = 0; b < blocks; b++) {
      state[b] += state[b + 4];
      const i = 4 * b;
      const crossed = p[i + 1] + p[i + 3];
      p[i] = p[i] + p[i + 2] + crossed + 1;
      p[i + 1] = crossed;
      p[i + 2] += p[i + 3];
      p[i + 3] += velocityNoise[b];
    }
    this.#aspectVariance += 1;
  }

  /** Corrects the prediction by a measured box; covariance in Joseph's form. */
  update({ x1, y1, x2, y2 }: MeasuredBox): void {
    const width = x2 - x1;
    const height = y2 - y1;
    this.#updateBlock(0, x1 + width / 2);
    this.#updateBlock(1, y1 + height / 2);
    this.#updateBlock(2, width * height);
    const gain = this.#aspectVariance / (this.#aspectVariance + measurementNoise[3]);
    this.state[3] += gain * (width / height - this.state[3]);
    this.#aspectVariance = (1 - gain) * this.#aspectVariance * (1 - gain) + gain * measurementNoise[3] * gain;
  }

  #updateBlock(b: number, measured: number): void {
    const p = this.#covariance;
    const i = 4 * b;
    const noise = measurementNoise[b];
    const inverse = 1 / (p[i] + noise);
    const gain = p[i] * inverse;
    const velocityGain = p[i + 2] * inverse;
    const residual = measured - this.state[b];
    this.state[b] += gain * residual;
    this.state[b + 4] += velocityGain * residual;
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

  /** The state as corners x1, y1, x2, y2 into `corners[at...at + 3]`; NaN where the area is negative. */
  box(corners: Float64Array, at = 0): void {
    const { state } = this;
    const width = Math.sqrt(state[2] * state[3]);
    const height = state[2] / width;
    corners[at] = state[0] - width / 2;
    corners[at + 1] = state[1] - height / 2;
    corners[at + 2] = state[0] + width / 2;
    corners[at + 3] = state[1] + height / 2;
  }

  /** The full covariance `[7, 7]`, row-major. */
  covariance(): Float64Array {
    const full = new Float64Array(49);
    for (let b = 0; b < blocks; b++) {
      full[b * 7 + b] = this.#covariance[4 * b];
      full[b * 7 + b + 4] = this.#covariance[4 * b + 1];
      full[(b + 4) * 7 + b] = this.#covariance[4 * b + 2];
      full[(b + 4) * 7 + b + 4] = this.#covariance[4 * b + 3];
    }
    full[3 * 7 + 3] = this.#aspectVariance;
    return full;
  }
}
