/**
 * Encodes and decodes messages. Reports go through report-codec.ts, all others through the code that protobufjs made of
 * sluice.proto. 64-bit numbers are numbers here: the generated code hands out Long objects, as the etcd client's lease
 * ids need all 64 bits; they are converted where messages become plain objects.
 */
import {
  AGENT_MESSAGES,
  boundFields,
  CONTROLLER_MESSAGES,
  type EmbeddedMessages,
  MAX_AGENT_FIELDS,
  MAX_CONTROLLER_FIELDS,
} from './field-bounds.ts';
import { sluice } from './generated/sluice.js';
import { checkFromAgent, checkFromController } from './message-checks.ts';
import type { FromAgent, FromController } from './messages.ts';
import { ReportDecoder, ReportEncoder, type ReportScratch } from './report-codec.ts';
import { MalformedMessage, VarintReader, VarintWriter } from './varint.ts';

const { v1 } = sluice;

/** Field `report` of FromAgent, length-delimited: the first byte of a report's bytes. */
const REPORT_TAG = (2 << 3) | 2;

const PLAIN = { longs: Number, defaults: true, oneofs: true } as const;

/** The agent's end of one stream. */
export class AgentEncoder {
  private readonly reports = new ReportEncoder();
  private readonly framing = new VarintWriter();

  encode(message: FromAgent): Uint8Array {
    if (message.type !== 'report') return v1.FromAgent.encode({ [message.type]: message }).finish();
    const body = this.reports.encode(message);
    this.framing.length = 0;
    this.framing.unsigned(REPORT_TAG);
    this.framing.unsigned(body.length);
    this.framing.append(body);
    return this.framing.bytes.slice(0, this.framing.length);
  }
}

/** The controller's end of one stream. */
export class AgentDecoder {
  private readonly reports: ReportDecoder;

  constructor(scratch: ReportScratch) {
    this.reports = new ReportDecoder(scratch);
  }

  /** Throws MalformedMessage, and nothing else. Undefined: a kind of message that this version does not know. */
  decode(bytes: Uint8Array): FromAgent | undefined {
    return wellFormed(() => {
      if (bytes[0] === REPORT_TAG) return this.report(bytes);
      const message = plain<FromAgent>(v1.FromAgent, bytes, AGENT_MESSAGES, MAX_AGENT_FIELDS);
      if (message) checkFromAgent(message);
      return message;
    });
  }

  private report(bytes: Uint8Array): FromAgent {
    const reader = new VarintReader(bytes, 1);
    const byteCount = reader.unsigned();
    if (reader.at + byteCount !== bytes.length)
      throw new MalformedMessage(`a report of ${byteCount} bytes in a message of ${bytes.length}`);
    return { type: 'report', ...this.reports.decode(bytes, reader.at, bytes.length) };
  }
}

export const encodeFromController = (message: FromController): Uint8Array =>
  v1.FromController.encode({ [message.type]: message }).finish();

/** Throws only MalformedMessage. Undefined: a kind of message that this version does not know. */
export const decodeFromController = (bytes: Uint8Array): FromController | undefined =>
  wellFormed(() => {
    const message = plain<FromController>(
      v1.FromController,
      bytes,
      CONTROLLER_MESSAGES,
      MAX_CONTROLLER_FIELDS,
    );
    if (message) checkFromController(message);
    return message;
  });

/** Turns every error of a decoder into MalformedMessage: protobufjs throws several kinds. */
function wellFormed<Message>(decode: () => Message): Message {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MalformedMessage) throw error;
    throw new MalformedMessage(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

interface GeneratedType {
  decode(bytes: Uint8Array): object;
  toObject(message: object, options: typeof PLAIN): { [key: string]: unknown };
}

/** The member of the oneof that is set, as a flat object with its name as `type`. */
function plain<Message>(
  type: object,
  bytes: Uint8Array,
  embedded: EmbeddedMessages,
  maxFields: number,
): Message | undefined {
  boundFields(bytes, embedded, maxFields);
  const { decode, toObject } = type as GeneratedType;
  const { message: name, ...members } = toObject(decode(bytes), PLAIN);
  if (typeof name !== 'string') return undefined;
  const body = members[name] as Record<string, unknown>;
  for (const [key, value] of Object.entries(body)) if (value === null) delete body[key];
  return { type: name, ...body } as Message;
}
