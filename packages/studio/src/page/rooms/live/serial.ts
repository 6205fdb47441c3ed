/** A serial port of the user's, by the browser's Web Serial (https://wicg.github.io/serial/): Chromium and its kin have it. */
import { UserError } from "../../api.js";

/** Of the specification, what is used. */
interface SerialPort {
  readonly readable: ReadableStream<Uint8Array> | null;
  open(options: { readonly baudRate: number; readonly bufferSize?: number }): Promise<void>;
  close(): Promise<void>;
}

interface Serial {
  requestPort(): Promise<SerialPort>;
}

/** Bytes as they come, until they end or `close` is called. */
export interface Line {
  readonly bytes: ReadableStream<Uint8Array>;
  close(): Promise<void>;
}

const serial = (): Serial | undefined => (navigator as Navigator & { readonly serial?: Serial }).serial;

export const hasSerial = (): boolean => serial() !== undefined;

/** Lets the user choose a port. Throws UserError where none was chosen, or it cannot be opened. */
export async function openSerial(baudRate: number): Promise<Line> {
  const known = serial();
  if (known === undefined)
    throw new UserError(
      "studio.serial",
      "this browser has no Web Serial; use Chrome, Edge or Opera, or phinets monitor in a terminal",
    );
  let port: SerialPort;
  try {
    port = await known.requestPort();
  } catch {
    throw new UserError("studio.serial", "no port was chosen");
  }
  try {
    await port.open({ baudRate, bufferSize: 1 << 16 });
  } catch (error) {
    throw new UserError(
      "studio.serial",
      `the port cannot be opened (${(error as Error).message}); close other programs that have it, phinets monitor for one`,
    );
  }
  if (port.readable === null) throw new UserError("studio.serial", "the port cannot be read; plug the board in again");
  return { bytes: port.readable, close: () => port.close().catch(() => {}) };
}
