// What the API answers to requests that the CLI would not send, and to those that are refused.
// timeout: 60s
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ApiError, GroupDetail, RuleRow, Status } from '../../src/api/shapes.ts';
import { TestRun } from '../support/host-processes.ts';

const test = suite('api');

const run = new TestRun('api');
const CONFIG = {
  host: 'h1',
  networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
  ports: ['a', 'b'].map((name) => ({
    name,
    network: 'app',
    netns: run.netns(name),
    labels: { vm: name },
  })),
  groups: [
    {
      name: 'web',
      network: 'app',
      vip: '10.1.0.100',
      protocol: 'tcp',
      port: 80,
      from: { vm: 'a' },
      members: [{ name: 's1', address: '10.1.0.21' }],
    },
  ],
};

test.before(async () => {
  run.writeConfig(CONFIG);
  await run.start();
});
test.after(() => run.close());

const get = <Body>(path: string) => run.api<Body>('GET', path);

test('what is not there is 404, and says what is', async () => {
  for (const [path, error] of [
    ['/v1/nothing', 'no such resource: /v1/nothing'],
    ['/', 'no such resource: /'],
    ['/v1/groups/wep', 'group: found wep, expected one of web (did you mean "web"?)'],
    ['/v1/rules?port=zzz', 'port: found zzz, expected one of a, b'],
    ['/v1/flows?group=web&member=s9', 'group web has no member s9'],
    ['/v1/flows?member=nope', 'member: found nope, expected one of s1'],
  ] as const) {
    const { status, body } = await get<ApiError>(path);
    assert.is(status, 404, path);
    assert.is(body.error, error);
  }
});

test('another method is told which one is expected', async () => {
  const { status, body } = await run.api<ApiError>('DELETE', '/v1/groups/web/members');
  assert.is(status, 400);
  assert.is(body.error, '/v1/groups/web/members: found DELETE, expected POST');
});

test('wrong input is 400 with every problem', async () => {
  const { status, body } = await run.api<ApiError>('POST', '/v1/groups/web/members', {
    address: 7,
    weight: -1,
    colour: 'red',
  });
  assert.is(status, 400);
  assert.equal(body.problems!.map(({ path, found }) => `${path}: ${found}`).sort(), [
    'address: 7',
    'colour: an unknown key "colour"',
    'name: nothing',
    'weight: -1',
  ]);
  const query = await get<ApiError>('/v1/flows?limit=many');
  assert.equal(query.body.problems, [{ path: 'limit', found: '"many"', expected: 'a number of 1 or more' }]);
});

test('a body that is no JSON, or far too long, is refused', async () => {
  const text = await raw('POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n{"a');
  assert.match(text, /^HTTP\/1\.1 400 [\s\S]*body: found \\"\{\\\\\\"a\\", expected JSON/);
  const long = `POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n\r\n${'x'.repeat(2_000_000)}`;
  assert.match(await raw(long), /^HTTP\/1\.1 400 [\s\S]*more than 1048576 bytes/);
  assert.is((await get('/v1/status')).status, 200);
});

test('bytes that are no HTTP do no harm', async () => {
  assert.match(await raw('\x00\x01\x02\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.is((await get('/v1/status')).status, 200);
});

test('names in paths are decoded; a broken escape is refused', async () => {
  assert.is((await get<GroupDetail>('/v1/groups/%77eb')).body.group, 'web');
  assert.match(await raw('GET /v1/groups/%zz HTTP/1.1\r\nhost: x\r\n\r\n'), /^HTTP\/1\.1 400 /);
});

test('rules are with the load balancers of the ports that `from` selects, and no others', async () => {
  const rules = async (query: string) => (await get<RuleRow[]>(`/v1/rules${query}`)).body;
  assert.equal(
    (await rules('')).map(({ loadBalancer, group }) => [loadBalancer, group]),
    [['a', 'web']],
  );
  assert.equal((await rules('?port=a')).length, 1);
  assert.equal(await rules('?port=b'), []);
});

test('a change answers with the revision that is in force then', async () => {
  const { body } = await run.api<{ revision: number }>('POST', '/v1/groups/web/members/s1/weight', {
    weight: 5,
  });
  assert.is((await get<Status>('/v1/status')).body.revision, body.revision);
  const [rule] = (await get<RuleRow[]>('/v1/rules')).body;
  assert.is(rule!.revision, body.revision);
  assert.equal(rule!.members, ['s1=5']);
});

test('a refused change takes no revision', async () => {
  const { revision } = (await get<Status>('/v1/status')).body;
  assert.is((await run.api('POST', '/v1/groups/web/members/s9/fail')).status, 404);
  assert.is(
    (await run.api('POST', '/v1/groups/web/members', { name: 's2', address: 'fd00::1' })).status,
    400,
  );
  assert.is((await get<Status>('/v1/status')).body.revision, revision);
});

test('changes that arrive together are all done', async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      run.api('POST', '/v1/groups/web/members', { name: `m${i}`, address: `10.1.0.${100 + i + 1}` }),
    ),
  );
  assert.ok(answers.every(({ status }) => status === 200));
  assert.is((await get<GroupDetail>('/v1/groups/web')).body.members.length, 31);
});

/** What the socket answers to these bytes. */
const raw = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(join(run.runDir, 'api.sock'));
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    // The server may close before it has read all; what it has answered counts.
    socket.on('error', (error: NodeJS.ErrnoException) => (text === '' ? reject(error) : undefined));
    socket.write(bytes, 'latin1');
  });

test.run();
