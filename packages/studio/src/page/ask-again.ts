/** Repeats a request to the server whenever the server reports a change, without polling. */
import { computed, effect, untracked } from "@preact/signals";
import { returns } from "./connection.js";

/** Pause in milliseconds between two requests: changes may arrive faster than a room has to show them. */
const restMs = 400;

/**
 * Calls `ask` at once, and again whenever `key`, computed from signals, changes or the connection is restored; one
 * request at a time.
 * @returns a function that ends it
 */
export function askAgain(key: () => string, ask: () => Promise<void>): () => void {
  let asking = false;
  let isStale = false;
  let ended = false;
  const answer = async (): Promise<void> => {
    isStale = true;
    if (asking) return;
    asking = true;
    while (isStale && !ended) {
      isStale = false;
      await ask();
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
    asking = false;
  };
  const current = computed(() => `${returns.value} ${key()}`);
  const stop = effect(() => {
    current.value;
    untracked(() => void answer());
  });
  return () => {
    ended = true;
    stop();
  };
}
