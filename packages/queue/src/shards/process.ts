/** Child processes that do shards, as many as run at a time; each is reused, with its model, for later shards. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { PhinetsError } from "@phinets/core/tensor";
import { type ShardAnswer, type ShardOrder, type ShardWork, shardAnswer } from "./messages.js";

export class ShardProcesses {
  readonly #free: ChildProcess[] = [];
  readonly #all = new Set<ChildProcess>();

  /** @param label an unused argument of the processes, so that they can be recognised in a process list */
  constructor(readonly label: string) {}

  /**
   * Does one shard; the result is in `work.output`. The child process ends whenever this one ends, because it notices
   * that the channel closes.
   * @throws PhinetsError as the process reports it, `queue.job` where the shard is at fault; `queue.shard` where the
   * process ends early
   */
  async do(work: ShardWork, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const child = this.#free.pop() ?? this.#start();
    const stop = (): void => send(child, { kind: "stop" });
    signal.addEventListener("abort", stop);
    try {
      const answer = await answerOf(child, work);
      if (child.exitCode === null) this.#free.push(child);
      signal.throwIfAborted();
      if (answer.kind !== "error") return;
      const { code = "queue.shard", message, ofShard } = answer;
      throw new PhinetsError(ofShard ? "queue.job" : code, message);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Resolves when all processes have ended. */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#all].map(async (child) => {
        const exited = once(child, "exit");
        if (child.connected) child.disconnect();
        await exited;
      }),
    );
  }

  #start(): ChildProcess {
    // Without the caller's Node options: its `--conditions` may select sources that plain Node cannot run.
    const child = fork(fileURLToPath(new URL("./shard-worker.js", import.meta.url)), [this.label], {
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#all.add(child);
    const forget = (): void => {
      this.#all.delete(child);
      const place = this.#free.indexOf(child);
      if (place >= 0) this.#free.splice(place, 1);
    };
    // A process that cannot be started emits no "exit".
    child.once("exit", forget).on("error", forget);
    return child;
  }
}

function answerOf(child: ChildProcess, work: ShardWork): Promise<ShardAnswer> {
  return new Promise((resolve, reject) => {
    const hear = (message: unknown): void => {
      const { data: said } = shardAnswer.safeParse(message);
      if (said === undefined) settle(() => reject(fault("its process said what is no answer")));
      else settle(() => resolve(said));
    };
    const closed = (code: number | null, by: NodeJS.Signals | null): void =>
      settle(() =>
        reject(
          fault(
            by === null
              ? `its process ended with ${code}`
              : `its process was ended by ${by} (too little memory, for one)`,
          ),
        ),
      );
    const broken = (error: Error): void => settle(() => reject(error));
    const settle = (end: () => void): void => {
      child.off("message", hear).off("exit", closed).off("error", broken);
      end();
    };
    child.on("message", hear).on("exit", closed).on("error", broken);
    send(child, work);
  });
}

/** Sends an order; an error is ignored, because the end of the process is noticed elsewhere. */
function send(child: ChildProcess, order: ShardOrder): void {
  child.send(order, () => {});
}

const fault = (problem: string): PhinetsError => new PhinetsError("queue.shard", problem);
