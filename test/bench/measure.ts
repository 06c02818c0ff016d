/**
 * One measurement: a server and a client tool around the forwarder, for some seconds, with the CPU time that
 * the forwarder and the machine used meanwhile. Each tool run stands alone: fresh server, fresh connections.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Context,
  type Environment,
  isInNamespace,
  makeDirectory,
  SERVER_ADDRESSES,
} from './environment.ts';
import { type IperfResult, parseIperf, parseSockperf, parseWrk, type SockperfResult } from './parse.ts';
import type { Measurement, ToolId } from './plan.ts';
import { Daemon, isListening, machineCpuSeconds, processCpuSeconds, run } from './process.ts';
import { spreadOf } from './statistics.ts';

const IPERF_PORT = 5201;
const SOCKPERF_PORT = 11111;
const HTTP_PORT = 8080;
const UDP_PAYLOAD_BYTES = 64;
/** Enough to keep client, forwarder and server busy; with more, all columns get slower. */
const HTTP_CONNECTIONS = 32;
const HTTP_CLIENT_THREADS = 2;
/** At most, and each of a second at least. */
const ROUND_TRIP_SESSIONS = 3;
/** On top of the measured seconds: connecting, and exchanging results. */
const TOOL_SLACK_MS = 15_000;
const READY_TIMEOUT_MS = 5_000;

export class Meter {
  private readonly context: Context;
  readonly seconds: number;
  private readonly logDirectory: string;

  constructor(context: Context, seconds: number) {
    this.context = context;
    this.seconds = seconds;
    this.logDirectory = makeDirectory(context, 'tools');
  }

  /** nginx with one worker in the server's namespace; it stays for the whole run and sleeps when not asked. */
  async startWebServer(environment: Environment): Promise<Daemon> {
    const directory = makeDirectory(this.context, `nginx-${environment.forwarder.name}`);
    const file = join(directory, 'nginx.conf');
    writeFileSync(file, nginxConfiguration(directory));
    const args = ['-p', directory, '-c', file, '-e', join(directory, 'error.log')];
    return this.startServer(environment, 'nginx', args, HTTP_PORT);
  }

  measure(tool: ToolId, environment: Environment): Promise<Measurement> {
    switch (tool) {
      case 'tcp1':
        return this.tcp(environment, 1);
      case 'tcp4':
        return this.tcp(environment, 4);
      case 'udp64':
        return this.udp(environment);
      case 'rtt':
        return this.roundTrip(environment);
      case 'conn':
        return this.connections(environment);
    }
  }

  private async tcp(environment: Environment, flows: 1 | 4): Promise<Measurement> {
    const { result, cpu } = await this.iperf(environment, ['-P', String(flows)]);
    const gigabits = (result.receivedBytes * 8) / result.seconds / 1e9;
    const gigabytes = result.receivedBytes / 1e9;
    const forwarderPerGb = cpu.forwarder === null ? null : cpu.forwarder / gigabytes;
    return flows === 1
      ? { tcp1: gigabits, cpuPerGb: forwarderPerGb, machineCpuPerGb: cpu.machine / gigabytes }
      : { tcp4: gigabits, cpuPerGb4: forwarderPerGb };
  }

  /** As fast as the client can send; what counts is what the server's application received. */
  private async udp(environment: Environment): Promise<Measurement> {
    const { result, cpu } = await this.iperf(environment, ['-u', '-b', '0', '-l', String(UDP_PAYLOAD_BYTES)]);
    const packets = result.receivedBytes / UDP_PAYLOAD_BYTES;
    return {
      udp64: packets / result.seconds / 1e3,
      cpuPerMp: cpu.forwarder === null ? null : cpu.forwarder / (packets / 1e6),
      machineCpuPerMp: cpu.machine / (packets / 1e6),
    };
  }

  /**
   * Where the scheduler happens to put client and server decides much, so several pairs of them are asked, as many as
   * the time allows: in measurements of a second one pair, and there are the more rounds.
   */
  private async roundTrip(environment: Environment): Promise<Measurement> {
    const sessions: SockperfResult[] = [];
    const count = Math.min(this.seconds, ROUND_TRIP_SESSIONS);
    for (let session = 0; session < count; session++) {
      sessions.push(await this.roundTripSession(environment, Math.ceil(this.seconds / count)));
    }
    return {
      rttP50: spreadOf(sessions.map(({ p50Us }) => p50Us))!.median,
      rttP99: spreadOf(sessions.map(({ p99Us }) => p99Us))!.median,
    };
  }

