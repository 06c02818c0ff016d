import { type Case, runCases } from '../one-change.ts';

const cases: Case[] = [
  [
    'loopback without tls',
    [
      ['listen', { agents: '127.0.0.1:7400' }],
      ['controllers', ['[::1]:7400', 'localhost:7400']],
    ],
    [],
  ],
  [
    'addresses that others reach, without tls',
    [
      ['listen', { agents: '0.0.0.0:7400' }],
      ['controllers', ['127.0.0.1:7400', '192.0.2.1:7400']],
    ],
    [
      'listen.agents: found "0.0.0.0:7400" without tls, expected a loopback address, or tls with ca, cert and key',
      'controllers[1]: found "192.0.2.1:7400" without tls, expected a loopback address, or tls with ca, cert and key',
    ],
  ],
  [
    'people and monitoring from other machines, without tls',
    [['listen', { http: '0.0.0.0:7480' }]],
    [
      'listen.http: found "0.0.0.0:7480" without tls, expected a loopback address, or tls with ca, cert and key',
    ],
  ],
  [
    'the same with tls',
    [
      ['listen', { agents: '0.0.0.0:7400', http: '192.0.2.7:7480' }],
      ['controllers', ['192.0.2.1:7400']],
      ['tls', { ca: 'ca.pem', cert: 'h1.pem', key: 'h1.key' }],
    ],
    [],
  ],
  [
    'TLS of the store alone, or none',
    [['store', { kind: 'etcd', endpoints: ['192.0.2.1:2379'], tls: { ca: 'ca.pem' } }]],
    [],
  ],
  ['no TLS of the store', [['store', { kind: 'etcd', endpoints: ['192.0.2.1:2379'], tls: 'none' }]], []],
  [
    'half a pair of files',
    [['store', { kind: 'etcd', endpoints: ['192.0.2.1:2379'], tls: { ca: 'ca.pem', cert: 'c.pem' } }]],
    ['store.tls: found a mapping, expected cert and key, both or neither'],
  ],
];

runCases('listeners and controllers', cases);
