/** The phone's live camera, where the browser allows one: at addresses that it trusts. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type FrameStream, openWebcam } from "../stream.js";
import { problem, send, sending } from "./store.js";

/** Browsers give no camera to pages over plain HTTP. */
export const hasLiveCamera = (): boolean => isSecureContext && navigator.mediaDevices !== undefined;

const wanted = { facingMode: { ideal: "environment" }, width: { ideal: 1920 }, height: { ideal: 1080 } };

export function LiveCamera() {
  const stream = useSignal<FrameStream | undefined>(undefined);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => () => stream.peek()?.stop(), [stream]);
  const open = async () => {
    problem.value = undefined;
    try {
      stream.value = await openWebcam(wanted);
      place.current?.replaceChildren(stream.value.video);
    } catch (error) {
      problem.value = error;
    }
  };
  const take = async () => {
    const frame = await createImageBitmap(stream.value!.video);
    const canvas = new OffscreenCanvas(frame.width, frame.height);
    canvas.getContext("2d")!.drawImage(frame, 0, 0);
    frame.close();
    await send([await canvas.convertToBlob({ type: "image/jpeg", quality: 1 })]);
  };
  return (
    <>
      <div ref={place} class="live" role="img" aria-label="What the camera sees" hidden={stream.value === undefined} />
      <p class="actions">
        {stream.value === undefined ? (
          <button type="button" onClick={() => void open()}>
            Live camera
          </button>
        ) : (
          <button type="button" class="main" disabled={sending.value !== undefined} onClick={() => void take()}>
            Take this
          </button>
        )}
      </p>
    </>
  );
}
