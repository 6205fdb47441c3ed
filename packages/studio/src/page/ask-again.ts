/** A question to the server that is asked again when the server has told of a change: never by the clock alone. */
import { computed, effect, untracked } from "@preact/signals";
import { returns } from "./connection.js";

/** Between two of the same question: changes may come faster than a room need show them. */
const restMs = 400;

/**
 * Asks at once, and again whenever `key`, made of signals, is another, or the server is found again; one question at a time.
 * @returns what ends it
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
