/** What a phone, and anybody else on the network, must not get: attacks on the door's port, over plain sockets. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataFolder, jpeg } from "../../../../../test/data-folder.js";
import { askRaw, errorCodeOf, type RawRequest, rawRequest } from "../../../../../test/raw-http.js";
import { mostPhonePictureBytes, type OpenDoor, type OpenDoorRequest, type PhoneStatus } from "../../shared/phone.js";
import { type RunningStudio, startStudio } from "../index.js";
import { mostWrong } from "./entry-code.js";

const { root, put, yolo } = dataFolder("studio-door");
const folder = join(root, "opened");
const images = join(folder, "set/train/images");
let studio: RunningStudio;
let picture: string;

beforeAll(async () => {
  put("page/index.html", "<!doctype html><p>the studio's page");
  put("page/phone.html", "<!doctype html><p>the phone's page");
  put("page/assets/a.js", "1");
  put("secret.txt", "secret");
  await yolo("opened/set", { train: 3, val: 2, test: 1 });
  put("outside.jpg", await jpeg(8, 6, 1));
  picture = (await jpeg(40, 30, 1)).toString("latin1");
  studio = await startStudio({ folder, page: join(root, "page"), project: join(root, "runs") });
});
afterAll(() => studio?.close());

const address = "127.0.0.1";

/** A request of the studio's page. */
async function manage<T>(method: string, resource: string, body?: unknown): Promise<T> {
  const answer = await fetch(`http://localhost:${studio.port}/api/${resource}`, {
    method,
    headers: { Authorization: `Bearer ${studio.token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function openDoor(changes: Partial<OpenDoorRequest> = {}): Promise<OpenDoor> {
  const { door } = await manage<PhoneStatus>("POST", "phone", { address, set: "set", mayAdd: true, ...changes });
  return door!;
}
const doorNow = async () => (await manage<PhoneStatus>("GET", "phone")).door;
const portOf = ({ url }: OpenDoor): number => Number(new URL(url).port);

interface Asked extends Partial<RawRequest> {
  readonly cookie?: string;
}

function ask(door: OpenDoor, target: string, { cookie, headers, ...rest }: Asked = {}) {
  const port = portOf(door);
  const all = { Host: `${address}:${port}`, ...(cookie && { Cookie: cookie }), ...headers };
  return askRaw({ port, patience: 60_000 }, rawRequest(target, { ...rest, headers: all }));
}

const tryCode = (door: OpenDoor, code: string) =>
  ask(door, "/api/enter", { method: "POST", body: JSON.stringify({ code }) });

async function enter(door: OpenDoor): Promise<string> {
  const { status, head } = await tryCode(door, door.code);
  expect(status).toBe(204);
  const cookie = /set-cookie: ([^\r]+)/i.exec(head)![1];
  expect(cookie).toMatch(/HttpOnly/);
  expect(cookie).toMatch(/SameSite=Strict/);
  return cookie.split(";")[0];
}

const send = (door: OpenDoor, cookie: string | undefined, body: string, more: Asked = {}) =>
  ask(door, "/api/picture", { method: "POST", cookie, body, ...more });

const wrongCode = (code: string, n = 1): string => String((Number(code) + n) % 10 ** 8).padStart(8, "0");

beforeEach(() => manage("DELETE", "phone"));

describe("the door", () => {
  it("is closed until the user opens it, and then again", async () => {
    expect(await doorNow()).toBeUndefined();
    for (const [method, resource] of [
      ["POST", "phone/code"],
      ["POST", "phone/adding"],
    ])
      await expect(manage(method, resource, { mayAdd: true })).rejects.toThrow(/phone.closed/);
    const door = await openDoor();
    expect((await ask(door, "/")).body).toBe("<!doctype html><p>the phone's page");
    await manage("DELETE", "phone");
    expect((await ask(door, "/")).status).toBe(0);
  });
  it("is opened by the studio's page alone, at an address of this machine that the Internet does not lead to", async () => {
    const body = JSON.stringify({ address, set: "set", mayAdd: true });
    const Host = `localhost:${studio.port}`;
    const stranger = await askRaw(
      { port: studio.port },
      rawRequest("/api/phone", { method: "POST", headers: { Host }, body }),
    );
    expect(errorCodeOf(stranger)).toBe("studio.token");
    for (const bad of ["0.0.0.0", "8.8.8.8", "::", "::1", "localhost", "", "127.0.0.1:80", "10.255.255.254"])
      await expect(openDoor({ address: bad }), bad).rejects.toThrow(/phone.address/);
    for (const set of ["..", "../elsewhere", "absent", "/", "\0"])
      await expect(openDoor({ set }), set).rejects.toThrow(/studio\.(outside|missing)/);
    for (const set of ["../made", "a/b", ".hidden", ""])
      await expect(openDoor({ set, make: true }), set).rejects.toThrow(/studio.request/);
    for (const bad of [{ mayAdd: "yes" }, { set: 1 }, { more: 1 }, { kind: 1 }])
      await expect(openDoor(bad as object), JSON.stringify(bad)).rejects.toThrow(/studio.request/);
    expect(await doorNow()).toBeUndefined();
  });
  it("is at the address that was chosen alone, and answers its network alone", async () => {
    const { addresses } = await manage<PhoneStatus>("GET", "phone");
    const other = addresses.find(({ isLoopback }) => !isLoopback);
    if (other === undefined) return console.warn("skipped: this machine has no address in a network of its own");
    const port = portOf(await openDoor({ address: other.address }));
    const request = rawRequest("/", { headers: { Host: `${other.address}:${port}` } });
    expect((await askRaw({ port, host: other.address }, request)).status).toBe(200);
    expect((await askRaw({ port, host: address }, request)).status).toBe(0);
    // Loopback is not in that address's network.
    expect((await askRaw({ port, host: other.address, localAddress: address }, request)).status).toBe(0);
  });
  it("ends what was connected when it closes", async () => {
    const door = await openDoor();
    const cookie = await enter(door);
    const socket = connect(portOf(door), address);
    const ended = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    // Half of a picture.
    socket.write(
      `POST /api/picture HTTP/1.1\r\nHost: ${address}:${portOf(door)}\r\nCookie: ${cookie}\r\nContent-Length: 1000\r\n\r\nhalf`,
    );
    await expect
      .poll(async () => errorCodeOf(await send(door, cookie, picture)), { timeout: 30_000 })
      .toBe("studio.busy");
    await manage("DELETE", "phone");
    await ended;
    const next = await openDoor();
    // Another door accepts neither the phone nor its cookie.
    const again = cookie.replace(/_\d+=/, `_${portOf(next)}=`);
    expect(errorCodeOf(await ask(next, "/api/view", { cookie: again }))).toBe("phone.token");
    expect(await doorNow()).toMatchObject({ isPhoneIn: false, added: 0 });
  });
});

describe("the code", () => {
  it("lets in once, and is void after a few wrong ones", async () => {
    const door = await openDoor();
    for (const code of ["", "1", `${door.code}0`, "<b>", "0".repeat(40)])
      if (code !== door.code) expect((await tryCode(door, code)).status, code).toBe(401);
    // After five wrong guesses the right code is refused too.
    expect((await tryCode(door, door.code)).body).toMatch(/too many wrong codes/);
    expect(await doorNow()).toMatchObject({ codeState: "locked", isPhoneIn: false });
    const renewed = (await manage<PhoneStatus>("POST", "phone/code")).door!;
    const cookie = await enter(renewed);
    expect((await tryCode(renewed, renewed.code)).body).toMatch(/used already/);
    expect((await ask(renewed, "/api/view", { cookie })).status).toBe(200);
    for (const body of ["", "{", "[]", "{}", `{"code":1}`, `{"code":"1","more":1}`, `{"code":"${"0".repeat(41)}"}`])
      expect([400, 401], body).toContain((await ask(door, "/api/enter", { method: "POST", body })).status);
    const long = { method: "POST", body: JSON.stringify({ code: "0".repeat(2000) }) };
    expect(errorCodeOf(await ask(door, "/api/enter", long))).toBe("studio.body");
  });
  it("is guessed by nobody: 10,000 guesses over 2,000 connections are as good as five", {
    timeout: 120_000,
  }, async () => {
    const door = await openDoor();
    const port = portOf(door);
    let guess = 0;
    const one = (isLast: boolean): string => {
      const body = JSON.stringify({ code: wrongCode(door.code, ++guess) });
      const headers = { Host: `${address}:${port}`, Connection: isLast ? "close" : "keep-alive" };
      return rawRequest("/api/enter", { method: "POST", headers, body });
    };
    let refused = 0;
    for (let round = 0; round < 40; round++) {
      const all = await Promise.all(
        Array.from({ length: 50 }, () => askRaw({ port }, [1, 2, 3, 4, 5].map((n) => one(n === 5)).join(""))),
      );
      // Connections beyond the limit are closed without an answer.
      for (const { status } of all) expect([0, 401]).toContain(status);
      refused += all.filter(({ status }) => status === 401).length;
    }
    expect(guess).toBe(10_000);
    expect(refused).toBeGreaterThan(mostWrong);
    expect(await doorNow()).toMatchObject({ codeState: "locked", isPhoneIn: false });
    expect((await tryCode(door, door.code)).status).toBe(401);
    // It keeps a few silent connections, and the studio continues.
    const silent = Array.from({ length: 200 }, () => connect(port, address).on("error", () => {}));
    const held = () => silent.filter(({ readyState, destroyed }) => readyState === "open" && !destroyed).length;
    await expect
      .poll(() => silent.some(({ connecting }) => connecting) || held() > 32, { timeout: 30_000 })
      .toBe(false);
    expect(held()).toBeGreaterThan(0);
    expect(await doorNow()).toBeDefined();
    for (const socket of silent) socket.destroy();
  });
  it("and the studio's token are not taken for each other", async () => {
    const door = await openDoor();
    const cookie = await enter(door);
    const port = portOf(door);
    const token = `phinets_studio_${port}=${studio.token}; phinets_phone_${port}=${studio.token}`;
    expect(errorCodeOf(await ask(door, "/api/view", { cookie: token }))).toBe("phone.token");
    const headers = { Authorization: `Bearer ${studio.token}` };
    expect(errorCodeOf(await ask(door, "/api/view", { headers }))).toBe("phone.token");
    expect(errorCodeOf(await ask(door, `/api/view?token=${studio.token}`))).toBe("phone.token");
    const value = cookie.split("=")[1];
    for (const Cookie of [cookie, `phinets_studio_${studio.port}=${value}`]) {
      const own = { Host: `localhost:${studio.port}`, Cookie };
      expect(errorCodeOf(await askRaw({ port: studio.port }, rawRequest("/api/data", { headers: own })))).toBe(
        "studio.token",
      );
    }
  });
});

describe("a telephone that is in", () => {
  it("reaches nothing else: no other route, no other file, by no method", async () => {
    const door = await openDoor();
    const cookie = await enter(door);
    for (const target of [
      ...["/index.html", "/phone.html", "/secret.txt", "/assets/", "/assets/absent.js", "/api", "/api/"],
      ...["/api/session", "/api/data", "/api/data/catalogue?set=set", "/api/data/picture?set=set&n=0"],
      ...["/api/data/thumbnail?set=set&n=0", "/api/labels?set=set&picture=0.jpg", "/api/runs", "/api/jobs"],
      ...["/api/events", "/api/phone", "/api/ship", "/api/sweeps", "/api/live", "/api/picture", "/api/enter"],
      ...["/api/captures?set=set", "/../secret.txt", "/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt"],
    ])
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
        if (method === "POST" && /api\/(picture|enter)$/.test(target)) continue;
        const { status, body } = await ask(door, target, { cookie, method });
        expect(status, `${method} ${target}`).toBeGreaterThanOrEqual(400);
        expect(status, `${method} ${target}`).toBeLessThan(500);
        expect(body, `${method} ${target}`).not.toMatch(/secret$/);
      }
    expect(readdirSync(images)).toEqual(["0.jpg", "1.jpg", "2.jpg"]);
  });
  it("needs its cookie for all but the page", async () => {
    const door = await openDoor();
    for (const target of ["/api/view", "/api/thumbnail?id=x", "/api/absent", "/absent", "/phone.html"])
      expect(errorCodeOf(await ask(door, target)), target).toBe("phone.token");
    expect(errorCodeOf(await send(door, undefined, picture))).toBe("phone.token");
    expect((await ask(door, "/assets/a.js")).body).toBe("1");
  });
  it("is answered under the door's address, from the door's page", async () => {
    const door = await openDoor();
    const cookie = await enter(door);
    for (const Host of ["evil.example", "localhost", `localhost:${portOf(door)}`, "", "127.0.0.1.nip.io"])
      expect(errorCodeOf(await ask(door, "/api/view", { cookie, headers: { Host } })), Host).toBe("studio.host");
    for (const headers of [
      { Origin: "http://evil.example" },
      { Origin: "null" },
      { Origin: `http://${address}:${studio.port}` },
      { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" },
    ] as Record<string, string>[]) {
      expect(errorCodeOf(await ask(door, "/api/view", { cookie, headers }))).toBe("studio.origin");
      expect(errorCodeOf(await send(door, cookie, picture, { headers }))).toBe("studio.origin");
    }
    const { head } = await ask(door, "/");
    expect(head).toMatch(/content-security-policy: default-src 'none'/i);
    expect(head).toMatch(/frame-ancestors 'none'/);
    expect(head).toMatch(/cache-control: no-store/i);
    expect(head).not.toMatch(/access-control-allow/i);
  });
  it("sees the newest pictures, and none that lies outside", async () => {
    mkdirSync(join(folder, "many"), { recursive: true });
    for (let n = 0; n < 15; n++) writeFileSync(join(folder, `many/${n}.jpg`), await jpeg(20, 16, n));
    symlinkSync(join(root, "outside.jpg"), join(folder, "many/outside.jpg"));
    const door = await openDoor({ set: "many", mayAdd: false });
    const cookie = await enter(door);
    const view = JSON.parse((await ask(door, "/api/view", { cookie })).body);
    expect(view).toMatchObject({ title: "many", pictures: 16, mayAdd: false, added: 0 });
    expect(view.newest).toHaveLength(12);
    expect(JSON.stringify(view)).not.toMatch(/\.jpg/);
    const codes = new Map<string, number>();
    for (const id of view.newest) {
      const answer = await ask(door, `/api/thumbnail?id=${id}`, { cookie });
      const what = errorCodeOf(answer) || String(answer.status);
      codes.set(what, (codes.get(what) ?? 0) + 1);
    }
    // The link sorts before all pictures or after all of them, depending on the time of writing.
    expect([codes.get("200"), codes.get("studio.outside") ?? 0].reduce<number>((a, b) => a + (b ?? 0), 0)).toBe(12);
    for (const id of ["", "x", "../0", "0", "%00"])
      expect(errorCodeOf(await ask(door, `/api/thumbnail?id=${id}`, { cookie })), id).toBe("studio.missing");
  });
});

