/** A slot of a sweep: a process that trains rungs one after another, started with the first one. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { PhinetsError } from "@phinets/core/tensor";
import { type SlotAnswer, type SlotOrder, type SlotWork, slotAnswer } from "./slot-messages.js";

interface Hear {
  /** When aborted, the work stops at its next safe point and its promise rejects. */
  readonly signal: AbortSignal;
  readonly onEpoch?: (done: number) => void;
}

type Ended = Exclude<SlotAnswer, { kind: "epoch" }>;

/** Number of last characters of stderr to keep for error messages. */
const keptCharacters = 4000;

export class SlotProcess {
  #child: ChildProcess | undefined;
  #stderr = "";

  /** @param label an unused argument of the process, so that it can be recognised in a process list */
  constructor(readonly label: string) {}

  /**
   * Does one piece of work. The child process ends whenever this one ends, because it notices that the channel closes.
   * @throws PhinetsError `sweep.trial` where the process ends early or reports an error; the next work starts a new
   * process
   */
  async do(work: SlotWork, { signal, onEpoch }: Hear): Promise<Ended> {
    signal.throwIfAborted();
    this.#child ??= this.#start();
    const child = this.#child;
    const stop = (): void => send(child, { kind: "stop" });
    signal.addEventListener("abort", stop);
    try {
      const answer = await new Promise<Ended>((resolve, reject) => {
        const hear = (message: unknown): void => {
          const { data: said } = slotAnswer.safeParse(message);
          if (said === undefined) settle(() => reject(failure(work.run, "its process said what is no answer")));
          else if (said.kind === "epoch") onEpoch?.(said.done);
          else settle(() => resolve(said));
        };
        const closed = (code: number | null, by: NodeJS.Signals | null): void =>
          settle(() => reject(crashed(work.run, code ?? by ?? "unknown", this.#stderr)));
        const broken = (error: Error): void => settle(() => reject(error));
        const settle = (end: () => void): void => {
          child.off("message", hear).off("close", closed).off("error", broken);
          end();
        };
        child.on("message", hear).on("close", closed).on("error", broken);
        send(child, work);
      });
      signal.throwIfAborted();
      if (answer.kind === "error") throw failure(work.run, answer.message);
      return answer;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Resolves when the process has ended. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    // "close" is not emitted where the channel is closed from this side.
    const exited = once(child, "exit");
    if (child.connected) child.disconnect();
    await exited;
  }

  #start(): ChildProcess {
    // Without the caller's Node options: its `--conditions` may select sources that plain Node cannot run.
    const child = fork(fileURLToPath(new URL("./slot-worker.js", import.meta.url)), [this.label], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#stderr = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptCharacters);
    });
    const forget = (): void => {
      if (this.#child === child) this.#child = undefined;
    };
    // A process that cannot be started emits no "exit".
    child.once("exit", forget).on("error", forget);
    return child;
  }
}

/** Sends an order; an error is ignored, because the end of the process is noticed elsewhere. */
function send(child: ChildProcess, order: SlotOrder): void {
  child.send(order, () => {});
}

/** Describes how a process ended. */
function crashed(run: string, end: number | string, stderr: string): PhinetsError {
  const said = stderr.split("\n").findLast((line) => /^(\w*Error|FATAL ERROR): /.test(line));
  const how = typeof end === "string" ? `was ended by ${end} (too little memory, for one)` : `ended with ${end}`;
  return failure(run, `its process ${how}${said === undefined ? "" : `: ${said}`}`);
}

function failure(run: string, message: string): PhinetsError {
  return new PhinetsError(
    "sweep.trial",
    `${message.startsWith(run) ? "" : `${run}: `}${message}; run the sweep again: it goes on from the last epoch`,
    run,
  );
}
