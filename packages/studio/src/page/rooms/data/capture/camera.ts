/**
 * The camera and the pictures taken with it. They are saved into the data set or, without a server, kept in the page.
 */
import { signal } from "@preact/signals";
import { captureName, captureStart } from "../../../../shared/captures.js";
import type { SavedFrame } from "../../../../shared/try.js";
import { post, UserError } from "../../../api.js";
import { connection } from "../../../connection.js";
import { type FrameStream, openWebcam } from "../../../stream.js";
import { saveFile } from "../../../ui/save.js";
import { catalogue, entries, openSet, refresh } from "../store.js";
import { kind, newFolder, target } from "./target.js";

export interface Taken {
  /** Blob address of a small copy. */
  readonly address: string;
  readonly name: string;
  /** Where it was saved; absent where the page keeps it. */
  readonly saved?: SavedFrame;
}

export interface Burst {
  readonly done: number;
  readonly total: number;
}

/** Networks are trained on far smaller pictures, so more resolution gains nothing. */
const wantedSize = { width: { ideal: 1920 }, height: { ideal: 1080 } };
/** The server encodes it again, so nothing should be lost before. */
const quality = 1;
/** Number of small copies to show. */
const mostShown = 8;
const thumbnailSide = 160;
/** Limit on the pictures that the page keeps. */
const mostKeptBytes = 256 * 1024 * 1024;

export const stream = signal<FrameStream | undefined>(undefined);
export const cameras = signal<readonly MediaDeviceInfo[]>([]);
export const camera = signal("");
/** Newest first. */
export const taken = signal<readonly Taken[]>([]);
export const count = signal(0);
export const burst = signal<Burst | undefined>(undefined);
export const isSaving = signal(false);
export const problem = signal<unknown>(undefined);
/** Pictures that the page keeps, by name, and their total size in bytes. */
export const kept = signal<ReadonlyMap<string, Blob>>(new Map());

let burstTimer: ReturnType<typeof setInterval> | undefined;

/** @param id of a camera; default: any */
export async function openCamera(id?: string): Promise<void> {
  closeCamera();
  problem.value = undefined;
  try {
    stream.value = await openWebcam({ ...wantedSize, ...(id !== undefined && { deviceId: { exact: id } }) });
    const devices = await navigator.mediaDevices.enumerateDevices();
    cameras.value = devices.filter((device) => device.kind === "videoinput");
    const [track] = (stream.value.video.srcObject as MediaStream).getVideoTracks();
    camera.value = track?.getSettings().deviceId ?? "";
    track?.addEventListener("ended", () => {
      problem.value = new UserError("studio.camera", "the camera is gone; connect it again and choose it");
      closeCamera();
    });
  } catch (error) {
    problem.value = error;
  }
}

export function closeCamera(): void {
  stopBurst();
  stream.value?.stop();
  stream.value = undefined;
}

/** Forgets the pictures taken when the dialogue is closed, except those that the page keeps. */
export function forgetTaken(): void {
  for (const { address } of taken.value) URL.revokeObjectURL(address);
  taken.value = [];
  count.value = 0;
  problem.value = undefined;
}

/** Takes the current picture, unless the previous one is still being saved. False where it could not be saved. */
export async function takePicture(): Promise<boolean> {
  const video = stream.value?.video;
  if (video === undefined || video.videoWidth === 0 || isSaving.value) return true;
  problem.value = undefined;
  isSaving.value = true;
  try {
    const frame = await createImageBitmap(video);
    const [body, small] = [
      await encode(frame, { quality }),
      await encode(frame, { quality: 0.8, side: thumbnailSide }),
    ];
    frame.close();
    const isServed = connection.value.kind === "server";
    const where = isServed ? await save(body) : { name: keep(body) };
    const next = [{ ...where, address: URL.createObjectURL(small) }, ...taken.value];
    for (const { address } of next.slice(mostShown)) URL.revokeObjectURL(address);
    taken.value = next.slice(0, mostShown);
    count.value++;
    return true;
  } catch (error) {
    problem.value = error;
    return false;
  } finally {
    isSaving.value = false;
  }
}

async function save(body: Blob): Promise<Pick<Taken, "name" | "saved">> {
  const { set, make } = target.value;
  const query = { set, ...(make && { make: 1 }), ...(kind.value !== undefined && { class: kind.value }) };
  const saved = await post<SavedFrame>("captures", { query, body });
  await refresh(set);
  return { name: saved.file, saved: make ? await openMade(saved) : saved };
}

/** Opens the data set that a new folder has become; if it is the only one, the opened folder itself is the data set. */
async function openMade({ set, file }: SavedFrame): Promise<SavedFrame> {
  newFolder.value = undefined;
  const isListed = entries.value?.some(({ path }) => path === set);
  const path = isListed ? set : "";
  if (catalogue.value?.path !== path) await openSet(path);
  return isListed ? { set, file } : { set: path, file: `${set}/${file}` };
}

function keep(body: Blob): string {
  const all = [...kept.value.values()].reduce((sum, { size }) => sum + size, body.size);
  if (all > mostKeptBytes)
    throw new UserError("studio.full", "the page keeps no more pictures; save the .zip and forget them");
  const name = captureName(captureStart(new Date()), kept.value.size + 1);
  kept.value = new Map(kept.value).set(name, body);
  return name;
}

/** Offers the pictures that the page keeps as one .zip. */
export async function saveKept(): Promise<void> {
  const { zipSync } = await import("fflate");
  const entries = await Promise.all(
    [...kept.value].map(async ([name, blob]) => [name, new Uint8Array(await blob.arrayBuffer())] as const),
  );
  // JPEGs cannot be compressed further.
  const bytes = zipSync(Object.fromEntries(entries), { level: 0 });
  saveFile("captures.zip", new Uint8Array(bytes), "application/zip");
}

export function forgetKept(): void {
  kept.value = new Map();
  forgetTaken();
}

export interface BurstOptions {
  /** Interval in seconds. */
  readonly every: number;
  readonly total: number;
}

/** Takes pictures at an interval until `total` are taken, it is stopped or one cannot be saved. */
export function startBurst({ every, total }: BurstOptions): void {
  stopBurst();
  burst.value = { done: 0, total };
  const take = async () => {
    if (isSaving.value) return;
    const before = count.value;
    const isSaved = await takePicture();
    const { value } = burst;
    if (value === undefined) return;
    burst.value = { ...value, done: value.done + count.value - before };
    if (!isSaved || burst.value.done >= total) stopBurst();
  };
  burstTimer = setInterval(() => void take(), 1000 * every);
  void take();
}

export function stopBurst(): void {
  clearInterval(burstTimer);
  burst.value = undefined;
}

async function encode(frame: ImageBitmap, how: { readonly quality: number; readonly side?: number }): Promise<Blob> {
  const factor = how.side === undefined ? 1 : Math.min(1, how.side / Math.max(frame.width, frame.height));
  const canvas = new OffscreenCanvas(Math.round(frame.width * factor), Math.round(frame.height * factor));
  canvas.getContext("2d")!.drawImage(frame, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: "image/jpeg", quality: how.quality });
}
