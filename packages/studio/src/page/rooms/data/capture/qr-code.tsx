/** A QR code that a telephone's camera reads: dark on white in every colour scheme. */
import qrcode from "qrcode-generator";

/** Modules that are left white around it, as readers need (ISO/IEC 18004). */
const quiet = 4;

export interface QrCodeProps {
  readonly text: string;
  /** What it is, for who does not see it. */
  readonly label: string;
}

export function QrCode({ text, label }: QrCodeProps) {
  // The smallest that holds the text; of medium error correction.
  const code = qrcode(0, "M");
  code.addData(text);
  code.make();
  const count = code.getModuleCount();
  const dark: string[] = [];
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++)
      if (code.isDark(row, column)) dark.push(`M${column + quiet} ${row + quiet}h1v1h-1z`);
  const side = count + 2 * quiet;
  return (
    <svg class="qr" viewBox={`0 0 ${side} ${side}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <path d={dark.join("")} fill="#000" />
    </svg>
  );
}
