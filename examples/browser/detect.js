/** Boxes of people in a picture that the user chooses. */
import { loadModel } from "@phinets/core/model";

const bytes = async (name) => new Uint8Array(await (await fetch(`model/${name}`)).arrayBuffer());
const loading = loadModel(bytes, { on: "int8" });
const [input, canvas, found] = ["picture", "canvas", "found"].map((id) => document.getElementById(id));

input.onchange = async () => {
  const bitmap = await createImageBitmap(input.files[0]);
  const { width, height } = Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const data = withoutAlpha(context.getImageData(0, 0, width, height).data);
  const boxes = (await loading).detect({ width, height, channels: 3, data });
  context.strokeStyle = "#e33";
  context.lineWidth = Math.max(2, width / 300);
  for (const box of boxes) context.strokeRect(box.x, box.y, box.width, box.height);
  found.textContent = JSON.stringify(boxes);
};

/** RGBA to RGB. */
function withoutAlpha(rgba) {
  return Uint8Array.from({ length: (rgba.length / 4) * 3 }, (_, i) => rgba[4 * Math.floor(i / 3) + (i % 3)]);
}
