/** Which client ports are tried, one after another, where a flow's own is taken towards its member. */
export const PORT_TRIES = 32;

/** The port after try number `tries`, 1024 … 65535; begins with the client's own and 0. */
export const nextClientPort = (port: number, tries: number): number =>
  1024 + ((port + 7919 * (tries + 1)) % 64_512);
