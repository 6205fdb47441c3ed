import { GraphBuilder } from "@phinets/core/graph";
import { createEngine, type Engine, opcodes, type ThreadPool } from "@phinets/core/kernels";
import { Random, sizeOf, tensor } from "@phinets/core/tensor";
import { differentiate, Executor, type OptimizerName } from "@phinets/core/training";
import { describe, expect, test } from "vitest";
import { nodeThreads } from "./pool.js";

function network() {
  const g = new GraphBuilder("threads");
  let x = g.input("image", [1, 10, 10, 3]);
  x = g.hardswish("a", g.batchNorm("n", g.conv2d("c", x, { filters: 6 })));
  x = g.batchNorm("n2", g.depthwise("d", x, { kernel: 3, padding: 1 }));
  const s = g.sigmoid("s", g.conv2d("gate", g.globalAveragePool("p", x), { filters: 6 }));
  x = g.multiply("m", x, s);
  const window = { kernel: [5, 5], stride: [1, 1], padding: { top: 2, bottom: 2, left: 2, right: 2 } } as const;
  const half = g.slice("half", x, { begin: [0, 0, 3], size: [10, 10, 3], step: [1, 1] });
  const small = g.averagePool("small", g.unary("leaky", half, "leakyRelu", 0.1), { ...window, stride: [2, 2] });
  const resize = { mode: "bilinear", size: [10, 10], alignCorners: false, halfPixelCenters: true } as const;
  x = g.concat("joined", [g.maxWindow("most", half, window), g.resize("large", small, resize), x]);
  x = g.conv2d("last", g.subtract("shifted", x, g.constant("row", [1, 1, 10, 1])), { filters: 5 });
  return g.build([g.dense("logits", g.flatten("f", g.globalAveragePool("g", x)), 4)]);
}

/** Weights after three steps with a number of threads. */
async function train(threads: number, kind: OptimizerName = "adamw"): Promise<Record<string, number[]>> {
  const engine = await createEngine({ threads: nodeThreads(threads) });
  expect(engine.threads).toBe(threads);
  const graph = network();
  const executor = new Executor(engine, differentiate(graph, 11));
  executor.setParameters(
    Object.fromEntries(
      Object.entries(graph.parameters).map(([name, { shape }], i) => {
        const random = new Random(1, i);
        return [
          name,
          tensor(
            "float32",
            shape,
            Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
          ),
        ];
      }),
    ),
  );
  const random = new Random(2);
  for (let step = 1; step <= 3; step++) {
    const input = executor.input("image");
    for (let i = 0; i < input.length; i++) input[i] = random.normal();
    executor.forward();
    executor.setCotangent("logits", executor.output("logits").slice());
    executor.backward();
    executor.optimizerStep({ kind, learningRate: 0.01, weightDecay: 0.01, clipNorm: 1, step });
    executor.updateRunningStatistics(0.1);
    executor.updateEma(0.9);
  }
  const state = executor.state();
  await engine.dispose();
  return Object.fromEntries(Object.entries(state).map(([name, { data }]) => [name, Array.from(data)]));
}

test.each(["adamw", "rmsprop", "lamb"] as const)("%s: the same bits for one to four threads", async (kind) => {
  const one = await train(1, kind);
  expect(Object.values(one).flat().every(Number.isFinite)).toBe(true);
  for (const threads of kind === "adamw" ? [2, 3, 4] : [3]) expect(await train(threads, kind)).toEqual(one);
});

/** A program of instructions outside shards, in the layout of kernels/assembly/program.ts. */
function place(engine: Engine, instructions: readonly (readonly number[])[]): number {
  const code = instructions.flatMap(([opcode, ...words]) => [opcode, words.length + 2, ...words]);
  const address = engine.allocate(64 + code.length * 4);
  engine.words(address, 10).set([1, 0, 0, 0, 0, 0, 0, 1, address + 64, address + 64 + code.length * 4]);
  engine.words(address + 64, code.length).set(code);
  return address;
}

/** The error of running a program. */
function failure(engine: Engine, program: number): { message: string } {
  try {
    engine.run(program);
  } catch (error) {
    expect(error).toMatchObject({ code: "kernels.thread" });
    return { message: (error as Error).message };
  }
  throw new Error("the run did not fail");
}

