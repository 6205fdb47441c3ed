/** The phone's page: asks for the code, then shows the newest pictures, and a camera where pictures may be added. */
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { codeDigits, type PhoneView } from "../../shared/phone.js";
import { addressOf } from "../api.js";
import { Problem } from "../ui/problem.js";
import { hasLiveCamera, LiveCamera } from "./camera.js";
import { enter, isAsking, problem, said, send, sending, view } from "./store.js";

export function PhonePage() {
  const { value } = view;
  return (
    <main class="phone">
      <h1>{value === undefined ? "PhiNets studio" : value.title}</h1>
      {problem.value !== undefined && <Problem error={problem.value} />}
      {value !== undefined ? <Inside view={value} /> : isAsking.value ? <p class="quiet">Opening…</p> : <Entry />}
    </main>
  );
}

function Entry() {
  const id = useId();
  const code = useSignal("");
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        void enter(code.value);
      }}
    >
      <label for={id}>The code that the studio's page shows</label>
      <p class="actions">
        <input
          id={id}
          type="text"
          inputMode="numeric"
          autocomplete="one-time-code"
          maxLength={codeDigits + 4}
          value={code.value}
          onInput={({ currentTarget }) => {
            code.value = currentTarget.value;
          }}
        />
        <button type="submit" class="main">
          Enter
        </button>
      </p>
    </form>
  );
}

function Inside({ view: { kind, pictures, newest, mayAdd, added } }: { readonly view: PhoneView }) {
  return (
    <>
      <p>
        {pictures} pictures{kind !== undefined && `; yours are of the class ${kind}`}
        {added > 0 && `; ${added} came from a phone`}
      </p>
      {mayAdd ? <Add /> : <p class="quiet">You look only: the studio's page says whether a phone may add pictures.</p>}
      <p role="status">
        {sending.value === undefined ? said.value : `Sending ${sending.value.done + 1} of ${sending.value.total}…`}
      </p>
      <ol class="newest" aria-label="Newest pictures">
        {newest.map((id, n) => (
          <li key={id}>
            <img src={addressOf("thumbnail", { id })} alt={`Number ${n + 1} of the newest`} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Add() {
  const [one, several] = [useId(), useId()];
  const isBusy = sending.value !== undefined;
  const take = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    const files = [...(currentTarget.files ?? [])];
    // Lets the user choose the same file again.
    currentTarget.value = "";
    if (files.length > 0) void send(files);
  };
  return (
    <section class="card" aria-label="Add pictures">
      <p class="actions">
        <label class="button" for={one}>
          Take a picture
          <input
            id={one}
            class="hidden"
            type="file"
            accept="image/*"
            capture="environment"
            disabled={isBusy}
            onChange={take}
          />
        </label>
        <label class="button" for={several}>
          Pictures of the phone…
          <input id={several} class="hidden" type="file" accept="image/*" multiple disabled={isBusy} onChange={take} />
        </label>
      </p>
      {hasLiveCamera() && <LiveCamera />}
      <p class="quiet">Place, time and all else that the phone writes into a picture beside its pixels is not kept.</p>
    </section>
  );
}
