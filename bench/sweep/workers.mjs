/**
 * Simulation of a sweep on many workers, event by event, over the real schedule: what share of the workers' time is spent on
 * training, and what would give first. A rung takes its setting's seconds an epoch (log-normal over settings) by a factor
 * of its own (log-normal: stragglers), and `--job-seconds` beside. A worker dies after an exponential time; it is back after
 * `--restart` seconds, and its rung after the queue's lock (10 s) and its check for stalled jobs (up to 5 s), from the last
 * whole epoch on. Results pass through one sweep process, `--decide-ms` each, as bench/sweep/many.mjs measures it.
 * Queue and store are counted, not simulated: operations (a job is added, taken, ended; an epoch told; a lock extended every
 * 5 s) and bytes (a checkpoint out and one in a rung, one out an epoch) a second, the busiest minute of them.
 * Usage: node bench/sweep/workers.mjs [--trials 10000] [--workers 1,10,100,1000] [--search asha] [--epochs 27] [--seed 1] ...
 */
import { parseArgs } from "node:util";
import { Random } from "@phinets/core/tensor";
import { planBrackets } from "@phinets/node/sweep";
import { Schedule } from "../../packages/node/dist/sweep/schedule.js";

const number = (usual) => ({ type: "string", default: String(usual) });
const { values } = parseArgs({
  options: {
    trials: number(10000),
    workers: number("1,3,10,30,100,300,1000"),
    search: number("asha"),
    epochs: number(27),
    reduction: number(3),
    seed: number(1),
    // Seconds an epoch, median over the settings, and the spreads (standard deviations of logarithms).
    "epoch-seconds": number(60),
    "setting-spread": number(0.5),
    "straggler-spread": number(0.25),
    // Hours after which a worker dies, on average; seconds until it is back.
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
const minute = 60;

/** Seconds a minute of the simulation, added up by minute. */
class Minutes {
  #sums = [];
  add(time, amount) {
    const at = Math.floor(time / minute);
    this.#sums[at] = (this.#sums[at] ?? 0) + amount;
  }
  /** Spread evenly over a span of time. */
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
  /** Minutes of which less than so much is used. */
  below(amount) {
    return Array.from(this.#sums, (each) => each ?? 0).filter((each) => each < amount).length;
  }
}

/** Events in order of time: no more of them than workers and their jobs. */
class Events {
  #events = [];
  add(time, act) {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      // The next one is last.
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

function simulate(workers) {
  const trials = of("trials");
  const random = new Random(of("seed"), workers);
  // The same settings and scores for any number of workers.
  const own = new Random(of("seed"));
  const secondsOf = Array.from(
    { length: trials },
    () => of("epoch-seconds") * Math.exp(of("setting-spread") * normal(own)),
  );
  const settings = secondsOf.map((seconds, i) => ({
    setting: { i },
    trials: [{ hash: String(i), recipe: { epochs: of("epochs") }, seed: 0 }],
    // What is known of a setting's time before it is trained.
    cost: { parameters: 1, macs: seconds },
  }));
  const quality = settings.map(() => own.uniform());
  const [bracket] = planBrackets(settings, { search: values.search, reduction: of("reduction"), firstEpochs: 1 });
  const scores = new Map();
  const schedule = new Schedule(bracket, new Set(), (trial, epochs) => scores.get(`${trial.hash}:${epochs}`));
  const events = new Events();
  const done = settings.map(() => 0);
  const [useful, operations, bytes] = [new Minutes(), new Minutes(), new Minutes()];
  const counts = { rungs: 0, deaths: 0, redone: 0, deciding: 0 };
  let [now, last, deciderFree, idle] = [0, 0, 0, workers];

  const begin = (job) => {
    const place = job.place;
    const epochSeconds = secondsOf[place] * Math.exp(of("straggler-spread") * normal(random));
    const start = now + of("job-seconds");
    const end = start + (job.epochs - done[place]) * epochSeconds;
    const death = now - Math.log(1 - random.uniform()) * of("death-hours") * 3600;
    operations.add(now, 2);
    bytes.add(now, of("checkpoint-bytes") * Number(done[place] > 0));
    const stop = Math.min(end, death);
    const whole = Math.max(0, Math.min(job.epochs - done[place], Math.floor((stop - start) / epochSeconds + 1e-9)));
    if (stop > start) {
      useful.spread(start, start + whole * epochSeconds, whole * epochSeconds);
      operations.spread(start, stop, (stop - start) / (lock / 2) + whole);
      bytes.spread(start, stop, whole * of("checkpoint-bytes"));
    }
    done[place] += whole;
    if (death < end) {
      counts.deaths++;
      counts.redone += Math.max(0, stop - start - whole * epochSeconds);
      events.add(death + lock + stalledCheck * random.uniform(), () => schedule.end(job));
      events.add(death + of("restart"), () => {
        idle++;
      });
      return;
    }
    events.add(end, () => {
      counts.rungs++;
      operations.add(now, 1);
      last = now;
      idle++;
      deciderFree = Math.max(now, deciderFree) + of("decide-ms") / 1000;
      counts.deciding += of("decide-ms") / 1000;
      events.add(deciderFree, () => {
        // Better ones are told apart the longer they are trained.
        const noise = random.uniform() / Math.sqrt(job.epochs);
        scores.set(`${job.trial.hash}:${job.epochs}`, quality[place] + noise);
        schedule.end(job);
      });
    });
  };

  for (let event; ; event.act()) {
    while (idle > 0) {
      const job = schedule.take();
      if (job === undefined) break;
      idle--;
      begin(job);
    }
    event = events.next();
    if (event === undefined) break;
    now = event.time;
  }
  const rungs = bracket.rungs.reduce((sum, rung) => sum + rung.settings, 0);
  if (counts.rungs !== rungs) throw new Error(`${counts.rungs} rungs were trained, ${rungs} are planned`);
  const round = (value, digits = 3) => Number(value.toPrecision(digits));
  return {
    ...{ bench: "sweep-workers", search: values.search, trials, workers, rungs },
    hours: round(last / 3600),
    utilisation: round(useful.all / (workers * last)),
    // Of the time, minutes in which less than nine tenths of the workers train.
    tail: round((useful.below(0.9 * minute * workers) * minute) / last),
    ...{ deaths: counts.deaths, redoneShare: round(counts.redone / (workers * last), 2) },
    sweepBusy: round(counts.deciding / last, 2),
    operationsASecond: round(operations.busiest),
    megabytesASecond: round(bytes.busiest / 1e6),
  };
}

for (const workers of values.workers.split(",").map(Number)) console.log(JSON.stringify(simulate(workers)));
