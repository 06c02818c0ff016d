import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reachableAddress } from '../../src/process/reachable-address.ts';

const test = suite('reachable address');

test('an address of this machine is told as it is', () => {
  assert.is(reachableAddress('192.0.2.7:7070', 'h1'), '192.0.2.7:7070');
  assert.is(reachableAddress('[2001:db8::7]:7070', 'h1'), '[2001:db8::7]:7070');
});

test('a wildcard is told as the name of the host', () => {
  assert.is(reachableAddress('0.0.0.0:7070', 'h1'), 'h1:7070');
  assert.is(reachableAddress('[::]:7070', 'h1'), 'h1:7070');
});

test.run();
