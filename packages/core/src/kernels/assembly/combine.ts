// Combines two maps element by element; each is broadcast where it has one row, column or channel.
import { Combinations, CombineMaps } from "./instructions.generated";
import { address, arena, arg, images } from "./program";

export function combineMaps(i: usize, program: usize, shard: i32): void {
  switch (arg(i, CombineMaps.combination)) {
    case Combinations.add:
      combine(i, program, shard, Combinations.add);
      break;
    case Combinations.subtract:
      combine(i, program, shard, Combinations.subtract);
      break;
    case Combinations.multiply:
      combine(i, program, shard, Combinations.multiply);
      break;
    case Combinations.maximum:
      combine(i, program, shard, Combinations.maximum);
      break;
    case Combinations.minimum:
      combine(i, program, shard, Combinations.minimum);
      break;
    default:
      unreachable();
  }
}

// @ts-ignore: decorator
@inline
function combined(a: v128, b: v128, combination: i32): v128 {
  if (combination == Combinations.add) return f32x4.add(a, b);
  if (combination == Combinations.subtract) return f32x4.sub(a, b);
  if (combination == Combinations.multiply) return f32x4.mul(a, b);
  return combination == Combinations.maximum ? f32x4.max(a, b) : f32x4.min(a, b);
}

/** Four channels, or the only one repeated four times. */
// @ts-ignore: decorator
@inline
function four(at: usize, c: usize, channel: usize): v128 {
  return channel ? v128.load(at + c) : v128.load32_splat(at);
}

// @ts-ignore: decorator
@inline
function combine(i: usize, program: usize, shard: i32, combination: i32): void {
  const base = arena(program, shard);
  const rows = arg(i, CombineMaps.rows),
    columns = arg(i, CombineMaps.columns);
  const channels = address(i, CombineMaps.channels),
    bytes = address(i, CombineMaps.bytes);
  const aChannel = address(i, CombineMaps.aChannel),
    aColumn = address(i, CombineMaps.aColumn),
    aRow = address(i, CombineMaps.aRow),
    bChannel = address(i, CombineMaps.bChannel),
    bColumn = address(i, CombineMaps.bColumn),
    bRow = address(i, CombineMaps.bRow);
  const count = images(program, shard);
  let a = base + address(i, CombineMaps.a),
    b = base + address(i, CombineMaps.b),
    out = base + address(i, CombineMaps.out);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < rows; y++) {
      let p = a + <usize>y * aRow,
        q = b + <usize>y * bRow;
      for (let x = 0; x < columns; x++) {
        for (let c: usize = 0; c < bytes; c += 16)
          v128.store(out + c, combined(four(p, c, aChannel), four(q, c, bChannel), combination));
        // Clears the padding, which combining with a single channel has changed.
        for (let c = channels; c < bytes; c += 4) store<f32>(out + c, 0);
        p += aColumn;
        q += bColumn;
        out += bytes;
      }
    }
    a += address(i, CombineMaps.aImage);
    b += address(i, CombineMaps.bImage);
  }
}