describe("a thread that fails does not leave the others waiting", () => {
  test("a trap in a worker", async () => {
    const engine = await createEngine({ threads: nodeThreads(2) });
    // An average whose second half, the worker's, lies outside the memory.
    const bytes = 64;
    const source = engine.allocate(bytes);
    const settings = engine.allocate(256);
    const words = [engine.bytes - bytes / 2, source, bytes, settings];
    const whole = place(engine, [[opcodes.average, source, source, bytes, settings]]);
    const broken = place(engine, [[opcodes.average, ...words], [opcodes.barrier], [opcodes.average, ...words]]);
    engine.run(whole);
    const { message } = failure(engine, broken);
    expect(message).toBe("the kernels' thread 2 of 2 stopped in average; start again from the last checkpoint");
    expect(failure(engine, whole).message).toBe(message);
    await engine.dispose();
  });

  test("a trap in the caller, with and without others", async () => {
    for (const threads of [1, 2]) {
      const engine = await createEngine({ threads: nodeThreads(threads) });
      const { message } = failure(engine, place(engine, [[opcodes.barrier], [15]]));
      expect(message).toMatch(new RegExp(`thread [12] of ${threads} stopped in instruction 15`));
      if (threads === 1) expect(message).toMatch(/unreachable/);
      await engine.dispose();
    }
  });

  /** Threads one of which `kill` ends. */
  function mortal(pool: ThreadPool): { pool: ThreadPool; kill: () => Promise<void> } {
    return { pool: { ...pool, stop: async () => {} }, kill: () => pool.stop() };
  }

  test("a worker that died before the run", async () => {
    const { pool, kill } = mortal(nodeThreads(3));
    const engine = await createEngine({ threads: pool });
    await kill();
    const { message } = failure(engine, place(engine, [[opcodes.barrier]]));
    expect(message).toMatch(/thread [23] of 3 has ended; start again/);
    await engine.dispose();
  });

  test("a worker that dies while the caller waits for it", async () => {
    const { pool, kill } = mortal(nodeThreads(2));
    const engine = await createEngine({ threads: pool, patienceSeconds: 1 });
    const killed = kill(); // the caller cannot notice: its event loop does not turn before the run ends
    const { message } = failure(engine, place(engine, [[opcodes.barrier]]));
    expect(message).toMatch(/no thread of 2 made progress for 1 s: one has died/);
    await killed;
    await engine.dispose();
  });

  test("one trap stops all, for good; another engine works on", async () => {
    const engine = await createEngine({ threads: nodeThreads(4) });
    const program = place(engine, [[opcodes.barrier], [15], [opcodes.barrier]]);
    const { message } = failure(engine, program);
    expect(message).toMatch(/thread [1-4] of 4 stopped in instruction 15.*; start again from the last checkpoint$/);
    expect(failure(engine, place(engine, [[opcodes.barrier]])).message).toMatch(/stopped in instruction 15/);
    await engine.dispose();
    await engine.dispose();
    expect(
      Object.values(await train(4))
        .flat()
        .every(Number.isFinite),
    ).toBe(true);
  });
});

test("memory that does not suffice is said, given back, and no thread waits", async () => {
  const engine = await createEngine({ threads: nodeThreads(2) });
  const graph = network();
  const before = new Executor(engine, differentiate(graph, 2));
  before.forward();
  for (const batch of [600_000, 100_000_000])
    expect(() => new Executor(engine, differentiate(graph, batch))).toThrow(
      expect.objectContaining({ code: "kernels.memory", message: expect.stringMatching(/\d+ MiB .* smaller batch/) }),
    );
  const { bytes } = engine;
  before.forward();
  const after = new Executor(engine, differentiate(graph, 64));
  after.forward();
  expect(engine.bytes).toBe(bytes);
  await engine.dispose();
});

test("a pool that cannot start a thread says so", async () => {
  const start: ThreadPool["start"] = (job) => nodeThreads(2).start({ ...job, module: {} });
  await expect(createEngine({ threads: { ...nodeThreads(2), start } })).rejects.toThrow(
    /thread 2 of 2 did not start: .+/,
  );
});
