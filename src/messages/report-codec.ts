/**
 * Encodes and decodes the message Report of sluice.proto, by hand because of its rate.
 *
 * Theory of operation. Both ends of a stream keep the latest figures per row number. A column carries differences from
 * those: most are 0 or small, so a figure takes one to three bytes, and an unchanged column is omitted. The decoder adds
 * them up directly into typed arrays that all streams share. An announcement sets its row's figures to 0 at both ends.
 * Encoder and decoder belong to one stream each; every encoded report must be sent.
 *
 * The bytes are canonical protobuf: fields in order, repeated numbers packed in one piece. The decoder requires row
 * numbers before columns.
 */
import { sluice } from './generated/sluice.js';
import { MAX_NAME_LENGTH } from './message-checks.ts';
import {
  MAX_REPORT_ROWS,
  makeColumns,
  REPORT_COLUMNS,
  type Report,
  type ReportColumns,
  type RowAnnouncement,
} from './report.ts';
import { MalformedMessage, VarintReader, VarintWriter } from './varint.ts';

const { RowKey } = sluice.v1;

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

const SEQUENCE = 1;
const AT_MS = 2;
const INTERVAL_MS = 3;
const IS_AGGREGATED = 4;
const ANNOUNCED = 5;
const ROW_STEPS = 6;
const FIRST_COLUMN = 16;

const FIRST_ROWS = 64;
/** Largest encoded key of a row; message-checks.ts bounds the names in it. */
const MAX_KEY_BYTES = 4 * MAX_NAME_LENGTH;
/** Largest number of announcements in one report: each row may be retired and announced again. */
const MAX_ANNOUNCEMENTS = 2 * MAX_REPORT_ROWS;

/** Latest figures that the stream has carried, by row number. */
class StreamFigures {
  columns: ReportColumns = makeColumns(FIRST_ROWS);

  forget(row: number): void {
    for (const name of REPORT_COLUMNS) this.columns[name][row] = 0;
  }

  reserve(rowCount: number): void {
    let capacity = this.columns.packets.length;
    if (capacity >= rowCount) return;
    while (capacity < rowCount) capacity *= 2;
    const larger = makeColumns(capacity);
    for (const name of REPORT_COLUMNS) larger[name].set(this.columns[name]);
    this.columns = larger;
  }
}

/** The agent's end of one stream. */
export class ReportEncoder {
  private readonly sent = new StreamFigures();
  private readonly writer = new VarintWriter();
  private readonly packed = new VarintWriter();

  /** Returns the body of a Report; the next call overwrites it. */
  encode(report: Report): Uint8Array {
    const writer = this.writer;
    writer.length = 0;
    this.number(SEQUENCE, report.sequence);
    this.number(AT_MS, report.atMs);
    this.number(INTERVAL_MS, report.intervalMs);
    this.number(IS_AGGREGATED, report.isAggregated ? 1 : 0);
    for (const announcement of report.announced) this.announcement(announcement);
    this.rowSteps(report);
    REPORT_COLUMNS.forEach((name, index) => {
      this.column(FIRST_COLUMN + index, report, report.columns[name], this.sent.columns[name]);
    });
    return writer.bytes.subarray(0, writer.length);
  }

  private number(field: number, value: number): void {
    if (value === 0) return;
    this.writer.unsigned(tag(field, VARINT));
    this.writer.unsigned(value);
  }

  private announcement({ row, key }: RowAnnouncement): void {
    this.sent.reserve(row + 1);
    this.sent.forget(row);
    this.piece(ANNOUNCED, RowKey.encode({ row, ...key }).finish());
  }

  private rowSteps({ rows, rowCount }: Report): void {
    const packed = this.packed;
    packed.length = 0;
    packed.reserveVarints(rowCount);
    let before = 0;
    for (let i = 0; i < rowCount; i++) {
      packed.unsignedUnchecked(rows[i]! - before);
      before = rows[i]!;
    }
    this.piece(ROW_STEPS, packed.bytes.subarray(0, packed.length));
  }

