/** What others must not get: attacks on a running server, over plain sockets where fetch would not send the request. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askRaw, errorCodeOf, rawRequest } from "../../../../test/raw-http.js";
import { type RunningStudio, startStudio } from "./index.js";

const root = mkdtempSync(join(tmpdir(), "phinets-studio-"));
const folder = join(root, "opened");
let studio: RunningStudio;

beforeAll(async () => {
  const page = join(root, "page");
  mkdirSync(join(page, "assets"), { recursive: true });
  writeFileSync(join(page, "index.html"), "<!doctype html><p>the page");
  writeFileSync(join(page, "assets/a.js"), "1");
  writeFileSync(join(root, "secret.txt"), "secret");
  const picture = await sharp({ create: { width: 8, height: 6, channels: 3, background: "red" } })
    .jpeg()
    .toBuffer();
  writeFileSync(join(root, "outside.jpg"), picture);
  for (const name of ["set/images", "set/labels"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "set/data.yaml"), "train: images\nnames: ['<img src=x onerror=alert(1)>']\n");
  writeFileSync(join(folder, "set/images/0.jpg"), picture);
  writeFileSync(join(folder, "set/labels/0.txt"), "0 0.5 0.5 0.5 0.5\n");
  symlinkSync(join(root, "outside.jpg"), join(folder, "set/images/1.jpg"));
  writeFileSync(join(folder, "set/labels/1.txt"), "");
  symlinkSync(root, join(folder, "up"));
  // Labels, and a whole data set, outside the folder.
  mkdirSync(join(root, "elsewhere/images"), { recursive: true });
  mkdirSync(join(root, "elsewhere/labels"));
  writeFileSync(join(root, "elsewhere/images/0.jpg"), picture);
  writeFileSync(join(root, "elsewhere/labels/0.txt"), "0 0.1 0.2 0.1 0.2\n");
  for (const name of ["told", "linked/images", "linked/labels", "folders"])
    mkdirSync(join(folder, "more", name), { recursive: true });
  writeFileSync(join(folder, "more/told/data.yaml"), `train: ${join(root, "elsewhere/images")}\nnames: [a]\n`);
  for (const name of ["linked", "folders"])
    writeFileSync(join(folder, "more", name, "data.yaml"), "train: images\nnames: [a]\n");
  for (const n of [0, 1]) writeFileSync(join(folder, `more/linked/images/${n}.jpg`), picture);
  writeFileSync(join(folder, "more/linked/labels/0.txt"), "0 0.5 0.5 0.5 0.5\n");
  symlinkSync(join(root, "elsewhere/labels/0.txt"), join(folder, "more/linked/labels/1.txt"));
  for (const name of ["images", "labels"])
    symlinkSync(join(root, "elsewhere", name), join(folder, "more/folders", name));
  // A run, one whose files are links to outside, and one that is itself a link.
  const network = {
    family: "phinet",
    input: { height: 8, width: 8, channels: 3 },
    head: { kind: "yolov2", classes: 1 },
  };
  for (const [place, name] of [
    [folder, "run"],
    [folder, "linked-run"],
    [root, "elsewhere"],
  ]) {
    mkdirSync(join(place, name, "weights"), { recursive: true });
    writeFileSync(join(place, name, "network.json"), JSON.stringify(network));
    writeFileSync(join(place, name, "args.yaml"), "");
  }
  writeFileSync(join(folder, "run/results.csv"), "epoch,loss\n1,2\n");
  symlinkSync(join(root, "secret.txt"), join(folder, "linked-run/results.csv"));
  symlinkSync(join(root, "elsewhere"), join(folder, "led"));
  studio = await startStudio({
    folder,
    page,
    project: join(root, "runs"),
    phinets: [process.execPath, "-e", "process.exit(3)"],
  });
});
afterAll(async () => {
  await studio?.close();
  rmSync(root, { recursive: true, force: true });
});

const ask = (request: string, host?: string) => askRaw({ port: studio.port, host }, request);

interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default false: the token is sent. */
  readonly stranger?: boolean;
}

