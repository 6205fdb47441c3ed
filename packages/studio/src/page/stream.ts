/** Frames of a clip, a camera or the screen, as they are shown; frames that arrive during processing are skipped. */
import { PhinetsError } from "@phinets/core/tensor";

export interface FrameStream {
  readonly video: HTMLVideoElement;
  /** Releases the camera or the clip. */
  stop(): void;
}

/** @param video constraints on the camera and its resolution; default: any */
export async function openWebcam(video: MediaTrackConstraints | true = true): Promise<FrameStream> {
  return openMedia(() => navigator.mediaDevices.getUserMedia({ video }), "camera");
}

export async function openScreen(): Promise<FrameStream> {
  return openMedia(() => navigator.mediaDevices.getDisplayMedia({ video: true }), "screen");
}

export async function openClip(file: File): Promise<FrameStream> {
  const video = makeVideo();
  const address = URL.createObjectURL(file);
  video.src = address;
  const stop = () => {
    video.pause();
    video.removeAttribute("src");
    URL.revokeObjectURL(address);
  };
  try {
    await video.play();
  } catch (error) {
    stop();
    throw new PhinetsError(
      "studio.clip",
      `${file.name}: this browser cannot play it (${(error as Error).name}); make it an .mp4 (H.264) or .webm, or use phinets track`,
      file.name,
    );
  }
  return { video, stop };
}

async function openMedia(ask: () => Promise<MediaStream>, what: string): Promise<FrameStream> {
  if (navigator.mediaDevices === undefined)
    throw new PhinetsError(
      "studio.camera",
      `browsers give a ${what} to pages of localhost and of HTTPS alone; open the studio at localhost, on its own machine`,
    );
  let media: MediaStream;
  try {
    media = await ask();
  } catch (error) {
    const { name } = error as Error;
    const why =
      name === "NotAllowedError"
        ? `the ${what} was refused; allow it beside the page's address`
        : name === "NotFoundError"
          ? `there is no ${what}`
          : `the ${what} cannot be used (${name}); another program may have it`;
    throw new PhinetsError("studio.camera", why);
  }
  const video = makeVideo();
  video.srcObject = media;
  await video.play();
  return {
    video,
    stop: () => {
      for (const track of media.getTracks()) track.stop();
      video.srcObject = null;
    },
  };
}

function makeVideo(): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  return video;
}

/**
 * Calls `onFrame` with frames until the stream ends or `signal` aborts.
 * @param onFrame owns its bitmap; the next frame is captured when it resolves
 */
export async function eachFrame(
  { video }: FrameStream,
  signal: AbortSignal,
  onFrame: (bitmap: ImageBitmap) => Promise<void>,
): Promise<void> {
  let fresh = false;
  let wake = () => {};
  const tick = () => {
    fresh = true;
    wake();
    if (!signal.aborted) video.requestVideoFrameCallback(tick);
  };
  video.requestVideoFrameCallback(tick);
  const ended = () => wake();
  for (const name of ["ended", "emptied"]) video.addEventListener(name, ended);
  signal.addEventListener("abort", ended);
  while (!signal.aborted && !video.ended && (video.src !== "" || video.srcObject !== null)) {
    if (!fresh)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    if (!fresh) continue;
    fresh = false;
    if (signal.aborted || video.videoWidth === 0) break;
    await onFrame(await createImageBitmap(video));
  }
}
