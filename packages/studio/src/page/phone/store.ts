/** State of the phone's page: whether it is admitted, what it sees, and what it has sent. */
import { signal } from "@preact/signals";
import { mostPhonePictureBytes, type PhoneView } from "../../shared/phone.js";
import { get, post, UserError } from "../api.js";

/** Undefined while it is not admitted. */
export const view = signal<PhoneView | undefined>(undefined);
export const isAsking = signal(true);
export const problem = signal<unknown>(undefined);
export interface Sending {
  readonly done: number;
  readonly total: number;
}

/** Pictures that are being sent. */
export const sending = signal<Sending | undefined>(undefined);
export const said = signal("");

const askEveryMs = 3000;

/** @param code in the address that was opened, if any */
export async function begin(code: string | undefined): Promise<void> {
  if (code !== undefined) await enter(code);
  else await look();
  isAsking.value = false;
  setInterval(() => {
    if (view.value !== undefined && document.visibilityState === "visible") void look();
  }, askEveryMs);
}

export async function enter(code: string): Promise<void> {
  problem.value = undefined;
  try {
    await post("enter", { body: { code } });
    await look();
  } catch (error) {
    problem.value = explain(error);
  }
}

/** Requests the current view; a phone that is no longer admitted has to enter a code again. */
async function look(): Promise<void> {
  const wasIn = view.value !== undefined;
  try {
    view.value = await get<PhoneView>("view");
  } catch (error) {
    view.value = undefined;
    if (wasIn) problem.value = explain(error);
  }
}

/** Sends pictures one after another, until one is refused. */
export async function send(pictures: readonly Blob[]): Promise<void> {
  problem.value = undefined;
  said.value = "";
  let done = 0;
  try {
    for (const picture of pictures) {
      sending.value = { done, total: pictures.length };
      if (picture.size > mostPhonePictureBytes)
        throw new UserError(
          "studio.body",
          `the picture has more than ${mostPhonePictureBytes >> 20} MB; take a smaller one`,
        );
      await post("picture", { body: picture });
      done++;
    }
    said.value = done === 1 ? "The picture is there" : `${done} pictures are there`;
  } catch (error) {
    problem.value = explain(error);
  }
  sending.value = undefined;
  await look();
}

function explain(error: unknown): unknown {
  const { code } = error as Partial<UserError>;
  if (code === "studio.gone" || code === "phone.closed")
    return new UserError(
      "phone.closed",
      "the door is closed; open it again in the studio's page, and scan its new code",
    );
  if (code === "phone.token")
    return new UserError("phone.token", "this phone is not in any more; enter the code that the studio's page shows");
  return error;
}
