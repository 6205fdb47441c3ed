/** Helpers for values of any size and depth: lists too long for function arguments, and values in messages. */

/** Minimum and maximum of a list; Infinity and -Infinity for an empty one. */
export function extentOf(values: Iterable<number>): readonly [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}

/** `list.push(...more)` for any number of elements. */
export function append<T>(list: T[], more: Iterable<T>): void {
  for (const item of more) list.push(item);
}

/** Appends a value to the list under a key, creating the list if necessary. */
export function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

const longest = 80;

/** A value as JSON for a message, truncated if deep or long. Undefined for undefined, like JSON.stringify. */
export function showValue(value: unknown): string | undefined {
  const text = typeof value === "string" ? JSON.stringify(cut(value)) : JSON.stringify(shallow(value, 3));
  return text === undefined ? undefined : cut(text);
}

const cut = (text: string): string => (text.length <= longest ? text : `${text.slice(0, longest - 3)}...`);

function shallow(value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return typeof value === "string" ? cut(value) : value;
  if (depth === 0) return Array.isArray(value) ? "[...]" : "{...}";
  if (Array.isArray(value)) return value.slice(0, longest).map((each) => shallow(each, depth - 1));
  const few = Object.entries(value).slice(0, longest);
  return Object.fromEntries(few.map(([key, each]) => [cut(key), shallow(each, depth - 1)]));
}

/** The first names for a message, and how many more there are. */
export function someOf(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).map(cut).join(", ");
  return names.length <= most ? shown : `${shown} and ${names.length - most} more`;
}
