/** One large picture with its boxes; the arrow keys step through the shown pictures. */
import { useEffect, useRef, useState } from "preact/hooks";
import { splitOf } from "../../../shared/data.js";
import { Boxes, describe } from "./boxes.js";
import { LabelButton } from "./label-button.js";
import { catalogue, opened, shown, source } from "./store.js";

export function Viewer() {
  const n = opened.value;
  const set = catalogue.value;
  const dialog = useRef<HTMLDialogElement>(null);
  const [address, setAddress] = useState("");
  useEffect(() => {
    if (n === undefined || set === undefined) dialog.current?.close();
    else if (!dialog.current?.open) dialog.current?.showModal();
    let wanted = true;
    setAddress("");
    if (n !== undefined && set !== undefined)
      source.value?.picture(set.path, n).then(
        (found) => wanted && setAddress(found),
        () => wanted && setAddress(""),
      );
    return () => {
      wanted = false;
    };
  }, [n, set]);
  const go = (by: number) => {
    const next = shown.value[shown.value.indexOf(n ?? -1) + by];
    if (next !== undefined) opened.value = next;
  };
  const press = ({ key }: KeyboardEvent) => {
    if (key === "ArrowLeft") go(-1);
    if (key === "ArrowRight") go(1);
  };
  return (
    <dialog
      ref={dialog}
      class="viewer"
      aria-label="Picture"
      onKeyDown={press}
      onClose={() => {
        opened.value = undefined;
      }}
    >
      {n !== undefined && set !== undefined && (
        <>
          <header>
            <h2>{set.files[n]}</h2>
            <button type="button" onClick={() => dialog.current?.close()}>
              Close
            </button>
          </header>
          <p class="quiet">
            {splitOf(set, n)} · {describe(set, n).slice(set.files[n].length + 2)}
          </p>
          <div class="stage">
            {address !== "" && (
              <span class="picture">
                <img src={address} alt={describe(set, n)} />
                <Boxes catalogue={set} n={n} names />
              </span>
            )}
          </div>
          <p class="actions">
            <button type="button" onClick={() => go(-1)}>
              ← Before
            </button>
            <button type="button" onClick={() => go(1)}>
              Next →
            </button>
            <LabelButton picture={set.files[n]} onOpen={() => dialog.current?.close()} />
          </p>
        </>
      )}
    </dialog>
  );
}
