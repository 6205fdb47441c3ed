/**
 * Dialogue for taking pictures with this machine's camera: preview, single pictures with the space bar, or one every
 * few seconds.
 */
import { formatCount } from "@phinets/node/text";
import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { connection } from "../../../connection.js";
import { Problem } from "../../../ui/problem.js";
import { Select } from "../../../ui/select.js";
import { LabelButton } from "../label-button.js";
import {
  burst,
  camera,
  cameras,
  closeCamera,
  count,
  forgetKept,
  forgetTaken,
  isSaving,
  kept,
  openCamera,
  problem,
  saveKept,
  startBurst,
  stopBurst,
  stream,
  taken,
  takePicture,
} from "./camera.js";
import { beginTarget, targetTitle } from "./target.js";
import { TargetPicker } from "./target-picker.js";
import "./capture.css";

export default function CameraDialog({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const take = useRef<HTMLButtonElement>(null);
  const isServed = connection.value.kind === "server";
  useEffect(() => {
    beginTarget();
    forgetTaken();
    dialog.current?.showModal();
    take.current?.focus();
    void openCamera();
    return closeCamera;
  }, []);
  const press = (event: KeyboardEvent) => {
    // A focused button is pressed by the space bar, and a field receives the character.
    if (event.key !== " " || event.repeat || (event.target as Element).matches("button, select, input, textarea"))
      return;
    event.preventDefault();
    void takePicture();
  };
  return (
    <dialog ref={dialog} class="capture" aria-label="Take pictures" onKeyDown={press} onClose={onClose}>
      <header>
        <h2>Take pictures</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      {problem.value !== undefined && <Problem error={problem.value} />}
      <div class="work">
        <Live />
        <div>
          {isServed ? (
            <TargetPicker label="Into" />
          ) : (
            <p class="quiet">
              Without a server this page writes into no folder: what is taken stays in it until you save it as a .zip.
            </p>
          )}
          {cameras.value.length > 1 && (
            <div class="fields">
              <Select
                label="Camera"
                value={camera.value}
                options={cameras.value.map(({ deviceId, label }, n) => [deviceId, label || `camera ${n + 1}`] as const)}
                onChange={(id) => void openCamera(id)}
              />
            </div>
          )}
          <p class="actions">
            <button ref={take} type="button" class="main" onClick={() => void takePicture()}>
              Take a picture <kbd>Space</kbd>
            </button>
          </p>
          <BurstForm />
          <p role="status">
            {isSaving.value && burst.value === undefined ? "Saving…" : taken.value.length > 0 ? said(isServed) : ""}
          </p>
          <p class="actions">
            <LabelButton picture={taken.value[0]?.saved?.file} onOpen={() => dialog.current?.close()} />
            {kept.value.size > 0 && (
              <>
                <button type="button" onClick={() => void saveKept()}>
                  Save captures.zip
                </button>
                <button type="button" onClick={forgetKept}>
                  Forget them
                </button>
              </>
            )}
          </p>
        </div>
      </div>
      <ol class="taken" aria-label="Taken last">
        {taken.value.map(({ address, name }) => (
          <li key={address}>
            <img src={address} alt={name} />
          </li>
        ))}
      </ol>
    </dialog>
  );
}

function said(isServed: boolean): string {
  const pictures = `${formatCount(count.value)} ${count.value === 1 ? "picture" : "pictures"}`;
  const [{ name }] = taken.value;
  return isServed ? `${pictures} into ${targetTitle.value}; the last is ${name}` : `${pictures} in this page`;
}

function Live() {
  const place = useRef<HTMLDivElement>(null);
  const video = stream.value?.video;
  useEffect(() => {
    if (video !== undefined) place.current?.replaceChildren(video);
  }, [video]);
  return (
    <div
      ref={place}
      class="live"
      role="img"
      aria-label={video === undefined ? "No camera yet" : "What the camera sees"}
    />
  );
}

function BurstForm() {
  const [every, total] = [useSignal(1), useSignal(20)];
  const [first, second] = [useId(), useId()];
  const { value } = burst;
  if (value !== undefined)
    return (
      <p class="actions">
        <progress max={value.total} value={value.done} aria-label="Pictures of the burst" />
        <button type="button" onClick={stopBurst}>
          Stop
        </button>
      </p>
    );
  return (
    <form
      class="actions"
      onSubmit={(event) => {
        event.preventDefault();
        startBurst({ every: every.value, total: total.value });
      }}
    >
      <label for={first}>or every</label>
      <input
        id={first}
        type="number"
        min={0.2}
        max={3600}
        step={0.1}
        value={every.value}
        onChange={({ currentTarget }) => {
          every.value = Math.min(3600, Math.max(0.2, currentTarget.valueAsNumber || 1));
        }}
      />
      <label for={second}>seconds, until there are</label>
      <input
        id={second}
        type="number"
        min={1}
        max={1000}
        value={total.value}
        onChange={({ currentTarget }) => {
          total.value = Math.min(1000, Math.max(1, Math.round(currentTarget.valueAsNumber) || 1));
        }}
      />
      <button type="submit">Start</button>
    </form>
  );
}
