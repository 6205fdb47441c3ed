// Tables of 256 bytes, indexed by unsigned byte.

// A copy of the current table, so that its address is a constant in the code.
const TABLE: usize = memory.data(256, 16);

/** Selects the table that `lookup` uses. */
export function useTable(table: usize): void {
  memory.copy(TABLE, table, 256);
}

/**
 * Replaces `count` bytes, a multiple of 8, by their entries. Entries are collected in lanes, because one store per byte
 * is slower.
 */
export function lookup(x: usize, y: usize, count: i32): void {
  for (const end = x + <usize>count; x < end; x += 8) {
    let v = v128.load8_splat(<usize>load<u8>(x) + TABLE);
    v = v128.load8_lane(<usize>load<u8>(x, 1) + TABLE, v, 1);
    v = v128.load8_lane(<usize>load<u8>(x, 2) + TABLE, v, 2);
    v = v128.load8_lane(<usize>load<u8>(x, 3) + TABLE, v, 3);
    v = v128.load8_lane(<usize>load<u8>(x, 4) + TABLE, v, 4);
    v = v128.load8_lane(<usize>load<u8>(x, 5) + TABLE, v, 5);
    v = v128.load8_lane(<usize>load<u8>(x, 6) + TABLE, v, 6);
    v = v128.load8_lane(<usize>load<u8>(x, 7) + TABLE, v, 7);
    v128.store64_lane(y, v, 0);
    y += 8;
  }
}
