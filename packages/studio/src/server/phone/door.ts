/**
 * The door for a phone: a separate server at an address of the local network, closed until the user opens it. The
 * one-time code admits one phone at a time. The phone sees the newest pictures of one data set; whether it may add
 * pictures is decided when the door is opened. The door has no other routes.
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PhinetsError } from "@phinets/core/tensor";
import type { OpenDoorRequest, PhoneStatus, PhoneView } from "../../shared/phone.js";
import type { SavedFrame } from "../../shared/try.js";
import { saveCapture } from "../captures.js";
import type { Datasets } from "../datasets.js";
import { listen, stopListening } from "../listen.js";
import { makePictureFolder } from "../new-picture.js";
import { isSame, makeToken } from "../security.js";
import type { Thumbnails } from "../thumbnails.js";
import { neighboursOf, phoneAddresses } from "./addresses.js";
import { makeDoorApp } from "./door-app.js";
import { EntryCode } from "./entry-code.js";
import { NewestPictures } from "./newest.js";

/** Times in milliseconds. */
export interface DoorTimes {
  /** How long a code is valid. Default five minutes. */
  readonly codeMs: number;
  /**
   * The door closes after this time without a phone entering, loading a new picture or adding one. Default twenty
   * minutes.
   */
  readonly idleMs: number;
}

export interface PhoneDoorOptions {
  readonly datasets: Datasets;
  readonly thumbnails: Thumbnails;
  /** Folder of the built page. */
  readonly page: string;
  readonly times?: Partial<DoorTimes>;
  /** Called with every change, and with every picture that was added. */
  readonly onChange: (status: PhoneStatus) => void;
  readonly onPicture: (saved: SavedFrame) => void;
}

interface Opened {
  readonly request: OpenDoorRequest;
  readonly server: Server;
  readonly port: number;
  readonly newest: NewestPictures;
  code: EntryCode;
  mayAdd: boolean;
  /** Token of the phone that was admitted. */
  token?: string;
  added: number;
  isAdding: boolean;
  idle?: NodeJS.Timeout;
}

/** Most pictures that can be added through one opened door. */
const mostAdded = 1000;
/** A phone's browser opens six connections; a client that guesses codes opens as many as it can. */
const mostConnections = 32;

export class PhoneDoor {
  readonly #options: PhoneDoorOptions;
  readonly #times: DoorTimes;
  #opened: Opened | undefined;
  #closed: string | undefined;
  #change = 0;
  /** Doors are opened and closed one after another. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: PhoneDoorOptions) {
    this.#options = options;
    this.#times = { codeMs: 5 * 60_000, idleMs: 20 * 60_000, ...options.times };
  }

  status(): PhoneStatus {
    const about = { change: this.#change, addresses: phoneAddresses() };
    const opened = this.#opened;
    if (opened === undefined) return { ...about, ...(this.#closed && { closed: this.#closed }) };
    const { request, port, code, mayAdd, token, added } = opened;
    return {
      ...about,
      door: {
        ...{ ...request, mayAdd, added, url: `http://${request.address}:${port}/` },
        ...{ code: code.text, codeState: code.state, codeEndsAt: code.endsAt, isPhoneIn: token !== undefined },
      },
    };
  }

  /** Opens a door, after closing the open one. Throws PhinetsError for an invalid address or data set. */
  async open(request: OpenDoorRequest): Promise<void> {
    const isNeighbour = neighboursOf(request.address);
    const { datasets, page } = this.#options;
    if (request.make) makePictureFolder(datasets, request.set);
    await datasets.files(request.set);
    await this.#inTurn(async () => {
      await this.#shut();
      this.#closed = undefined;
      const app = makeDoorApp(this, { page, host: request.address });
      const server = await listen(app.fetch, { port: 0, hostname: request.address });
      server.maxConnections = mostConnections;
      server.on("connection", (socket) => {
        if (!isNeighbour(socket.remoteAddress)) socket.destroy();
      });
      const { port } = server.address() as AddressInfo;
      const newest = new NewestPictures(datasets, request.set);
      const more = { code: this.#makeCode(), mayAdd: request.mayAdd, added: 0, isAdding: false };
      this.#opened = { request, server, port, newest, ...more };
      this.#used();
    }).finally(() => this.#changed());
  }