  private column(field: number, { rows, rowCount }: Report, now: Float64Array, sent: Float64Array): void {
    const packed = this.packed;
    packed.length = 0;
    packed.reserveVarints(rowCount);
    let isChanged = false;
    for (let i = 0; i < rowCount; i++) {
      const row = rows[i]!;
      const difference = now[i]! - sent[row]!;
      if (difference !== 0) isChanged = true;
      packed.signedUnchecked(difference);
      sent[row] = now[i]!;
    }
    if (isChanged) this.piece(field, packed.bytes.subarray(0, packed.length));
  }

  private piece(field: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.writer.unsigned(tag(field, LENGTH_DELIMITED));
    this.writer.unsigned(bytes.length);
    this.writer.append(bytes);
  }
}

/** Output buffers of decoders, shared by all streams of a server, as large as the largest report so far. */
export class ReportScratch {
  rows = new Uint32Array(FIRST_ROWS);
  columns: ReportColumns = makeColumns(FIRST_ROWS);

  reserve(rowCount: number): void {
    let capacity = this.rows.length;
    if (capacity >= rowCount) return;
    while (capacity < rowCount) capacity *= 2;
    this.rows = new Uint32Array(capacity);
    this.columns = makeColumns(capacity);
  }
}

/** The controller's end of one stream. */
export class ReportDecoder {
  private readonly seen = new StreamFigures();
  /** By row number: 1 if the row has a key. */
  private isAnnounced = new Uint8Array(FIRST_ROWS);
  private readonly scratch: ReportScratch;

  constructor(scratch: ReportScratch) {
    this.scratch = scratch;
  }

  /** Throws MalformedMessage, after which the stream must end. The report's arrays belong to the scratch. */
  decode(bytes: Uint8Array, start = 0, end = bytes.length): Report {
    const reader = new VarintReader(bytes, start, end);
    const header = { sequence: 0, atMs: 0, intervalMs: 0, isAggregated: false };
    const announced: RowAnnouncement[] = [];
    let rowCount = 0;
    let columnsRead = 0;
    while (reader.at < end) {
      const fieldTag = reader.unsigned();
      switch (fieldTag) {
        case tag(SEQUENCE, VARINT):
          header.sequence = reader.unsigned();
          break;
        case tag(AT_MS, VARINT):
          header.atMs = reader.unsigned();
          break;
        case tag(INTERVAL_MS, VARINT):
          header.intervalMs = reader.unsigned();
          break;
        case tag(IS_AGGREGATED, VARINT):
          header.isAggregated = reader.unsigned() !== 0;
          break;
        case tag(ANNOUNCED, LENGTH_DELIMITED):
          if (announced.length >= MAX_ANNOUNCEMENTS)
            throw new MalformedMessage(`more than ${MAX_ANNOUNCEMENTS} announcements`);
          announced.push(this.announcement(reader.take(reader.unsigned())));
          break;
        case tag(ROW_STEPS, LENGTH_DELIMITED):
          if (rowCount > 0 || columnsRead > 0)
            throw new MalformedMessage('row numbers in more than one piece');
          rowCount = this.rowNumbers(reader);
          break;
        default: {
          const index = (fieldTag >>> 3) - FIRST_COLUMN;
          if ((fieldTag & 7) !== LENGTH_DELIMITED || index < 0 || index >= REPORT_COLUMNS.length) {
            reader.skip(fieldTag & 7);
            break;
          }
          // The omitted columns before this one, then this one.
          while (columnsRead < index) this.unchanged(columnsRead++, rowCount);
          if (columnsRead > index) throw new MalformedMessage(`column ${REPORT_COLUMNS[index]} out of order`);
          this.column(reader, columnsRead++, rowCount);
        }
      }
    }
    while (columnsRead < REPORT_COLUMNS.length) this.unchanged(columnsRead++, rowCount);
    if (!Number.isSafeInteger(header.sequence) || !Number.isSafeInteger(header.atMs))
      throw new MalformedMessage('a sequence or time of 2^53 or more');
    return { ...header, announced, rowCount, rows: this.scratch.rows, columns: this.scratch.columns };
  }

