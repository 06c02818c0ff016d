/** The tools' outputs below are what iperf 3.12, sockperf 3.7 and wrk 4.1 printed, shortened where they list. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseIperf, parseSockperf, parseWrk } from './parse.ts';

const parse = suite('bench parse');

const iperfClient = {
  start: { connected: [{ socket: 5, local_host: '10.9.0.1', remote_host: '10.9.0.100', remote_port: 5201 }] },
  end: {
    sum: { bytes: 10114560, lost_packets: 14338, packets: 158040 },
    sum_received: { seconds: 1.000145, bytes: 9196928, lost_packets: 14338, packets: 158040, sender: false },
  },
  server_output_json: {
    start: {
      connected: [{ socket: 5, local_host: '10.9.0.2', remote_host: '10.9.0.1', remote_port: 47257 }],
    },
    end: { sum_received: { seconds: 1.000145, bytes: 9196928, lost_packets: 14338, packets: 158040 } },
  },
};

parse('iperf3: what the server received, and at which address', () => {
  assert.equal(parseIperf(JSON.stringify(iperfClient)), {
    receivedBytes: 9196928,
    seconds: 1.000145,
    dialled: '10.9.0.100',
    reached: ['10.9.0.2'],
  });
});

parse('iperf3: its errors are ours', () => {
  const refused = { start: { connected: [] }, error: 'unable to connect to server: Connection refused' };
  assert.throws(() => parseIperf(JSON.stringify(refused)), /Connection refused/);
  assert.throws(
    () => parseIperf(JSON.stringify({ ...iperfClient, server_output_json: undefined })),
    /no server output/,
  );
});

parse('sockperf: percentiles between colour codes', () => {
  const text = `sockperf: \x1b[2;35m====> avg-rtt=100.038 (std-dev=65.849)\x1b[0m
sockperf: # dropped messages = 0; # duplicated messages = 0; # out-of-order messages = 0
sockperf: \x1b[2;35mTotal 5497 observations\x1b[0m; each percentile contains 54.97 observations
sockperf: ---> <MAX> observation = 4143.728
sockperf: ---> percentile 99.999 = 4143.728
sockperf: ---> percentile 99.900 =  587.146
sockperf: ---> percentile 99.000 =  177.752
sockperf: ---> percentile 50.000 =   97.053
sockperf: ---> <MIN> observation =   20.880
`;
  assert.equal(parseSockperf(text), { p50Us: 97.053, p99Us: 177.752 });
  assert.throws(() => parseSockperf('sockperf: ERROR: Connection refused'), /Connection refused/);
});

const wrkText = `Running 1s test @ http://10.9.0.100:8080/
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.90ms    1.02ms   6.35ms   69.12%
    Req/Sec     6.59k   797.13     8.21k    70.00%
  13157 requests in 1.00s, 1.82MB read
`;

parse('wrk: rate and count', () => {
  assert.equal(parseWrk(`${wrkText}Requests/sec:  13105.25\nTransfer/sec:      1.81MB\n`), {
    requestsPerSecond: 13105.25,
    requests: 13157,
    failures: 0,
  });
});

parse('wrk: failures are connect, write, timeout and error answers, not the reads that closing ends', () => {
  const failed = `${wrkText}  Socket errors: connect 3, read 400, write 2, timeout 1
  Non-2xx or 3xx responses: 10
Requests/sec:  13105.25
`;
  assert.is(parseWrk(failed).failures, 16);
  assert.throws(() => parseWrk('unable to connect to 10.9.0.100:8080 No route to host'), /No route to host/);
});

parse.run();
