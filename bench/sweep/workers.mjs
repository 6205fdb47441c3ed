/**
 * Event-driven simulation of a sweep on many workers with the real schedule: which share of the workers' time is spent
 * on training, how much of that counts, and what becomes the bottleneck. A rung takes its setting's seconds per epoch
 * (log-normal over settings) times its own factor (log-normal: stragglers), the same for all pieces into which it is
 * divided, plus `--job-seconds` for each piece. A worker dies after an exponential time; it is back after `--restart`
 * seconds, and its job after the queue's lock (10 s) and its check for stalled jobs (up to 5 s), from the last
 * completed epoch on. The sweep polls results every half second, takes `--decide-ms` for each, as measured by
 * bench/sweep/many.mjs, and keeps a reserve of jobs in the queue, first come, first served, as the queue's trainer
 * does.
 *
 * Per line: `busy`, the share of the workers' time spent on training; `useful`, that of rungs that count; `ahead`, the
 * share of training that does not count; `ideal`, the minimum hours of any schedule, even one that knows all results:
 * the counting rungs divided among the workers, or the longest of these trainings, which cannot be divided; `ofIdeal`,
 * `ideal` divided by the hours taken. Queue and storage are counted, not simulated: operations (adding, taking and
 * ending a job; reporting an epoch; extending a lock every 5 s) and bytes (per job one checkpoint out and one in, per
 * epoch one out) per second, in the busiest minute.
 *
 * Usage: node bench/sweep/workers.mjs [--trials 10000] [--workers 1,10,100,1000] [--search asha] [--speculate
 * false,true]
 * [--pieces true] [--setting-spread 0.5] [--epochs 27] [--seed 1] ...
 */
import { parseArgs } from "node:util";
import { Random } from "@phinets/core/tensor";
import { planBrackets } from "@phinets/node/sweep";
import { pieceOf } from "../../packages/node/dist/sweep/plan.js";
import { Schedule } from "../../packages/node/dist/sweep/schedule.js";

const number = (usual) => ({ type: "string", default: String(usual) });
const { values } = parseArgs({
  options: {
    trials: number(10000),
    workers: number("1,3,10,30,100,300,1000"),
    search: number("asha"),
    epochs: number(27),
    reduction: number(3),
    speculate: number("false,true"),
    // Divides rungs into pieces, as over a queue.
    pieces: number("true"),
    seed: number(1),
    // Seconds per epoch (median over the settings), and spreads (standard deviations of the logarithms).
    "epoch-seconds": number(60),
    "setting-spread": number(0.5),
    "straggler-spread": number(0.25),
    // Mean hours until a worker dies, and seconds until it is back.
    "death-hours": number(24),
    restart: number(60),
    "job-seconds": number(0.5),
    "decide-ms": number(0.5),
    "checkpoint-bytes": number(1e6),
  },
});
const of = (name) => Number(values[name]);
const lock = 10;
const stalledCheck = 5;
const look = 0.5;
/** Same formula as in packages/queue/src/queue-trainer.ts. */
const reserve = (inWork) => 16 + Math.floor(inWork / 16);
const minute = 60;

