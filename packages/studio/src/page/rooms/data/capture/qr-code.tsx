/** A QR code for a phone's camera: dark on white in every colour scheme. */
import qrcode from "qrcode-generator";

/** Width in modules of the white margin that readers need (ISO/IEC 18004). */
const quiet = 4;

export interface QrCodeProps {
  readonly text: string;
  /** Description for screen readers. */
  readonly label: string;
}

export function QrCode({ text, label }: QrCodeProps) {
  // The smallest version that holds the text, with medium error correction.
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
