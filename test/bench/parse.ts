/** What iperf3, sockperf and wrk print, turned into figures. Pure functions; errors quote what was found. */

interface IperfConnection {
  local_host: string;
  remote_host: string;
}

/** The parts of `iperf3 -J --get-server-output` that are read (iperf 3.12). */
interface IperfReport {
  error?: string;
  start: { connected: IperfConnection[] };
  end: { sum_received: { bytes: number; seconds: number } };
  server_output_json?: IperfReport;
}

export interface IperfResult {
  /** Payload bytes that reached the receiving application, and its seconds. */
  receivedBytes: number;
  seconds: number;
  /** Where the client thinks it is connected to, and the addresses at which the server was reached. */
  dialled: string;
  reached: string[];
}

/** The server's own count is taken, not the client's: what was received, not what was sent. */
export function parseIperf(json: string): IperfResult {
  const client = JSON.parse(json) as IperfReport;
  if (client.error !== undefined) throw new Error(`iperf3: ${client.error}`);
  const server = client.server_output_json;
  if (server === undefined) throw new Error('iperf3: the report holds no server output');
  if (server.error !== undefined) throw new Error(`iperf3 server: ${server.error}`);
  const { bytes, seconds } = server.end.sum_received;
  if (!(seconds > 0)) throw new Error(`iperf3: ${seconds} seconds measured`);
  return {
    receivedBytes: bytes,
    seconds,
    dialled: client.start.connected[0]?.remote_host ?? 'nowhere',
    reached: server.start.connected.map((connection) => connection.local_host),
  };
}

export interface SockperfResult {
  p50Us: number;
  p99Us: number;
}

/** `sockperf ping-pong --full-rtt`: percentiles of the whole round trip in µs. */
export function parseSockperf(text: string): SockperfResult {
  const percentile = (rank: string): number => {
    const match = new RegExp(`percentile ${rank} =\\s*([\\d.]+)`).exec(text);
    if (match === null) throw new Error(`sockperf: no percentile ${rank} in: ${text.trim().slice(-300)}`);
    return Number(match[1]);
  };
  return { p50Us: percentile('50.000'), p99Us: percentile('99.000') };
}

export interface WrkResult {
  requestsPerSecond: number;
  requests: number;
  /** Connections that failed, requests that timed out or were answered with an error. */
  failures: number;
}

/**
 * `wrk` with `Connection: close`: each request is a connection of its own. Read errors are not failures here:
 * wrk counts one when the server's close arrives before it has looked at the answer's end.
 */
export function parseWrk(text: string): WrkResult {
  const rate = /^Requests\/sec:\s*([\d.]+)$/m.exec(text);
  const count = /^\s*(\d+) requests in /m.exec(text);
  if (rate === null || count === null) throw new Error(`wrk: no rate in: ${text.trim().slice(-300)}`);
  const socket = /Socket errors: connect (\d+), read \d+, write (\d+), timeout (\d+)/.exec(text);
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const failures = [socket?.[1], socket?.[2], socket?.[3], refused?.[1]].reduce(
    (sum, found) => sum + Number(found ?? 0),
    0,
  );
  return { requestsPerSecond: Number(rate[1]), requests: Number(count[1]), failures };
}
