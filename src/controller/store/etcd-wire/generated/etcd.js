import protobuf from "protobufjs/minimal.js";
const $protobuf = protobuf;

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;

const $root = $protobuf.roots["etcd"] || ($protobuf.roots["etcd"] = {});

export const etcd = $root.etcd = (() => {

    const etcd = {};

    etcd.Header = (function() {

        function Header(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        Header.prototype.revision = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

        Header.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.revision != null && Object.hasOwnProperty.call(message, "revision"))
                writer.uint32(24).int64(message.revision);
            return writer;
        };

        Header.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.Header();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 3: {
                        message.revision = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        Header.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.Header)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.Header: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.Header();
            if (object.revision != null)
                if ($util.Long)
                    message.revision = $util.Long.fromValue(object.revision, false);
                else if (typeof object.revision === "string")
                    message.revision = parseInt(object.revision, 10);
                else if (typeof object.revision === "number")
                    message.revision = object.revision;
                else if (typeof object.revision === "object")
                    message.revision = new $util.LongBits(object.revision.low >>> 0, object.revision.high >>> 0).toNumber();
            return message;
        };

        Header.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults)
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.revision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.revision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
            if (message.revision != null && Object.hasOwnProperty.call(message, "revision"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.revision = typeof message.revision === "number" ? BigInt(message.revision) : $util.Long.fromBits(message.revision.low >>> 0, message.revision.high >>> 0, false).toBigInt();
                else if (typeof message.revision === "number")
                    object.revision = options.longs === String ? String(message.revision) : message.revision;
                else
                    object.revision = options.longs === String ? $util.Long.prototype.toString.call(message.revision) : options.longs === Number ? new $util.LongBits(message.revision.low >>> 0, message.revision.high >>> 0).toNumber() : message.revision;
            return object;
        };

        Header.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return Header;
    })();

    etcd.KeyValue = (function() {

        function KeyValue(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        KeyValue.prototype.key = $util.newBuffer([]);
        KeyValue.prototype.createRevision = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
        KeyValue.prototype.modRevision = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
        KeyValue.prototype.value = $util.newBuffer([]);

        KeyValue.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                writer.uint32(10).bytes(message.key);
            if (message.createRevision != null && Object.hasOwnProperty.call(message, "createRevision"))
                writer.uint32(16).int64(message.createRevision);
            if (message.modRevision != null && Object.hasOwnProperty.call(message, "modRevision"))
                writer.uint32(24).int64(message.modRevision);
            if (message.value != null && Object.hasOwnProperty.call(message, "value"))
                writer.uint32(42).bytes(message.value);
            return writer;
        };

        KeyValue.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.KeyValue();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.key = reader.bytes();
                        break;
                    }
                case 2: {
                        message.createRevision = reader.int64();
                        break;
                    }
                case 3: {
                        message.modRevision = reader.int64();
                        break;
                    }
                case 5: {
                        message.value = reader.bytes();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        KeyValue.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.KeyValue)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.KeyValue: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.KeyValue();
            if (object.key != null)
                if (typeof object.key === "string")
                    $util.base64.decode(object.key, message.key = $util.newBuffer($util.base64.length(object.key)), 0);
                else if (object.key.length >= 0)
                    message.key = object.key;
            if (object.createRevision != null)
                if ($util.Long)
                    message.createRevision = $util.Long.fromValue(object.createRevision, false);
                else if (typeof object.createRevision === "string")
                    message.createRevision = parseInt(object.createRevision, 10);
                else if (typeof object.createRevision === "number")
                    message.createRevision = object.createRevision;
                else if (typeof object.createRevision === "object")
                    message.createRevision = new $util.LongBits(object.createRevision.low >>> 0, object.createRevision.high >>> 0).toNumber();
            if (object.modRevision != null)
                if ($util.Long)
                    message.modRevision = $util.Long.fromValue(object.modRevision, false);
                else if (typeof object.modRevision === "string")
                    message.modRevision = parseInt(object.modRevision, 10);
                else if (typeof object.modRevision === "number")
                    message.modRevision = object.modRevision;
                else if (typeof object.modRevision === "object")
                    message.modRevision = new $util.LongBits(object.modRevision.low >>> 0, object.modRevision.high >>> 0).toNumber();
            if (object.value != null)
                if (typeof object.value === "string")
                    $util.base64.decode(object.value, message.value = $util.newBuffer($util.base64.length(object.value)), 0);
                else if (object.value.length >= 0)
                    message.value = object.value;
            return message;
        };

        KeyValue.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                if (options.bytes === String)
                    object.key = "";
                else {
                    object.key = [];
                    if (options.bytes !== Array)
                        object.key = $util.newBuffer(object.key);
                }
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.createRevision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.createRevision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.modRevision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.modRevision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                if (options.bytes === String)
                    object.value = "";
                else {
                    object.value = [];
                    if (options.bytes !== Array)
                        object.value = $util.newBuffer(object.value);
                }
            }
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                object.key = options.bytes === String ? $util.base64.encode(message.key, 0, message.key.length) : options.bytes === Array ? Array.prototype.slice.call(message.key) : message.key;
            if (message.createRevision != null && Object.hasOwnProperty.call(message, "createRevision"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.createRevision = typeof message.createRevision === "number" ? BigInt(message.createRevision) : $util.Long.fromBits(message.createRevision.low >>> 0, message.createRevision.high >>> 0, false).toBigInt();
                else if (typeof message.createRevision === "number")
                    object.createRevision = options.longs === String ? String(message.createRevision) : message.createRevision;
                else
                    object.createRevision = options.longs === String ? $util.Long.prototype.toString.call(message.createRevision) : options.longs === Number ? new $util.LongBits(message.createRevision.low >>> 0, message.createRevision.high >>> 0).toNumber() : message.createRevision;
            if (message.modRevision != null && Object.hasOwnProperty.call(message, "modRevision"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.modRevision = typeof message.modRevision === "number" ? BigInt(message.modRevision) : $util.Long.fromBits(message.modRevision.low >>> 0, message.modRevision.high >>> 0, false).toBigInt();
                else if (typeof message.modRevision === "number")
                    object.modRevision = options.longs === String ? String(message.modRevision) : message.modRevision;
                else
                    object.modRevision = options.longs === String ? $util.Long.prototype.toString.call(message.modRevision) : options.longs === Number ? new $util.LongBits(message.modRevision.low >>> 0, message.modRevision.high >>> 0).toNumber() : message.modRevision;
            if (message.value != null && Object.hasOwnProperty.call(message, "value"))
                object.value = options.bytes === String ? $util.base64.encode(message.value, 0, message.value.length) : options.bytes === Array ? Array.prototype.slice.call(message.value) : message.value;
            return object;
        };

        KeyValue.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return KeyValue;
    })();

    etcd.RangeRequest = (function() {

        function RangeRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        RangeRequest.prototype.key = $util.newBuffer([]);
        RangeRequest.prototype.rangeEnd = $util.newBuffer([]);

        RangeRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                writer.uint32(10).bytes(message.key);
            if (message.rangeEnd != null && Object.hasOwnProperty.call(message, "rangeEnd"))
                writer.uint32(18).bytes(message.rangeEnd);
            return writer;
        };

        RangeRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.RangeRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.key = reader.bytes();
                        break;
                    }
                case 2: {
                        message.rangeEnd = reader.bytes();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        RangeRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.RangeRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.RangeRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.RangeRequest();
            if (object.key != null)
                if (typeof object.key === "string")
                    $util.base64.decode(object.key, message.key = $util.newBuffer($util.base64.length(object.key)), 0);
                else if (object.key.length >= 0)
                    message.key = object.key;
            if (object.rangeEnd != null)
                if (typeof object.rangeEnd === "string")
                    $util.base64.decode(object.rangeEnd, message.rangeEnd = $util.newBuffer($util.base64.length(object.rangeEnd)), 0);
                else if (object.rangeEnd.length >= 0)
                    message.rangeEnd = object.rangeEnd;
            return message;
        };

        RangeRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                if (options.bytes === String)
                    object.key = "";
                else {
                    object.key = [];
                    if (options.bytes !== Array)
                        object.key = $util.newBuffer(object.key);
                }
                if (options.bytes === String)
                    object.rangeEnd = "";
                else {
                    object.rangeEnd = [];
                    if (options.bytes !== Array)
                        object.rangeEnd = $util.newBuffer(object.rangeEnd);
                }
            }
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                object.key = options.bytes === String ? $util.base64.encode(message.key, 0, message.key.length) : options.bytes === Array ? Array.prototype.slice.call(message.key) : message.key;
            if (message.rangeEnd != null && Object.hasOwnProperty.call(message, "rangeEnd"))
                object.rangeEnd = options.bytes === String ? $util.base64.encode(message.rangeEnd, 0, message.rangeEnd.length) : options.bytes === Array ? Array.prototype.slice.call(message.rangeEnd) : message.rangeEnd;
            return object;
        };

        RangeRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return RangeRequest;
    })();

    etcd.RangeResponse = (function() {

        function RangeResponse(properties) {
            this.kvs = [];
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        RangeResponse.prototype.header = null;
        RangeResponse.prototype.kvs = $util.emptyArray;

        RangeResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                $root.etcd.Header.encode(message.header, writer.uint32(10).fork(), q + 1).ldelim();
            if (message.kvs != null && message.kvs.length)
                for (let i = 0; i < message.kvs.length; ++i)
                    $root.etcd.KeyValue.encode(message.kvs[i], writer.uint32(18).fork(), q + 1).ldelim();
            return writer;
        };

        RangeResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.RangeResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.header = $root.etcd.Header.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 2: {
                        if (!(message.kvs && message.kvs.length))
                            message.kvs = [];
                        message.kvs.push($root.etcd.KeyValue.decode(reader, reader.uint32(), undefined, long + 1));
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        RangeResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.RangeResponse)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.RangeResponse: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.RangeResponse();
            if (object.header != null) {
                if (!$util.isObject(object.header))
                    throw TypeError(".etcd.RangeResponse.header: object expected");
                message.header = $root.etcd.Header.fromObject(object.header, long + 1);
            }
            if (object.kvs) {
                if (!Array.isArray(object.kvs))
                    throw TypeError(".etcd.RangeResponse.kvs: array expected");
                message.kvs = [];
                for (let i = 0; i < object.kvs.length; ++i) {
                    if (!$util.isObject(object.kvs[i]))
                        throw TypeError(".etcd.RangeResponse.kvs: object expected");
                    message.kvs[i] = $root.etcd.KeyValue.fromObject(object.kvs[i], long + 1);
                }
            }
            return message;
        };

        RangeResponse.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.arrays || options.defaults)
                object.kvs = [];
            if (options.defaults)
                object.header = null;
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                object.header = $root.etcd.Header.toObject(message.header, options, q + 1);
            if (message.kvs && message.kvs.length) {
                object.kvs = [];
                for (let j = 0; j < message.kvs.length; ++j)
                    object.kvs[j] = $root.etcd.KeyValue.toObject(message.kvs[j], options, q + 1);
            }
            return object;
        };

        RangeResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return RangeResponse;
    })();

    etcd.PutRequest = (function() {

        function PutRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        PutRequest.prototype.key = $util.newBuffer([]);
        PutRequest.prototype.value = $util.newBuffer([]);
        PutRequest.prototype.lease = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
        PutRequest.prototype.prevKv = false;

        PutRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                writer.uint32(10).bytes(message.key);
            if (message.value != null && Object.hasOwnProperty.call(message, "value"))
                writer.uint32(18).bytes(message.value);
            if (message.lease != null && Object.hasOwnProperty.call(message, "lease"))
                writer.uint32(24).int64(message.lease);
            if (message.prevKv != null && Object.hasOwnProperty.call(message, "prevKv"))
                writer.uint32(32).bool(message.prevKv);
            return writer;
        };

        PutRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.PutRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.key = reader.bytes();
                        break;
                    }
                case 2: {
                        message.value = reader.bytes();
                        break;
                    }
                case 3: {
                        message.lease = reader.int64();
                        break;
                    }
                case 4: {
                        message.prevKv = reader.bool();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        PutRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.PutRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.PutRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.PutRequest();
            if (object.key != null)
                if (typeof object.key === "string")
                    $util.base64.decode(object.key, message.key = $util.newBuffer($util.base64.length(object.key)), 0);
                else if (object.key.length >= 0)
                    message.key = object.key;
            if (object.value != null)
                if (typeof object.value === "string")
                    $util.base64.decode(object.value, message.value = $util.newBuffer($util.base64.length(object.value)), 0);
                else if (object.value.length >= 0)
                    message.value = object.value;
            if (object.lease != null)
                if ($util.Long)
                    message.lease = $util.Long.fromValue(object.lease, false);
                else if (typeof object.lease === "string")
                    message.lease = parseInt(object.lease, 10);
                else if (typeof object.lease === "number")
                    message.lease = object.lease;
                else if (typeof object.lease === "object")
                    message.lease = new $util.LongBits(object.lease.low >>> 0, object.lease.high >>> 0).toNumber();
            if (object.prevKv != null)
                message.prevKv = Boolean(object.prevKv);
            return message;
        };

        PutRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                if (options.bytes === String)
                    object.key = "";
                else {
                    object.key = [];
                    if (options.bytes !== Array)
                        object.key = $util.newBuffer(object.key);
                }
                if (options.bytes === String)
                    object.value = "";
                else {
                    object.value = [];
                    if (options.bytes !== Array)
                        object.value = $util.newBuffer(object.value);
                }
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.lease = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.lease = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                object.prevKv = false;
            }
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                object.key = options.bytes === String ? $util.base64.encode(message.key, 0, message.key.length) : options.bytes === Array ? Array.prototype.slice.call(message.key) : message.key;
            if (message.value != null && Object.hasOwnProperty.call(message, "value"))
                object.value = options.bytes === String ? $util.base64.encode(message.value, 0, message.value.length) : options.bytes === Array ? Array.prototype.slice.call(message.value) : message.value;
            if (message.lease != null && Object.hasOwnProperty.call(message, "lease"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.lease = typeof message.lease === "number" ? BigInt(message.lease) : $util.Long.fromBits(message.lease.low >>> 0, message.lease.high >>> 0, false).toBigInt();
                else if (typeof message.lease === "number")
                    object.lease = options.longs === String ? String(message.lease) : message.lease;
                else
                    object.lease = options.longs === String ? $util.Long.prototype.toString.call(message.lease) : options.longs === Number ? new $util.LongBits(message.lease.low >>> 0, message.lease.high >>> 0).toNumber() : message.lease;
            if (message.prevKv != null && Object.hasOwnProperty.call(message, "prevKv"))
                object.prevKv = message.prevKv;
            return object;
        };

        PutRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return PutRequest;
    })();

    etcd.PutResponse = (function() {

        function PutResponse(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        PutResponse.prototype.header = null;
        PutResponse.prototype.prevKv = null;

        PutResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                $root.etcd.Header.encode(message.header, writer.uint32(10).fork(), q + 1).ldelim();
            if (message.prevKv != null && Object.hasOwnProperty.call(message, "prevKv"))
                $root.etcd.KeyValue.encode(message.prevKv, writer.uint32(18).fork(), q + 1).ldelim();
            return writer;
        };

        PutResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.PutResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.header = $root.etcd.Header.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 2: {
                        message.prevKv = $root.etcd.KeyValue.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        PutResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.PutResponse)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.PutResponse: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.PutResponse();
            if (object.header != null) {
                if (!$util.isObject(object.header))
                    throw TypeError(".etcd.PutResponse.header: object expected");
                message.header = $root.etcd.Header.fromObject(object.header, long + 1);
            }
            if (object.prevKv != null) {
                if (!$util.isObject(object.prevKv))
                    throw TypeError(".etcd.PutResponse.prevKv: object expected");
                message.prevKv = $root.etcd.KeyValue.fromObject(object.prevKv, long + 1);
            }
            return message;
        };

        PutResponse.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                object.header = null;
                object.prevKv = null;
            }
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                object.header = $root.etcd.Header.toObject(message.header, options, q + 1);
            if (message.prevKv != null && Object.hasOwnProperty.call(message, "prevKv"))
                object.prevKv = $root.etcd.KeyValue.toObject(message.prevKv, options, q + 1);
            return object;
        };

        PutResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return PutResponse;
    })();

    etcd.DeleteRangeRequest = (function() {

        function DeleteRangeRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        DeleteRangeRequest.prototype.key = $util.newBuffer([]);
        DeleteRangeRequest.prototype.rangeEnd = $util.newBuffer([]);

        DeleteRangeRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                writer.uint32(10).bytes(message.key);
            if (message.rangeEnd != null && Object.hasOwnProperty.call(message, "rangeEnd"))
                writer.uint32(18).bytes(message.rangeEnd);
            return writer;
        };

        DeleteRangeRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.DeleteRangeRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.key = reader.bytes();
                        break;
                    }
                case 2: {
                        message.rangeEnd = reader.bytes();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        DeleteRangeRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.DeleteRangeRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.DeleteRangeRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.DeleteRangeRequest();
            if (object.key != null)
                if (typeof object.key === "string")
                    $util.base64.decode(object.key, message.key = $util.newBuffer($util.base64.length(object.key)), 0);
                else if (object.key.length >= 0)
                    message.key = object.key;
            if (object.rangeEnd != null)
                if (typeof object.rangeEnd === "string")
                    $util.base64.decode(object.rangeEnd, message.rangeEnd = $util.newBuffer($util.base64.length(object.rangeEnd)), 0);
                else if (object.rangeEnd.length >= 0)
                    message.rangeEnd = object.rangeEnd;
            return message;
        };

        DeleteRangeRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                if (options.bytes === String)
                    object.key = "";
                else {
                    object.key = [];
                    if (options.bytes !== Array)
                        object.key = $util.newBuffer(object.key);
                }
                if (options.bytes === String)
                    object.rangeEnd = "";
                else {
                    object.rangeEnd = [];
                    if (options.bytes !== Array)
                        object.rangeEnd = $util.newBuffer(object.rangeEnd);
                }
            }
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                object.key = options.bytes === String ? $util.base64.encode(message.key, 0, message.key.length) : options.bytes === Array ? Array.prototype.slice.call(message.key) : message.key;
            if (message.rangeEnd != null && Object.hasOwnProperty.call(message, "rangeEnd"))
                object.rangeEnd = options.bytes === String ? $util.base64.encode(message.rangeEnd, 0, message.rangeEnd.length) : options.bytes === Array ? Array.prototype.slice.call(message.rangeEnd) : message.rangeEnd;
            return object;
        };

        DeleteRangeRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return DeleteRangeRequest;
    })();

    etcd.DeleteRangeResponse = (function() {

        function DeleteRangeResponse(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        DeleteRangeResponse.prototype.header = null;
        DeleteRangeResponse.prototype.deleted = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

        DeleteRangeResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                $root.etcd.Header.encode(message.header, writer.uint32(10).fork(), q + 1).ldelim();
            if (message.deleted != null && Object.hasOwnProperty.call(message, "deleted"))
                writer.uint32(16).int64(message.deleted);
            return writer;
        };

        DeleteRangeResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.DeleteRangeResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.header = $root.etcd.Header.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 2: {
                        message.deleted = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        DeleteRangeResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.DeleteRangeResponse)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.DeleteRangeResponse: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.DeleteRangeResponse();
            if (object.header != null) {
                if (!$util.isObject(object.header))
                    throw TypeError(".etcd.DeleteRangeResponse.header: object expected");
                message.header = $root.etcd.Header.fromObject(object.header, long + 1);
            }
            if (object.deleted != null)
                if ($util.Long)
                    message.deleted = $util.Long.fromValue(object.deleted, false);
                else if (typeof object.deleted === "string")
                    message.deleted = parseInt(object.deleted, 10);
                else if (typeof object.deleted === "number")
                    message.deleted = object.deleted;
                else if (typeof object.deleted === "object")
                    message.deleted = new $util.LongBits(object.deleted.low >>> 0, object.deleted.high >>> 0).toNumber();
            return message;
        };

        DeleteRangeResponse.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                object.header = null;
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.deleted = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.deleted = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
            }
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                object.header = $root.etcd.Header.toObject(message.header, options, q + 1);
            if (message.deleted != null && Object.hasOwnProperty.call(message, "deleted"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.deleted = typeof message.deleted === "number" ? BigInt(message.deleted) : $util.Long.fromBits(message.deleted.low >>> 0, message.deleted.high >>> 0, false).toBigInt();
                else if (typeof message.deleted === "number")
                    object.deleted = options.longs === String ? String(message.deleted) : message.deleted;
                else
                    object.deleted = options.longs === String ? $util.Long.prototype.toString.call(message.deleted) : options.longs === Number ? new $util.LongBits(message.deleted.low >>> 0, message.deleted.high >>> 0).toNumber() : message.deleted;
            return object;
        };

        DeleteRangeResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return DeleteRangeResponse;
    })();

    etcd.Compare = (function() {

        function Compare(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        Compare.prototype.result = 0;
        Compare.prototype.target = 0;
        Compare.prototype.key = $util.newBuffer([]);
        Compare.prototype.createRevision = null;

        let $oneOfFields;

        Object.defineProperty(Compare.prototype, "operand", {
            get: $util.oneOfGetter($oneOfFields = ["createRevision"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        Compare.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.result != null && Object.hasOwnProperty.call(message, "result"))
                writer.uint32(8).int32(message.result);
            if (message.target != null && Object.hasOwnProperty.call(message, "target"))
                writer.uint32(16).int32(message.target);
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                writer.uint32(26).bytes(message.key);
            if (message.createRevision != null && Object.hasOwnProperty.call(message, "createRevision"))
                writer.uint32(40).int64(message.createRevision);
            return writer;
        };

        Compare.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.Compare();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.result = reader.int32();
                        break;
                    }
                case 2: {
                        message.target = reader.int32();
                        break;
                    }
                case 3: {
                        message.key = reader.bytes();
                        break;
                    }
                case 5: {
                        message.createRevision = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        Compare.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.Compare)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.Compare: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.Compare();
            switch (object.result) {
            default:
                if (typeof object.result === "number") {
                    message.result = object.result;
                    break;
                }
                break;
            case "EQUAL":
            case 0:
                message.result = 0;
                break;
            case "GREATER":
            case 1:
                message.result = 1;
                break;
            case "LESS":
            case 2:
                message.result = 2;
                break;
            case "NOT_EQUAL":
            case 3:
                message.result = 3;
                break;
            }
            switch (object.target) {
            default:
                if (typeof object.target === "number") {
                    message.target = object.target;
                    break;
                }
                break;
            case "VERSION":
            case 0:
                message.target = 0;
                break;
            case "CREATE":
            case 1:
                message.target = 1;
                break;
            case "MOD":
            case 2:
                message.target = 2;
                break;
            case "VALUE":
            case 3:
                message.target = 3;
                break;
            case "LEASE":
            case 4:
                message.target = 4;
                break;
            }
            if (object.key != null)
                if (typeof object.key === "string")
                    $util.base64.decode(object.key, message.key = $util.newBuffer($util.base64.length(object.key)), 0);
                else if (object.key.length >= 0)
                    message.key = object.key;
            if (object.createRevision != null)
                if ($util.Long)
                    message.createRevision = $util.Long.fromValue(object.createRevision, false);
                else if (typeof object.createRevision === "string")
                    message.createRevision = parseInt(object.createRevision, 10);
                else if (typeof object.createRevision === "number")
                    message.createRevision = object.createRevision;
                else if (typeof object.createRevision === "object")
                    message.createRevision = new $util.LongBits(object.createRevision.low >>> 0, object.createRevision.high >>> 0).toNumber();
            return message;
        };

        Compare.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                object.result = options.enums === String ? "EQUAL" : 0;
                object.target = options.enums === String ? "VERSION" : 0;
                if (options.bytes === String)
                    object.key = "";
                else {
                    object.key = [];
                    if (options.bytes !== Array)
                        object.key = $util.newBuffer(object.key);
                }
            }
            if (message.result != null && Object.hasOwnProperty.call(message, "result"))
                object.result = options.enums === String ? $root.etcd.Compare.Result[message.result] === undefined ? message.result : $root.etcd.Compare.Result[message.result] : message.result;
            if (message.target != null && Object.hasOwnProperty.call(message, "target"))
                object.target = options.enums === String ? $root.etcd.Compare.Target[message.target] === undefined ? message.target : $root.etcd.Compare.Target[message.target] : message.target;
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                object.key = options.bytes === String ? $util.base64.encode(message.key, 0, message.key.length) : options.bytes === Array ? Array.prototype.slice.call(message.key) : message.key;
            if (message.createRevision != null && Object.hasOwnProperty.call(message, "createRevision")) {
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.createRevision = typeof message.createRevision === "number" ? BigInt(message.createRevision) : $util.Long.fromBits(message.createRevision.low >>> 0, message.createRevision.high >>> 0, false).toBigInt();
                else if (typeof message.createRevision === "number")
                    object.createRevision = options.longs === String ? String(message.createRevision) : message.createRevision;
                else
                    object.createRevision = options.longs === String ? $util.Long.prototype.toString.call(message.createRevision) : options.longs === Number ? new $util.LongBits(message.createRevision.low >>> 0, message.createRevision.high >>> 0).toNumber() : message.createRevision;
                if (options.oneofs)
                    object.operand = "createRevision";
            }
            return object;
        };

        Compare.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        Compare.Result = (function() {
            const valuesById = {}, values = Object.create(valuesById);
            values[valuesById[0] = "EQUAL"] = 0;
            values[valuesById[1] = "GREATER"] = 1;
            values[valuesById[2] = "LESS"] = 2;
            values[valuesById[3] = "NOT_EQUAL"] = 3;
            return values;
        })();

        Compare.Target = (function() {
            const valuesById = {}, values = Object.create(valuesById);
            values[valuesById[0] = "VERSION"] = 0;
            values[valuesById[1] = "CREATE"] = 1;
            values[valuesById[2] = "MOD"] = 2;
            values[valuesById[3] = "VALUE"] = 3;
            values[valuesById[4] = "LEASE"] = 4;
            return values;
        })();

        return Compare;
    })();

    etcd.RequestOp = (function() {

        function RequestOp(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        RequestOp.prototype.requestRange = null;
        RequestOp.prototype.requestPut = null;
        RequestOp.prototype.requestDeleteRange = null;

        let $oneOfFields;

        Object.defineProperty(RequestOp.prototype, "request", {
            get: $util.oneOfGetter($oneOfFields = ["requestRange", "requestPut", "requestDeleteRange"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        RequestOp.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.requestRange != null && Object.hasOwnProperty.call(message, "requestRange"))
                $root.etcd.RangeRequest.encode(message.requestRange, writer.uint32(10).fork(), q + 1).ldelim();
            if (message.requestPut != null && Object.hasOwnProperty.call(message, "requestPut"))
                $root.etcd.PutRequest.encode(message.requestPut, writer.uint32(18).fork(), q + 1).ldelim();
            if (message.requestDeleteRange != null && Object.hasOwnProperty.call(message, "requestDeleteRange"))
                $root.etcd.DeleteRangeRequest.encode(message.requestDeleteRange, writer.uint32(26).fork(), q + 1).ldelim();
            return writer;
        };

        RequestOp.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.RequestOp();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.requestRange = $root.etcd.RangeRequest.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 2: {
                        message.requestPut = $root.etcd.PutRequest.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 3: {
                        message.requestDeleteRange = $root.etcd.DeleteRangeRequest.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        RequestOp.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.RequestOp)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.RequestOp: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.RequestOp();
            if (object.requestRange != null) {
                if (!$util.isObject(object.requestRange))
                    throw TypeError(".etcd.RequestOp.requestRange: object expected");
                message.requestRange = $root.etcd.RangeRequest.fromObject(object.requestRange, long + 1);
            }
            if (object.requestPut != null) {
                if (!$util.isObject(object.requestPut))
                    throw TypeError(".etcd.RequestOp.requestPut: object expected");
                message.requestPut = $root.etcd.PutRequest.fromObject(object.requestPut, long + 1);
            }
            if (object.requestDeleteRange != null) {
                if (!$util.isObject(object.requestDeleteRange))
                    throw TypeError(".etcd.RequestOp.requestDeleteRange: object expected");
                message.requestDeleteRange = $root.etcd.DeleteRangeRequest.fromObject(object.requestDeleteRange, long + 1);
            }
            return message;
        };

        RequestOp.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (message.requestRange != null && Object.hasOwnProperty.call(message, "requestRange")) {
                object.requestRange = $root.etcd.RangeRequest.toObject(message.requestRange, options, q + 1);
                if (options.oneofs)
                    object.request = "requestRange";
            }
            if (message.requestPut != null && Object.hasOwnProperty.call(message, "requestPut")) {
                object.requestPut = $root.etcd.PutRequest.toObject(message.requestPut, options, q + 1);
                if (options.oneofs)
                    object.request = "requestPut";
            }
            if (message.requestDeleteRange != null && Object.hasOwnProperty.call(message, "requestDeleteRange")) {
                object.requestDeleteRange = $root.etcd.DeleteRangeRequest.toObject(message.requestDeleteRange, options, q + 1);
                if (options.oneofs)
                    object.request = "requestDeleteRange";
            }
            return object;
        };

        RequestOp.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return RequestOp;
    })();

    etcd.ResponseOp = (function() {

        function ResponseOp(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        ResponseOp.prototype.responseRange = null;
        ResponseOp.prototype.responsePut = null;
        ResponseOp.prototype.responseDeleteRange = null;

        let $oneOfFields;

        Object.defineProperty(ResponseOp.prototype, "response", {
            get: $util.oneOfGetter($oneOfFields = ["responseRange", "responsePut", "responseDeleteRange"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        ResponseOp.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.responseRange != null && Object.hasOwnProperty.call(message, "responseRange"))
                $root.etcd.RangeResponse.encode(message.responseRange, writer.uint32(10).fork(), q + 1).ldelim();
            if (message.responsePut != null && Object.hasOwnProperty.call(message, "responsePut"))
                $root.etcd.PutResponse.encode(message.responsePut, writer.uint32(18).fork(), q + 1).ldelim();
            if (message.responseDeleteRange != null && Object.hasOwnProperty.call(message, "responseDeleteRange"))
                $root.etcd.DeleteRangeResponse.encode(message.responseDeleteRange, writer.uint32(26).fork(), q + 1).ldelim();
            return writer;
        };

        ResponseOp.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.ResponseOp();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.responseRange = $root.etcd.RangeResponse.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 2: {
                        message.responsePut = $root.etcd.PutResponse.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 3: {
                        message.responseDeleteRange = $root.etcd.DeleteRangeResponse.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        ResponseOp.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.ResponseOp)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.ResponseOp: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.ResponseOp();
            if (object.responseRange != null) {
                if (!$util.isObject(object.responseRange))
                    throw TypeError(".etcd.ResponseOp.responseRange: object expected");
                message.responseRange = $root.etcd.RangeResponse.fromObject(object.responseRange, long + 1);
            }
            if (object.responsePut != null) {
                if (!$util.isObject(object.responsePut))
                    throw TypeError(".etcd.ResponseOp.responsePut: object expected");
                message.responsePut = $root.etcd.PutResponse.fromObject(object.responsePut, long + 1);
            }
            if (object.responseDeleteRange != null) {
                if (!$util.isObject(object.responseDeleteRange))
                    throw TypeError(".etcd.ResponseOp.responseDeleteRange: object expected");
                message.responseDeleteRange = $root.etcd.DeleteRangeResponse.fromObject(object.responseDeleteRange, long + 1);
            }
            return message;
        };

        ResponseOp.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (message.responseRange != null && Object.hasOwnProperty.call(message, "responseRange")) {
                object.responseRange = $root.etcd.RangeResponse.toObject(message.responseRange, options, q + 1);
                if (options.oneofs)
                    object.response = "responseRange";
            }
            if (message.responsePut != null && Object.hasOwnProperty.call(message, "responsePut")) {
                object.responsePut = $root.etcd.PutResponse.toObject(message.responsePut, options, q + 1);
                if (options.oneofs)
                    object.response = "responsePut";
            }
            if (message.responseDeleteRange != null && Object.hasOwnProperty.call(message, "responseDeleteRange")) {
                object.responseDeleteRange = $root.etcd.DeleteRangeResponse.toObject(message.responseDeleteRange, options, q + 1);
                if (options.oneofs)
                    object.response = "responseDeleteRange";
            }
            return object;
        };

        ResponseOp.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return ResponseOp;
    })();

    etcd.TxnRequest = (function() {

        function TxnRequest(properties) {
            this.compare = [];
            this.success = [];
            this.failure = [];
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        TxnRequest.prototype.compare = $util.emptyArray;
        TxnRequest.prototype.success = $util.emptyArray;
        TxnRequest.prototype.failure = $util.emptyArray;

        TxnRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.compare != null && message.compare.length)
                for (let i = 0; i < message.compare.length; ++i)
                    $root.etcd.Compare.encode(message.compare[i], writer.uint32(10).fork(), q + 1).ldelim();
            if (message.success != null && message.success.length)
                for (let i = 0; i < message.success.length; ++i)
                    $root.etcd.RequestOp.encode(message.success[i], writer.uint32(18).fork(), q + 1).ldelim();
            if (message.failure != null && message.failure.length)
                for (let i = 0; i < message.failure.length; ++i)
                    $root.etcd.RequestOp.encode(message.failure[i], writer.uint32(26).fork(), q + 1).ldelim();
            return writer;
        };

        TxnRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.TxnRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        if (!(message.compare && message.compare.length))
                            message.compare = [];
                        message.compare.push($root.etcd.Compare.decode(reader, reader.uint32(), undefined, long + 1));
                        break;
                    }
                case 2: {
                        if (!(message.success && message.success.length))
                            message.success = [];
                        message.success.push($root.etcd.RequestOp.decode(reader, reader.uint32(), undefined, long + 1));
                        break;
                    }
                case 3: {
                        if (!(message.failure && message.failure.length))
                            message.failure = [];
                        message.failure.push($root.etcd.RequestOp.decode(reader, reader.uint32(), undefined, long + 1));
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        TxnRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.TxnRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.TxnRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.TxnRequest();
            if (object.compare) {
                if (!Array.isArray(object.compare))
                    throw TypeError(".etcd.TxnRequest.compare: array expected");
                message.compare = [];
                for (let i = 0; i < object.compare.length; ++i) {
                    if (!$util.isObject(object.compare[i]))
                        throw TypeError(".etcd.TxnRequest.compare: object expected");
                    message.compare[i] = $root.etcd.Compare.fromObject(object.compare[i], long + 1);
                }
            }
            if (object.success) {
                if (!Array.isArray(object.success))
                    throw TypeError(".etcd.TxnRequest.success: array expected");
                message.success = [];
                for (let i = 0; i < object.success.length; ++i) {
                    if (!$util.isObject(object.success[i]))
                        throw TypeError(".etcd.TxnRequest.success: object expected");
                    message.success[i] = $root.etcd.RequestOp.fromObject(object.success[i], long + 1);
                }
            }
            if (object.failure) {
                if (!Array.isArray(object.failure))
                    throw TypeError(".etcd.TxnRequest.failure: array expected");
                message.failure = [];
                for (let i = 0; i < object.failure.length; ++i) {
                    if (!$util.isObject(object.failure[i]))
                        throw TypeError(".etcd.TxnRequest.failure: object expected");
                    message.failure[i] = $root.etcd.RequestOp.fromObject(object.failure[i], long + 1);
                }
            }
            return message;
        };

        TxnRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.arrays || options.defaults) {
                object.compare = [];
                object.success = [];
                object.failure = [];
            }
            if (message.compare && message.compare.length) {
                object.compare = [];
                for (let j = 0; j < message.compare.length; ++j)
                    object.compare[j] = $root.etcd.Compare.toObject(message.compare[j], options, q + 1);
            }
            if (message.success && message.success.length) {
                object.success = [];
                for (let j = 0; j < message.success.length; ++j)
                    object.success[j] = $root.etcd.RequestOp.toObject(message.success[j], options, q + 1);
            }
            if (message.failure && message.failure.length) {
                object.failure = [];
                for (let j = 0; j < message.failure.length; ++j)
                    object.failure[j] = $root.etcd.RequestOp.toObject(message.failure[j], options, q + 1);
            }
            return object;
        };

        TxnRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return TxnRequest;
    })();

    etcd.TxnResponse = (function() {

        function TxnResponse(properties) {
            this.responses = [];
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        TxnResponse.prototype.header = null;
        TxnResponse.prototype.succeeded = false;
        TxnResponse.prototype.responses = $util.emptyArray;

        TxnResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                $root.etcd.Header.encode(message.header, writer.uint32(10).fork(), q + 1).ldelim();
            if (message.succeeded != null && Object.hasOwnProperty.call(message, "succeeded"))
                writer.uint32(16).bool(message.succeeded);
            if (message.responses != null && message.responses.length)
                for (let i = 0; i < message.responses.length; ++i)
                    $root.etcd.ResponseOp.encode(message.responses[i], writer.uint32(26).fork(), q + 1).ldelim();
            return writer;
        };

        TxnResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.TxnResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.header = $root.etcd.Header.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 2: {
                        message.succeeded = reader.bool();
                        break;
                    }
                case 3: {
                        if (!(message.responses && message.responses.length))
                            message.responses = [];
                        message.responses.push($root.etcd.ResponseOp.decode(reader, reader.uint32(), undefined, long + 1));
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        TxnResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.TxnResponse)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.TxnResponse: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.TxnResponse();
            if (object.header != null) {
                if (!$util.isObject(object.header))
                    throw TypeError(".etcd.TxnResponse.header: object expected");
                message.header = $root.etcd.Header.fromObject(object.header, long + 1);
            }
            if (object.succeeded != null)
                message.succeeded = Boolean(object.succeeded);
            if (object.responses) {
                if (!Array.isArray(object.responses))
                    throw TypeError(".etcd.TxnResponse.responses: array expected");
                message.responses = [];
                for (let i = 0; i < object.responses.length; ++i) {
                    if (!$util.isObject(object.responses[i]))
                        throw TypeError(".etcd.TxnResponse.responses: object expected");
                    message.responses[i] = $root.etcd.ResponseOp.fromObject(object.responses[i], long + 1);
                }
            }
            return message;
        };

        TxnResponse.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.arrays || options.defaults)
                object.responses = [];
            if (options.defaults) {
                object.header = null;
                object.succeeded = false;
            }
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                object.header = $root.etcd.Header.toObject(message.header, options, q + 1);
            if (message.succeeded != null && Object.hasOwnProperty.call(message, "succeeded"))
                object.succeeded = message.succeeded;
            if (message.responses && message.responses.length) {
                object.responses = [];
                for (let j = 0; j < message.responses.length; ++j)
                    object.responses[j] = $root.etcd.ResponseOp.toObject(message.responses[j], options, q + 1);
            }
            return object;
        };

        TxnResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return TxnResponse;
    })();

    etcd.WatchRequest = (function() {

        function WatchRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        WatchRequest.prototype.createRequest = null;

        let $oneOfFields;

        Object.defineProperty(WatchRequest.prototype, "request", {
            get: $util.oneOfGetter($oneOfFields = ["createRequest"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        WatchRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.createRequest != null && Object.hasOwnProperty.call(message, "createRequest"))
                $root.etcd.WatchCreateRequest.encode(message.createRequest, writer.uint32(10).fork(), q + 1).ldelim();
            return writer;
        };

        WatchRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.WatchRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.createRequest = $root.etcd.WatchCreateRequest.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        WatchRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.WatchRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.WatchRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.WatchRequest();
            if (object.createRequest != null) {
                if (!$util.isObject(object.createRequest))
                    throw TypeError(".etcd.WatchRequest.createRequest: object expected");
                message.createRequest = $root.etcd.WatchCreateRequest.fromObject(object.createRequest, long + 1);
            }
            return message;
        };

        WatchRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (message.createRequest != null && Object.hasOwnProperty.call(message, "createRequest")) {
                object.createRequest = $root.etcd.WatchCreateRequest.toObject(message.createRequest, options, q + 1);
                if (options.oneofs)
                    object.request = "createRequest";
            }
            return object;
        };

        WatchRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return WatchRequest;
    })();

    etcd.WatchCreateRequest = (function() {

        function WatchCreateRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        WatchCreateRequest.prototype.key = $util.newBuffer([]);
        WatchCreateRequest.prototype.rangeEnd = $util.newBuffer([]);
        WatchCreateRequest.prototype.startRevision = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
        WatchCreateRequest.prototype.progressNotify = false;

        WatchCreateRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                writer.uint32(10).bytes(message.key);
            if (message.rangeEnd != null && Object.hasOwnProperty.call(message, "rangeEnd"))
                writer.uint32(18).bytes(message.rangeEnd);
            if (message.startRevision != null && Object.hasOwnProperty.call(message, "startRevision"))
                writer.uint32(24).int64(message.startRevision);
            if (message.progressNotify != null && Object.hasOwnProperty.call(message, "progressNotify"))
                writer.uint32(32).bool(message.progressNotify);
            return writer;
        };

        WatchCreateRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.WatchCreateRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.key = reader.bytes();
                        break;
                    }
                case 2: {
                        message.rangeEnd = reader.bytes();
                        break;
                    }
                case 3: {
                        message.startRevision = reader.int64();
                        break;
                    }
                case 4: {
                        message.progressNotify = reader.bool();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        WatchCreateRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.WatchCreateRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.WatchCreateRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.WatchCreateRequest();
            if (object.key != null)
                if (typeof object.key === "string")
                    $util.base64.decode(object.key, message.key = $util.newBuffer($util.base64.length(object.key)), 0);
                else if (object.key.length >= 0)
                    message.key = object.key;
            if (object.rangeEnd != null)
                if (typeof object.rangeEnd === "string")
                    $util.base64.decode(object.rangeEnd, message.rangeEnd = $util.newBuffer($util.base64.length(object.rangeEnd)), 0);
                else if (object.rangeEnd.length >= 0)
                    message.rangeEnd = object.rangeEnd;
            if (object.startRevision != null)
                if ($util.Long)
                    message.startRevision = $util.Long.fromValue(object.startRevision, false);
                else if (typeof object.startRevision === "string")
                    message.startRevision = parseInt(object.startRevision, 10);
                else if (typeof object.startRevision === "number")
                    message.startRevision = object.startRevision;
                else if (typeof object.startRevision === "object")
                    message.startRevision = new $util.LongBits(object.startRevision.low >>> 0, object.startRevision.high >>> 0).toNumber();
            if (object.progressNotify != null)
                message.progressNotify = Boolean(object.progressNotify);
            return message;
        };

        WatchCreateRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                if (options.bytes === String)
                    object.key = "";
                else {
                    object.key = [];
                    if (options.bytes !== Array)
                        object.key = $util.newBuffer(object.key);
                }
                if (options.bytes === String)
                    object.rangeEnd = "";
                else {
                    object.rangeEnd = [];
                    if (options.bytes !== Array)
                        object.rangeEnd = $util.newBuffer(object.rangeEnd);
                }
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.startRevision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.startRevision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                object.progressNotify = false;
            }
            if (message.key != null && Object.hasOwnProperty.call(message, "key"))
                object.key = options.bytes === String ? $util.base64.encode(message.key, 0, message.key.length) : options.bytes === Array ? Array.prototype.slice.call(message.key) : message.key;
            if (message.rangeEnd != null && Object.hasOwnProperty.call(message, "rangeEnd"))
                object.rangeEnd = options.bytes === String ? $util.base64.encode(message.rangeEnd, 0, message.rangeEnd.length) : options.bytes === Array ? Array.prototype.slice.call(message.rangeEnd) : message.rangeEnd;
            if (message.startRevision != null && Object.hasOwnProperty.call(message, "startRevision"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.startRevision = typeof message.startRevision === "number" ? BigInt(message.startRevision) : $util.Long.fromBits(message.startRevision.low >>> 0, message.startRevision.high >>> 0, false).toBigInt();
                else if (typeof message.startRevision === "number")
                    object.startRevision = options.longs === String ? String(message.startRevision) : message.startRevision;
                else
                    object.startRevision = options.longs === String ? $util.Long.prototype.toString.call(message.startRevision) : options.longs === Number ? new $util.LongBits(message.startRevision.low >>> 0, message.startRevision.high >>> 0).toNumber() : message.startRevision;
            if (message.progressNotify != null && Object.hasOwnProperty.call(message, "progressNotify"))
                object.progressNotify = message.progressNotify;
            return object;
        };

        WatchCreateRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return WatchCreateRequest;
    })();

    etcd.Event = (function() {

        function Event(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        Event.prototype.type = 0;
        Event.prototype.kv = null;

        Event.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.type != null && Object.hasOwnProperty.call(message, "type"))
                writer.uint32(8).int32(message.type);
            if (message.kv != null && Object.hasOwnProperty.call(message, "kv"))
                $root.etcd.KeyValue.encode(message.kv, writer.uint32(18).fork(), q + 1).ldelim();
            return writer;
        };

        Event.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.Event();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.type = reader.int32();
                        break;
                    }
                case 2: {
                        message.kv = $root.etcd.KeyValue.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        Event.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.Event)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.Event: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.Event();
            switch (object.type) {
            default:
                if (typeof object.type === "number") {
                    message.type = object.type;
                    break;
                }
                break;
            case "PUT":
            case 0:
                message.type = 0;
                break;
            case "DELETE":
            case 1:
                message.type = 1;
                break;
            }
            if (object.kv != null) {
                if (!$util.isObject(object.kv))
                    throw TypeError(".etcd.Event.kv: object expected");
                message.kv = $root.etcd.KeyValue.fromObject(object.kv, long + 1);
            }
            return message;
        };

        Event.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                object.type = options.enums === String ? "PUT" : 0;
                object.kv = null;
            }
            if (message.type != null && Object.hasOwnProperty.call(message, "type"))
                object.type = options.enums === String ? $root.etcd.Event.Type[message.type] === undefined ? message.type : $root.etcd.Event.Type[message.type] : message.type;
            if (message.kv != null && Object.hasOwnProperty.call(message, "kv"))
                object.kv = $root.etcd.KeyValue.toObject(message.kv, options, q + 1);
            return object;
        };

        Event.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        Event.Type = (function() {
            const valuesById = {}, values = Object.create(valuesById);
            values[valuesById[0] = "PUT"] = 0;
            values[valuesById[1] = "DELETE"] = 1;
            return values;
        })();

        return Event;
    })();

    etcd.WatchResponse = (function() {

        function WatchResponse(properties) {
            this.events = [];
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        WatchResponse.prototype.header = null;
        WatchResponse.prototype.created = false;
        WatchResponse.prototype.canceled = false;
        WatchResponse.prototype.compactRevision = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
        WatchResponse.prototype.cancelReason = "";
        WatchResponse.prototype.events = $util.emptyArray;

        WatchResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                $root.etcd.Header.encode(message.header, writer.uint32(10).fork(), q + 1).ldelim();
            if (message.created != null && Object.hasOwnProperty.call(message, "created"))
                writer.uint32(24).bool(message.created);
            if (message.canceled != null && Object.hasOwnProperty.call(message, "canceled"))
                writer.uint32(32).bool(message.canceled);
            if (message.compactRevision != null && Object.hasOwnProperty.call(message, "compactRevision"))
                writer.uint32(40).int64(message.compactRevision);
            if (message.cancelReason != null && Object.hasOwnProperty.call(message, "cancelReason"))
                writer.uint32(50).string(message.cancelReason);
            if (message.events != null && message.events.length)
                for (let i = 0; i < message.events.length; ++i)
                    $root.etcd.Event.encode(message.events[i], writer.uint32(90).fork(), q + 1).ldelim();
            return writer;
        };

        WatchResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.WatchResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.header = $root.etcd.Header.decode(reader, reader.uint32(), undefined, long + 1);
                        break;
                    }
                case 3: {
                        message.created = reader.bool();
                        break;
                    }
                case 4: {
                        message.canceled = reader.bool();
                        break;
                    }
                case 5: {
                        message.compactRevision = reader.int64();
                        break;
                    }
                case 6: {
                        message.cancelReason = reader.string();
                        break;
                    }
                case 11: {
                        if (!(message.events && message.events.length))
                            message.events = [];
                        message.events.push($root.etcd.Event.decode(reader, reader.uint32(), undefined, long + 1));
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        WatchResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.WatchResponse)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.WatchResponse: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.WatchResponse();
            if (object.header != null) {
                if (!$util.isObject(object.header))
                    throw TypeError(".etcd.WatchResponse.header: object expected");
                message.header = $root.etcd.Header.fromObject(object.header, long + 1);
            }
            if (object.created != null)
                message.created = Boolean(object.created);
            if (object.canceled != null)
                message.canceled = Boolean(object.canceled);
            if (object.compactRevision != null)
                if ($util.Long)
                    message.compactRevision = $util.Long.fromValue(object.compactRevision, false);
                else if (typeof object.compactRevision === "string")
                    message.compactRevision = parseInt(object.compactRevision, 10);
                else if (typeof object.compactRevision === "number")
                    message.compactRevision = object.compactRevision;
                else if (typeof object.compactRevision === "object")
                    message.compactRevision = new $util.LongBits(object.compactRevision.low >>> 0, object.compactRevision.high >>> 0).toNumber();
            if (object.cancelReason != null)
                message.cancelReason = String(object.cancelReason);
            if (object.events) {
                if (!Array.isArray(object.events))
                    throw TypeError(".etcd.WatchResponse.events: array expected");
                message.events = [];
                for (let i = 0; i < object.events.length; ++i) {
                    if (!$util.isObject(object.events[i]))
                        throw TypeError(".etcd.WatchResponse.events: object expected");
                    message.events[i] = $root.etcd.Event.fromObject(object.events[i], long + 1);
                }
            }
            return message;
        };

        WatchResponse.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.arrays || options.defaults)
                object.events = [];
            if (options.defaults) {
                object.header = null;
                object.created = false;
                object.canceled = false;
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.compactRevision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.compactRevision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                object.cancelReason = "";
            }
            if (message.header != null && Object.hasOwnProperty.call(message, "header"))
                object.header = $root.etcd.Header.toObject(message.header, options, q + 1);
            if (message.created != null && Object.hasOwnProperty.call(message, "created"))
                object.created = message.created;
            if (message.canceled != null && Object.hasOwnProperty.call(message, "canceled"))
                object.canceled = message.canceled;
            if (message.compactRevision != null && Object.hasOwnProperty.call(message, "compactRevision"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.compactRevision = typeof message.compactRevision === "number" ? BigInt(message.compactRevision) : $util.Long.fromBits(message.compactRevision.low >>> 0, message.compactRevision.high >>> 0, false).toBigInt();
                else if (typeof message.compactRevision === "number")
                    object.compactRevision = options.longs === String ? String(message.compactRevision) : message.compactRevision;
                else
                    object.compactRevision = options.longs === String ? $util.Long.prototype.toString.call(message.compactRevision) : options.longs === Number ? new $util.LongBits(message.compactRevision.low >>> 0, message.compactRevision.high >>> 0).toNumber() : message.compactRevision;
            if (message.cancelReason != null && Object.hasOwnProperty.call(message, "cancelReason"))
                object.cancelReason = message.cancelReason;
            if (message.events && message.events.length) {
                object.events = [];
                for (let j = 0; j < message.events.length; ++j)
                    object.events[j] = $root.etcd.Event.toObject(message.events[j], options, q + 1);
            }
            return object;
        };

        WatchResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return WatchResponse;
    })();

    etcd.LeaseGrantRequest = (function() {

        function LeaseGrantRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        LeaseGrantRequest.prototype.ttl = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

        LeaseGrantRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.ttl != null && Object.hasOwnProperty.call(message, "ttl"))
                writer.uint32(8).int64(message.ttl);
            return writer;
        };

        LeaseGrantRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.LeaseGrantRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.ttl = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        LeaseGrantRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.LeaseGrantRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.LeaseGrantRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.LeaseGrantRequest();
            if (object.ttl != null)
                if ($util.Long)
                    message.ttl = $util.Long.fromValue(object.ttl, false);
                else if (typeof object.ttl === "string")
                    message.ttl = parseInt(object.ttl, 10);
                else if (typeof object.ttl === "number")
                    message.ttl = object.ttl;
                else if (typeof object.ttl === "object")
                    message.ttl = new $util.LongBits(object.ttl.low >>> 0, object.ttl.high >>> 0).toNumber();
            return message;
        };

        LeaseGrantRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults)
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.ttl = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.ttl = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
            if (message.ttl != null && Object.hasOwnProperty.call(message, "ttl"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.ttl = typeof message.ttl === "number" ? BigInt(message.ttl) : $util.Long.fromBits(message.ttl.low >>> 0, message.ttl.high >>> 0, false).toBigInt();
                else if (typeof message.ttl === "number")
                    object.ttl = options.longs === String ? String(message.ttl) : message.ttl;
                else
                    object.ttl = options.longs === String ? $util.Long.prototype.toString.call(message.ttl) : options.longs === Number ? new $util.LongBits(message.ttl.low >>> 0, message.ttl.high >>> 0).toNumber() : message.ttl;
            return object;
        };

        LeaseGrantRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return LeaseGrantRequest;
    })();

    etcd.LeaseGrantResponse = (function() {

        function LeaseGrantResponse(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        LeaseGrantResponse.prototype.id = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

        LeaseGrantResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                writer.uint32(16).int64(message.id);
            return writer;
        };

        LeaseGrantResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.LeaseGrantResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 2: {
                        message.id = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        LeaseGrantResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.LeaseGrantResponse)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.LeaseGrantResponse: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.LeaseGrantResponse();
            if (object.id != null)
                if ($util.Long)
                    message.id = $util.Long.fromValue(object.id, false);
                else if (typeof object.id === "string")
                    message.id = parseInt(object.id, 10);
                else if (typeof object.id === "number")
                    message.id = object.id;
                else if (typeof object.id === "object")
                    message.id = new $util.LongBits(object.id.low >>> 0, object.id.high >>> 0).toNumber();
            return message;
        };

        LeaseGrantResponse.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults)
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.id = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.id = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.id = typeof message.id === "number" ? BigInt(message.id) : $util.Long.fromBits(message.id.low >>> 0, message.id.high >>> 0, false).toBigInt();
                else if (typeof message.id === "number")
                    object.id = options.longs === String ? String(message.id) : message.id;
                else
                    object.id = options.longs === String ? $util.Long.prototype.toString.call(message.id) : options.longs === Number ? new $util.LongBits(message.id.low >>> 0, message.id.high >>> 0).toNumber() : message.id;
            return object;
        };

        LeaseGrantResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return LeaseGrantResponse;
    })();

    etcd.LeaseRevokeRequest = (function() {

        function LeaseRevokeRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        LeaseRevokeRequest.prototype.id = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

        LeaseRevokeRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                writer.uint32(8).int64(message.id);
            return writer;
        };

        LeaseRevokeRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.LeaseRevokeRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.id = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        LeaseRevokeRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.LeaseRevokeRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.LeaseRevokeRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.LeaseRevokeRequest();
            if (object.id != null)
                if ($util.Long)
                    message.id = $util.Long.fromValue(object.id, false);
                else if (typeof object.id === "string")
                    message.id = parseInt(object.id, 10);
                else if (typeof object.id === "number")
                    message.id = object.id;
                else if (typeof object.id === "object")
                    message.id = new $util.LongBits(object.id.low >>> 0, object.id.high >>> 0).toNumber();
            return message;
        };

        LeaseRevokeRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults)
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.id = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.id = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.id = typeof message.id === "number" ? BigInt(message.id) : $util.Long.fromBits(message.id.low >>> 0, message.id.high >>> 0, false).toBigInt();
                else if (typeof message.id === "number")
                    object.id = options.longs === String ? String(message.id) : message.id;
                else
                    object.id = options.longs === String ? $util.Long.prototype.toString.call(message.id) : options.longs === Number ? new $util.LongBits(message.id.low >>> 0, message.id.high >>> 0).toNumber() : message.id;
            return object;
        };

        LeaseRevokeRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return LeaseRevokeRequest;
    })();

    etcd.LeaseRevokeResponse = (function() {

        function LeaseRevokeResponse(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        LeaseRevokeResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            return writer;
        };

        LeaseRevokeResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.LeaseRevokeResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        LeaseRevokeResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.LeaseRevokeResponse)
                return object;
            return new $root.etcd.LeaseRevokeResponse();
        };

        LeaseRevokeResponse.toObject = function toObject() {
            return {};
        };

        LeaseRevokeResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return LeaseRevokeResponse;
    })();

    etcd.LeaseKeepAliveRequest = (function() {

        function LeaseKeepAliveRequest(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        LeaseKeepAliveRequest.prototype.id = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

        LeaseKeepAliveRequest.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                writer.uint32(8).int64(message.id);
            return writer;
        };

        LeaseKeepAliveRequest.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.LeaseKeepAliveRequest();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 1: {
                        message.id = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        LeaseKeepAliveRequest.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.LeaseKeepAliveRequest)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.LeaseKeepAliveRequest: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.LeaseKeepAliveRequest();
            if (object.id != null)
                if ($util.Long)
                    message.id = $util.Long.fromValue(object.id, false);
                else if (typeof object.id === "string")
                    message.id = parseInt(object.id, 10);
                else if (typeof object.id === "number")
                    message.id = object.id;
                else if (typeof object.id === "object")
                    message.id = new $util.LongBits(object.id.low >>> 0, object.id.high >>> 0).toNumber();
            return message;
        };

        LeaseKeepAliveRequest.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults)
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.id = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.id = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.id = typeof message.id === "number" ? BigInt(message.id) : $util.Long.fromBits(message.id.low >>> 0, message.id.high >>> 0, false).toBigInt();
                else if (typeof message.id === "number")
                    object.id = options.longs === String ? String(message.id) : message.id;
                else
                    object.id = options.longs === String ? $util.Long.prototype.toString.call(message.id) : options.longs === Number ? new $util.LongBits(message.id.low >>> 0, message.id.high >>> 0).toNumber() : message.id;
            return object;
        };

        LeaseKeepAliveRequest.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return LeaseKeepAliveRequest;
    })();

    etcd.LeaseKeepAliveResponse = (function() {

        function LeaseKeepAliveResponse(properties) {
            if (properties)
                for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        }

        LeaseKeepAliveResponse.prototype.id = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
        LeaseKeepAliveResponse.prototype.ttl = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

        LeaseKeepAliveResponse.encode = function encode(message, writer, q) {
            if (!writer)
                writer = $Writer.create();
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                writer.uint32(16).int64(message.id);
            if (message.ttl != null && Object.hasOwnProperty.call(message, "ttl"))
                writer.uint32(24).int64(message.ttl);
            return writer;
        };

        LeaseKeepAliveResponse.decode = function decode(reader, length, error, long) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (long === undefined)
                long = 0;
            if (long > $Reader.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let end, message;
            if (length === undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = new $root.etcd.LeaseKeepAliveResponse();
            while (reader.pos < end) {
                let tag = reader.uint32();
                if (tag === error)
                    break;
                switch (tag >>> 3) {
                case 2: {
                        message.id = reader.int64();
                        break;
                    }
                case 3: {
                        message.ttl = reader.int64();
                        break;
                    }
                default:
                    reader.skipType(tag & 7, long);
                    break;
                }
            }
            if (length !== undefined) {
                if (reader.pos !== end)
                    throw RangeError("index out of range");
                reader.len = length;
            }
            return message;
        };

        LeaseKeepAliveResponse.fromObject = function fromObject(object, long) {
            if (object instanceof $root.etcd.LeaseKeepAliveResponse)
                return object;
            if (!$util.isObject(object))
                throw TypeError(".etcd.LeaseKeepAliveResponse: object expected");
            if (long === undefined)
                long = 0;
            if (long > $util.recursionLimit)
                throw Error("maximum nesting depth exceeded");
            let message = new $root.etcd.LeaseKeepAliveResponse();
            if (object.id != null)
                if ($util.Long)
                    message.id = $util.Long.fromValue(object.id, false);
                else if (typeof object.id === "string")
                    message.id = parseInt(object.id, 10);
                else if (typeof object.id === "number")
                    message.id = object.id;
                else if (typeof object.id === "object")
                    message.id = new $util.LongBits(object.id.low >>> 0, object.id.high >>> 0).toNumber();
            if (object.ttl != null)
                if ($util.Long)
                    message.ttl = $util.Long.fromValue(object.ttl, false);
                else if (typeof object.ttl === "string")
                    message.ttl = parseInt(object.ttl, 10);
                else if (typeof object.ttl === "number")
                    message.ttl = object.ttl;
                else if (typeof object.ttl === "object")
                    message.ttl = new $util.LongBits(object.ttl.low >>> 0, object.ttl.high >>> 0).toNumber();
            return message;
        };

        LeaseKeepAliveResponse.toObject = function toObject(message, options, q) {
            if (!options)
                options = {};
            if (q === undefined)
                q = 0;
            if (q > $util.recursionLimit)
                throw Error("max depth exceeded");
            let object = {};
            if (options.defaults) {
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.id = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.id = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                if ($util.Long) {
                    let long = new $util.Long(0, 0, false);
                    object.ttl = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                } else
                    object.ttl = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
            }
            if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.id = typeof message.id === "number" ? BigInt(message.id) : $util.Long.fromBits(message.id.low >>> 0, message.id.high >>> 0, false).toBigInt();
                else if (typeof message.id === "number")
                    object.id = options.longs === String ? String(message.id) : message.id;
                else
                    object.id = options.longs === String ? $util.Long.prototype.toString.call(message.id) : options.longs === Number ? new $util.LongBits(message.id.low >>> 0, message.id.high >>> 0).toNumber() : message.id;
            if (message.ttl != null && Object.hasOwnProperty.call(message, "ttl"))
                if (typeof BigInt !== "undefined" && options.longs === BigInt)
                    object.ttl = typeof message.ttl === "number" ? BigInt(message.ttl) : $util.Long.fromBits(message.ttl.low >>> 0, message.ttl.high >>> 0, false).toBigInt();
                else if (typeof message.ttl === "number")
                    object.ttl = options.longs === String ? String(message.ttl) : message.ttl;
                else
                    object.ttl = options.longs === String ? $util.Long.prototype.toString.call(message.ttl) : options.longs === Number ? new $util.LongBits(message.ttl.low >>> 0, message.ttl.high >>> 0).toNumber() : message.ttl;
            return object;
        };

        LeaseKeepAliveResponse.prototype.toJSON = function toJSON() {
            return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
        };

        return LeaseKeepAliveResponse;
    })();

    return etcd;
})();

export { $root as default };