function request(target: string, { method = "GET", host, headers = {}, body, stranger }: Asked = {}) {
  const all = {
    Host: host ?? `localhost:${studio.port}`,
    ...(stranger ? {} : { Authorization: `Bearer ${studio.token}` }),
    ...headers,
  };
  return ask(rawRequest(target, { method, headers: all, body }));
}

describe("the token", () => {
  it("is needed for everything, and is not guessed by its beginning", async () => {
    for (const target of [
      "/",
      "/assets/a.js",
      "/api/session",
      "/api/data",
      "/api/events",
      "/?token=",
      "/api/data?token=x",
    ])
      expect(await request(target, { stranger: true }), target).toMatchObject({ status: 401 });
    const near = studio.token.slice(0, -1);
    expect((await request(`/?token=${near}`, { stranger: true })).status).toBe(401);
    const headers = { Authorization: `Bearer ${near}` };
    expect((await request("/api/session", { stranger: true, headers })).status).toBe(401);
    expect(studio.token).toMatch(/^[\w-]{32}$/);
  });
  it("is exchanged for a cookie that scripts do not see and other sites do not send", async () => {
    const { status, head } = await request(`/?token=${studio.token}`, { stranger: true });
    expect(status).toBe(200);
    const cookie = /set-cookie: ([^\r]+)/i.exec(head)![1];
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    const headers = { Cookie: cookie.split(";")[0] };
    expect((await request("/api/session", { stranger: true, headers })).status).toBe(200);
    // Only the page's address accepts the token: the address of a shared picture opens nothing.
    expect((await request(`/api/session?token=${studio.token}`, { stranger: true })).status).toBe(401);
  });
  it("is another one each time", async () => {
    const other = await startStudio({ folder, page: join(root, "page") });
    await other.close();
    expect(other.token).not.toBe(studio.token);
  });
});

