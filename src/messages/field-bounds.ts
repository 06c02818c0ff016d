/**
 * Bounds on a message's bytes, checked before decoding.
 *
 * An empty embedded message takes two bytes on the wire and about a hundred in memory: 16 MB of them would become
 * gigabytes of objects. So the fields of a message, including those of embedded messages, are counted first.
 */
import { MalformedMessage, VarintReader } from './varint.ts';

/** Field numbers of a message's embedded messages. */
export interface EmbeddedMessages {
  readonly [field: number]: EmbeddedMessages;
}

const NOTHING: EmbeddedMessages = {};
const PORT: EmbeddedMessages = { 6: NOTHING };
const NETWORKS: EmbeddedMessages = { 1: NOTHING };

/** Of FromAgent in sluice.proto, without reports, which have a decoder of their own. */
export const AGENT_MESSAGES: EmbeddedMessages = {
  1: { 5: PORT, 8: NETWORKS, 9: NOTHING },
  3: { 1: PORT, 2: NETWORKS, 3: NOTHING },
  4: NOTHING,
  5: { 2: NOTHING },
  6: { 5: PORT },
  7: NOTHING,
  8: NOTHING,
  9: { 1: NOTHING },
};

/** Of FromController. */
export const CONTROLLER_MESSAGES: EmbeddedMessages = {
  1: NOTHING,
  2: NOTHING,
  3: { 5: { 3: { 2: NOTHING } } },
  4: { 4: { 2: NOTHING } },
  5: NOTHING,
  6: NOTHING,
  7: NOTHING,
};

/** Enough for a host with 4096 ports of twenty labels each. */
export const MAX_AGENT_FIELDS = 1 << 18;
/** Enough for the figures of 65 536 members. */
export const MAX_CONTROLLER_FIELDS = 1 << 20;

const LENGTH_DELIMITED = 2;

/** Field `report` of FromAgent: its decoder accepts it only as the single field of a message. */
const REPORT = 2;

/** Throws MalformedMessage when the bytes are not well-formed fields, or more than `maxFields`. */
export function boundFields(bytes: Uint8Array, messages: EmbeddedMessages, maxFields: number): void {
  let fields = 0;
  const count = (start: number, end: number, embedded: EmbeddedMessages): void => {
    const reader = new VarintReader(bytes, start, end);
    while (reader.at < end) {
      if (++fields > maxFields) throw new MalformedMessage(`more than ${maxFields} fields`);
      const tag = reader.unsigned();
      const inside = (tag & 7) === LENGTH_DELIMITED ? embedded[Math.floor(tag / 8)] : undefined;
      if (inside === undefined) {
        reader.skip(tag & 7);
        continue;
      }
      const byteCount = reader.unsigned();
      if (reader.at + byteCount > end) throw new MalformedMessage('a field ends after the message does');
      count(reader.at, reader.at + byteCount, inside);
      reader.at += byteCount;
    }
  };
  if (messages === AGENT_MESSAGES) refuseReports(bytes);
  count(0, bytes.length, messages);
}

function refuseReports(bytes: Uint8Array): void {
  const reader = new VarintReader(bytes);
  while (reader.at < reader.end) {
    const tag = reader.unsigned();
    if (Math.floor(tag / 8) === REPORT) throw new MalformedMessage('a report that is not the first field');
    reader.skip(tag & 7);
  }
}
