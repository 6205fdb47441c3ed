/** Processes that look at shards, as many as look at a time; each stays, with its model, for the next. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { PhinetsError } from "@phinets/core/tensor";
import { type ShardAnswer, type ShardOrder, type ShardWork, shardAnswer } from "./messages.js";

export class ShardProcesses {
  readonly #free: ChildProcess[] = [];
  readonly #all = new Set<ChildProcess>();

  /** @param label an argument of the processes that nothing reads, for who looks at a list of processes */
  constructor(readonly label: string) {}

  /**
   * Looks at one shard; the result is in `work.output`. The process ends when this one ends, however that is: it notices that
   * the channel between them is closed.
   * @throws PhinetsError of the process, `queue.job` where what the shard says is at fault; `queue.shard` where it ends meanwhile
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
    // Without the caller's conditions, which may choose sources that plain Node does not read.
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
    // One that cannot be started does not exit.
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

/** To a process that has just ended nothing is said: that it has is heard. */
function send(child: ChildProcess, order: ShardOrder): void {
  child.send(order, () => {});
}

const fault = (problem: string): PhinetsError => new PhinetsError("queue.shard", problem);
