import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AgentDecoder,
  AgentEncoder,
  decodeFromController,
  encodeFromController,
} from '../../src/messages/codec.ts';
import { sluice } from '../../src/messages/generated/sluice.js';
import { type FromAgent, type FromController, MAX_LOAD } from '../../src/messages/messages.ts';
import { REPORT_COLUMNS, type Report, type ReportRow, RowKeys, reportOf } from '../../src/messages/report.ts';
import { ReportScratch } from '../../src/messages/report-codec.ts';
import { ReportDiff, ReportTable } from '../../src/messages/report-table.ts';
import { MalformedMessage } from '../../src/messages/varint.ts';
import { check } from '../support/seed.ts';

const text = fc.string({ maxLength: 20 });
const name = fc.string({ minLength: 1, maxLength: 20 });
/** What a 64-bit field may hold here. */
const large = fc.oneof(fc.nat(300), fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const rate = fc.double({ min: 0, max: 1e12, noNaN: true });
const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 4 });

const port = fc.record({
  name,
  network: text,
  netns: text,
  mac: text,
  addresses: list(text),
  labels: fc.dictionary(name, text, { noNullPrototype: true, maxKeys: 4 }),
});
/** None at all is not the same as not said. */
const networks = fc.record(
  {
    networks: fc.record({
      all: list(fc.record({ name, vni: fc.nat(0xffffff), routed: fc.boolean(), router: text })),
    }),
  },
  { requiredKeys: [] },
);
const request = {
  type: fc.constant('request' as const),
  id: fc.nat(),
  method: fc.string({ maxLength: 16 }),
  path: text,
  body: text,
  actor: name,
};
const reply = { type: fc.constant('reply' as const), id: fc.nat(), status: fc.nat(999), body: text };

const fromAgent: fc.Arbitrary<FromAgent> = fc.oneof(
  fc
    .tuple(
      fc.record({
        type: fc.constant('hello' as const),
        protocolVersion: fc.nat(),
        newestProtocolVersion: fc.nat(),
        host: text,
        agentEpoch: large,
        version: text,
        ports: list(port),
        rulesEpoch: large,
        rulesRevision: large,
      }),
      networks,
    )
    .map(([hello, more]) => ({ ...hello, ...more })),
  fc
    .tuple(fc.record({ type: fc.constant('ports' as const), ports: list(port) }), networks)
    .map(([ports, more]) => ({ ...ports, ...more })),
  fc.record({
    type: fc.constant('applied' as const),
    epoch: large,
    revision: large,
    localRevision: large,
    error: text,
  }),
  fc.record({
    type: fc.constant('probeResults' as const),
    isFull: fc.boolean(),
    results: list(
      fc.record({
        group: text,
        member: text,
        address: text,
        isHealthy: fc.boolean(),
        isDraining: fc.boolean(),
        sinceMs: large,
        detail: text,
      }),
    ),
  }),
  fc.record({
    type: fc.constant('memberLoads' as const),
    loads: list(
      fc.record({
        group: text,
        member: text,
        address: text,
        isKnown: fc.boolean(),
        load: fc.double({ min: 0, max: MAX_LOAD, noNaN: true }).map((load) => load + 0),
        ageMs: fc.nat(),
        detail: text,
      }),
    ),
  }),
  fc.record(
    {
      type: fc.constant('vmEvent' as const),
      vm: text,
      template: text,
      kind: fc.constantFrom(
        'created' as const,
        'serving' as const,
        'terminated' as const,
        'crashed' as const,
      ),
      detail: text,
      port,
    },
    { requiredKeys: ['type', 'vm', 'template', 'kind', 'detail'] },
  ),
  fc.record(request),
  fc.record(reply),
);

