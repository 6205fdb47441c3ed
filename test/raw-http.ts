/** HTTP over plain sockets, for requests that fetch would not send. */
import { connect } from "node:net";

export interface RawAnswer {
  /** 0: closed without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export interface RawAddress {
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Source address of the connection. Default: the system's choice. */
  readonly localAddress?: string;
  /** Timeout in milliseconds. Default 5 seconds. */
  readonly patience?: number;
}

/** Sends a text of Latin-1 and waits until the other side closes. */
export function askRaw(
  { port, host = "127.0.0.1", localAddress, patience = 5000 }: RawAddress,
  request: string,
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port, host, localAddress }, () => socket.write(request, "latin1"));
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      text += part;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      const [head, ...body] = text.split("\r\n\r\n");
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, body: body.join("\r\n\r\n") });
    });
    setTimeout(() => socket.destroy(), patience).unref();
  });
}

export interface RawRequest {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Latin-1. */
  readonly body?: string;
}

/** The text of a request that asks for the connection to be closed afterwards. */
export function rawRequest(target: string, { method = "GET", headers, body = "" }: RawRequest): string {
  const all = {
    Connection: "close",
    ...(body === "" || "Transfer-Encoding" in headers ? {} : { "Content-Length": String(body.length) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** The code of the error in an answer, "" where it is not an error. */
export const errorCodeOf = ({ body }: RawAnswer): string => /"code":"([^"]+)"/.exec(body)?.[1] ?? "";
