// The int8 inference module, with a memory of its own. Programs are made by inference/engine.
import { depthwise } from "./depthwise";
import { add, globalAveragePool, lookupMap, maxPool, multiplyMaps } from "./elementwise";
import { groupedConvolution } from "./grouped";
import { linear } from "./linear";
import { fromPlanes, padMap, toPlanes } from "./planes";

/** First address that is not the module's own. */
export function firstAddress(): usize {
  return __heap_base;
}

/** Executes the instructions from `start` to `end`. */
export function run(start: usize, end: usize): void {
  for (let i = start; i < end; i += <usize>load<i32>(i, 4) << 2) {
    switch (load<i32>(i)) {
      case 0:
        linear(i);
        break;
      case 1:
        depthwise(i);
        break;
      case 2:
        groupedConvolution(i);
        break;
      case 3:
        add(i);
        break;
      case 4:
        multiplyMaps(i);
        break;
      case 5:
        globalAveragePool(i);
        break;
      case 6:
        lookupMap(i);
        break;
      case 7:
        maxPool(i);
        break;
      case 8:
        padMap(i);
        break;
      case 9:
        toPlanes(i);
        break;
      case 10:
        fromPlanes(i);
        break;
      default:
        unreachable();
    }
  }
}
