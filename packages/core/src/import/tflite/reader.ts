/** Reads the tensors and constants that operators of a .tflite file use. */
import { formatShape, sizeOf } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";
import type { TfliteFile, TfliteOperator, TfliteTensor } from "./file.js";

export class OperatorReader {
  constructor(readonly file: TfliteFile) {}

  /** The first `count` inputs of an operator. All methods throw `Unsupported` for missing or unsuitable tensors. */
  inputsOf({ inputs }: TfliteOperator, count: number): TfliteTensor[] {
    const tensors = inputs.slice(0, count).filter((each) => each !== -1);
    if (tensors.length < count)
      throw new Unsupported(`has ${tensors.length} inputs of ${count}; convert the network again`);
    return tensors.map((each) => this.file.tensors[each]);
  }

  int8s(constant: TfliteTensor): Int8Array {
    return Int8Array.from(this.#data(constant, "int8", 1));
  }

  int32s(constant: TfliteTensor): Int32Array {
    const data = this.#data(constant, "int32", 4);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Int32Array.from({ length: data.length / 4 }, (_, i) => view.getInt32(4 * i, true));
  }

  #data(constant: TfliteTensor, type: string, bytes: number): Uint8Array {
    const { name, shape, data } = constant;
    if (constant.type !== type || data === undefined || data.length !== bytes * sizeOf(shape))
      throw new Unsupported(
        `"${name.slice(0, 60)}" is ${data === undefined ? "no constant" : `${data.length} bytes of ${constant.type}`}, not ${type} ${formatShape(shape)}; convert the network again`,
      );
    return data;
  }
}