  private announcement(bytes: Uint8Array): RowAnnouncement {
    if (bytes.length > MAX_KEY_BYTES)
      throw new MalformedMessage(`a row's key of ${bytes.length} bytes, expected at most ${MAX_KEY_BYTES}`);
    const { row, group, member, address, loadBalancer } = RowKey.decode(bytes);
    if (row >= MAX_REPORT_ROWS)
      throw new MalformedMessage(`row ${row}, expected less than ${MAX_REPORT_ROWS}`);
    this.seen.reserve(row + 1);
    this.seen.forget(row);
    if (this.isAnnounced.length <= row) {
      const larger = new Uint8Array(this.seen.columns.packets.length);
      larger.set(this.isAnnounced);
      this.isAnnounced = larger;
    }
    this.isAnnounced[row] = group === '' ? 0 : 1;
    if (group === '') return { row };
    return { row, key: { group, member, address, loadBalancer } };
  }

  private rowNumbers(reader: VarintReader): number {
    const end = this.pieceEnd(reader);
    // A row number takes at least one byte.
    this.scratch.reserve(Math.min(end - reader.at, MAX_REPORT_ROWS));
    const { rows } = this.scratch;
    let count = 0;
    let row = 0;
    while (reader.at < end) {
      const step = reader.unsigned();
      row += step;
      if (this.isAnnounced[row] !== 1 || (step === 0 && count > 0))
        throw new MalformedMessage(`row ${row}, expected rows that were announced, ascending`);
      rows[count++] = row;
    }
    if (reader.at !== end) throw new MalformedMessage('row numbers end after their field does');
    return count;
  }

  private column(reader: VarintReader, index: number, rowCount: number): void {
    const name = REPORT_COLUMNS[index]!;
    const end = this.pieceEnd(reader);
    const { rows } = this.scratch;
    const to = this.scratch.columns[name];
    const seen = this.seen.columns[name];
    const { bytes } = reader;
    let at = reader.at;
    for (let i = 0; i < rowCount; i++) {
      // Nearly all figures have up to four bytes and are decoded inline; the reader handles longer ones and the end.
      const start = at;
      let byte = bytes[at++]!;
      let zigzag = byte & 0x7f;
      for (let shift = 7; byte >= 0x80 && shift <= 21; shift += 7) {
        byte = bytes[at++]!;
        zigzag |= (byte & 0x7f) << shift;
      }
      let difference = (zigzag >>> 1) ^ -(zigzag & 1);
      if (!(byte < 0x80)) {
        reader.at = start;
        difference = reader.signed();
        at = reader.at;
        if (!Number.isSafeInteger(seen[rows[i]!]! + difference))
          throw new MalformedMessage(`column ${name}: a figure of 2^53 or more`);
      }
      const row = rows[i]!;
      const value = seen[row]! + difference;
      seen[row] = value;
      to[i] = value;
    }
    reader.at = at;
    if (reader.at !== end) throw new MalformedMessage(`column ${name} does not have ${rowCount} figures`);
  }

  private unchanged(index: number, rowCount: number): void {
    const name = REPORT_COLUMNS[index]!;
    const { rows } = this.scratch;
    const to = this.scratch.columns[name];
    const seen = this.seen.columns[name];
    for (let i = 0; i < rowCount; i++) to[i] = seen[rows[i]!]!;
  }

  private pieceEnd(reader: VarintReader): number {
    const byteCount = reader.unsigned();
    if (reader.at + byteCount > reader.end) throw new MalformedMessage('a field ends after the message does');
    return reader.at + byteCount;
  }
}
