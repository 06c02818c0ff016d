/** An address in a network, in four words, IPv4 as ::ffff:a.b.c.d: a cursor, refilled for each use. */
export class NetworkAddress {
  network = 0;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;

  set(network: number, w0: number, w1: number, w2: number, w3: number): this {
    this.network = network;
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = w2;
    this.w3 = w3;
    return this;
  }

  /** The address at four words of memory. */
  read(network: number, words: Int32Array, at: number): this {
    return this.set(network, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }
}
