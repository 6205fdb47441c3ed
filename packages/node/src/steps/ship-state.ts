/**
 * The progress of a running chain, saved in its folder so that any process can show it. If the chain is stopped, the
 * file remains and tells where.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../host/atomic.js";
import { problemOf, readJson } from "../host/document.js";
import type { StepContext } from "./context.js";

const savedState = z.object({
  /** The steps of the chain, in order. */
  plan: z.array(z.string()),
  /** States of the steps reached so far. */
  steps: z.record(z.string(), z.enum(["kept", "running", "done"])),
  progress: z
    .object({ label: z.string(), done: z.number(), total: z.number(), unit: z.string(), detail: z.string() })
    .optional(),
});

export type SavedShipState = z.infer<typeof savedState>;
export type StepState = SavedShipState["steps"][string];

export const stateName = "state.json";
const pathOf = (folder: string): string => join(folder, stateName);
const writeEveryMs = 500;

export class ShipState {
  #state: SavedShipState;
  #written = Number.NEGATIVE_INFINITY;

  constructor(
    readonly folder: string,
    plan: readonly string[],
  ) {
    this.#state = { plan: [...plan], steps: {} };
    this.#write();
  }

  step(name: string, state: StepState): void {
    this.#state = { plan: this.#state.plan, steps: { ...this.#state.steps, [name]: state } };
    this.#write();
  }

  /** The same context; its progress is saved too. */
  watch(context: StepContext): StepContext {
    const { signal } = context;
    return {
      signal,
      note: (line) => context.note(line),
      progress: (options) => {
        const shown = context.progress(options);
        const { label, total, unit = "" } = options;
        return {
          update: (done, detail = "") => {
            shown.update(done, detail);
            this.#state = { ...this.#state, progress: { label, done, total, unit, detail } };
            if (performance.now() - this.#written > writeEveryMs) this.#write();
          },
          log: (line) => shown.log(line),
          stop: () => shown.stop(),
        };
      },
    };
  }

  /** Removes the saved state: the chain is done. */
  end(): void {
    rmSync(pathOf(this.folder), { force: true });
  }

  #write(): void {
    this.#written = performance.now();
    writeFileAtomic(pathOf(this.folder), `${JSON.stringify(this.#state)}\n`);
  }
}

/** The state that a chain left; undefined where it is complete, was never started, or the file is damaged. */
export function readShipState(folder: string): SavedShipState | undefined {
  try {
    const document = readJson(pathOf(folder), { code: "ship.state", remedy: "ship again" });
    return problemOf(savedState, document) === undefined ? savedState.parse(document) : undefined;
  } catch {
    return undefined;
  }
}
