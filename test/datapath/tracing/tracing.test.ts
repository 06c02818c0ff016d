/** A trace foretells what the datapath does, and leaves nothing behind: no record, no counter, no turn of a round robin. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TraceResult } from '../../../src/datapath/tracing/packet-tracer.ts';
import { DROP_REASONS } from '../../../src/tables/port-counters.ts';
import { TcpConversation } from '../../support/conversation.ts';
import { DatapathBed, only } from '../../support/datapath-bed.ts';
import { arpFrame, tcpFrame, udpFrame, type WireFrame } from '../../support/packets.ts';
import { members } from '../../support/topology.ts';

const tracing = suite('traces');

const VIP = '10.1.0.100';
const api = {
  name: 'api',
  vip: VIP,
  port: 80,
  protocol: 'tcp' as const,
  members: members([1, 3], { port: 8080 }),
};

const syn = (bed: DatapathBed, sourcePort: number, to = VIP): WireFrame =>
  tcpFrame(bed.way('web1', to), { sourcePort, destinationPort: 80, flags: 'S' });

const reasonOf = ({ reason }: TraceResult): string => DROP_REASONS[reason];

/** Numbers and names of the operators that the packet met. */
const operatorsOf = ({ steps }: TraceResult): string[] =>
  steps.flatMap((step) => (step.kind === 'operator' ? [`${step.direction} ${step.operator}`] : []));

const factsOf = ({ steps }: TraceResult): string[] =>
  steps.flatMap((step) => (step.kind === 'fact' ? [step.fact.kind] : []));

tracing(
  'a new flow: endpoint, no record, rule, criteria, candidates with weights, and the member’s port',
  () => {
    const bed = new DatapathBed({ groups: [api] });
    const trace = bed.traceCarefully('web1', syn(bed, 40_000));
    assert.is(trace.verdict, 'delivered');
    assert.equal(
      factsOf(trace).filter((kind) => kind !== 'neighbour'),
      ['endpoint', 'connection', 'rule', 'criteria', 'selection', 'opened', 'to-member', 'switch'],
    );
    const selection = trace.steps
      .flatMap((step) => (step.kind === 'fact' ? [step.fact] : []))
      .find((fact) => fact.kind === 'selection');
    assert.equal(
      selection?.candidates.map(({ weight }) => weight),
      [1, 3],
    );
    assert.equal(
      operatorsOf(trace).filter((name) => name.endsWith('load-balancer')),
      ['ingress load-balancer', 'egress load-balancer'],
    );
    assert.equal(bed.flows(), []);
  },
);

tracing('a thousand traces between the packets of a cycle change nothing of it', () => {
  const bed = new DatapathBed({ groups: [api], limits: { maxFirewallFlows: 64, maxDatagrams: 16 } });
  const chosen: string[] = [];
  for (let flow = 0; flow < 8; flow++) {
    const foretold = bed.traceCarefully('web1', syn(bed, 41_000 + flow));
    for (let i = 0; i < 125; i++) bed.trace('web1', syn(bed, 50_000 + i));
    const real = only(bed.send('web1', syn(bed, 41_000 + flow)));
    chosen.push(real.port);
    assert.equal(Buffer.from(foretold.sent[0].bytes), Buffer.from(real.wire.bytes));
  }
  assert.equal(chosen.toSorted(), ['app1', 'app1', ...new Array(6).fill('app2')]);
});

tracing('a flow that runs: its record is found, and the reply’s way is turned back into the VIP', () => {
  const bed = new DatapathBed({ groups: [api], traces: true });
  const flow = new TcpConversation(bed, { port: 'web1', clientPort: 40_000, vip: VIP, vipPort: 80 });
  flow.open();
  const ack = tcpFrame(bed.way('web1', VIP), { sourcePort: 40_000, destinationPort: 80, flags: 'A' });
  const trace = bed.traceCarefully('web1', ack, { reply: true });
  assert.ok(factsOf(trace).includes('connection'));
  assert.not.ok(factsOf(trace).includes('selection'));
  assert.is(trace.reply?.verdict, 'delivered');
  assert.is(trace.reply?.sent[0].port, bed.maker.portId('web1'));
});

tracing('the reply to a new flow finds the record that the trace itself would make', () => {
  const bed = new DatapathBed({ groups: [api] });
  const trace = bed.traceCarefully('web1', syn(bed, 40_000), { reply: true });
  assert.is(trace.reply?.verdict, 'delivered');
  assert.ok(factsOf(trace.reply!).includes('connection'));
  assert.equal(bed.flows(), []);
});

tracing('refusals and losses have the name of their counter', () => {
  const bed = new DatapathBed({ groups: [{ ...api, members: members([0, 0]) }], traces: true });
  const refused = bed.traceCarefully('web1', syn(bed, 40_000));
  assert.is(refused.verdict, 'dropped');
  assert.is(reasonOf(refused), 'no-member');
  assert.is(refused.sent.length, 1, 'the reset');
  const lost = bed.traceCarefully('web1', syn(bed, 40_000, '10.9.0.1'));
  assert.is(reasonOf(lost), 'no-route');
});

tracing('an unknown neighbour: the packet would wait, and nobody is asked', () => {
  const bed = new DatapathBed({ groups: [] });
  const trace = bed.traceCarefully('web1', syn(bed, 40_000, '10.2.0.99'));
  assert.is(trace.verdict, 'waiting');
  assert.ok(trace.sent.every(({ own }) => !own));
  assert.is(bed.waiting(), 0);
});

tracing('the answer of a neighbour that a frame waits for: the waiting frame stays as it is', () => {
  const bed = new DatapathBed({ groups: [] });
  bed.send('web1', udpFrame(bed.way('web1', '10.2.0.99'), { sourcePort: 1, destinationPort: 2 }));
  assert.is(bed.waiting(), 1);
  const routerMac = bed.maker.routerMac('db');
  const way = { from: '10.2.0.99', to: '10.2.0.1', fromMac: '02:00:00:00:02:63', toMac: routerMac };
  const answer = arpFrame(way, 'reply', { targetMac: routerMac });
  const trace = bed.traceCarefully('db1', answer);
  assert.is(trace.sent.length, 1, 'the frame that waits would be sent');
  assert.is(bed.waiting(), 1);
  const real = bed.send('db1', answer);
  assert.equal(Buffer.from(real[0].wire.bytes), Buffer.from(trace.sent[0].bytes));
});

tracing.run();
