/** `phinets monitor`: shows what a board sends over its serial line. */
import { PhinetsError } from "@phinets/core/tensor";
import { formatMotTracks } from "@phinets/core/tracking";
import { type WireBox, type WireFrame, type WireHello, WireListener, type WireLosses } from "@phinets/core/wire";
import { formatCount, visible } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { maxFrames } from "./detection-options.js";
import { requireOwnTracks } from "./own-tracks.js";
import { groups, json, out } from "./shared-options.js";

interface MonitorOptions {
  readonly baud: number;
  readonly reconnect?: boolean;
  readonly out?: string;
  readonly maxFrames?: number;
  readonly emulate?: string;
  readonly clip?: string;
}

/** The compiler checks this value against the code that uses it, which is loaded only when it is needed. */
const defaultBaud: typeof import("@phinets/node/serial").defaultBaud = 115_200;

const definition: VerbDefinition = {
  name: "monitor",
  description:
    "Prints the boxes and tracks that a board sends over its serial line, one line per frame, until Ctrl-C or the end of a file. The firmware must be built with -DPHINETS_WIRE. Lost bytes, packets and frames are counted.",
  arguments: [
    {
      name: "[source]",
      help: "serial port, file of its bytes, or - for standard input (default: the only board that is connected)",
      completes: "path",
    },
  ],
  examples: [
    ["phinets monitor /dev/ttyACM0", "one line per frame"],
    ["phinets monitor /dev/ttyUSB0 --baud 921600 --out tracks.txt", "also write the tracks as MOTChallenge text"],
    ["phinets monitor --reconnect --json", "the only connected board, one JSON document per frame"],
    ["phinets monitor --emulate runs/ship/my-parts --clip belt.mp4", "without a board"],
  ],
  options: [
    {
      flags: "--baud <rate>",
      help: "bits per second of a UART; USB ignores it",
      group: "Source",
      parse: integer(50, 20_000_000),
      default: defaultBaud,
    },
    {
      flags: "--emulate <run>",
      help: "instead of a board, run the firmware of this run on an emulated core, with the frames of --clip as its camera",
      group: "Source",
      completes: "path",
      conflicts: ["reconnect"],
    },
    { flags: "--clip <path>", help: "with --emulate: video, or folder of frames", group: "Source", completes: "path" },
    { flags: "--reconnect", help: "wait for a port that does not exist yet or disappears", group: "Source" },
    maxFrames,
    vary(out("file", "file for the tracks, as MOTChallenge text"), { group: groups.run }),
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((source: string | undefined, options: MonitorOptions) =>
    monitor(source, options, context),
  );
}

async function monitor(given: string | undefined, options: MonitorOptions, context: Context): Promise<void> {
  const { maxFrames: most = Number.POSITIVE_INFINITY } = options;
  if (options.out !== undefined) requireOwnTracks(options.out);
  const { LineFile } = await import("@phinets/node/video");
  const { source, line } = await open(given, options, context);
  const file = options.out === undefined ? undefined : new LineFile(options.out);
  const numbers = new FrameNumbers();
  const ids = new Set<number>();
  const listener = new WireListener();
  const said = new SaidLosses(context);
  let [frames, received] = [0, 0];
  let greeted: WireHello | undefined;
  let whole = false;
  try {
    reading: for await (const bytes of line) {
      received += bytes.length;
      const heard = listener.push(bytes);
      said.update(listener.losses);
      for (const frame of heard) {
        const { hello } = listener;
        if (hello !== undefined && !sameHello(hello, greeted)) context.stdout.write(helloLine(hello, context.json));
        greeted = hello;
        for (const { id } of frame.tracks ?? []) ids.add(id);
        file?.write(formatMotTracks(numbers.of(frame), frame.tracks ?? []));
        context.stdout.write(frameLine(frame, hello, context.json));
        if (++frames >= most) break reading;
      }
    }
    whole = true;
  } finally {
    if (whole) file?.close();
    else file?.abort();
  }
  const { losses } = listener;
  if (frames === 0 && received > 0)
    context.note(
      `${source}: ${formatCount(received)} bytes without any frame; build the firmware with -DPHINETS_WIRE, and set --baud to the board's rate`,
    );
  context.result({ frames, tracks: ids.size, lost: losses, out: options.out }, () => {
    const written = options.out === undefined ? "" : `; written to ${options.out}`;
    return `${formatCount(ids.size)} tracks in ${formatCount(frames)} frames; ${describeLosses(losses) ?? "nothing lost"}${written}`;
  });
}

async function open(
  given: string | undefined,
  { baud, reconnect, emulate, clip }: MonitorOptions,
  { signal, note }: Context,
): Promise<{ readonly source: string; readonly line: AsyncIterable<Uint8Array> }> {
  if (emulate === undefined) {
    if (clip !== undefined)
      throw new PhinetsError("cli.usage", "--clip is what an emulated board sees: name --emulate too");
    const { lineBytes, onlyPort } = await import("@phinets/node/serial");
    const source = given ?? onlyPort();
    return { source, line: lineBytes(source, { baud, reconnect, signal, onNote: note }) };
  }
  if (given !== undefined || clip === undefined)
    throw new PhinetsError(
      "cli.usage",
      "--emulate takes a run, and the frames that it sees as --clip; no port beside it",
    );
  const { runLine } = await import("@phinets/node/steps");
  return { source: emulate, line: runLine(emulate, { clip, signal }) };
}

/**
 * Numbers frames from 1 for MOTChallenge. A restarted board counts from 0 again; its frames continue after the last
 * number.
 */
class FrameNumbers {
  #before = 0;
  #last = -1;

  of({ frame }: WireFrame): number {
    if (frame <= this.#last) this.#before += this.#last + 1;
    this.#last = frame;
    return this.#before + frame + 1;
  }
}

/** Reports losses, at most once per second. */
class SaidLosses {
  #said = "";
  #at = Number.NEGATIVE_INFINITY;
  constructor(readonly context: Context) {}

  update(losses: WireLosses): void {
    const text = describeLosses(losses) ?? "";
    if (text === this.#said || performance.now() - this.#at < 1000) return;
    this.#said = text;
    this.#at = performance.now();
    this.context.note(`lost: ${text}`);
  }
}

/** Undefined where nothing was lost. */
function describeLosses({ frames, bytes, packets }: WireLosses): string | undefined {
  const reasons: readonly (readonly [number, string])[] = [
    [packets.damaged, "damaged"],
    [packets.long, "too long"],
    [packets.version, "of another version"],
    [packets.malformed, "malformed"],
  ];
  const said = reasons.flatMap(([count, reason]) => (count === 0 ? [] : [`${formatCount(count)} packets ${reason}`]));
  if (frames > 0) said.unshift(`${formatCount(frames)} frames missing`);
  if (bytes > 0) said.push(`${formatCount(bytes)} bytes`);
  return said.length === 0 ? undefined : said.join(", ");
}

function sameHello(a: WireHello, b: WireHello | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function helloLine(hello: WireHello, isJson: boolean): string {
  if (isJson) return `${JSON.stringify({ hello })}\n`;
  const { name, width, height, classes, intervalUs } = hello;
  const rate = intervalUs > 0 ? `, ${(1e6 / intervalUs).toFixed(1)} frames/s` : "";
  return `${visible(`${name}: ${width} x ${height}, ${classes.join(", ")}${rate}`)}\n`;
}

function frameLine({ frame, boxes, tracks }: WireFrame, hello: WireHello | undefined, isJson: boolean): string {
  const named = <T extends WireBox>({ x1, y1, x2, y2, class: index, ...rest }: T) => ({
    ...rest,
    ...{ x: x1, y: y1, width: x2 - x1, height: y2 - y1 },
    class: index,
    ...(hello?.classes[index] !== undefined && { name: hello.classes[index] }),
  });
  if (isJson)
    return `${JSON.stringify({ frame, ...(boxes && { boxes: boxes.map(named) }), ...(tracks && { tracks: tracks.map(named) }) })}\n`;
  const shown = (tracks ?? []).map(
    ({ id, class: index, score, x1, y1, x2, y2 }) =>
      `${id} ${hello?.classes[index] ?? `class ${index}`} ${score.toFixed(2)} (${[x1, y1, x2, y2].map((side) => side.toFixed(1)).join(" ")})`,
  );
  const counts = `${boxes?.length ?? "?"} boxes, ${tracks?.length ?? "?"} tracks`;
  return `${visible([frame, counts, ...shown].join("  "))}\n`;
}
