/** Names of captured pictures, which sort by day and number. */

/** Most captures per folder and day. */
export const mostCaptures = 9999;

/** "capture-20260131-", by the local date. */
export function captureStart(date: Date): string {
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0"));
  return `capture-${day.join("")}-`;
}

/** @param n from 1 to `mostCaptures` */
export const captureName = (start: string, n: number): string => `${start}${String(n).padStart(4, "0")}.jpg`;