describe("hosts and origins", () => {
  it("answers no name that was led to loopback", async () => {
    for (const host of [
      "evil.example",
      `evil.example:${studio.port}`,
      "",
      "localhost.evil.example",
      "0.0.0.0",
      "127.0.0.1.nip.io",
    ])
      expect(errorCodeOf(await request("/api/session", { host })), host).toBe("studio.host");
    for (const host of ["localhost", "LOCALHOST", `127.0.0.1:${studio.port}`, "[::1]"])
      expect((await request("/api/session", { host })).status, host).toBe(200);
  });
  it("answers no other site, whatever it knows", async () => {
    for (const headers of [
      { Origin: "http://evil.example" },
      { Origin: "null" },
      { Origin: `http://localhost:${studio.port + 1}` },
      { Origin: `https://localhost:${studio.port}` },
      { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" },
      { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors" },
    ] as Record<string, string>[]) {
      expect(errorCodeOf(await request("/api/data/reload", { method: "POST", headers }))).toBe("studio.origin");
      expect(errorCodeOf(await request("/api/data", { headers }))).toBe("studio.origin");
    }
    const headers = { Origin: `http://localhost:${studio.port}`, "Sec-Fetch-Site": "same-origin" };
    expect((await request("/api/data/reload", { method: "POST", headers })).status).toBe(204);
    const form = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" };
    expect(errorCodeOf(await request("/api/data/reload", { method: "POST", headers: form }))).toBe("studio.origin");
  });
  it("lets nobody read what it answers", async () => {
    const { head } = await request("/api/session", { headers: {} });
    expect(head).not.toMatch(/access-control-allow/i);
    expect(head).toMatch(/cross-origin-resource-policy: same-origin/i);
  });
  it("listens on loopback alone", async () => {
    const { networkInterfaces } = await import("node:os");
    const own = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .find(({ internal, family }) => !internal && family === "IPv4");
    if (own === undefined) return console.warn("skipped: this machine has no other address than loopback");
    expect((await ask("GET / HTTP/1.1\r\n\r\n", own.address)).status).toBe(0);
  });
});

describe("paths", () => {
  it("lead to nothing outside the opened folder", async () => {
    const attempts = ["..", "../", "/etc", "up", "up/outside.jpg", "set/../..", "..%2f..", "%00", "set/images/1.jpg"];
    for (const set of attempts) {
      const query = set.includes("%") ? set : encodeURIComponent(set);
      const answer = await request(`/api/data/catalogue?set=${query}`);
      expect(answer.status, set).toBeGreaterThanOrEqual(400);
      expect(answer.status, set).toBeLessThan(500);
      expect(answer.body, set).toMatch(/^\{"error":/);
    }
    for (const target of [
      "/../secret.txt",
      "/assets/../../secret.txt",
      "/..%2fsecret.txt",
      "/assets/%2e%2e/%2e%2e/secret.txt",
    ])
      expect((await request(target)).body, target).not.toMatch(/secret$/);
  });
  it("say the same of what is there and what is not, outside", async () => {
    const [there, absent] = [`../${"secret.txt"}`, "../absent.txt"];
    const [a, b] = [there, absent].map((set) => request(`/api/data/catalogue?set=${encodeURIComponent(set)}`));
    expect([errorCodeOf(await a), errorCodeOf(await b)]).toEqual(["studio.outside", "studio.outside"]);
  });
  it("of pictures are followed over links", async () => {
    const list = await request("/api/data/catalogue?set=set");
    expect(JSON.parse(list.body).files).toEqual(["images/0.jpg", "images/1.jpg"]);
    for (const what of ["thumbnail", "picture"]) {
      expect((await request(`/api/data/${what}?set=set&n=0`)).status).toBe(200);
      expect(errorCodeOf(await request(`/api/data/${what}?set=set&n=1`))).toBe("studio.outside");
      expect(errorCodeOf(await request(`/api/data/${what}?set=set&n=2`))).toBe("studio.missing");
      for (const n of ["-1", "1e9", "../0", "", "0x1"])
        expect(errorCodeOf(await request(`/api/data/${what}?set=set&n=${n}`)), n).toBe("studio.request");
    }
  });
});

describe("label files", () => {
  it("outside the opened folder are not read, over links or as a data.yaml says", async () => {
    for (const set of ["more/told", "more/folders"]) {
      const answer = await request(`/api/data/catalogue?set=${encodeURIComponent(set)}`);
      expect(answer.status, set).toBeGreaterThanOrEqual(400);
      expect(answer.body, set).not.toMatch(/0\.[12],/);
    }
    const linked = await request("/api/data/catalogue?set=more%2Flinked");
    const { files, boxes, problems } = JSON.parse(linked.body);
    expect(files).toContain("images/0.jpg");
    expect(boxes).toEqual([0, 0.5, 0.5, 0.5, 0.5]);
    expect(JSON.stringify(problems)).toMatch(/leads out of .*, and nothing outside of it is read/);
  });
  it("nor by the doctor", async () => {
    const { body } = await request("/api/data/doctor?set=more%2Flinked", { method: "POST" });
    const { id } = JSON.parse(body);
    await expect.poll(async () => (await request(`/api/jobs/${id}`)).status).toBe(200);
    const report = (await request(`/api/jobs/${id}`)).body;
    expect(report).toMatch(/labels\/1\.txt: leads out of/);
    expect(report).not.toMatch(/elsewhere/);
  });
});

it("pictures outside the opened folder are not compared with those in it", async () => {
  const { body } = await request("/api/data/copies?set=set", { method: "POST" });
  const { id } = JSON.parse(body);
  await expect.poll(async () => (await request(`/api/jobs/${id}`)).status).toBe(200);
  expect(JSON.parse((await request(`/api/jobs/${id}`)).body)).toEqual([]);
});

describe("labels", () => {
  const query = (words: Record<string, string>) => new URLSearchParams(words).toString();
  const post = (target: string, body: unknown, headers: Record<string, string> = {}) =>
    request(target, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: Buffer.from(JSON.stringify(body)).toString("latin1"),
    });
  const one = { set: "set", picture: "images/0.jpg" };
  const box = { class: 0, left: 1, top: 1, width: 2, height: 2 };

  it("are of pictures of the set in the opened folder alone", async () => {
    expect((await request(`/api/labels?${query(one)}`)).status).toBe(200);
    for (const picture of [
      "",
      "../secret.txt",
      "/etc/passwd",
      "images/1.jpg",
      "images/../images/0.jpg",
      "labels/0.txt",
    ]) {
      for (const answer of [
        await request(`/api/labels?${query({ ...one, picture })}`),
        await post(`/api/labels?${query({ ...one, picture })}`, { boxes: [box], version: "new", classes: ["nut"] }),
        await post(`/api/labels/suggest?${query({ ...one, picture, model: "run:set" })}`, {}),
      ])
        expect(["studio.missing", "studio.outside"], picture).toContain(errorCodeOf(answer));
    }
    for (const set of ["..", "up", "/", "set/../..", "\0"])
      expect((await request(`/api/labels?${query({ ...one, set })}`)).status, set).toBeGreaterThanOrEqual(400);
    expect(readFileSync(join(root, "secret.txt"), "utf8")).toBe("secret");
  });
  it("are written over no link", async () => {
    for (const name of ["linked/images", "beside/images"]) mkdirSync(join(folder, name), { recursive: true });
    for (const set of ["linked", "beside"]) {
      writeFileSync(join(folder, set, "data.yaml"), "train: images\nnames: [nut]\n");
      writeFileSync(join(folder, set, "images/0.jpg"), readFileSync(join(root, "outside.jpg")));
    }
    mkdirSync(join(root, "their-labels"));
    writeFileSync(join(root, "their-labels/0.txt"), "");
    symlinkSync(join(root, "their-labels"), join(folder, "linked/labels"));
    mkdirSync(join(folder, "beside/labels"));
    symlinkSync(join(root, "their-labels/0.txt"), join(folder, "beside/labels/0.txt"));
    for (const set of ["linked", "beside"]) {
      const target = `/api/labels?${query({ ...one, set })}`;
      const { version } = JSON.parse((await request(target)).body);
      const answer = await post(target, { boxes: [box], version, classes: ["nut"] });
      expect(["data.edit", "data.outside"], set).toContain(errorCodeOf(answer));
    }
    expect(readFileSync(join(root, "their-labels/0.txt"), "utf8")).toBe("");
  });
  it("come from no other site, and not without the token", async () => {
    const target = `/api/labels?${query(one)}`;
    const body = { boxes: [], classes: [], version: JSON.parse((await request(target)).body).version };
    const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" };
    expect(errorCodeOf(await post(target, body, headers))).toBe("studio.origin");
    expect(errorCodeOf(await post(target, body, { Origin: "http://evil.example" }))).toBe("studio.origin");
    const stranger = { method: "POST", body: JSON.stringify(body), stranger: true };
    expect(errorCodeOf(await request(target, stranger))).toBe("studio.token");
    expect(readFileSync(join(folder, "set/labels/0.txt"), "utf8")).toBe("0 0.5 0.5 0.5 0.5\n");
  });
  it("are what a schema takes", async () => {
    const target = `/api/labels?${query(one)}`;
    const { version } = JSON.parse((await request(target)).body);
    const classes = ["<img src=x onerror=alert(1)>"];
    for (const body of [
      null,
      [],
      { boxes: {}, version, classes },
      { boxes: [{ ...box, class: -1 }], version, classes },
      { boxes: [{ ...box, class: 0.5 }], version, classes },
      { boxes: [{ ...box, left: "1" }], version, classes },
      { boxes: [{ ...box, left: null }], version, classes },
      { boxes: [{ ...box, file: "/etc/passwd" }], version, classes },
      { boxes: Array.from({ length: 20_001 }, () => box), version, classes },
      { boxes: [box], version: 1, classes },
      { boxes: [box], version },
      { boxes: [box], version, classes: [] },
      { boxes: [box], version, classes: [1] },
      { boxes: [box], version, classes, path: "x" },
    ])
      expect(errorCodeOf(await post(target, body)), JSON.stringify(body).slice(0, 80)).toBe("studio.request");
    const deep = { method: "POST", body: `${"[".repeat(100_000)}` };
    expect(errorCodeOf(await request(target, deep))).toBe("studio.request");
    const long = { method: "POST", headers: { "Content-Length": String(17 * 1024 * 1024) } };
    expect(errorCodeOf(await request(target, long))).toBe("studio.body");
    expect(readFileSync(join(folder, "set/labels/0.txt"), "utf8")).toBe("0 0.5 0.5 0.5 0.5\n");
  });
  it("have classes of any letters, and of one line", async () => {
    const target = `/api/labels/class?${query({ set: "set" })}`;
    for (const name of ["", " ", "a\nb", "a\u0000", "x".repeat(201), 7, null])
      expect([400, 413]).toContain((await post(target, { name })).status);
    const hostile = `"]\u2028: {a: &x *x} # <script>`;
    const answer = await post(target, { name: hostile });
    expect(answer.status).toBe(200);
    await request("/api/data/reload", { method: "POST" });
    const list = await request("/api/data/catalogue?set=set");
    const { classes } = JSON.parse(Buffer.from(list.body, "latin1").toString("utf8"));
    expect(classes).toEqual(["<img src=x onerror=alert(1)>", hostile]);
  });
  it("are suggested by models of the folder alone", async () => {
    for (const model of ["", "run:..", "run:up", "run:/etc", "model:..", "model:../firmware", "run:set", "x"]) {
      const answer = await post(`/api/labels/suggest?${query({ ...one, model })}`, {});
      expect([400, 403, 404], model).toContain(answer.status);
    }
  });
  it("of clips come from clips in the folder", async () => {
    writeFileSync(join(root, "clip.mp4"), "no clip");
    symlinkSync(join(root, "clip.mp4"), join(folder, "clip.mp4"));
    for (const [clip, every] of [
      ["../clip.mp4", "1"],
      ["clip.mp4", "1"],
      ["set/images/0.jpg", "1"],
      ["set", "1"],
      ["", "1"],
      ["set/data.yaml", "0"],
      ["set/data.yaml", "-1"],
    ]) {
      const answer = await post(`/api/labels/frames?${query({ set: "set", clip, every })}`, {});
      expect([400, 403], clip).toContain(answer.status);
    }
  });
});

describe("runs", () => {
  const post = (target: string, body: unknown) =>
    request(target, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const form = { set: "set", network: { kind: "board", board: "stm32h743" }, name: "a" };

  it("are listed where they lie in the folder, links left out", async () => {
    const runs = JSON.parse((await request("/api/runs")).body) as { id: string }[];
    expect(runs.map(({ id }) => id)).toEqual(["folder:run"]);
  });
  it("lead to nothing outside", async () => {
    expect((await request("/api/runs/file?run=folder:run&name=results.csv")).body).toBe("epoch,loss\n1,2\n");
    for (const run of [
      "folder:..",
      "folder:../elsewhere",
      "folder:led",
      "project:../elsewhere",
      "folder:/etc",
      "folder:up/elsewhere",
      "",
      "x:y",
      "folder:\u0000",
      "folder:absent",
    ])
      for (const target of ["file", "detail"]) {
        const answer = await request(`/api/runs/${target}?run=${encodeURIComponent(run)}&name=network.json`);
        expect(answer.status, run).toBeGreaterThanOrEqual(400);
        expect(answer.status, run).toBeLessThan(500);
      }
    for (const target of ["file", "detail"])
      expect((await request(`/api/runs/${target}?run=folder:linked-run&name=results.csv`)).body, target).toMatch(
        /studio.missing/,
      );
    symlinkSync(join(root, "secret.txt"), join(folder, "run/weights/best.safetensors"));
    const led = await request("/api/runs/file?run=folder:run&name=weights/best.safetensors");
    expect(errorCodeOf(led)).toBe("studio.outside");
    for (const name of ["../secret.txt", "weights/../../../secret.txt", "train.pid", "", "/etc/passwd"])
      expect(errorCodeOf(await request(`/api/runs/file?run=folder:run&name=${encodeURIComponent(name)}`)), name).toBe(
        "studio.missing",
      );
    for (const what of ["resume", "pause", "stop"])
      for (const run of ["folder:led", "folder:../elsewhere", "project:a"])
        expect((await post(`/api/runs/${what}`, { run })).status, `${what} ${run}`).toBeGreaterThanOrEqual(400);
  });
  it("are begun with what a form can say, and no more", async () => {
    for (const bad of [
      { name: "../a" },
      { name: "a/b" },
      { name: "--project" },
      { name: "" },
      { name: "a\u0000" },
      { name: "x".repeat(101) },
      { set: "../set" },
      { set: "up" },
      { set: 1 },
      { epochs: 0 },
      { epochs: 1.5 },
      { epochs: "1; reboot" },
      { learningRate: -1 },
      { seed: -1 },
      { more: 1 },
      { network: { kind: "board", board: "../board.json" } },
      { network: { kind: "run", run: "folder:led" } },
      { network: { kind: "document", document: { family: "phinet", input: { height: -1 } } } },
      { network: { kind: "file", file: "/etc/passwd" } },
    ]) {
      const answer = await post("/api/runs/train", { ...form, ...bad });
      expect(answer.status, JSON.stringify(bad)).toBeGreaterThanOrEqual(400);
      expect(answer.status, JSON.stringify(bad)).toBeLessThan(500);
    }
    expect(errorCodeOf(await request("/api/runs/train", { method: "POST", body: "{" }))).toBe("studio.request");
    // A valid request starts the command, which ends as it reports.
    const job = JSON.parse((await post("/api/runs/train", form)).body) as { id: number };
    await expect.poll(async () => (await request("/api/jobs")).body).toMatch(/phinets train ended with 3/);
    expect(job.id).toBeGreaterThan(0);
  });
});

describe("sweeps", () => {
  const post = (target: string, body: unknown) =>
    request(target, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const text = `data: ${join(folder, "set")}\nspace:\n  lr: [0.1, 0.2]\n`;
  const written = () => (existsSync(join(root, "runs/sweeps")) ? readdirSync(join(root, "runs/sweeps")) : []);

  it("are begun by files of the two folders, under a plain name", async () => {
    for (const bad of [
      { name: "../a" },
      { name: "a/b" },
      { name: "--out" },
      { name: "" },
      { name: "a\u0000" },
      { text: 1 },
      { text: "x".repeat(300_000) },
      { text: "data: [" },
      { text: "space: 3" },
      { text: `${text}project: /tmp` },
      { text: `${text}name: ../a` },
      { text: `data: ${join(root, "elsewhere")}` },
      { text: "data: ../../elsewhere" },
      { text: `data: ${join(folder, "up/elsewhere")}` },
      { text: `data: [${join(folder, "set")}, /etc]` },
      { text: `${text}network: ../../elsewhere/network.json` },
      { text: `${text}target: /etc/board.json` },
      { text: `${text}recipe:\n  deep: {er: [/etc/passwd]}` },
      { text: `${text}  network: [/etc/passwd]` },
      { more: 1 },
    ]) {
      const answer = await post("/api/sweeps", { name: "a", text, ...bad });
      expect(answer.status, JSON.stringify(bad).slice(0, 200)).toBeGreaterThanOrEqual(400);
      expect(answer.status, JSON.stringify(bad).slice(0, 200)).toBeLessThan(500);
    }
    expect(written()).toEqual([]);
    for (const sweep of ["project:sweep/a", "project:../a", "folder:set", "x", "project:sweep/.."])
      expect((await post(`/api/sweeps/resume?sweep=${encodeURIComponent(sweep)}`, {})).status, sweep).toBe(
        sweep === "x" ? 400 : 404,
      );
    const job = JSON.parse((await post("/api/sweeps", { name: "a", text })).body) as { id: number };
    expect(job.id).toBeGreaterThan(0);
    expect(readFileSync(join(root, "runs/sweeps/a.yaml"), "utf8")).toBe(text);
    await expect.poll(async () => (await request("/api/jobs")).body).toMatch(/phinets sweep ended with 3/);
  });

  it("are judged before they are begun, at their place", async () => {
    const judge = async (given: string) => JSON.parse((await post("/api/sweeps/check", { text: given })).body);
    expect(await judge(text)).toEqual({});
    expect(await judge("data: x\nsearch: best\n")).toMatchObject({ problem: { line: 2, column: 9 } });
    expect((await judge("data: /etc\n")).problem).toMatchObject({ line: 1, column: 1 });
    expect((await judge("a: [\n")).problem.message).toMatch(/is not YAML/);
  });
});

describe("frames", () => {
  const send = (set: string, body: string) =>
    request(`/api/try/frame?set=${encodeURIComponent(set)}`, { method: "POST", body });
  it("are pictures, and go into a set of the folder under a name of the server's", async () => {
    expect(errorCodeOf(await send("set", "<svg onload=alert(1)>"))).toBe("studio.request");
    expect((await send("set", "\u0089PNG\r\n\u001a\n and no more")).status).toBe(400);
    const png = (await sharp(join(root, "outside.jpg")).png().toBuffer()).toString("latin1");
    for (const set of ["../elsewhere", "up", "absent"])
      expect((await send(set, png)).status, set).toBeGreaterThanOrEqual(400);
    const { file } = JSON.parse((await send("set", png)).body) as { file: string };
    expect(file).toMatch(/^images\/frame-[\dT-]+\.png$/);
    expect(readdirSync(join(folder, "set/images")).filter((name) => name.startsWith("frame-"))).toHaveLength(1);
    rmSync(join(folder, "set", file));
  });
  it("for the firmware have the network's size", async () => {
    const target = "/api/try/firmware?run=folder:run";
    expect((await request(target, { method: "POST", body: "12" })).status).toBe(400);
    expect(errorCodeOf(await request("/api/try/firmware?run=folder:led", { method: "POST", body: "12" }))).toBe(
      "studio.outside",
    );
  });
});

describe("requests", () => {
  it("have bounded bodies, with and without a length", async () => {
    const headers = { "Content-Type": "application/json", "Content-Length": String(17 * 1024 * 1024) };
    const long = await request("/api/data/reload", { method: "POST", headers });
    expect(errorCodeOf(long)).toBe("studio.body");
    const chunk = `100000\r\n${"a".repeat(0x100000)}\r\n`;
    const chunked = await request("/api/data/reload", {
      method: "POST",
      headers: { "Transfer-Encoding": "chunked" },
      body: `${chunk.repeat(17)}0\r\n\r\n`,
    });
    expect(errorCodeOf(chunked)).toBe("studio.body");
  });
  it("that are broken get an answer or none, and the server goes on", async () => {
    for (const text of ["\r\n\r\n", "GET\r\n\r\n", "\u0000\u0001\r\n\r\n", "GET / HTTP/9\r\n\r\n"])
      expect([0, 400, 505]).toContain((await ask(text)).status);
    for (const target of ["//", "//[", "/%", "/%00", "/\\", `/${"a".repeat(9000)}`, "/api", "/api/", "/api/unknown"])
      expect([400, 404], target).toContain((await request(target)).status);
    expect((await request("/api/session")).status).toBe(200);
  });
  it("get headers that keep the page to itself", async () => {
    for (const target of ["/", "/assets/a.js", "/api/session", "/absent"]) {
      const { head } = await request(target);
      const policy = /content-security-policy: ([^\r]+)/i.exec(head)![1];
      expect(policy).toMatch(/default-src 'none'/);
      expect(policy).toMatch(/script-src 'self' 'wasm-unsafe-eval'(;|$)/);
      expect(policy).toMatch(/frame-ancestors 'none'/);
      expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:|\*/);
      expect(head).toMatch(/cross-origin-opener-policy: same-origin/i);
      expect(head).toMatch(/cross-origin-embedder-policy: require-corp/i);
      expect(head).toMatch(/x-content-type-options: nosniff/i);
      expect(head).toMatch(/referrer-policy: no-referrer/i);
    }
  });
  it("get user errors as data", async () => {
    const { status, body } = await request("/api/data/catalogue?set=absent");
    expect([status, JSON.parse(body)]).toEqual([
      404,
      {
        error: {
          code: "studio.missing",
          message: "absent: there is no such file in opened",
          path: "absent",
        },
      },
    ]);
  });
});

it("says what is wrong with a folder, a port, a host", async () => {
  const page = join(root, "page");
  await expect(startStudio({ folder: join(root, "absent"), page })).rejects.toThrow(/absent: is no folder/);
  await expect(startStudio({ folder, page, port: studio.port })).rejects.toThrow(/is taken; name another with --port/);
  await expect(startStudio({ folder, page, host: "203.0.113.7" })).rejects.toThrow(/is no address of this machine/);
});
