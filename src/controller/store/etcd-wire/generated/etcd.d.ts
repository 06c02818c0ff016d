import * as $protobuf from "protobufjs";
import Long = require("long");
export namespace etcd {

    interface IHeader {
        revision?: (number|null);
    }

    class Header implements IHeader {
        constructor(properties?: etcd.IHeader);
        public revision: number;
        public static encode(message: etcd.IHeader, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.Header;
        public static fromObject(object: { [k: string]: any }): etcd.Header;
        public static toObject(message: etcd.Header, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IKeyValue {
        key?: (Uint8Array|null);
        createRevision?: (number|null);
        modRevision?: (number|null);
        value?: (Uint8Array|null);
    }

    class KeyValue implements IKeyValue {
        constructor(properties?: etcd.IKeyValue);
        public key: Uint8Array;
        public createRevision: number;
        public modRevision: number;
        public value: Uint8Array;
        public static encode(message: etcd.IKeyValue, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.KeyValue;
        public static fromObject(object: { [k: string]: any }): etcd.KeyValue;
        public static toObject(message: etcd.KeyValue, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IRangeRequest {
        key?: (Uint8Array|null);
        rangeEnd?: (Uint8Array|null);
    }

    class RangeRequest implements IRangeRequest {
        constructor(properties?: etcd.IRangeRequest);
        public key: Uint8Array;
        public rangeEnd: Uint8Array;
        public static encode(message: etcd.IRangeRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.RangeRequest;
        public static fromObject(object: { [k: string]: any }): etcd.RangeRequest;
        public static toObject(message: etcd.RangeRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IRangeResponse {
        header?: (etcd.IHeader|null);
        kvs?: (etcd.IKeyValue[]|null);
    }

    class RangeResponse implements IRangeResponse {
        constructor(properties?: etcd.IRangeResponse);
        public header?: (etcd.IHeader|null);
        public kvs: etcd.IKeyValue[];
        public static encode(message: etcd.IRangeResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.RangeResponse;
        public static fromObject(object: { [k: string]: any }): etcd.RangeResponse;
        public static toObject(message: etcd.RangeResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IPutRequest {
        key?: (Uint8Array|null);
        value?: (Uint8Array|null);
        lease?: (number|null);
        prevKv?: (boolean|null);
    }

    class PutRequest implements IPutRequest {
        constructor(properties?: etcd.IPutRequest);
        public key: Uint8Array;
        public value: Uint8Array;
        public lease: number;
        public prevKv: boolean;
        public static encode(message: etcd.IPutRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.PutRequest;
        public static fromObject(object: { [k: string]: any }): etcd.PutRequest;
        public static toObject(message: etcd.PutRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IPutResponse {
        header?: (etcd.IHeader|null);
        prevKv?: (etcd.IKeyValue|null);
    }

    class PutResponse implements IPutResponse {
        constructor(properties?: etcd.IPutResponse);
        public header?: (etcd.IHeader|null);
        public prevKv?: (etcd.IKeyValue|null);
        public static encode(message: etcd.IPutResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.PutResponse;
        public static fromObject(object: { [k: string]: any }): etcd.PutResponse;
        public static toObject(message: etcd.PutResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IDeleteRangeRequest {
        key?: (Uint8Array|null);
        rangeEnd?: (Uint8Array|null);
    }

    class DeleteRangeRequest implements IDeleteRangeRequest {
        constructor(properties?: etcd.IDeleteRangeRequest);
        public key: Uint8Array;
        public rangeEnd: Uint8Array;
        public static encode(message: etcd.IDeleteRangeRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.DeleteRangeRequest;
        public static fromObject(object: { [k: string]: any }): etcd.DeleteRangeRequest;
        public static toObject(message: etcd.DeleteRangeRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IDeleteRangeResponse {
        header?: (etcd.IHeader|null);
        deleted?: (number|null);
    }

    class DeleteRangeResponse implements IDeleteRangeResponse {
        constructor(properties?: etcd.IDeleteRangeResponse);
        public header?: (etcd.IHeader|null);
        public deleted: number;
        public static encode(message: etcd.IDeleteRangeResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.DeleteRangeResponse;
        public static fromObject(object: { [k: string]: any }): etcd.DeleteRangeResponse;
        public static toObject(message: etcd.DeleteRangeResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ICompare {
        result?: (etcd.Compare.Result|null);
        target?: (etcd.Compare.Target|null);
        key?: (Uint8Array|null);
        createRevision?: (number|null);
    }

    class Compare implements ICompare {
        constructor(properties?: etcd.ICompare);
        public result: etcd.Compare.Result;
        public target: etcd.Compare.Target;
        public key: Uint8Array;
        public createRevision?: (number|null);
        public operand?: "createRevision";
        public static encode(message: etcd.ICompare, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.Compare;
        public static fromObject(object: { [k: string]: any }): etcd.Compare;
        public static toObject(message: etcd.Compare, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    namespace Compare {

        enum Result {
            EQUAL = 0,
            GREATER = 1,
            LESS = 2,
            NOT_EQUAL = 3
        }

        enum Target {
            VERSION = 0,
            CREATE = 1,
            MOD = 2,
            VALUE = 3,
            LEASE = 4
        }
    }

    interface IRequestOp {
        requestRange?: (etcd.IRangeRequest|null);
        requestPut?: (etcd.IPutRequest|null);
        requestDeleteRange?: (etcd.IDeleteRangeRequest|null);
    }

    class RequestOp implements IRequestOp {
        constructor(properties?: etcd.IRequestOp);
        public requestRange?: (etcd.IRangeRequest|null);
        public requestPut?: (etcd.IPutRequest|null);
        public requestDeleteRange?: (etcd.IDeleteRangeRequest|null);
        public request?: ("requestRange"|"requestPut"|"requestDeleteRange");
        public static encode(message: etcd.IRequestOp, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.RequestOp;
        public static fromObject(object: { [k: string]: any }): etcd.RequestOp;
        public static toObject(message: etcd.RequestOp, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IResponseOp {
        responseRange?: (etcd.IRangeResponse|null);
        responsePut?: (etcd.IPutResponse|null);
        responseDeleteRange?: (etcd.IDeleteRangeResponse|null);
    }

    class ResponseOp implements IResponseOp {
        constructor(properties?: etcd.IResponseOp);
        public responseRange?: (etcd.IRangeResponse|null);
        public responsePut?: (etcd.IPutResponse|null);
        public responseDeleteRange?: (etcd.IDeleteRangeResponse|null);
        public response?: ("responseRange"|"responsePut"|"responseDeleteRange");
        public static encode(message: etcd.IResponseOp, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.ResponseOp;
        public static fromObject(object: { [k: string]: any }): etcd.ResponseOp;
        public static toObject(message: etcd.ResponseOp, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ITxnRequest {
        compare?: (etcd.ICompare[]|null);
        success?: (etcd.IRequestOp[]|null);
        failure?: (etcd.IRequestOp[]|null);
    }

    class TxnRequest implements ITxnRequest {
        constructor(properties?: etcd.ITxnRequest);
        public compare: etcd.ICompare[];
        public success: etcd.IRequestOp[];
        public failure: etcd.IRequestOp[];
        public static encode(message: etcd.ITxnRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.TxnRequest;
        public static fromObject(object: { [k: string]: any }): etcd.TxnRequest;
        public static toObject(message: etcd.TxnRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ITxnResponse {
        header?: (etcd.IHeader|null);
        succeeded?: (boolean|null);
        responses?: (etcd.IResponseOp[]|null);
    }

    class TxnResponse implements ITxnResponse {
        constructor(properties?: etcd.ITxnResponse);
        public header?: (etcd.IHeader|null);
        public succeeded: boolean;
        public responses: etcd.IResponseOp[];
        public static encode(message: etcd.ITxnResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.TxnResponse;
        public static fromObject(object: { [k: string]: any }): etcd.TxnResponse;
        public static toObject(message: etcd.TxnResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IWatchRequest {
        createRequest?: (etcd.IWatchCreateRequest|null);
    }

    class WatchRequest implements IWatchRequest {
        constructor(properties?: etcd.IWatchRequest);
        public createRequest?: (etcd.IWatchCreateRequest|null);
        public request?: "createRequest";
        public static encode(message: etcd.IWatchRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.WatchRequest;
        public static fromObject(object: { [k: string]: any }): etcd.WatchRequest;
        public static toObject(message: etcd.WatchRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IWatchCreateRequest {
        key?: (Uint8Array|null);
        rangeEnd?: (Uint8Array|null);
        startRevision?: (number|null);
        progressNotify?: (boolean|null);
    }

    class WatchCreateRequest implements IWatchCreateRequest {
        constructor(properties?: etcd.IWatchCreateRequest);
        public key: Uint8Array;
        public rangeEnd: Uint8Array;
        public startRevision: number;
        public progressNotify: boolean;
        public static encode(message: etcd.IWatchCreateRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.WatchCreateRequest;
        public static fromObject(object: { [k: string]: any }): etcd.WatchCreateRequest;
        public static toObject(message: etcd.WatchCreateRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface IEvent {
        type?: (etcd.Event.Type|null);
        kv?: (etcd.IKeyValue|null);
    }

    class Event implements IEvent {
        constructor(properties?: etcd.IEvent);
        public type: etcd.Event.Type;
        public kv?: (etcd.IKeyValue|null);
        public static encode(message: etcd.IEvent, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.Event;
        public static fromObject(object: { [k: string]: any }): etcd.Event;
        public static toObject(message: etcd.Event, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    namespace Event {

        enum Type {
            PUT = 0,
            DELETE = 1
        }
    }

    interface IWatchResponse {
        header?: (etcd.IHeader|null);
        created?: (boolean|null);
        canceled?: (boolean|null);
        compactRevision?: (number|null);
        cancelReason?: (string|null);
        events?: (etcd.IEvent[]|null);
    }

    class WatchResponse implements IWatchResponse {
        constructor(properties?: etcd.IWatchResponse);
        public header?: (etcd.IHeader|null);
        public created: boolean;
        public canceled: boolean;
        public compactRevision: number;
        public cancelReason: string;
        public events: etcd.IEvent[];
        public static encode(message: etcd.IWatchResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.WatchResponse;
        public static fromObject(object: { [k: string]: any }): etcd.WatchResponse;
        public static toObject(message: etcd.WatchResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ILeaseGrantRequest {
        ttl?: (number|null);
    }

    class LeaseGrantRequest implements ILeaseGrantRequest {
        constructor(properties?: etcd.ILeaseGrantRequest);
        public ttl: number;
        public static encode(message: etcd.ILeaseGrantRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.LeaseGrantRequest;
        public static fromObject(object: { [k: string]: any }): etcd.LeaseGrantRequest;
        public static toObject(message: etcd.LeaseGrantRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ILeaseGrantResponse {
        id?: (number|null);
    }

    class LeaseGrantResponse implements ILeaseGrantResponse {
        constructor(properties?: etcd.ILeaseGrantResponse);
        public id: number;
        public static encode(message: etcd.ILeaseGrantResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.LeaseGrantResponse;
        public static fromObject(object: { [k: string]: any }): etcd.LeaseGrantResponse;
        public static toObject(message: etcd.LeaseGrantResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ILeaseRevokeRequest {
        id?: (number|null);
    }

    class LeaseRevokeRequest implements ILeaseRevokeRequest {
        constructor(properties?: etcd.ILeaseRevokeRequest);
        public id: number;
        public static encode(message: etcd.ILeaseRevokeRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.LeaseRevokeRequest;
        public static fromObject(object: { [k: string]: any }): etcd.LeaseRevokeRequest;
        public static toObject(message: etcd.LeaseRevokeRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ILeaseRevokeResponse {
    }

    class LeaseRevokeResponse implements ILeaseRevokeResponse {
        constructor(properties?: etcd.ILeaseRevokeResponse);
        public static encode(message: etcd.ILeaseRevokeResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.LeaseRevokeResponse;
        public static fromObject(object: { [k: string]: any }): etcd.LeaseRevokeResponse;
        public static toObject(message: etcd.LeaseRevokeResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ILeaseKeepAliveRequest {
        id?: (number|null);
    }

    class LeaseKeepAliveRequest implements ILeaseKeepAliveRequest {
        constructor(properties?: etcd.ILeaseKeepAliveRequest);
        public id: number;
        public static encode(message: etcd.ILeaseKeepAliveRequest, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.LeaseKeepAliveRequest;
        public static fromObject(object: { [k: string]: any }): etcd.LeaseKeepAliveRequest;
        public static toObject(message: etcd.LeaseKeepAliveRequest, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }

    interface ILeaseKeepAliveResponse {
        id?: (number|null);
        ttl?: (number|null);
    }

    class LeaseKeepAliveResponse implements ILeaseKeepAliveResponse {
        constructor(properties?: etcd.ILeaseKeepAliveResponse);
        public id: number;
        public ttl: number;
        public static encode(message: etcd.ILeaseKeepAliveResponse, writer?: $protobuf.Writer): $protobuf.Writer;
        public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): etcd.LeaseKeepAliveResponse;
        public static fromObject(object: { [k: string]: any }): etcd.LeaseKeepAliveResponse;
        public static toObject(message: etcd.LeaseKeepAliveResponse, options?: $protobuf.IConversionOptions): { [k: string]: any };
        public toJSON(): { [k: string]: any };
    }
}