  private async roundTripSession(environment: Environment, seconds: number): Promise<SockperfResult> {
    const port = ['-p', String(SOCKPERF_PORT)];
    const serverArgs = ['server', '--tcp', '-i', '0.0.0.0', ...port];
    const server = await this.startServer(environment, 'sockperf', serverArgs, SOCKPERF_PORT);
    try {
      const target = ['-i', environment.forwarder.destination, ...port];
      const args = ['ping-pong', '--tcp', ...target, '-t', String(seconds), '--full-rtt'];
      return parseSockperf(await this.client(environment, 'sockperf', args));
    } finally {
      await server.stop();
    }
  }

  private async connections(environment: Environment): Promise<Measurement> {
    const url = `http://${environment.forwarder.destination}:${HTTP_PORT}/`;
    const load = [
      '-t',
      String(HTTP_CLIENT_THREADS),
      '-c',
      String(HTTP_CONNECTIONS),
      '-d',
      `${this.seconds}s`,
    ];
    const text = await this.client(environment, 'wrk', [...load, '-H', 'Connection: close', url]);
    const result = parseWrk(text);
    if (result.failures > result.requests / 1000) {
      throw new Error(`wrk: ${result.failures} failures in ${result.requests} requests`);
    }
    return { conn: result.requestsPerSecond };
  }

  private async iperf(environment: Environment, args: readonly string[]) {
    const server = await this.startServer(
      environment,
      'iperf3',
      ['--server', '--one-off', '--json', '--port', String(IPERF_PORT)],
      IPERF_PORT,
    );
    try {
      const pids = environment.forwarder.pids();
      const machineBefore = machineCpuSeconds().busy;
      const forwarderBefore = processCpuSeconds(pids);
      const target = ['--client', environment.forwarder.destination, '--port', String(IPERF_PORT)];
      const report = await this.client(environment, 'iperf3', [
        ...target,
        '--time',
        String(this.seconds),
        '--json',
        '--get-server-output',
        ...args,
      ]);
      const cpu = {
        forwarder: pids.length === 0 ? null : processCpuSeconds(pids) - forwarderBefore,
        machine: machineCpuSeconds().busy - machineBefore,
      };
      const result = parseIperf(report);
      requireTranslation(environment, result);
      return { result, cpu };
    } finally {
      await server.stop();
    }
  }

  private client(environment: Environment, command: string, args: readonly string[]): Promise<string> {
    const timeoutMs = this.seconds * 1000 + TOOL_SLACK_MS;
    return run(command, args, { namespace: environment.client, timeoutMs });
  }

  private async startServer(
    environment: Environment,
    command: string,
    args: readonly string[],
    port: number,
  ): Promise<Daemon> {
    const log = join(this.logDirectory, `${environment.forwarder.name}-${command}.log`);
    const daemon = new Daemon(command, args, log, { namespace: environment.server });
    const ready = () => isInNamespace(daemon.pid, environment.server) && isListening(daemon.pid, port);
    await daemon.waitUntil(ready, READY_TIMEOUT_MS);
    return daemon;
  }
}

/** A figure counts only when the packets really took the way that the column claims: through the VIP, or not. */
function requireTranslation(environment: Environment, result: IperfResult): void {
  const { destination } = environment.forwarder;
  const right =
    result.dialled === destination && result.reached.every((address) => SERVER_ADDRESSES.includes(address));
  if (!right || result.reached.length === 0) {
    throw new Error(
      `${environment.forwarder.name}: client dialled ${result.dialled}, server was reached at ` +
        `${result.reached.join(', ') || 'no address'}; expected ${destination} → ${SERVER_ADDRESSES.join(' or ')}`,
    );
  }
}

function nginxConfiguration(directory: string): string {
  return `daemon off;
user root;
worker_processes 1;
pid ${join(directory, 'nginx.pid')};
error_log ${join(directory, 'error.log')};
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};
  server {
    listen ${HTTP_PORT} backlog=4096;
    location / { default_type text/plain; return 200 "ok\\n"; }
  }
}
`;
}
