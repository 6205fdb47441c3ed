/** Addresses for the phone's door: only those that cannot be reached from the Internet. */
import { BlockList } from "node:net";
import { PhinetsError } from "@phinets/core/tensor";
import type { PhoneAddress } from "../../shared/phone.js";
import { ownAddresses } from "../listen.js";

/**
 * IPv4 blocks that are not globally reachable (IANA's special-purpose registry, RFC 6890): private networks,
 * link-local, carrier-grade NAT, documentation.
 */
const local = new BlockList();
for (const [start, bits] of [
  ...[["10.0.0.0", 8] as const, ["172.16.0.0", 12] as const, ["192.168.0.0", 16] as const],
  ...[["127.0.0.0", 8] as const, ["169.254.0.0", 16] as const, ["100.64.0.0", 10] as const],
  ...[["192.0.2.0", 24] as const, ["198.51.100.0", 24] as const, ["203.0.113.0", 24] as const],
])
  local.addSubnet(start, bits);

interface LocalAddress extends PhoneAddress {
  /** The network that it belongs to, as "192.168.1.5/24". */
  readonly network: string;
}

/** Addresses of networks first, loopback last. */
function localAddresses(): LocalAddress[] {
  return ownAddresses()
    .filter(({ family, address, cidr }) => family === "IPv4" && cidr !== null && local.check(address))
    .map(({ address, name, internal, cidr }) => ({ address, name, isLoopback: internal, network: cidr! }))
    .sort((a, b) => Number(a.isLoopback) - Number(b.isLoopback));
}

export const phoneAddresses = (): PhoneAddress[] =>
  localAddresses().map(({ address, name, isLoopback }) => ({ address, name, isLoopback }));

/**
 * Tests whether a client is in the network of one of this machine's addresses; all others get no answer, whatever way
 * they came.
 * @throws PhinetsError where the address is not one of `phoneAddresses`
 */
export function neighboursOf(address: string): (remote: string | undefined) => boolean {
  const found = localAddresses().find((each) => each.address === address);
  if (found === undefined)
    throw new PhinetsError(
      "phone.address",
      `${JSON.stringify(address.slice(0, 80))}: is no address of this machine in a network of its own; choose ${phoneAddresses()
        .map((each) => each.address)
        .join(" or ")}`,
    );
  const [start, bits] = found.network.split("/");
  const neighbours = new BlockList();
  neighbours.addSubnet(start, Number(bits));
  return (remote) => remote !== undefined && neighbours.check(remote);
}
