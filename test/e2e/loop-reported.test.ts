// Load that members report: Debian's node exporter and an agent of HAProxy's protocol in the members' namespaces, a slow
// member that only its own report gives away, and one that is out to harm whoever asks it.
// timeout: 400s
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PolicyDetail, PolicyMemberRow } from '../../src/api/fleet-shapes.ts';
import { until } from '../support/command.ts';
import { HeldFlows } from '../support/held-flows.ts';
import { LoopBed, VIP } from '../support/loop-bed.ts';

const test = suite('e2e: the closed loop, reported load');

const SERVERS = ['a', 'b', 'c'];
const EXPORTER_PORT = 9100;
const AGENT_PORT = 9777;

let bed: LoopBed;
test.after.each(() => bed?.close());

/** For files of the test. */
const directory = (): string => dirname(bed.configFile);

const start = async (load: object): Promise<void> => {
  bed = await LoopBed.create({
    clients: 1,
    servers: SERVERS,
    group: () => ({
      policy: { kind: 'inverse-load', metric: 'reported', interval: '200ms' },
      load: { interval: '200ms', timeout: '2s', ...load },
    }),
  });
};

const policyMembers = async (): Promise<PolicyMemberRow[]> =>
  (await bed.json<PolicyDetail>('policy', 'show', 'app')).members;

const untilReported = (expected: readonly (number | null)[]) =>
  until(
    `reported loads ${expected.join(' ')}`,
    async () => (await policyMembers()).map(({ reportedLoad }) => reportedLoad).join() === expected.join(),
    30_000,
  );

/** What an application on the member says, by the exporter's textfile collector. */
function say(server: string, load: number | string): void {
  const own = join(directory(), server);
  mkdirSync(own, { recursive: true });
  writeFileSync(
    join(own, 'new'),
    `# TYPE app_load gauge\napp_load{worker="0"} ${load}\napp_load{worker="1"} 0\n`,
  );
  renameSync(join(own, 'new'), join(own, 'app.prom'));
}

test('a slow member with as few flows as the others is found by what its node exporter says', async () => {
  await start({ kind: 'http', port: EXPORTER_PORT, metric: 'app_load' });
  for (const server of SERVERS) {
    say(server, 0.1);
    const flags = [
      `--web.listen-address=:${EXPORTER_PORT}`,
      '--collector.disable-defaults',
      '--collector.textfile',
      '--collector.loadavg',
      `--collector.textfile.directory=${join(directory(), server)}`,
    ];
    bed.start(server, 'prometheus-node-exporter', ...flags);
  }
  await untilReported([0.1, 0.1, 0.1]);
  const flows = new HeldFlows(bed, 'c1', VIP, 80);
  assert.equal(await flows.open(3), { a: 1, b: 1, c: 1 });

  say('b', 0.9);
  await untilReported([0.1, 0.9, 0.1]);
  await bed.untilWeights([3, 1, 3], 30_000);
  assert.equal(await flows.open(7), { a: 3, b: 1, c: 3 });
  const text = (await bed.sluice('policy', 'show', 'app')).stdout;
  assert.match(text, /REPORTED-LOAD/);
  assert.match(text, /\bb .* 0\.9\n/);

  say('b', 0.1);
  await bed.untilWeights([1, 1, 1], 30_000);
  // The exporter of a stops: its last word counts for a while, then its share stays as it is.
  say('a', 'NaN');
  await until(
    'why a reports nothing',
    async () => /app_load: found NaN/.test((await policyMembers())[0]!.reports![0]!.detail),
    30_000,
  );
  await untilReported([null, 0.1, 0.1]);
  assert.match((await bed.sluice('policy', 'show', 'app')).stdout, /^a reports no load: .*found NaN/m);
  await flows.stop();
});

/** An agent as HAProxy's administrators write them: answers each connection with the line that stands in a file. */
const AGENT = `
import os, socketserver, sys
class Agent(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(open(sys.argv[1], 'rb').read())
socketserver.ThreadingTCPServer.allow_reuse_address = True
server = socketserver.ThreadingTCPServer(('', ${AGENT_PORT}), Agent)
print('ready', flush=True)
server.serve_forever()
`;

const agentFile = (server: string): string => join(directory(), `${server}.agent`);

/** What the server's agent says from now on. */
function answer(server: string, line: string): void {
  writeFileSync(`${agentFile(server)}.new`, line);
  renameSync(`${agentFile(server)}.new`, agentFile(server));
}

test("HAProxy's agent-check: a percentage of capacity becomes weight", async () => {
  await start({ kind: 'agent-check', port: AGENT_PORT });
  for (const server of SERVERS) {
    answer(server, 'up ready 90%\n');
    bed.start(server, 'python3', '-c', AGENT, agentFile(server));
  }
  await untilReported([10, 10, 10]);
  answer('c', 'up 20%\n');
  await untilReported([10, 10, 80]);
  await bed.untilWeights([3, 3, 1], 30_000);
  const [report] = (await policyMembers())[2]!.reports!;
  assert.is(report!.detail, '"up 20%"');
});

