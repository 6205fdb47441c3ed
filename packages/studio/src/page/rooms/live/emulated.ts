/** The serial line of an emulated board, as the server streams it. */
import type { ErrorDocument } from "../../../shared/errors.js";
import { addressOf, UserError } from "../../api.js";
import type { Line } from "./serial.js";

export interface Emulated {
  readonly run: string;
  readonly clip: string;
  readonly pictures: boolean;
  /** Number of times that the clip is played; 0: endlessly. */
  readonly times: number;
}

export async function openEmulated({ run, clip, pictures, times }: Emulated): Promise<Line> {
  const stop = new AbortController();
  const address = addressOf("live/emulated", { run, clip, pictures: pictures ? 1 : 0, times });
  const response = await fetch(address, { signal: stop.signal }).catch(() => undefined);
  if (response?.ok && response.body !== null)
    return {
      bytes: response.body,
      close: async () => stop.abort(),
    };
  const document = (await response?.json().catch(() => undefined)) as ErrorDocument | undefined;
  const { code, message } = document?.error ?? { code: "studio.gone", message: "the studio's server does not answer" };
  throw new UserError(code, message);
}