/** Amounts per minute of the simulation. */
class Minutes {
  #sums = [];
  add(time, amount) {
    const at = Math.floor(time / minute);
    this.#sums[at] = (this.#sums[at] ?? 0) + amount;
  }
  /** Adds an amount, spread evenly over a time span. */
  spread(begin, end, amount) {
    for (let time = begin; time < end; ) {
      const next = Math.min(end, (Math.floor(time / minute) + 1) * minute);
      this.add(time, (amount * (next - time)) / (end - begin));
      time = next;
    }
  }
  get busiest() {
    return this.#sums.reduce((most, each) => Math.max(most, each ?? 0), 0) / minute;
  }
  get all() {
    return this.#sums.reduce((sum, each) => sum + (each ?? 0), 0);
  }
  /** Number of minutes with less than this amount. */
  below(amount) {
    return Array.from(this.#sums, (each) => each ?? 0).filter((each) => each < amount).length;
  }
}

/** Events ordered by time; there are never more than workers and their jobs. */
class Events {
  #events = [];
  add(time, act) {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      // The next event is last in the list.
      if (this.#events[middle].time > time) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { time, act });
  }
  next() {
    return this.#events.pop();
  }
}

const normal = (random) => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

function simulate(workers, speculate) {
  const trials = of("trials");
  const seed = of("seed");
  const random = new Random(seed, workers);
  // The same settings and scores for any number of workers and any schedule.
  const own = new Random(seed);
  const secondsOf = Array.from(
    { length: trials },
    () => of("epoch-seconds") * Math.exp(of("setting-spread") * normal(own)),
  );
  const settings = secondsOf.map((seconds, i) => ({
    setting: { i },
    trials: [{ hash: String(i), recipe: { epochs: of("epochs") }, seed: 0 }],
    // What is known about a setting's duration before it is trained.
    cost: { parameters: 1, macs: seconds },
  }));
  const quality = settings.map(() => own.uniform());
  const [bracket] = planBrackets(settings, { search: values.search, reduction: of("reduction"), firstEpochs: 1 });
  const scores = new Map();
  const schedule = new Schedule(bracket, {
    running: new Set(),
    scoreOf: (trial, epochs) => scores.get(`${trial.hash}:${epochs}`),
    speculate,
    piece: values.pieces === "true" ? pieceOf(bracket) : undefined,
  });
  const events = new Events();
  const done = settings.map(() => 0);
  /** Seconds trained, by setting and rung, and workers lost meanwhile. */
  const trained = settings.map(() => bracket.rungs.map(() => 0));
  const lost = settings.map(() => bracket.rungs.map(() => 0));
  const [busy, operations, bytes] = [new Minutes(), new Minutes(), new Minutes()];
  const counts = { jobs: 0, deaths: 0, redone: 0, deciding: 0 };
  /** Jobs in the queue, and start times of the jobs being worked on. */
  const [queued, working] = [[], new Map()];
  let [now, deciderFree, idle] = [0, 0, workers];

  /** Speed of the machine that runs the job. */
  const pace = ({ place, rung }) =>
    secondsOf[place] * Math.exp(of("straggler-spread") * normal(new Random(seed, place, rung, lost[place][rung])));
  const begin = (job) => {
    const { place, rung, until } = job;
    const epochSeconds = pace(job);
    const start = now + of("job-seconds");
    const end = start + (until - done[place]) * epochSeconds;
    const death = now - Math.log(1 - random.uniform()) * of("death-hours") * 3600;
    operations.add(now, 2);
    bytes.add(now, of("checkpoint-bytes") * Number(done[place] > 0));
    const stop = Math.min(end, death);
    const whole = Math.max(0, Math.min(until - done[place], Math.floor((stop - start) / epochSeconds + 1e-9)));
    if (stop > start) {
      operations.spread(start, stop, (stop - start) / (lock / 2) + whole);
      bytes.spread(start, stop, whole * of("checkpoint-bytes"));
    }
    working.set(job, start);
    const leave = () => {
      working.delete(job);
      done[place] += whole;
      trained[place][rung] += whole * epochSeconds;
      if (whole > 0) busy.spread(start, start + whole * epochSeconds, whole * epochSeconds);
    };
    if (death < end) {
      events.add(death, () => {
        leave();
        counts.deaths++;
        counts.redone += Math.max(0, stop - start - whole * epochSeconds);
        lost[place][rung]++;
        events.add(now + lock + stalledCheck * random.uniform(), () => queued.unshift(job));
        events.add(now + of("restart"), () => {
          idle++;
        });
      });
      return;
    }
    events.add(end, () => {
      leave();
      counts.jobs++;
      operations.add(now, 1);
      idle++;
      const seen = Math.ceil(now / look) * look;
      deciderFree = Math.max(seen, deciderFree) + of("decide-ms") / 1000;
      counts.deciding += of("decide-ms") / 1000;
      events.add(deciderFree, () => {
        // The longer settings are trained, the better they can be distinguished.
        const noise = new Random(seed, place, rung, -1).uniform() / Math.sqrt(job.epochs);
        if (until === job.epochs) scores.set(`${job.trial.hash}:${job.epochs}`, quality[place] + noise);
        schedule.end(job, until);
      });
    });
  };

  while (!schedule.decided) {
    for (;;) {
      while (queued.length < reserve(working.size)) {
        const job = schedule.take();
        if (job === undefined) break;
        queued.push(job);
      }
      if (idle === 0 || queued.length === 0) break;
      idle--;
      begin(queued.shift());
    }
    const event = events.next();
    now = event.time;
    event.act();
  }
  // Jobs still running were ahead of their decision and are abandoned.
  for (const start of working.values()) if (start < now) busy.spread(start, now, now - start);
  const chains = settings.map((_, place) => {
    let seconds = 0;
    for (let rung = 0; rung <= schedule.lastRung(place); rung++) seconds += trained[place][rung];
    return seconds;
  });
  const counted = chains.reduce((sum, seconds) => sum + seconds, 0);
  const longest = chains.reduce((most, seconds) => Math.max(most, seconds), 0);
  const ideal = Math.max(counted / workers, longest);
  const round = (value, digits = 3) => Number(value.toPrecision(digits));
  return {
    ...{ bench: "sweep-workers", search: values.search, trials, workers, speculate, jobs: counts.jobs },
    hours: round(now / 3600),
    busy: round(busy.all / (workers * now)),
    useful: round(counted / (workers * now)),
    ahead: Number((1 - counted / busy.all).toFixed(3)),
    ideal: round(ideal / 3600),
    bound: longest > counted / workers ? "longest" : "workers",
    ofIdeal: round(ideal / now),
    // Share of the time in minutes when fewer than nine tenths of the workers train.
    tail: round((busy.below(0.9 * minute * workers) * minute) / now),
    ...{ deaths: counts.deaths, redoneShare: round(counts.redone / (workers * now), 2) },
    sweepBusy: round(counts.deciding / now, 2),
    operationsASecond: round(operations.busiest),
    megabytesASecond: round(bytes.busiest / 1e6),
  };
}

for (const workers of values.workers.split(",").map(Number))
  for (const speculate of values.speculate.split(","))
    console.log(JSON.stringify(simulate(workers, speculate === "true")));
