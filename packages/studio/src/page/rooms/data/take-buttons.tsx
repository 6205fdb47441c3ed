/** Buttons that open this machine's camera or the door for a phone. Each dialogue is loaded when it is first opened. */
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { captured, connection, phone } from "../../connection.js";
import { Problem } from "../../ui/problem.js";
import { refresh } from "./store.js";

interface DialogProps {
  readonly onClose: () => void;
}

const dialogs = {
  camera: () => import("./capture/camera-dialog.js"),
  phone: () => import("./capture/phone-dialog.js"),
};

export function TakeButtons() {
  const dialog = useSignal<ComponentType<DialogProps> | undefined>(undefined);
  const problem = useSignal<unknown>(undefined);
  const isServed = connection.value.kind === "server";
  const last = captured.value;
  useEffect(() => {
    if (last !== undefined) void refresh(last.set);
  }, [last]);
  const open = async (which: keyof typeof dialogs) => {
    problem.value = undefined;
    try {
      dialog.value = (await dialogs[which]()).default;
    } catch (error) {
      problem.value = error;
    }
  };
  const Dialog = dialog.value;
  return (
    <>
      {problem.value !== undefined && <Problem error={problem.value} />}
      <p class="actions">
        <button type="button" onClick={() => void open("camera")}>
          Take pictures…
        </button>
        {isServed && (
          <button type="button" onClick={() => void open("phone")}>
            {phone.value?.door === undefined ? "Let a phone in…" : "A phone's door is open…"}
          </button>
        )}
      </p>
      {Dialog && (
        <Dialog
          onClose={() => {
            dialog.value = undefined;
          }}
        />
      )}
    </>
  );
}
