/** The process of a slot: it does what the sweep that started it says, a rung at a time, until the channel between them closes. */
import { RungRunner } from "./rungs.js";
import { type SlotAnswer, type SlotWork, slotOrder } from "./slot-messages.js";

/** Serves the process that this one was forked by; ends this process with it, however that ends. */
export function serveSlot(): void {
  process.once("disconnect", () => process.exit());
  // Ctrl-C reaches all processes of a terminal: what is to be done is for the sweep to say.
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
  // Where nobody hears it, the process is about to end.
  process.send!(answer, undefined, undefined, () => {});
}