  /** @param why the reason to show, where the user did not close it */
  async close(why?: string): Promise<void> {
    await this.#inTurn(() => this.#shut());
    this.#closed = why;
    this.#changed();
  }

  /**
   * Makes a new code for another phone; the admitted one stays until the other enters. Throws PhinetsError while the
   * door is closed.
   */
  renewCode(): void {
    this.#require().code = this.#makeCode();
    this.#changed();
  }

  /** Throws PhinetsError while the door is closed. */
  allowAdding(mayAdd: boolean): void {
    this.#require().mayAdd = mayAdd;
    this.#changed();
  }

  /** Admits a phone and locks out the previous one; returns its token. Throws PhinetsError for a wrong code. */
  enter(code: string): string {
    const opened = this.#require();
    const before = opened.code.state;
    try {
      opened.code.use(code);
      opened.token = makeToken();
      this.#used();
      return opened.token;
    } finally {
      // Not for each wrong guess.
      if (opened.code.state !== before) this.#changed();
    }
  }

  isIn(token: string | undefined): boolean {
    const own = this.#opened?.token;
    return own !== undefined && isSame(token, own);
  }

  async view(): Promise<PhoneView> {
    const { request, newest, mayAdd, added } = this.#require();
    const { datasets } = this.#options;
    const files = await datasets.files(request.set);
    return {
      title: request.set || datasets.folder.name,
      ...(request.kind !== undefined && { kind: request.kind }),
      ...{ pictures: files.length, newest: [...(await newest.list()).keys()], mayAdd, added },
    };
  }

  /** A small JPEG of one of the newest pictures. */
  async thumbnail(id: string): Promise<Uint8Array<ArrayBuffer>> {
    const file = await this.#require().newest.file(id);
    this.#used();
    return (await this.#options.thumbnails.of(file))!.jpeg;
  }

  /** Throws PhinetsError where no picture can be added now; called before any of it is read. */
  requireAdding(): void {
    const { mayAdd, added, isAdding } = this.#require();
    if (!mayAdd)
      throw new PhinetsError(
        "phone.readonly",
        `pictures are only looked at here; tick "The phone may add pictures" in the studio's page to add some`,
      );
    if (isAdding) throw new PhinetsError("studio.busy", "another picture is on its way; send this one after it");
    if (added >= mostAdded)
      throw new PhinetsError("studio.full", `${mostAdded} pictures came in by this door; open it again for more`);
  }

  async add(read: () => Promise<Uint8Array>): Promise<void> {
    this.requireAdding();
    const opened = this.#require();
    const { set, kind } = opened.request;
    opened.isAdding = true;
    try {
      const bytes = await read();
      // In the meantime the door may have been closed, or adding forbidden.
      if (this.#opened !== opened || !opened.mayAdd)
        throw new PhinetsError("phone.readonly", "no picture is taken any more; ask in the studio's page");
      const saved = await saveCapture(this.#options.datasets, { set, kind, bytes });
      opened.added++;
      this.#used();
      this.#options.onPicture(saved);
      this.#changed();
    } finally {
      opened.isAdding = false;
    }
  }

  #makeCode(): EntryCode {
    return new EntryCode(Date.now() + this.#times.codeMs);
  }

  /** Restarts the idle timer. */
  #used(): void {
    const opened = this.#require();
    clearTimeout(opened.idle);
    const { idleMs } = this.#times;
    opened.idle = setTimeout(() => void this.close("the door was closed: it was not used for a while"), idleMs).unref();
  }

  #require(): Opened {
    if (this.#opened === undefined)
      throw new PhinetsError("phone.closed", "the door for a phone is closed; open it in the studio's page");
    return this.#opened;
  }

  #changed(): void {
    this.#change++;
    this.#options.onChange(this.status());
  }

  async #shut(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    clearTimeout(opened.idle);
    await stopListening(opened.server);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