test("HAProxy's agent-check as health: drain ends no flow, maint and down do, up and ready bring back", async () => {
  bed = await LoopBed.create({
    clients: 1,
    servers: SERVERS,
    group: () => ({
      health: { kind: 'agent', port: AGENT_PORT, interval: '200ms', timeout: '2s', flapDamping: 'none' },
    }),
  });
  for (const server of SERVERS) {
    answer(server, 'up ready 100%\n');
    bed.start(server, 'python3', '-c', AGENT, agentFile(server));
  }
  const untilStates = (expected: string) =>
    until(
      `states ${expected}`,
      async () => (await bed.members()).map(({ state }) => state).join(' ') === expected,
      30_000,
    );
  await untilStates('active active active');
  const flows = new HeldFlows(bed, 'c1', VIP, 80);
  assert.equal(await flows.open(3), { a: 1, b: 1, c: 1 });

  answer('b', 'drain#update\n');
  await untilStates('active draining active');
  assert.match((await bed.members())[1]!.health!, /its agent says drain \(update\)/);
  assert.equal(await flows.open(4), { a: 2, c: 2 });
  assert.equal(flows.lost, []);
  answer('b', '50%\n');
  answer('c', 'down#disk full\n');
  await untilStates('active draining failed');
  await until('the flows of the failed one are cut off', () => flows.lost.length === 3);
  answer('b', 'ready\n');
  answer('c', 'maint up\n');
  await untilStates('active active failed');
  answer('c', 'ready\n');
  await untilStates('active active active');
  await flows.stop();
});

/** Says whatever might harm the one who asks, another thing each time. */
const HOSTILE = `
import itertools, random, socketserver, time
evil = itertools.cycle(range(8))
class Agent(socketserver.BaseRequestHandler):
    def handle(self):
        kind = next(evil)
        head = b'HTTP/1.1 200 OK\\r\\n\\r\\n'
        send = self.request.sendall
        try:
            if kind == 0:
                send(head)
                while True: send(b'app_load{a="b"} 1\\n' * 4096)
            elif kind == 1:
                send(head)
                while True: send(b'x' * 65536)
            elif kind == 2:
                for byte in head + b'app_load 1\\n' * 1000:
                    send(bytes([byte])); time.sleep(0.05)
            elif kind == 3: send(random.randbytes(65536))
            elif kind == 4: send(head + b'app_load 1e400\\n')
            elif kind == 5: send(head + b'app_load NaN\\n')
            elif kind == 6: send(head + b'app_load -99999999999999999999999999999999999\\n')
            else: time.sleep(3)
        except OSError: pass
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
server = socketserver.ThreadingTCPServer(('', ${EXPORTER_PORT}), Agent)
print('ready', flush=True)
server.serve_forever()
`;

const HONEST = `
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'app_load 0.5\\n')
    def log_message(self, *_): pass
print('ready', flush=True)
http.server.ThreadingHTTPServer(('', ${EXPORTER_PORT}), Page).serve_forever()
`;

test('a hostile member harms nobody: the others are asked as before, health and forwarding go on', async () => {
  bed = await LoopBed.create({
    clients: 1,
    servers: SERVERS,
    group: () => ({
      policy: { kind: 'inverse-load', metric: 'reported', interval: '200ms' },
      load: { kind: 'http', port: EXPORTER_PORT, metric: 'app_load', interval: '100ms', timeout: '500ms' },
      health: { kind: 'tcp', interval: '500ms', timeout: '2s' },
    }),
  });
  const hostile = bed.start('a', 'python3', '-c', HOSTILE);
  for (const server of ['b', 'c']) bed.start(server, 'python3', '-c', HONEST);
  const details = new Set<string>();
  await until(
    'all that it has to say',
    async () => {
      const [a, b, c] = await policyMembers();
      for (const { detail } of a!.reports!) details.add(detail);
      const isHonest = (row: PolicyMemberRow | undefined): boolean => row?.reportedLoad === 0.5;
      const kinds = ['more than', 'no complete answer', 'NaN', 'Infinity', 'found -'];
      return (
        isHonest(b) &&
        isHonest(c) &&
        kinds.every((kind) => [...details].some((detail) => detail.includes(kind)))
      );
    },
    90_000,
  ).catch((error) => {
    throw new Error(`it was told ${[...details].join('; ')}`, { cause: error });
  });
  assert.equal(
    (await bed.members()).map(({ state }) => state),
    ['active', 'active', 'active'],
  );
  const flows = new HeldFlows(bed, 'c1', VIP, 80);
  assert.equal(await flows.open(3), { a: 1, b: 1, c: 1 });
  await flows.stop();
  hostile.child.kill('SIGKILL');
});

test.run();
