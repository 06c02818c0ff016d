import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfiguration } from '../../src/config/load.ts';
import { checkNewMember } from '../../src/config/new-member.ts';
import { ConfigError } from '../../src/config/problems/problems.ts';
import { base } from './one-change.ts';

const { groups, networks } = parseConfiguration(base);
const [api, night] = groups;
const add = (input: unknown, group = api!) => checkNewMember(input, group, networks[0]!);

const problemsOf = (input: unknown, group = api!): string[] => {
  try {
    add(input, group);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, found }) => `${path}: ${found}`);
  }
};

const newMember = suite('a member that joins');

newMember('defaults and canonical values', () => {
  assert.equal(add({ name: 'app3', address: '10.1.0.23', port: 8080, mac: '02-00-00-00-00-0A' }), {
    name: 'app3',
    address: '10.1.0.23',
    port: 8080,
    mac: '02:00:00:00:00:0a',
    weight: 1,
    state: 'active',
  });
  assert.is(add({ name: 'app3', address: '10.1.0.23', weight: 0 }).weight, 0);
});

newMember('shape and fit are told together', () => {
  assert.equal(problemsOf({ name: 'app3', address: 'fd00:1::23', weight: -1, wieght: 2 }), [
    'weight: -1',
    'wieght: an unknown key "wieght"',
    'address: "fd00:1::23", which is IPv6',
  ]);
  assert.equal(problemsOf('app3'), [': "app3"']);
  assert.equal(problemsOf({}), ['name: nothing', 'address: nothing']);
});

newMember('names and destinations that are taken, in whichever criteria set', () => {
  assert.equal(problemsOf({ name: 'app2', address: '10.1.0.22' }), [
    'name: "app2", the same as members[1].name',
    'address: "10.1.0.22", the same as members[1].address',
  ]);
  assert.equal(problemsOf({ name: 'app1', address: '10.1.0.29' }, night), [
    'name: "app1", the same as members[0].name',
  ]);
  assert.equal(problemsOf({ name: 'app4', address: '10.1.0.100' }), [
    'address: "10.1.0.100", which is the VIP',
  ]);
});

newMember("the address of another group's VIP", () => {
  const vips = [{ ...night!, name: 'night', vip: ['10.1.0.101'], network: api!.network }];
  try {
    checkNewMember({ name: 'app9', address: '10.1.0.101' }, api!, networks[0]!, vips);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), 'address: found "10.1.0.101", the virtual address of group night');
  }
});

newMember.run();
