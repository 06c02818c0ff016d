/**
 * node http-new-flows.js ADDRESS PORT INTERVAL-MS: an HTTP request every INTERVAL-MS, each on a connection of its own.
 * Prints for each answer when it came (epoch milliseconds) and its first word; failures not at all. Runs inside a VM
 * until it is killed.
 */
import { get } from 'node:http';

const [host, port, intervalMs] = process.argv.slice(2);

setInterval(() => {
  const request = get({ host, port, agent: false, timeout: 1_000 }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => console.log(`${Date.now()} ${body.split(' ', 1)[0]}`));
  });
  request.on('timeout', () => request.destroy());
  request.on('error', () => {});
}, Number(intervalMs));
