/** The data that remains in a phone's picture. */
import sharp from "sharp";
import { expect, it } from "vitest";
import { decodePicture, uprightJpeg } from "./index.js";

const red = sharp({ create: { width: 40, height: 20, channels: 3, background: "red" } });

it("is its upright pixels, and neither place nor time nor what follows it", async () => {
  const blue = await sharp({ create: { width: 10, height: 20, channels: 3, background: "blue" } })
    .png()
    .toBuffer();
  const taken = await red
    .clone()
    .composite([{ input: blue, left: 0, top: 0 }])
    .withExif({
      IFD0: { Make: "Telephone", DateTime: "2026:01:31 12:00:00" },
      IFD3: { GPSLatitudeRef: "N", GPSLatitude: "48/1 8/1 0/1" },
    })
    .withXmp("<x:xmpmeta xmlns:x='adobe:ns:meta/'><secret/></x:xmpmeta>")
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
    .toBuffer();
  const before = await sharp(taken).metadata();
  expect(before.orientation).toBe(6);
  expect(taken.toString("latin1")).toMatch(/Telephone/);
  expect(taken.toString("latin1")).toMatch(/secret/);
  const bytes = await uprightJpeg("taken.jpg", Buffer.concat([taken, Buffer.from("a clip that follows")]));
  const { exif, xmp, iptc, orientation, format, width, height } = await sharp(bytes).metadata();
  expect({ exif, xmp, iptc, orientation, format, width, height }).toEqual({ format: "jpeg", width: 20, height: 40 });
  expect(Buffer.from(bytes).toString("latin1")).not.toMatch(/Telephone|Exif|secret|clip that follows|2026:/);
  // Rotated clockwise by 90 degrees: the left side is at the top.
  const { data } = await decodePicture("taken.jpg", { bytes });
  expect(data[2]).toBeGreaterThan(240);
  expect(data[3 * 20 * 39]).toBeGreaterThan(240);
});

it("is a picture that was whole", async () => {
  const jpeg = await sharp({
    create: {
      width: 400,
      height: 300,
      channels: 3,
      background: "red",
      noise: { type: "gaussian", mean: 128, sigma: 30 },
    },
  })
    .jpeg()
    .toBuffer();
  await expect(uprightJpeg("half.jpg", jpeg.subarray(0, jpeg.length / 2))).rejects.toThrow(
    /half.jpg: is truncated or damaged/,
  );
  await expect(uprightJpeg("no.jpg", Buffer.from("<svg onload=alert(1)>"))).rejects.toThrow(
    /no.jpg: is an SVG drawing/,
  );
  await expect(uprightJpeg("a.gif", await red.clone().gif().toBuffer())).rejects.toThrow(
    /a.gif: is GIF; save it as JPEG/,
  );
  const heic = Buffer.concat([Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"), Buffer.alloc(40)]);
  await expect(uprightJpeg("a.heic", heic)).rejects.toThrow(/a.heic: .*HEIC/);
  for (const kind of ["png", "webp", "avif"] as const)
    expect((await sharp(await uprightJpeg(`a.${kind}`, await red.clone()[kind]().toBuffer())).metadata()).width).toBe(
      40,
    );
});