const fromController: fc.Arbitrary<FromController> = fc.oneof(
  fc.record({
    type: fc.constant('welcome' as const),
    protocolVersion: fc.nat(),
    epoch: large,
    controller: text,
    leader: text,
    reportIntervalMs: fc.integer({ min: 10, max: 3_600_000 }),
    reportRaw: fc.boolean(),
  }),
  fc.record({ type: fc.constant('redirect' as const), leader: text }),
  fc.record({
    type: fc.constant('rules' as const),
    epoch: large,
    revision: large,
    tombstones: fc.array(text, { maxLength: 3 }),
    atMs: large,
    baseRevision: large,
    isFull: fc.boolean(),
    groups: list(
      fc.record({
        name,
        definition: text,
        balancers: list(
          fc.record({
            loadBalancer: text,
            criteriaSet: text,
            weights: fc.dictionary(name, fc.nat(65_535), { noNullPrototype: true, maxKeys: 4 }),
          }),
        ),
      }),
    ),
    removed: list(name),
  }),
  fc.record({
    type: fc.constant('globalStats' as const),
    epoch: large,
    sequence: large,
    atMs: large,
    groups: list(
      fc.record({
        name,
        members: list(
          fc.record({
            name,
            hosts: fc.nat(),
            activeFlows: rate,
            newFlowsPerSecond: rate,
            bytesPerSecond: rate,
            packetsPerSecond: rate,
            synTimeMicros: rate,
            rttMicros: rate,
            retransmissionsPerSecond: rate,
            resetsPerSecond: rate,
            failedConnectsPerSecond: rate,
            zeroWindowsPerSecond: rate,
            congestionPercent: rate,
            windowBytes: rate,
            reportedLoad: rate,
            loadReporters: fc.nat(),
            reportedAgeMs: rate,
            ageMs: rate,
          }),
        ),
      }),
    ),
  }),
  fc.record({
    type: fc.constant('vmOrder' as const),
    command: fc.constantFrom('start' as const, 'stop' as const),
    vm: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
    template: text,
    definition: text,
  }),
  fc.record(request),
  fc.record(reply),
);

/** Own properties only, key order and prototypes left aside. */
const plain = (message: unknown): unknown => JSON.parse(JSON.stringify(message));

const codec = suite('codec');

codec('what an agent says is what the controller hears', () => {
  check(
    fc.property(fromAgent, (message) => {
      const heard = new AgentDecoder(new ReportScratch()).decode(new AgentEncoder().encode(message));
      assert.equal(plain(heard), plain(message));
    }),
    500,
  );
});

codec('what a controller says is what the agent hears', () => {
  check(
    fc.property(fromController, (message) => {
      assert.equal(plain(decodeFromController(encodeFromController(message))), plain(message));
    }),
    500,
  );
});

codec('kinds of messages that came later are passed over', () => {
  const unknown = Uint8Array.from([(15 << 3) | 2, 1, 0]);
  assert.is(decodeFromController(unknown), undefined);
  assert.is(new AgentDecoder(new ReportScratch()).decode(unknown), undefined);
});

codec('bytes that are no message are refused, whatever they are', () => {
  const reportTag = fc.constant(Uint8Array.from([(2 << 3) | 2]));
  const bytes = fc.uint8Array({ maxLength: 200 });
  check(
    fc.property(fc.oneof(reportTag, fc.constant(new Uint8Array())), bytes, (head, rest) => {
      for (const decode of [
        (all: Uint8Array) => new AgentDecoder(new ReportScratch()).decode(all),
        decodeFromController,
      ]) {
        try {
          decode(Uint8Array.from([...head, ...rest]));
        } catch (error) {
          if (!(error instanceof MalformedMessage)) throw error;
        }
      }
    }),
    2000,
  );
});

codec.run();

const reports = suite('codec: reports');

const figure = fc.oneof(fc.constant(0), fc.nat(100), fc.nat(), large);

/** What happens to a host's figures between two reports. */
const step = fc.array(
  fc.record({
    member: fc.nat(9),
    figures: fc.dictionary(fc.constantFrom(...REPORT_COLUMNS), figure, { noNullPrototype: true }),
    isGone: fc.boolean(),
  }),
  { maxLength: 12 },
);

const key = (member: number) => ({
  group: 'g',
  member: `m${member}`,
  address: `10.0.0.${member}`,
  loadBalancer: '',
});

interface ReportsOfAStream {
  sent: Report[];
  bytes: Uint8Array[];
}

function reportsOf(steps: (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): ReportsOfAStream {
  const table = new ReportTable();
  const diff = new ReportDiff();
  const encoder = new AgentEncoder();
  const result: ReportsOfAStream = { sent: [], bytes: [] };
  steps.forEach((changes, index) => {
    for (const { member, figures, isGone } of changes) {
      if (isGone) table.remove(key(member));
      else table.set(key(member), figures);
    }
    const report = diff.next({ sequence: index, atMs: index, intervalMs: 1000, isAggregated: true }, table);
    result.sent.push(report);
    result.bytes.push(encoder.encode({ type: 'report', ...report }));
  });
  return result;
}

const rowsOf = (keys: RowKeys, report: FromAgent | undefined): ReportRow[] => {
  if (report?.type !== 'report') throw new Error(`found ${report?.type}, expected a report`);
  return keys.rowsOf(report);
};

reports('a stream of them arrives as it was sent', () => {
  check(
    fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
      const { sent, bytes } = reportsOf(steps);
      const decoder = new AgentDecoder(new ReportScratch());
      const [before, after] = [new RowKeys(), new RowKeys()];
      sent.forEach((report, index) => {
        const heard = decoder.decode(bytes[index]!);
        assert.equal(rowsOf(after, heard), before.rowsOf(report));
        const { sequence, atMs, intervalMs, isAggregated, announced } = heard as Report;
        assert.equal(
          { sequence, atMs, intervalMs, isAggregated, announced },
          {
            sequence: report.sequence,
            atMs: report.atMs,
            intervalMs: report.intervalMs,
            isAggregated: report.isAggregated,
            announced: report.announced,
          },
        );
      });
    }),
    300,
  );
});

