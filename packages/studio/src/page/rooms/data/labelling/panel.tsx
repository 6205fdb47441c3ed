/** Panel beside the picture: classes, a model's suggestions, the clip, the keys. */
import { formatCount } from "@phinets/node/text";
import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { chosenFiles } from "../../../files/given-files.js";
import { colourOf } from "../../../ui/colours.js";
import { CommandLine } from "../../../ui/command-line.js";
import { source } from "../store.js";
import { copyFromBefore, follow, frames, interpolate, marked, markKeyframe } from "./clip.js";
import { keyHelp } from "./keys.js";
import {
  act,
  activeClass,
  addModel,
  classes,
  editing,
  isHelpOpen,
  loadModels,
  model,
  models,
  newClass,
  type Open,
  setClass,
  suggestBoxes,
} from "./store.js";

export function Panel({ open }: { readonly open: Open }) {
  return (
    <div class="panel">
      {isHelpOpen.value && <Keys />}
      <Classes />
      <Suggestions open={open} />
      {frames.value.length > 1 && <Clip />}
    </div>
  );
}

function Classes() {
  const [id, name] = [useId(), useSignal("")];
  const input = useRef<HTMLInputElement>(null);
  const { boxes } = editing.value;
  const add = async (event: Event) => {
    event.preventDefault();
    if (name.value.trim() === "" || !(await newClass(name.value.trim()))) return;
    name.value = "";
    // Give the focus back, so that keys draw again.
    input.current?.closest("dialog")?.querySelector("h2")?.focus();
  };
  return (
    <section aria-label="Classes">
      <h3>Classes</h3>
      <ul class="classes">
        {classes.value.map((each, n) => (
          <li key={each}>
            <button type="button" aria-pressed={n === activeClass.value} onClick={() => setClass(n)}>
              <span class="swatch" style={{ background: colourOf(n) }} />
              <span class="name">{each}</span>
              <span class="quiet">{formatCount(boxes.filter((box) => box.class === n).length)}</span>
              {n < 9 && <kbd>{n + 1}</kbd>}
            </button>
          </li>
        ))}
      </ul>
      <form class="actions" onSubmit={add}>
        <label for={id} class="hidden">
          Name of a new class
        </label>
        <input
          ref={input}
          id={id}
          type="text"
          placeholder="new class…"
          maxLength={200}
          value={name.value}
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
        <button type="submit">Add</button>
      </form>
    </section>
  );
}

function Suggestions({ open }: { readonly open: Open }) {
  const id = useId();
  useEffect(() => void loadModels(), []);
  const list = models.value;
  if (list === undefined) return null;
  if (list.length === 0 && open.labels.addModel === undefined) return null;
  const { suggestions } = editing.value;
  const chosen = list.find((each) => each.id === model.value);
  const folder = source.value?.commandPath(open.set);
  const path = (within: string) => `${folder?.replace(/\/$/, "")}/${within}`;
  return (
    <section aria-label="Suggestions">
      <h3>Suggestions</h3>
      {open.labels.addModel && <OpenModel />}
      {list.length > 0 && (
        <div class="actions">
          <label for={id} class="hidden">
            Model
          </label>
          <select
            id={id}
            value={model.value}
            onChange={({ currentTarget }) => {
              model.value = currentTarget.value;
            }}
          >
            {list.map((each) => (
              <option key={each.id} value={each.id}>
                {each.title} ({each.classes.slice(0, 3).join(", ")})
              </option>
            ))}
          </select>
          <button type="button" onClick={() => void suggestBoxes()}>
            Suggest <kbd>P</kbd>
          </button>
          {suggestions.length > 0 && (
            <>
              <button type="button" onClick={() => act({ kind: "accept" })}>
                Accept all {suggestions.length}
              </button>
              <button type="button" onClick={() => act({ kind: "drop" })}>
                Drop all
              </button>
            </>
          )}
        </div>
      )}
      {chosen && folder && <CommandLine words={["phinets", "predict", "--model", chosen.path, path(open.picture)]} />}
    </section>
  );
}

/** Where the page has no folder of runs: opens a run for suggestions. */
function OpenModel() {
  const id = useId();
  return (
    <p class="actions">
      <label class="button" for={id}>
        Open a run's .zip…
        <input
          id={id}
          class="hidden"
          type="file"
          accept=".zip"
          onChange={({ currentTarget }) => void addModel({ files: chosenFiles(currentTarget.files ?? []) })}
        />
      </label>
    </p>
  );
}

function Clip() {
  const { value } = marked;
  return (
    <section aria-label="Clip">
      <h3>Clip of {formatCount(frames.value.length)} frames</h3>
      <div class="actions">
        <button type="button" onClick={() => void copyFromBefore()}>
          Boxes of the frame before <kbd>C</kbd>
        </button>
        <button type="button" onClick={markKeyframe}>
          Keyframe <kbd>Shift+K</kbd>
        </button>
        <button type="button" onClick={() => void interpolate()}>
          Between keyframes <kbd>I</kbd>
        </button>
        <button type="button" onClick={() => void follow()}>
          Follow <kbd>F</kbd>
        </button>
      </div>
      {value.length > 0 && <p class="quiet">Keyframes: {value.map(({ frame }) => frame).join(", ")}</p>}
    </section>
  );
}

function Keys() {
  return (
    <section aria-label="Keys">
      <h3>Keys</h3>
      <dl class="keys">
        {keyHelp.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
