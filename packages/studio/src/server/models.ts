/**
 * Detectors that can suggest boxes: runs in the opened folder, and those of @phinets/models. Each is loaded once and
 * cached.
 */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Model } from "@phinets/core/model";
import { classNames as classNamesOf, findsBoxes } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { loadNetwork, openRun } from "@phinets/node/run";
import type { ModelEntry } from "../shared/labels.js";
import { foldersBelow } from "./find.js";
import type { OpenedFolder } from "./opened-folder.js";

/** Files of a run that a model is loaded from. */
const parts = ["network.json", "quantized.json", "quantized.safetensors", "weights/best.safetensors"];

export class Models {
  #kept: { readonly id: string; readonly model: Promise<Model> } | undefined;

  constructor(readonly folder: OpenedFolder) {}

  /** Detectors only: a classifier has no boxes. */
  list(): ModelEntry[] {
    const own = foldersBelow(this.folder.real, (path) => existsSync(join(path, "network.json"))).map((path) => ({
      id: `run:${path}`,
      title: path || this.folder.name,
      path,
    }));
    const built = builtIn().map(({ name, path }) => ({ id: `model:${name}`, title: name, path }));
    return [...own, ...built].flatMap((entry) => {
      const classes = classesOf(entry.id.startsWith("run:") ? this.folder.resolve(entry.path || ".") : entry.path);
      return classes === undefined ? [] : [{ ...entry, classes }];
    });
  }

  /** The model of an entry of `list`. Throws PhinetsError where there is none, or where it cannot be loaded. */
  async model(id: string): Promise<Model> {
    if (this.#kept?.id === id) return this.#kept.model;
    const path = this.#placeOf(id);
    const before = this.#kept;
    const model = openRun(path);
    this.#kept = { id, model };
    model.catch(() => {
      if (this.#kept?.model === model) this.#kept = undefined;
    });
    await (await before?.model.catch(() => undefined))?.dispose();
    return model;
  }

  #placeOf(id: string): string {
    const [, kind, name] = /^(run|model):(.*)$/s.exec(id) ?? [];
    if (kind === "model") {
      const found = builtIn().find((each) => each.name === name);
      if (found !== undefined) return found.path;
    }
    if (kind !== "run")
      throw new PhinetsError("studio.missing", `there is no model ${JSON.stringify(id.slice(0, 80))}`);
    const path = this.folder.resolve(name || ".");
    for (const part of parts) {
      if (existsSync(join(path, part))) this.folder.require(join(path, part), join(name, part));
    }
    return path;
  }
}

/** Undefined where it is not a detector, or damaged. */
function classesOf(folder: string): readonly string[] | undefined {
  try {
    const { head } = loadNetwork(join(folder, "network.json"));
    return findsBoxes(head) ? classNamesOf(head) : undefined;
  } catch (error) {
    if (error instanceof PhinetsError) return undefined;
    throw error;
  }
}

/** Runs of @phinets/models; none where it is not installed. */
function builtIn(): { readonly name: string; readonly path: string }[] {
  let root: string;
  try {
    root = dirname(createRequire(import.meta.url).resolve("@phinets/models/package.json"));
  } catch {
    return [];
  }
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, "network.json")))
    .map(({ name }) => ({ name, path: join(root, name) }));
}
