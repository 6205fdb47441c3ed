/**
 * A serial port, opened by the browser's Web Serial API (https://wicg.github.io/serial/), which Chromium-based browsers
 * have.
 */
import { UserError } from "../../api.js";

/** The part of the specification that is used. */
interface SerialPort {
  readonly readable: ReadableStream<Uint8Array> | null;
  open(options: { readonly baudRate: number; readonly bufferSize?: number }): Promise<void>;
  close(): Promise<void>;
}

interface Serial {
  requestPort(): Promise<SerialPort>;
}

/** Bytes as they arrive, until the line ends or `close` is called. */
export interface Line {
  readonly bytes: ReadableStream<Uint8Array>;
  close(): Promise<void>;
}

const serial = (): Serial | undefined => (navigator as Navigator & { readonly serial?: Serial }).serial;

export const hasSerial = (): boolean => serial() !== undefined;

/** Lets the user choose a port. Throws UserError where none is chosen, or it cannot be opened. */
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
