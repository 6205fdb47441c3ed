/**
 * The process of a slot: it follows the orders of the sweep that started it, one rung at a time, until their channel
 * closes.
 */
import { RungRunner } from "./rungs.js";
import { type SlotAnswer, type SlotWork, slotOrder } from "./slot-messages.js";

/** Serves the parent process; exits when the parent ends, however that happens. */
export function serveSlot(): void {
  process.once("disconnect", () => process.exit());
  // Ctrl-C reaches all processes of a terminal: the sweep decides what to do.
  process.on("SIGINT", () => {});
  const runner = new RungRunner();
  let stop = new AbortController();
  process.on("message", (message) => {
    const order = slotOrder.parse(message);
    if (order.kind === "stop") stop.abort();
    else {
      stop = new AbortController();
      void answerTo(order, runner, stop.signal).then(tell);
    }
  });
}

async function answerTo(work: SlotWork, runner: RungRunner, signal: AbortSignal): Promise<SlotAnswer> {
  try {
    if (work.kind === "quantize") return { kind: "quantized", figures: await runner.quantize(work, { signal }) };
    const onEpoch = (done: number): void => tell({ kind: "epoch", done });
    return { kind: "trained", failed: await runner.train(work, { signal, onEpoch }) };
  } catch (error) {
    if (signal.aborted) return { kind: "stopped" };
    return { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
}

function tell(answer: SlotAnswer): void {
  // Where nobody receives it, this process is about to end.
  process.send!(answer, undefined, undefined, () => {});
}
