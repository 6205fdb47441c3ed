/** Formats numbers for people. Every function states its unit; a value that is not finite prints as "-". */

/** 1234567 -> "1,234,567". */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return "-";
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Bytes as "512 B", "35.2 KiB", "1.95 MiB" (powers of 1024). */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return "-";
  if (Math.abs(bytes) < 1024) return `${Math.round(bytes)} B`;
  if (Math.abs(bytes) < 1024 * 1024) return `${significant(bytes / 1024)} KiB`;
  if (Math.abs(bytes) < 1024 ** 3) return `${significant(bytes / 1024 ** 2)} MiB`;
  return `${significant(bytes / 1024 ** 3)} GiB`;
}

/** Multiply-accumulates as "950 MAC", "12.3 kMAC", "4.56 MMAC", "1.20 GMAC" (powers of 1000). */
export function formatMacs(macs: number): string {
  if (!Number.isFinite(macs)) return "-";
  if (macs < 1e3) return `${Math.round(macs)} MAC`;
  if (macs < 1e6) return `${significant(macs / 1e3)} kMAC`;
  if (macs < 1e9) return `${significant(macs / 1e6)} MMAC`;
  return `${significant(macs / 1e9)} GMAC`;
}

/** Milliseconds as "85 µs", "12.3 ms", "4.56 s", "3 min 20 s", "1 h 05 min". */
export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return "-";
  if (ms < 0.9995) return `${significant(ms * 1000)} µs`;
  if (ms < 999.5) return `${significant(ms)} ms`;
  if (ms < 59_950) return `${significant(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Hertz as "480 MHz". */
export function formatHertz(hertz: number): string {
  if (!Number.isFinite(hertz)) return "-";
  if (hertz >= 1e9) return `${significant(hertz / 1e9)} GHz`;
  if (hertz >= 1e6) return `${significant(hertz / 1e6)} MHz`;
  if (hertz >= 1e3) return `${significant(hertz / 1e3)} kHz`;
  return `${significant(hertz)} Hz`;
}

/** A fraction 0..1 as "93.4 %". */
export function formatPercent(fraction: number, digits = 1): string {
  return Number.isFinite(fraction) ? `${(fraction * 100).toFixed(digits)} %` : "-";
}

/** Three significant digits, no exponent: 4.56, 45.6, 456. Whole numbers below 100 have no decimals. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 100) return String(value);
  if (size >= 99.95) return value.toFixed(0);
  return size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
