// The int8 inference module, with a memory of its own. inference/engine writes its programs.
import { add, prepareAdd } from "./add";
import { depthwise } from "./depthwise";
import { extreme, globalAveragePool, lookupMap, maxPool, multiplyMaps } from "./elementwise";
import { linear } from "./linear";
import { move, resize } from "./moves";
import { pack, panelOfOne } from "./panels";
import { averagePool, maxWindow, softmax } from "./foreign";
import { fromPlanes, padMap, repeat, toPlanes } from "./planes";

/** First address that the module does not use itself. */
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
        add(i);
        break;
      case 3:
        multiplyMaps(i);
        break;
      case 4:
        globalAveragePool(i);
        break;
      case 5:
        lookupMap(i);
        break;
      case 6:
        maxPool(i);
        break;
      case 7:
        padMap(i);
        break;
      case 8:
        toPlanes(i);
        break;
      case 9:
        fromPlanes(i);
        break;
      case 10:
        averagePool(i);
        break;
      case 11:
        softmax(i);
        break;
      case 12:
        pack(i);
        break;
      case 13:
        panelOfOne(i);
        break;
      case 14:
        prepareAdd(i);
        break;
      case 15:
        move(i);
        break;
      case 16:
        resize(i);
        break;
      case 17:
        maxWindow(i);
        break;
      case 18:
        extreme(i);
        break;
      case 19:
        repeat(i);
        break;
      default:
        unreachable();
    }
  }
}
