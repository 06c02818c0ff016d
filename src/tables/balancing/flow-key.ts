/**
 * Key of a flow in one direction: a cursor, refilled for each lookup.
 *
 * The forward key describes the client's packets to a VIP, the reverse key the client's packets as its member sees
 * them. Both consist of the client's address, two ports, an endpoint on the service side, and the protocol; the
 * lookup function determines which of the two a key is.
 */
export class FlowKey {
  /** Load balancer whose records are searched. */
  balancer: number;
  /** Client's address in four words, IPv4 as ::ffff:a.b.c.d. */
  c0 = 0;
  c1 = 0;
  c2 = 0;
  c3 = 0;
  /** Client's port << 16 | VIP's or member's port. */
  ports = 0;
  /** Endpoint of the VIP or the member. */
  service = 0;
  protocol = 0;
  /** Hash of the key in the connection table, as of the last lookup. */
  hash = 0;

  constructor(balancer = 0) {
    this.balancer = balancer;
  }

  setClient(c0: number, c1: number, c2: number, c3: number): void {
    this.c0 = c0;
    this.c1 = c1;
    this.c2 = c2;
    this.c3 = c3;
  }

  /** The client's address, from four words of memory. */
  readClient(words: Int32Array, at: number): void {
    this.setClient(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }

  setService(service: number, ports: number, protocol: number): void {
    this.service = service;
    this.ports = ports;
    this.protocol = protocol;
  }
}
