/** Labelling view: one picture over the whole window, its boxes, and the state of saving. */
import { formatCount } from "@phinets/node/text";
import { useEffect, useRef } from "preact/hooks";
import { catalogue, source } from "../store.js";
import { endPanning, pressKey } from "./keys.js";
import { Panel } from "./panel.js";
import { Stage } from "./stage.js";
import { close, editing, goBy, isHelpOpen, message, open, resolveChange, saveAndGoOn, saveDrafts } from "./store.js";
import { showWhole, zoom, zoomBy, zoomStep } from "./viewport.js";
import "./labelling.css";

export function Labelling() {
  const dialog = useRef<HTMLDialogElement>(null);
  const { value } = open;
  const isOpen = value !== undefined;
  const labels = source.value?.labels;
  useEffect(() => void (labels && saveDrafts(labels)), [labels]);
  useEffect(() => {
    if (!isOpen) dialog.current?.close();
    else if (!dialog.current?.open) dialog.current?.showModal();
    if (!isOpen) return;
    // Listens on the whole window: the focused element may be removed before the next key.
    addEventListener("keydown", pressKey);
    addEventListener("keyup", endPanning);
    addEventListener("blur", endPanning);
    return () => {
      removeEventListener("keydown", pressKey);
      removeEventListener("keyup", endPanning);
      removeEventListener("blur", endPanning);
    };
  }, [isOpen]);
  const heading = useRef<HTMLHeadingElement>(null);
  const drawing = editing.value;
  // If the focused element is removed, Tab continues from the heading.
  useEffect(() => {
    if (isOpen && !dialog.current?.contains(document.activeElement)) heading.current?.focus();
  }, [isOpen, value, drawing]);
  const set = catalogue.value;
  return (
    <dialog
      ref={dialog}
      class="labelling"
      aria-label="Labelling"
      onCancel={(event) => event.preventDefault()}
      onClose={close}
    >
      {value && set && (
        <>
          <header>
            <h2 ref={heading} tabIndex={-1}>
              {value.picture}
            </h2>
            <span class="quiet">
              {formatCount(set.files.indexOf(value.picture) + 1)} of {formatCount(set.files.length)},{" "}
              {formatCount(set.unlabelled.length)} without labels
            </span>
            <SaveState />
          </header>
          <p class="said" role="status" aria-label="Message">
            {message.value}
          </p>
          <div class="work">
            <Stage open={value} />
            <Panel open={value} />
          </div>
          <footer class="actions">
            <button type="button" onClick={() => goBy(-1)}>
              ← Before
            </button>
            <button type="button" onClick={() => goBy(1)}>
              Next →
            </button>
            <button type="button" class="main" onClick={() => void saveAndGoOn()}>
              Save, next without labels
            </button>
            <ZoomButtons />
            <button
              type="button"
              aria-pressed={isHelpOpen.value}
              onClick={() => {
                isHelpOpen.value = !isHelpOpen.value;
              }}
            >
              Keys <kbd>?</kbd>
            </button>
            <button type="button" onClick={close}>
              Close
            </button>
          </footer>
        </>
      )}
    </dialog>
  );
}

function ZoomButtons() {
  return (
    <span class="zooms">
      <button type="button" aria-label="Zoom out" onClick={() => zoomBy(1 / zoomStep, editing.value)}>
        −
      </button>
      <button type="button" title="The whole picture" onClick={showWhole}>
        {Math.round(100 * zoom.value.scale)} %
      </button>
      <button type="button" aria-label="Zoom in" onClick={() => zoomBy(zoomStep, editing.value)}>
        +
      </button>
    </span>
  );
}

const words = { waiting: "Not saved yet", saving: "Saving…" } as const;

function SaveState() {
  const { value } = open;
  if (value === undefined) return null;
  const state = value.saver.state.value;
  const where = value.labels.kept === undefined ? "Saved" : "Kept in this browser";
  const saved = value.labelled ? where : "Without labels";
  return (
    <span class="saved">
      <span role="status" aria-label="Saving" class={state.kind === "failed" ? "bad" : "quiet"}>
        {state.kind === "saved" ? saved : state.kind === "failed" ? `Not saved: ${state.message}` : words[state.kind]}
      </span>
      {state.kind === "failed" && !state.changed && (
        <button type="button" onClick={() => void value.saver.flush()}>
          Try again
        </button>
      )}
      {state.kind === "failed" && state.changed && (
        <>
          <button type="button" onClick={() => void resolveChange("theirs")}>
            Take theirs
          </button>
          <button type="button" onClick={() => void resolveChange("mine")}>
            Keep mine
          </button>
        </>
      )}
    </span>
  );
}