reports('streams that share a scratch do not mix', () => {
  check(
    fc.property(fc.array(step, { maxLength: 4 }), fc.array(step, { maxLength: 4 }), (stepsA, stepsB) => {
      const scratch = new ReportScratch();
      const streams = [reportsOf(stepsA), reportsOf(stepsB)].map(({ sent, bytes }) => ({
        sent,
        bytes,
        decoder: new AgentDecoder(scratch),
        before: new RowKeys(),
        after: new RowKeys(),
      }));
      for (let index = 0; index < 4; index++) {
        for (const { sent, bytes, decoder, before, after } of streams) {
          if (sent[index])
            assert.equal(rowsOf(after, decoder.decode(bytes[index]!)), before.rowsOf(sent[index]));
        }
      }
    }),
    200,
  );
});

reports('the bytes are what sluice.proto says: protobufjs reads the same', () => {
  check(
    fc.property(step, (changes) => {
      const { sent, bytes } = reportsOf([changes]);
      const read = sluice.v1.FromAgent.toObject(sluice.v1.FromAgent.decode(bytes[0]!), {
        longs: Number,
        defaults: true,
      }) as { report: Record<string, number[]> };
      const { rows, rowCount, columns } = sent[0]!;
      let row = 0;
      assert.equal(
        read.report.rowSteps!.map((rowStep) => {
          row += rowStep;
          return row;
        }),
        [...rows.subarray(0, rowCount)],
      );
      for (const column of REPORT_COLUMNS) {
        const figures = [...columns[column].subarray(0, rowCount)];
        const expected = figures.every((value) => value === 0) ? [] : figures;
        assert.equal(read.report[column], expected, column);
      }
    }),
    300,
  );
});

const figures = Object.fromEntries(REPORT_COLUMNS.map((column) => [column, 0]));
const row = (over: Partial<ReportRow>): ReportRow => ({ ...key(1), ...figures, ...over }) as ReportRow;
const header = { sequence: 1, atMs: 1, intervalMs: 1000, isAggregated: true };

reports('the largest figures are exact, up and down', () => {
  const [encoder, decoder] = [new AgentEncoder(), new AgentDecoder(new ReportScratch())];
  const values = [2 ** 53 - 1, 0, 2 ** 31, 2 ** 32 - 1, 2 ** 52 + 1, 63, 64, 8191, 8192, 1];
  for (const bytes of values) {
    const heard = decoder.decode(encoder.encode({ type: 'report', ...reportOf(header, [row({ bytes })]) }));
    assert.is(rowsOf(new RowKeys(), heard)[0]!.bytes, bytes);
  }
});

reports('what is wrong in them is said', () => {
  const decode = (report: sluice.v1.IReport) =>
    new AgentDecoder(new ReportScratch()).decode(sluice.v1.FromAgent.encode({ report }).finish());
  const announced = [{ row: 0, group: 'g', member: 'm' }];
  const wrong: [RegExp, sluice.v1.IReport][] = [
    [/row 3, expected rows that were announced/, { announced, rowSteps: [3] }],
    [/row 0, expected rows that were announced, ascending/, { announced, rowSteps: [0, 0] }],
    [/row 65536, expected less/, { announced: [{ row: 65_536, group: 'g' }] }],
    [/column packets does not have 1 figures/, { announced, rowSteps: [0], packets: [1, 2] }],
    [/column bytes does not have 1 figures/, { announced, rowSteps: [0], bytes: [1, 1] }],
    [/row 0, expected rows that were announced/, { announced: [...announced, { row: 0 }], rowSteps: [0] }],
  ];
  for (const [message, report] of wrong) assert.throws(() => decode(report), message);
});

reports('a report that is cut off anywhere is refused', () => {
  const bytes = new AgentEncoder().encode({
    type: 'report',
    ...reportOf(header, [row({ packets: 1000, bytes: 1e9, rttMicros: 70_000 })]),
  });
  for (let length = 1; length < bytes.length; length++) {
    const decoder = new AgentDecoder(new ReportScratch());
    assert.throws(
      () => decoder.decode(bytes.subarray(0, length)),
      (error: unknown) => error instanceof MalformedMessage,
      `cut off at ${length}`,
    );
  }
});

reports.run();
