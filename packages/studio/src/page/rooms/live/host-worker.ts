/**
 * Worker that runs the run's int8 network on the pictures that a board sends, and compares the boxes with the board's.
 */
import { type Picture, writeInputInt8 } from "@phinets/core/data";
import { Follower, modelOptions, wireMessagesOf } from "@phinets/core/export";
import { IntegerEngine } from "@phinets/core/inference";
import { parseNetworkFile } from "@phinets/core/model";
import { decodeQuantized } from "@phinets/core/quantization";
import { PhinetsError, utf8Decode } from "@phinets/core/tensor";
import { encodeWire, type WireBox, type WireBoxes, WireDecoder } from "@phinets/core/wire";
import { answerWith } from "../../answer.js";

export type HostQuestion =
  | {
      /** Files of a run by name, and the minimum score of its firmware's boxes. */
      readonly files: Readonly<Record<string, Uint8Array>>;
      readonly scoreThreshold: number;
    }
  | { readonly frame: number; readonly picture: Picture; readonly found: readonly WireBox[] };

export interface HostAnswer {
  /** Undefined: the network is loaded. */
  readonly frame?: number;
  /** As the board would send them: rounded to the wire format's steps. */
  readonly boxes: readonly WireBox[];
  /** Whether all of the board's boxes are the same. */
  readonly equal: boolean;
}

let look: ((picture: Picture) => WireBox[]) | undefined;

answerWith((question: HostQuestion): HostAnswer => {
  if ("files" in question) {
    look = open(question.files, question.scoreThreshold);
    return { boxes: [], equal: true };
  }
  const { frame, picture, found } = question;
  const boxes = look!(picture);
  return { frame, boxes, equal: JSON.stringify(boxes) === JSON.stringify(found) };
});

function open(files: Readonly<Record<string, Uint8Array>>, scoreThreshold: number): (picture: Picture) => WireBox[] {
  const network = parseNetworkFile(files["network.json"], "network.json");
  const q = decodeQuantized(utf8Decode(files["quantized.json"]), files["quantized.safetensors"], "quantized.json");
  const { detector } = modelOptions(network, { scoreThreshold });
  if (detector === undefined) throw new PhinetsError("studio.live", "this run is no detector; choose another");
  const engine = new IntegerEngine(q);
  const input = new Int8Array(engine.inputBytes);
  const { height, width, channels } = network.input;
  return (picture) => {
    if (picture.height !== height || picture.width !== width || picture.channels !== channels)
      throw new PhinetsError(
        "studio.live",
        `the board sends pictures of ${picture.width} x ${picture.height} x ${picture.channels}, this run's network sees ${width} x ${height} x ${channels}; choose the run that the board has`,
      );
    writeInputInt8(picture.data, input);
    const followed = new Follower(q, detector).next(engine.run(input));
    const [boxes] = wireMessagesOf(followed, 0, { width, height });
    const [rounded] = new WireDecoder().push(encodeWire(boxes)) as WireBoxes[];
    return [...rounded.boxes];
  };
}
