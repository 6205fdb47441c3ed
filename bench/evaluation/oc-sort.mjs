/**
 * Measures what OC-SORT (Cao et al., "Observation-Centric SORT", CVPR 2023) would gain over the two existing trackers:
 * its re-update after a gap (section 4.1), the direction of motion in the cost (4.2) and the recovery by last
 * observations, each alone and all together, on the public detections of MOT15's eleven training sequences. Written
 * from the paper's formulas with SORT's motion model, to decide whether it should become the third tracker:
 * docs/decisions.md.
 *
 * Usage: node bench/evaluation/oc-sort.mjs [folder with SEQ/gt/gt.txt, SEQ/det/det.txt, SEQ/seqinfo.ini]; default:
 * $PHINETS_SHARED/data/mot15/train. Needs `npm run build`.
 */
import { parseMotRows } from "../../packages/core/dist/data/index.js";
import { evaluateMot } from "../../packages/core/dist/evaluation/index.js";
import { AssignmentSolver } from "../../packages/core/dist/tracking/assignment.js";
import { ByteTracker, formatMotTracks, Sort } from "../../packages/core/dist/tracking/index.js";
import { formatTable } from "../../packages/node/dist/text/table.js";
import { readSequences } from "./lib/mot15.mjs";

const inputs = readSequences(process.argv[2]);

/** A quantity and its velocity, filtered as in SORT (Bewley et al., ICIP 2016); the aspect has velocity 0. */
class Quantity {
  constructor(value, { noise, drift }) {
    Object.assign(this, { value, velocity: 0, p: 10, cross: 0, q: drift === 0 ? 0 : 10_000, noise, drift });
  }
  predict() {
    this.value += this.velocity;
    this.p += 2 * this.cross + this.q + 1;
    this.cross += this.q;
    this.q += this.drift;
  }
  correct(measured) {
    const gain = this.p / (this.p + this.noise);
    const velocityGain = this.cross / (this.p + this.noise);
    const error = measured - this.value;
    this.value += gain * error;
    this.velocity += velocityGain * error;
    this.q -= velocityGain * this.cross;
    this.cross -= gain * this.cross;
    this.p -= gain * this.p;
  }
}
const kinds = [
  { noise: 1, drift: 0.01 },
  { noise: 1, drift: 0.01 },
  { noise: 10, drift: 0.0001 },
  { noise: 10, drift: 0 },
];

/** Centre, area, aspect. */
function measure({ x1, y1, x2, y2 }) {
  return [(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) * (y2 - y1), (x2 - x1) / (y2 - y1)];
}
function cornersOf([x, y, area, aspect]) {
  const width = Math.sqrt(Math.max(0, area * aspect));
  const height = area / width;
  return { x1: x - width / 2, y1: y - height / 2, x2: x + width / 2, y2: y + height / 2 };
}
function overlap(a, b) {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (!(width > 0 && height > 0)) return 0;
  const both = width * height;
  return both / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - both);
}
/** Unit vector from one box's centre to another's. */
function direction(from, to) {
  const x = to.x1 + to.x2 - from.x1 - from.x2;
  const y = to.y1 + to.y2 - from.y1 - from.y2;
  const length = Math.hypot(x, y) + 1e-6;
  return [x / length, y / length];
}
const copyOf = (filter) => filter.map((each) => Object.assign(Object.create(Quantity.prototype), each));

const frameSpan = 3; // frames over which a direction is measured; the paper's delta t
const inertia = 0.2; // weight of the direction

class OcSort {
  #tracks = [];
  #born = 0;
  #frames = 0;
  #solver = new AssignmentSolver();

  constructor({ reUpdate = false, motion = false, recovery = false, maxAge = 30, minHits = 3, least = 0.3 }) {
    Object.assign(this, { reUpdate, motion, recovery, maxAge, minHits, least });
  }