describe("pictures that a telephone sends", () => {
  it("are refused while it only looks, before they are read", async () => {
    const door = await openDoor({ mayAdd: false });
    const cookie = await enter(door);
    const headers = { "Content-Length": String(mostPhonePictureBytes) };
    expect(errorCodeOf(await send(door, cookie, "", { headers }))).toBe("phone.readonly");
    await manage("POST", "phone/adding", { mayAdd: true });
    expect((await send(door, cookie, picture)).status).toBe(204);
    await manage("POST", "phone/adding", { mayAdd: false });
    expect(errorCodeOf(await send(door, cookie, picture))).toBe("phone.readonly");
    expect(readdirSync(images)).toHaveLength(4);
  });
  it("are bounded, whole, and pictures", async () => {
    const door = await openDoor();
    const cookie = await enter(door);
    const before = readdirSync(images);
    const headers = { "Content-Length": String(mostPhonePictureBytes + 1) };
    expect(errorCodeOf(await send(door, cookie, "", { headers }))).toBe("studio.body");
    const chunk = `100000\r\n${"a".repeat(0x100000)}\r\n`;
    const chunked = `${chunk.repeat(mostPhonePictureBytes / 0x100000 + 1)}0\r\n\r\n`;
    const encoding = { "Transfer-Encoding": "chunked" };
    expect(errorCodeOf(await send(door, cookie, chunked, { headers: encoding }))).toBe("studio.body");
    // The header of a PNG of 60,000 x 60,000 pixels, which would take 10 GB.
    const huge = await sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    huge.writeUInt32BE(60_000, 16);
    huge.writeUInt32BE(60_000, 20);
    for (const body of [
      ...["no picture", "<svg onload=alert(1)>", picture.slice(0, picture.length / 2), huge.toString("latin1")],
      "\u00ff\u00d8\u00ff",
    ])
      expect(errorCodeOf(await send(door, cookie, body)), body.slice(0, 20)).toBe("data.picture");
    expect((await send(door, cookie, "")).status).toBe(400);
    expect(readdirSync(images)).toEqual(before);
    expect(await doorNow()).toMatchObject({ added: 0 });
  });
  it("write over nothing, and go where the page said, whatever the request says", async () => {
    const door = await openDoor();
    const cookie = await enter(door);
    const before = new Map(readdirSync(images).map((name) => [name, readFileSync(join(images, name), "latin1")]));
    const target = "/api/picture?set=..&class=x&make=1&name=0.jpg&file=../../0.jpg";
    expect((await ask(door, target, { cookie, method: "POST", body: picture })).status).toBe(204);
    expect((await send(door, cookie, picture)).status).toBe(204);
    for (const [name, bytes] of before) expect(readFileSync(join(images, name), "latin1"), name).toBe(bytes);
    const added = readdirSync(images).filter((name) => !before.has(name));
    expect(added).toEqual([expect.stringMatching(/^capture-\d{8}-\d{4}\.jpg$/), expect.stringMatching(/^capture-/)]);
    expect(await doorNow()).toMatchObject({ added: 2 });
  });
  it("do not follow a set's folder outside", async () => {
    mkdirSync(join(root, "elsewhere"), { recursive: true });
    writeFileSync(join(root, "elsewhere/0.jpg"), picture, "latin1");
    symlinkSync(join(root, "elsewhere"), join(folder, "led"));
    mkdirSync(join(folder, "inner"));
    symlinkSync(join(root, "elsewhere"), join(folder, "inner/images"));
    await expect(openDoor({ set: "led" })).rejects.toThrow(/studio.outside/);
    await expect(openDoor({ set: "led", make: true })).rejects.toThrow(/studio.outside/);
    const door = await openDoor({ set: "inner" });
    const cookie = await enter(door);
    await send(door, cookie, picture);
    expect(readdirSync(join(root, "elsewhere"))).toEqual(["0.jpg"]);
  });
});
