// The commands of the how-to pages, as they stand there, in namespaces of their own; nothing outlives them.
// timeout: 600s
// serial
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { blocksOf, runAlone } from './word-by-word.ts';

const test = suite('how-to pages');

const TIMEOUT_MS = 180_000;

test('docs/changes.md: a change is seen, explained and undone', () => {
  const [block] = blocksOf('docs/changes.md');
  const { status, text } = runAlone(block!, TIMEOUT_MS);
  assert.is(status, 0, text);
  assert.match(text, /groups\.api\.members\.app1\.weight +5 +1 +uid 0 \(root\) +\d{4}-\d\d-\d\dT/);
  assert.match(text, /api +command/);
  assert.match(text, 'nothing would change');
  assert.match(text, 'no differences');
});

test('docs/fleet-on-one-machine.md: three hosts over etcd and TLS', () => {
  const { status, text } = runAlone(blocksOf('docs/fleet-on-one-machine.md').join('\n'), 2 * TIMEOUT_MS);
  assert.is(status, 0, text);
  const answers = text.split('\n').filter((line) => /^app[12]$/.test(line));
  assert.equal([...answers.slice(0, 4)].sort(), ['app1', 'app1', 'app2', 'app2'], text);
  assert.equal(answers.slice(4), ['app1', 'app1', 'app1', 'app1'], text);
  assert.match(text, /the leader, \S+, dies/);
});

test('docs/restore.md: a snapshot is saved and restored', () => {
  const [save, restore] = blocksOf('docs/restore.md');
  const etcd = `etcd --name m0 --data-dir /var/lib/etcd --log-level error \
    --listen-client-urls http://192.0.2.1:2379 --advertise-client-urls http://192.0.2.1:2379 \
    --listen-peer-urls http://192.0.2.1:2380 --initial-advertise-peer-urls http://192.0.2.1:2380 \
    --initial-cluster m0=http://192.0.2.1:2380 >/dev/null 2>&1 &`;
  const healthy = `for try in $(seq 100); do
    etcdctl --endpoints 192.0.2.1:2379 endpoint health >/dev/null 2>&1 && break; sleep 0.1; done`;
  const script = `
    export ETCDCTL_API=3
    mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/here && cd /var/lib/here
    ip address add 192.0.2.1/32 dev lo
    ${etcd}
    ${healthy}
    etcdctl --endpoints 192.0.2.1:2379 put key before
    ${save}
    etcdctl --endpoints 192.0.2.1:2379 put key after
    kill %1 && wait %1 || true
    rm -r /var/lib/etcd
    ${restore}
    ${etcd}
    ${healthy}
    etcdctl --endpoints 192.0.2.1:2379 get key --print-value-only
    kill %%`;
  const { status, text } = runAlone(script, TIMEOUT_MS);
  assert.is(status, 0, text);
  assert.match(text, /\nbefore\n/);
  assert.not.match(text, /\nafter\n/);
});

test.run();