  update(boxes) {
    this.#frames++;
    for (const track of this.#tracks) {
      const { filter } = track;
      if (filter[2].value + filter[2].velocity <= 0) filter[2].velocity = 0;
      for (const each of filter) each.predict();
      track.age++;
      track.lost++;
      track.box = cornersOf(filter.map(({ value }) => value));
    }
    this.#tracks = this.#tracks.filter(({ box }) => Number.isFinite(box.x1 + box.y1 + box.x2 + box.y2));
    const taken = new Set();
    const pair = (placeOf, costOf) => {
      const rows = boxes.filter((box) => !taken.has(box));
      const columns = this.#tracks.filter((track) => !taken.has(track));
      if (rows.length === 0 || columns.length === 0) return;
      const cost = rows.flatMap((box) => columns.map((track) => costOf(box, track)));
      this.#solver.solve(Float64Array.from(cost), rows.length, columns.length);
      rows.forEach((box, r) => {
        const track = columns[this.#solver.columnOfRow[r]];
        if (track === undefined || overlap(box, placeOf(track)) < this.least) return;
        this.#correct(track, box);
        taken.add(box).add(track);
      });
    };
    pair(
      ({ box }) => box,
      (box, track) => -overlap(box, track.box) - (this.motion ? inertia * this.#agreement(track, box) : 0),
    );
    if (this.recovery)
      pair(
        ({ seen }) => seen,
        (box, { seen }) => -overlap(box, seen),
      );
    for (const box of boxes) {
      if (taken.has(box)) continue;
      const filter = measure(box).map((value, i) => new Quantity(value, kinds[i]));
      const track = { id: ++this.#born, filter, observed: copyOf(filter), age: 0, lost: 0, hits: 0, box, seen: box };
      this.#tracks.push({ ...track, history: new Map([[0, box]]) });
    }
    const shown = this.#tracks.filter(
      ({ lost, hits }) => lost === 0 && (hits >= this.minHits || this.#frames <= this.minHits),
    );
    this.#tracks = this.#tracks.filter(({ lost }) => lost <= this.maxAge);
    return shown.map(({ id, filter }) => ({ id, ...cornersOf(filter.map(({ value }) => value)) }));
  }

  /** The object's observation some frames ago. */
  #before({ history, age, seen }) {
    for (let frames = frameSpan; frames > 0; frames--) if (history.has(age - frames)) return history.get(age - frames);
    return seen;
  }

  /** -1/2..1/2: how well moving to a box would keep the track's direction. */
  #agreement(track, box) {
    if (track.heading === undefined) return 0;
    const [x, y] = direction(this.#before(track), box);
    const cosine = Math.max(-1, Math.min(1, x * track.heading[0] + y * track.heading[1]));
    return 0.5 - Math.acos(cosine) / Math.PI;
  }

  #correct(track, box) {
    track.heading = direction(this.#before(track), box);
    if (this.reUpdate && track.lost > 1) {
      // Interpolates the missed observations on a straight line.
      const size = ({ x1, y1, x2, y2 }) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1];
      const [from, to] = [size(track.seen), size(box)];
      track.filter = track.observed;
      for (let i = 1; i <= track.lost; i++) {
        const [x, y, width, height] = from.map((each, n) => each + ((to[n] - each) * i) / track.lost);
        for (const each of track.filter) each.predict();
        [x, y, width * height, width / height].forEach((each, n) => {
          track.filter[n].correct(each);
        });
      }
    } else {
      measure(box).forEach((each, n) => {
        track.filter[n].correct(each);
      });
    }
    track.observed = copyOf(track.filter);
    track.hits = track.lost > 1 ? 1 : track.hits + 1;
    track.lost = 0;
    track.seen = box;
    track.history.set(track.age, box);
  }
}

const trackers = {
  SORT: () => new Sort(),
  "ByteTrack style": () => new ByteTracker(),
  "SORT, 30 frames of patience": () => new OcSort({}),
  "and the re-update": () => new OcSort({ reUpdate: true }),
  "and the direction": () => new OcSort({ motion: true }),
  "and the recovery": () => new OcSort({ recovery: true }),
  "OC-SORT: all three": () => new OcSort({ reUpdate: true, motion: true, recovery: true }),
};
const fractions = ["MOTA", "IDF1", "HOTA", "DetA", "AssA"];
const rows = Object.entries(trackers).map(([title, make]) => {
  const { combined } = evaluateMot(
    inputs.map(({ name, frames, truth, detections }) => {
      const tracker = make();
      const lines = detections.map((boxes, f) => formatMotTracks(f + 1, tracker.update(boxes)));
      return { name, frames, truth: truth(), found: parseMotRows(lines.join(""), `${name}.txt`) };
    }),
  );
  console.log(JSON.stringify({ bench: "oc-sort", tracker: title, ...combined }));
  return [title, ...fractions.map((each) => (100 * combined[each]).toFixed(1)), combined.IDSW, combined.Frag];
});
const titles = ["tracker", ...fractions, "IDSW", "Frag"];
console.error(
  formatTable(
    titles.map((title, i) => ({ title, align: i === 0 ? "left" : "right" })),
    rows,
  ),
);
