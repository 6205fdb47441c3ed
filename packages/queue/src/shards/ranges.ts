/** Ranges of pictures: those still to be done, and the size of the next shard. */

/** Pictures from `from` up to and excluding `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Keeps the ranges that `firstOf` may have produced for `length` pictures: in order, without overlaps, within the
 * length.
 */
export function sound<T extends Range>(
  ranges: readonly T[],
  { length, unit }: { readonly length: number; readonly unit: number },
): T[] {
  let end = 0;
  return [...ranges]
    .sort((a, b) => a.from - b.from || a.to - b.to)
    .filter(({ from, to }) => {
      const isCut = from % unit === 0 && (to === length || (to % unit === 0 && length - to >= unit));
      if (!isCut || from < end || to <= from || to > length) return false;
      end = to;
      return true;
    });
}

/** The pictures that no range covers. @param ranges as returned by `sound` */
export function gapsOf(ranges: readonly Range[], length: number): Range[] {
  const ends = [{ from: 0, to: 0 }, ...ranges, { from: length, to: length }];
  return ends.slice(1).flatMap(({ from }, n) => (ends[n].to < from ? [{ from: ends[n].to, to: from }] : []));
}

/**
 * The first shard of a gap: `size` pictures, or the whole gap where the rest would have fewer than `unit` pictures,
 * because such a rest would make a batch of another shape.
 */
export function firstOf({ from, to }: Range, { size, unit }: { readonly size: number; readonly unit: number }): Range {
  const end = from + size;
  return { from, to: to - end < unit ? to : end };
}

/** Number of pictures that take about `targetMs`: a multiple of `unit`, at least one unit, at most `most`. */
export function sizeFor(
  measured: readonly { readonly pictures: number; readonly ms: number }[],
  { targetMs, unit, most }: { readonly targetMs: number; readonly unit: number; readonly most: number },
): number {
  const pictures = measured.reduce((sum, each) => sum + each.pictures, 0);
  const ms = measured.reduce((sum, each) => sum + each.ms, 0);
  if (pictures === 0) return unit;
  const fitting = ms === 0 ? most : (targetMs * pictures) / ms;
  return unit * Math.max(1, Math.floor(Math.min(fitting, most) / unit));
}
