/** Names of pictures that were taken: they sort by day and number. */

/** Of a folder and day. */
export const mostCaptures = 9999;

/** "capture-20260131-", of the local day. */
export function captureStart(date: Date): string {
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0"));
  return `capture-${day.join("")}-`;
}

/** @param n from 1 to `mostCaptures` */
export const captureName = (start: string, n: number): string => `${start}${String(n).padStart(4, "0")}.jpg`;
