/** Reads bytes from a serial port, a file or standard input. */
import { execFile } from "node:child_process";
import { closeSync, constants, createReadStream, existsSync, openSync, readdirSync, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { isatty, ReadStream } from "node:tty";
import { promisify } from "node:util";
import { PhinetsError } from "@phinets/core/tensor";

export interface LineOptions {
  /** Bits per second of a port. Default 115200; USB ignores it. */
  readonly baud?: number;
  /** Wait for a port that vanishes or does not exist yet. Default false. */
  readonly reconnect?: boolean;
  /** Ends reading without an error. */
  readonly signal?: AbortSignal;
  /** Called with a message when a port is waited for, and when it appears. */
  readonly onNote?: (line: string) => void;
}

export const defaultBaud = 115_200;
const lookEveryMs = 300;

/** Names of boards' USB serial devices. */
const boardNames: Partial<Record<NodeJS.Platform, RegExp>> = {
  linux: /^tty(ACM|USB)\d+$/,
  darwin: /^cu\.(usbmodem|usbserial|SLAB|wchusb)/,
};

/**
 * The only board that is plugged in. Throws PhinetsError where there is none, or where there are several, naming them.
 */
export function onlyPort(devices = "/dev"): string {
  const names = boardNames[process.platform];
  const found = names === undefined ? [] : readdirSync(devices).filter((name) => names.test(name));
  if (found.length === 1) return `${devices}/${found[0]}`;
  throw new PhinetsError(
    "serial.port",
    found.length === 0
      ? "no board is plugged in, as far as this machine shows it; name the port, a file, or - for standard input"
      : `several boards are plugged in: ${found.map((name) => `${devices}/${name}`).join(", ")}; name one`,
  );
}

/**
 * The bytes of a port, a file, a pipe or, for "-", standard input.
 * @throws PhinetsError `serial.missing` where the source does not exist, `serial.open` where it cannot be read,
 * `serial.gone` where a port vanishes
 */
export async function* lineBytes(
  source: string,
  options: LineOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { reconnect = false, signal, onNote = () => {} } = options;
  let isPort = false;
  while (!signal?.aborted) {
    if (source !== "-" && !existsSync(source)) {
      if (!reconnect)
        throw new PhinetsError(
          "serial.missing",
          `${source}: is not there; plug the board in, name another port, or wait for it with --reconnect`,
          source,
        );
      onNote(`${source}: is not there; waiting for it`);
      while (!existsSync(source) && !signal?.aborted) await pause(signal);
      if (signal?.aborted) return;
    }
    try {
      const opened = await openLine(source, options);
      isPort = opened.isPort;
      if (isPort) onNote(`${source}: open`);
      yield* bytesOf(opened.stream, signal);
      if (!isPort || signal?.aborted) return;
      throw gone(source);
    } catch (error) {
      if (signal?.aborted) return;
      const again = reconnect && error instanceof PhinetsError && /^serial\.(gone|open|missing)$/.test(error.code);
      if (!again) throw error;
      onNote(`${error.message.split(";")[0]}; waiting for it`);
      await pause(signal);
    }
  }
}

function gone(source: string): PhinetsError {
  return new PhinetsError(
    "serial.gone",
    `${source}: the device is gone; plug it in and start again, or let --reconnect wait for it`,
    source,
  );
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await wait(lookEveryMs, undefined, { signal }).catch(() => {});
}

interface OpenedLine {
  readonly stream: Readable;
  readonly isPort: boolean;
}

async function openLine(source: string, { baud = defaultBaud }: LineOptions): Promise<OpenedLine> {
  if (source === "-") return { stream: process.stdin, isPort: false };
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats === undefined) throw gone(source);
  if (stats.isDirectory())
    throw new PhinetsError("serial.open", `${source}: is a folder; name a port, a file, or -`, source);
  if (!stats.isCharacterDevice()) return { stream: createReadStream(source), isPort: false };
  const descriptor = openPort(source);
  try {
    if (!isatty(descriptor)) return { stream: createReadStream("", { fd: descriptor }), isPort: false };
    await setRaw(source, baud);
    return { stream: new ReadStream(descriptor), isPort: true };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Opens without waiting for a carrier, and without making the port this process's terminal. */
function openPort(source: string): number {
  if (process.platform === "win32")
    throw new PhinetsError(
      "serial.open",
      `${source}: ports are read on Linux and macOS; here, the studio's room Live reads them (phinets studio)`,
      source,
    );
  try {
    return openSync(source, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      EACCES: "you may not read it; join the group dialout (sudo usermod -aG dialout $USER) and log in again",
      EBUSY: "another program has it; close that one",
      ENOENT: "it is gone; plug it in again",
      ENXIO: "no device is behind it; plug the board in",
      EIO: "no device is behind it; plug the board in",
    };
    throw new PhinetsError("serial.open", `${source}: ${reasons[code ?? ""] ?? `cannot be opened (${code})`}`, source);
  }
}

/**
 * Sets raw mode and the bit rate with `stty`, which every Linux and macOS has. The settings last while the port is
 * open.
 */
async function setRaw(source: string, baud: number): Promise<void> {
  const words = [String(baud), "raw", "-echo", "-hupcl", "clocal", "cs8", "-cstopb", "-parenb"];
  const which = process.platform === "darwin" ? ["-f", source] : ["-F", source];
  try {
    await promisify(execFile)("stty", [...which, ...words], { timeout: 10_000 });
  } catch (error) {
    const { code, stderr = "" } = error as { code?: string | number; stderr?: string };
    const why = code === "ENOENT" ? "stty is not installed (coreutils has it)" : (stderr.trim().split("\n")[0] ?? "");
    throw new PhinetsError(
      "serial.open",
      `${source}: cannot be set to ${baud} baud: ${why}; name a rate that it knows with --baud`,
      source,
    );
  }
}

/** The stream's bytes; ends when the stream ends, when the port is unplugged, or when `signal` aborts. */
async function* bytesOf(stream: Readable, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const stop = () => stream.destroy();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for await (const bytes of stream) yield new Uint8Array(bytes as Buffer);
  } catch (error) {
    if (signal?.aborted) return;
    const { code } = error as NodeJS.ErrnoException;
    // Error codes of an unplugged port on Linux and macOS.
    if (code !== "EIO" && code !== "ENXIO" && code !== "ENODEV") throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    stream.destroy();
  }
}
