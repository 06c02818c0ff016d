import protobuf from "protobufjs/minimal.js";
const $protobuf = protobuf;

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;

const $root = $protobuf.roots["sluice"] || ($protobuf.roots["sluice"] = {});

export const sluice = $root.sluice = (() => {

    const sluice = {};

    sluice.v1 = (function() {

        const v1 = {};

        v1.FromAgent = (function() {

            function FromAgent(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            FromAgent.prototype.hello = null;
            FromAgent.prototype.report = null;
            FromAgent.prototype.ports = null;
            FromAgent.prototype.applied = null;
            FromAgent.prototype.probeResults = null;
            FromAgent.prototype.vmEvent = null;
            FromAgent.prototype.request = null;
            FromAgent.prototype.reply = null;
            FromAgent.prototype.memberLoads = null;

            let $oneOfFields;

            Object.defineProperty(FromAgent.prototype, "message", {
                get: $util.oneOfGetter($oneOfFields = ["hello", "report", "ports", "applied", "probeResults", "vmEvent", "request", "reply", "memberLoads"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            FromAgent.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.hello != null && Object.hasOwnProperty.call(message, "hello"))
                    $root.sluice.v1.Hello.encode(message.hello, writer.uint32(10).fork(), q + 1).ldelim();
                if (message.report != null && Object.hasOwnProperty.call(message, "report"))
                    $root.sluice.v1.Report.encode(message.report, writer.uint32(18).fork(), q + 1).ldelim();
                if (message.ports != null && Object.hasOwnProperty.call(message, "ports"))
                    $root.sluice.v1.Ports.encode(message.ports, writer.uint32(26).fork(), q + 1).ldelim();
                if (message.applied != null && Object.hasOwnProperty.call(message, "applied"))
                    $root.sluice.v1.Applied.encode(message.applied, writer.uint32(34).fork(), q + 1).ldelim();
                if (message.probeResults != null && Object.hasOwnProperty.call(message, "probeResults"))
                    $root.sluice.v1.ProbeResults.encode(message.probeResults, writer.uint32(42).fork(), q + 1).ldelim();
                if (message.vmEvent != null && Object.hasOwnProperty.call(message, "vmEvent"))
                    $root.sluice.v1.VmEvent.encode(message.vmEvent, writer.uint32(50).fork(), q + 1).ldelim();
                if (message.request != null && Object.hasOwnProperty.call(message, "request"))
                    $root.sluice.v1.Request.encode(message.request, writer.uint32(58).fork(), q + 1).ldelim();
                if (message.reply != null && Object.hasOwnProperty.call(message, "reply"))
                    $root.sluice.v1.Reply.encode(message.reply, writer.uint32(66).fork(), q + 1).ldelim();
                if (message.memberLoads != null && Object.hasOwnProperty.call(message, "memberLoads"))
                    $root.sluice.v1.MemberLoads.encode(message.memberLoads, writer.uint32(74).fork(), q + 1).ldelim();
                return writer;
            };

            FromAgent.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.FromAgent();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.hello = $root.sluice.v1.Hello.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 2: {
                            message.report = $root.sluice.v1.Report.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 3: {
                            message.ports = $root.sluice.v1.Ports.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 4: {
                            message.applied = $root.sluice.v1.Applied.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 5: {
                            message.probeResults = $root.sluice.v1.ProbeResults.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 6: {
                            message.vmEvent = $root.sluice.v1.VmEvent.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 7: {
                            message.request = $root.sluice.v1.Request.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 8: {
                            message.reply = $root.sluice.v1.Reply.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 9: {
                            message.memberLoads = $root.sluice.v1.MemberLoads.decode(reader, reader.uint32(), undefined, long + 1);
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

            FromAgent.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.FromAgent)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.FromAgent: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.FromAgent();
                if (object.hello != null) {
                    if (!$util.isObject(object.hello))
                        throw TypeError(".sluice.v1.FromAgent.hello: object expected");
                    message.hello = $root.sluice.v1.Hello.fromObject(object.hello, long + 1);
                }
                if (object.report != null) {
                    if (!$util.isObject(object.report))
                        throw TypeError(".sluice.v1.FromAgent.report: object expected");
                    message.report = $root.sluice.v1.Report.fromObject(object.report, long + 1);
                }
                if (object.ports != null) {
                    if (!$util.isObject(object.ports))
                        throw TypeError(".sluice.v1.FromAgent.ports: object expected");
                    message.ports = $root.sluice.v1.Ports.fromObject(object.ports, long + 1);
                }
                if (object.applied != null) {
                    if (!$util.isObject(object.applied))
                        throw TypeError(".sluice.v1.FromAgent.applied: object expected");
                    message.applied = $root.sluice.v1.Applied.fromObject(object.applied, long + 1);
                }
                if (object.probeResults != null) {
                    if (!$util.isObject(object.probeResults))
                        throw TypeError(".sluice.v1.FromAgent.probeResults: object expected");
                    message.probeResults = $root.sluice.v1.ProbeResults.fromObject(object.probeResults, long + 1);
                }
                if (object.vmEvent != null) {
                    if (!$util.isObject(object.vmEvent))
                        throw TypeError(".sluice.v1.FromAgent.vmEvent: object expected");
                    message.vmEvent = $root.sluice.v1.VmEvent.fromObject(object.vmEvent, long + 1);
                }
                if (object.request != null) {
                    if (!$util.isObject(object.request))
                        throw TypeError(".sluice.v1.FromAgent.request: object expected");
                    message.request = $root.sluice.v1.Request.fromObject(object.request, long + 1);
                }
                if (object.reply != null) {
                    if (!$util.isObject(object.reply))
                        throw TypeError(".sluice.v1.FromAgent.reply: object expected");
                    message.reply = $root.sluice.v1.Reply.fromObject(object.reply, long + 1);
                }
                if (object.memberLoads != null) {
                    if (!$util.isObject(object.memberLoads))
                        throw TypeError(".sluice.v1.FromAgent.memberLoads: object expected");
                    message.memberLoads = $root.sluice.v1.MemberLoads.fromObject(object.memberLoads, long + 1);
                }
                return message;
            };

            FromAgent.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (message.hello != null && Object.hasOwnProperty.call(message, "hello")) {
                    object.hello = $root.sluice.v1.Hello.toObject(message.hello, options, q + 1);
                    if (options.oneofs)
                        object.message = "hello";
                }
                if (message.report != null && Object.hasOwnProperty.call(message, "report")) {
                    object.report = $root.sluice.v1.Report.toObject(message.report, options, q + 1);
                    if (options.oneofs)
                        object.message = "report";
                }
                if (message.ports != null && Object.hasOwnProperty.call(message, "ports")) {
                    object.ports = $root.sluice.v1.Ports.toObject(message.ports, options, q + 1);
                    if (options.oneofs)
                        object.message = "ports";
                }
                if (message.applied != null && Object.hasOwnProperty.call(message, "applied")) {
                    object.applied = $root.sluice.v1.Applied.toObject(message.applied, options, q + 1);
                    if (options.oneofs)
                        object.message = "applied";
                }
                if (message.probeResults != null && Object.hasOwnProperty.call(message, "probeResults")) {
                    object.probeResults = $root.sluice.v1.ProbeResults.toObject(message.probeResults, options, q + 1);
                    if (options.oneofs)
                        object.message = "probeResults";
                }
                if (message.vmEvent != null && Object.hasOwnProperty.call(message, "vmEvent")) {
                    object.vmEvent = $root.sluice.v1.VmEvent.toObject(message.vmEvent, options, q + 1);
                    if (options.oneofs)
                        object.message = "vmEvent";
                }
                if (message.request != null && Object.hasOwnProperty.call(message, "request")) {
                    object.request = $root.sluice.v1.Request.toObject(message.request, options, q + 1);
                    if (options.oneofs)
                        object.message = "request";
                }
                if (message.reply != null && Object.hasOwnProperty.call(message, "reply")) {
                    object.reply = $root.sluice.v1.Reply.toObject(message.reply, options, q + 1);
                    if (options.oneofs)
                        object.message = "reply";
                }
                if (message.memberLoads != null && Object.hasOwnProperty.call(message, "memberLoads")) {
                    object.memberLoads = $root.sluice.v1.MemberLoads.toObject(message.memberLoads, options, q + 1);
                    if (options.oneofs)
                        object.message = "memberLoads";
                }
                return object;
            };

            FromAgent.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return FromAgent;
        })();

        v1.FromController = (function() {

            function FromController(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            FromController.prototype.welcome = null;
            FromController.prototype.redirect = null;
            FromController.prototype.rules = null;
            FromController.prototype.globalStats = null;
            FromController.prototype.vmOrder = null;
            FromController.prototype.request = null;
            FromController.prototype.reply = null;

            let $oneOfFields;

            Object.defineProperty(FromController.prototype, "message", {
                get: $util.oneOfGetter($oneOfFields = ["welcome", "redirect", "rules", "globalStats", "vmOrder", "request", "reply"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            FromController.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.welcome != null && Object.hasOwnProperty.call(message, "welcome"))
                    $root.sluice.v1.Welcome.encode(message.welcome, writer.uint32(10).fork(), q + 1).ldelim();
                if (message.redirect != null && Object.hasOwnProperty.call(message, "redirect"))
                    $root.sluice.v1.Redirect.encode(message.redirect, writer.uint32(18).fork(), q + 1).ldelim();
                if (message.rules != null && Object.hasOwnProperty.call(message, "rules"))
                    $root.sluice.v1.Rules.encode(message.rules, writer.uint32(26).fork(), q + 1).ldelim();
                if (message.globalStats != null && Object.hasOwnProperty.call(message, "globalStats"))
                    $root.sluice.v1.GlobalStats.encode(message.globalStats, writer.uint32(34).fork(), q + 1).ldelim();
                if (message.vmOrder != null && Object.hasOwnProperty.call(message, "vmOrder"))
                    $root.sluice.v1.VmOrder.encode(message.vmOrder, writer.uint32(42).fork(), q + 1).ldelim();
                if (message.request != null && Object.hasOwnProperty.call(message, "request"))
                    $root.sluice.v1.Request.encode(message.request, writer.uint32(50).fork(), q + 1).ldelim();
                if (message.reply != null && Object.hasOwnProperty.call(message, "reply"))
                    $root.sluice.v1.Reply.encode(message.reply, writer.uint32(58).fork(), q + 1).ldelim();
                return writer;
            };

            FromController.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.FromController();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.welcome = $root.sluice.v1.Welcome.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 2: {
                            message.redirect = $root.sluice.v1.Redirect.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 3: {
                            message.rules = $root.sluice.v1.Rules.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 4: {
                            message.globalStats = $root.sluice.v1.GlobalStats.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 5: {
                            message.vmOrder = $root.sluice.v1.VmOrder.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 6: {
                            message.request = $root.sluice.v1.Request.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 7: {
                            message.reply = $root.sluice.v1.Reply.decode(reader, reader.uint32(), undefined, long + 1);
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

            FromController.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.FromController)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.FromController: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.FromController();
                if (object.welcome != null) {
                    if (!$util.isObject(object.welcome))
                        throw TypeError(".sluice.v1.FromController.welcome: object expected");
                    message.welcome = $root.sluice.v1.Welcome.fromObject(object.welcome, long + 1);
                }
                if (object.redirect != null) {
                    if (!$util.isObject(object.redirect))
                        throw TypeError(".sluice.v1.FromController.redirect: object expected");
                    message.redirect = $root.sluice.v1.Redirect.fromObject(object.redirect, long + 1);
                }
                if (object.rules != null) {
                    if (!$util.isObject(object.rules))
                        throw TypeError(".sluice.v1.FromController.rules: object expected");
                    message.rules = $root.sluice.v1.Rules.fromObject(object.rules, long + 1);
                }
                if (object.globalStats != null) {
                    if (!$util.isObject(object.globalStats))
                        throw TypeError(".sluice.v1.FromController.globalStats: object expected");
                    message.globalStats = $root.sluice.v1.GlobalStats.fromObject(object.globalStats, long + 1);
                }
                if (object.vmOrder != null) {
                    if (!$util.isObject(object.vmOrder))
                        throw TypeError(".sluice.v1.FromController.vmOrder: object expected");
                    message.vmOrder = $root.sluice.v1.VmOrder.fromObject(object.vmOrder, long + 1);
                }
                if (object.request != null) {
                    if (!$util.isObject(object.request))
                        throw TypeError(".sluice.v1.FromController.request: object expected");
                    message.request = $root.sluice.v1.Request.fromObject(object.request, long + 1);
                }
                if (object.reply != null) {
                    if (!$util.isObject(object.reply))
                        throw TypeError(".sluice.v1.FromController.reply: object expected");
                    message.reply = $root.sluice.v1.Reply.fromObject(object.reply, long + 1);
                }
                return message;
            };

            FromController.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (message.welcome != null && Object.hasOwnProperty.call(message, "welcome")) {
                    object.welcome = $root.sluice.v1.Welcome.toObject(message.welcome, options, q + 1);
                    if (options.oneofs)
                        object.message = "welcome";
                }
                if (message.redirect != null && Object.hasOwnProperty.call(message, "redirect")) {
                    object.redirect = $root.sluice.v1.Redirect.toObject(message.redirect, options, q + 1);
                    if (options.oneofs)
                        object.message = "redirect";
                }
                if (message.rules != null && Object.hasOwnProperty.call(message, "rules")) {
                    object.rules = $root.sluice.v1.Rules.toObject(message.rules, options, q + 1);
                    if (options.oneofs)
                        object.message = "rules";
                }
                if (message.globalStats != null && Object.hasOwnProperty.call(message, "globalStats")) {
                    object.globalStats = $root.sluice.v1.GlobalStats.toObject(message.globalStats, options, q + 1);
                    if (options.oneofs)
                        object.message = "globalStats";
                }
                if (message.vmOrder != null && Object.hasOwnProperty.call(message, "vmOrder")) {
                    object.vmOrder = $root.sluice.v1.VmOrder.toObject(message.vmOrder, options, q + 1);
                    if (options.oneofs)
                        object.message = "vmOrder";
                }
                if (message.request != null && Object.hasOwnProperty.call(message, "request")) {
                    object.request = $root.sluice.v1.Request.toObject(message.request, options, q + 1);
                    if (options.oneofs)
                        object.message = "request";
                }
                if (message.reply != null && Object.hasOwnProperty.call(message, "reply")) {
                    object.reply = $root.sluice.v1.Reply.toObject(message.reply, options, q + 1);
                    if (options.oneofs)
                        object.message = "reply";
                }
                return object;
            };

            FromController.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return FromController;
        })();

        v1.Hello = (function() {

            function Hello(properties) {
                this.ports = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Hello.prototype.protocolVersion = 0;
            Hello.prototype.host = "";
            Hello.prototype.agentEpoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Hello.prototype.version = "";
            Hello.prototype.ports = $util.emptyArray;
            Hello.prototype.rulesEpoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Hello.prototype.rulesRevision = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Hello.prototype.networks = null;
            Hello.prototype.templates = null;
            Hello.prototype.newestProtocolVersion = 0;

            Hello.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.protocolVersion != null && Object.hasOwnProperty.call(message, "protocolVersion"))
                    writer.uint32(8).uint32(message.protocolVersion);
                if (message.host != null && Object.hasOwnProperty.call(message, "host"))
                    writer.uint32(18).string(message.host);
                if (message.agentEpoch != null && Object.hasOwnProperty.call(message, "agentEpoch"))
                    writer.uint32(24).uint64(message.agentEpoch);
                if (message.version != null && Object.hasOwnProperty.call(message, "version"))
                    writer.uint32(34).string(message.version);
                if (message.ports != null && message.ports.length)
                    for (let i = 0; i < message.ports.length; ++i)
                        $root.sluice.v1.Port.encode(message.ports[i], writer.uint32(42).fork(), q + 1).ldelim();
                if (message.rulesEpoch != null && Object.hasOwnProperty.call(message, "rulesEpoch"))
                    writer.uint32(48).uint64(message.rulesEpoch);
                if (message.rulesRevision != null && Object.hasOwnProperty.call(message, "rulesRevision"))
                    writer.uint32(56).uint64(message.rulesRevision);
                if (message.networks != null && Object.hasOwnProperty.call(message, "networks"))
                    $root.sluice.v1.HostNetworks.encode(message.networks, writer.uint32(66).fork(), q + 1).ldelim();
                if (message.templates != null && Object.hasOwnProperty.call(message, "templates"))
                    $root.sluice.v1.HostTemplates.encode(message.templates, writer.uint32(74).fork(), q + 1).ldelim();
                if (message.newestProtocolVersion != null && Object.hasOwnProperty.call(message, "newestProtocolVersion"))
                    writer.uint32(80).uint32(message.newestProtocolVersion);
                return writer;
            };

            Hello.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Hello();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.protocolVersion = reader.uint32();
                            break;
                        }
                    case 2: {
                            message.host = reader.string();
                            break;
                        }
                    case 3: {
                            message.agentEpoch = reader.uint64();
                            break;
                        }
                    case 4: {
                            message.version = reader.string();
                            break;
                        }
                    case 5: {
                            if (!(message.ports && message.ports.length))
                                message.ports = [];
                            message.ports.push($root.sluice.v1.Port.decode(reader, reader.uint32(), undefined, long + 1));
                            break;
                        }
                    case 6: {
                            message.rulesEpoch = reader.uint64();
                            break;
                        }
                    case 7: {
                            message.rulesRevision = reader.uint64();
                            break;
                        }
                    case 8: {
                            message.networks = $root.sluice.v1.HostNetworks.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 9: {
                            message.templates = $root.sluice.v1.HostTemplates.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 10: {
                            message.newestProtocolVersion = reader.uint32();
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

            Hello.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Hello)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Hello: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Hello();
                if (object.protocolVersion != null)
                    message.protocolVersion = object.protocolVersion >>> 0;
                if (object.host != null)
                    message.host = String(object.host);
                if (object.agentEpoch != null)
                    if ($util.Long)
                        message.agentEpoch = $util.Long.fromValue(object.agentEpoch, true);
                    else if (typeof object.agentEpoch === "string")
                        message.agentEpoch = parseInt(object.agentEpoch, 10);
                    else if (typeof object.agentEpoch === "number")
                        message.agentEpoch = object.agentEpoch;
                    else if (typeof object.agentEpoch === "object")
                        message.agentEpoch = new $util.LongBits(object.agentEpoch.low >>> 0, object.agentEpoch.high >>> 0).toNumber(true);
                if (object.version != null)
                    message.version = String(object.version);
                if (object.ports) {
                    if (!Array.isArray(object.ports))
                        throw TypeError(".sluice.v1.Hello.ports: array expected");
                    message.ports = [];
                    for (let i = 0; i < object.ports.length; ++i) {
                        if (!$util.isObject(object.ports[i]))
                            throw TypeError(".sluice.v1.Hello.ports: object expected");
                        message.ports[i] = $root.sluice.v1.Port.fromObject(object.ports[i], long + 1);
                    }
                }
                if (object.rulesEpoch != null)
                    if ($util.Long)
                        message.rulesEpoch = $util.Long.fromValue(object.rulesEpoch, true);
                    else if (typeof object.rulesEpoch === "string")
                        message.rulesEpoch = parseInt(object.rulesEpoch, 10);
                    else if (typeof object.rulesEpoch === "number")
                        message.rulesEpoch = object.rulesEpoch;
                    else if (typeof object.rulesEpoch === "object")
                        message.rulesEpoch = new $util.LongBits(object.rulesEpoch.low >>> 0, object.rulesEpoch.high >>> 0).toNumber(true);
                if (object.rulesRevision != null)
                    if ($util.Long)
                        message.rulesRevision = $util.Long.fromValue(object.rulesRevision, true);
                    else if (typeof object.rulesRevision === "string")
                        message.rulesRevision = parseInt(object.rulesRevision, 10);
                    else if (typeof object.rulesRevision === "number")
                        message.rulesRevision = object.rulesRevision;
                    else if (typeof object.rulesRevision === "object")
                        message.rulesRevision = new $util.LongBits(object.rulesRevision.low >>> 0, object.rulesRevision.high >>> 0).toNumber(true);
                if (object.networks != null) {
                    if (!$util.isObject(object.networks))
                        throw TypeError(".sluice.v1.Hello.networks: object expected");
                    message.networks = $root.sluice.v1.HostNetworks.fromObject(object.networks, long + 1);
                }
                if (object.templates != null) {
                    if (!$util.isObject(object.templates))
                        throw TypeError(".sluice.v1.Hello.templates: object expected");
                    message.templates = $root.sluice.v1.HostTemplates.fromObject(object.templates, long + 1);
                }
                if (object.newestProtocolVersion != null)
                    message.newestProtocolVersion = object.newestProtocolVersion >>> 0;
                return message;
            };

            Hello.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.ports = [];
                if (options.defaults) {
                    object.protocolVersion = 0;
                    object.host = "";
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.agentEpoch = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.agentEpoch = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    object.version = "";
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.rulesEpoch = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.rulesEpoch = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.rulesRevision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.rulesRevision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    object.networks = null;
                    object.templates = null;
                    object.newestProtocolVersion = 0;
                }
                if (message.protocolVersion != null && Object.hasOwnProperty.call(message, "protocolVersion"))
                    object.protocolVersion = message.protocolVersion;
                if (message.host != null && Object.hasOwnProperty.call(message, "host"))
                    object.host = message.host;
                if (message.agentEpoch != null && Object.hasOwnProperty.call(message, "agentEpoch"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.agentEpoch = typeof message.agentEpoch === "number" ? BigInt(message.agentEpoch) : $util.Long.fromBits(message.agentEpoch.low >>> 0, message.agentEpoch.high >>> 0, true).toBigInt();
                    else if (typeof message.agentEpoch === "number")
                        object.agentEpoch = options.longs === String ? String(message.agentEpoch) : message.agentEpoch;
                    else
                        object.agentEpoch = options.longs === String ? $util.Long.prototype.toString.call(message.agentEpoch) : options.longs === Number ? new $util.LongBits(message.agentEpoch.low >>> 0, message.agentEpoch.high >>> 0).toNumber(true) : message.agentEpoch;
                if (message.version != null && Object.hasOwnProperty.call(message, "version"))
                    object.version = message.version;
                if (message.ports && message.ports.length) {
                    object.ports = [];
                    for (let j = 0; j < message.ports.length; ++j)
                        object.ports[j] = $root.sluice.v1.Port.toObject(message.ports[j], options, q + 1);
                }
                if (message.rulesEpoch != null && Object.hasOwnProperty.call(message, "rulesEpoch"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.rulesEpoch = typeof message.rulesEpoch === "number" ? BigInt(message.rulesEpoch) : $util.Long.fromBits(message.rulesEpoch.low >>> 0, message.rulesEpoch.high >>> 0, true).toBigInt();
                    else if (typeof message.rulesEpoch === "number")
                        object.rulesEpoch = options.longs === String ? String(message.rulesEpoch) : message.rulesEpoch;
                    else
                        object.rulesEpoch = options.longs === String ? $util.Long.prototype.toString.call(message.rulesEpoch) : options.longs === Number ? new $util.LongBits(message.rulesEpoch.low >>> 0, message.rulesEpoch.high >>> 0).toNumber(true) : message.rulesEpoch;
                if (message.rulesRevision != null && Object.hasOwnProperty.call(message, "rulesRevision"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.rulesRevision = typeof message.rulesRevision === "number" ? BigInt(message.rulesRevision) : $util.Long.fromBits(message.rulesRevision.low >>> 0, message.rulesRevision.high >>> 0, true).toBigInt();
                    else if (typeof message.rulesRevision === "number")
                        object.rulesRevision = options.longs === String ? String(message.rulesRevision) : message.rulesRevision;
                    else
                        object.rulesRevision = options.longs === String ? $util.Long.prototype.toString.call(message.rulesRevision) : options.longs === Number ? new $util.LongBits(message.rulesRevision.low >>> 0, message.rulesRevision.high >>> 0).toNumber(true) : message.rulesRevision;
                if (message.networks != null && Object.hasOwnProperty.call(message, "networks"))
                    object.networks = $root.sluice.v1.HostNetworks.toObject(message.networks, options, q + 1);
                if (message.templates != null && Object.hasOwnProperty.call(message, "templates"))
                    object.templates = $root.sluice.v1.HostTemplates.toObject(message.templates, options, q + 1);
                if (message.newestProtocolVersion != null && Object.hasOwnProperty.call(message, "newestProtocolVersion"))
                    object.newestProtocolVersion = message.newestProtocolVersion;
                return object;
            };

            Hello.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Hello;
        })();

        v1.HostTemplates = (function() {

            function HostTemplates(properties) {
                this.all = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            HostTemplates.prototype.all = $util.emptyArray;

            HostTemplates.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.all != null && message.all.length)
                    for (let i = 0; i < message.all.length; ++i)
                        writer.uint32(10).string(message.all[i]);
                return writer;
            };

            HostTemplates.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.HostTemplates();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            if (!(message.all && message.all.length))
                                message.all = [];
                            message.all.push(reader.string());
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

            HostTemplates.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.HostTemplates)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.HostTemplates: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.HostTemplates();
                if (object.all) {
                    if (!Array.isArray(object.all))
                        throw TypeError(".sluice.v1.HostTemplates.all: array expected");
                    message.all = [];
                    for (let i = 0; i < object.all.length; ++i)
                        message.all[i] = String(object.all[i]);
                }
                return message;
            };

            HostTemplates.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.all = [];
                if (message.all && message.all.length) {
                    object.all = [];
                    for (let j = 0; j < message.all.length; ++j)
                        object.all[j] = message.all[j];
                }
                return object;
            };

            HostTemplates.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return HostTemplates;
        })();

        v1.HostNetworks = (function() {

            function HostNetworks(properties) {
                this.all = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            HostNetworks.prototype.all = $util.emptyArray;

            HostNetworks.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.all != null && message.all.length)
                    for (let i = 0; i < message.all.length; ++i)
                        $root.sluice.v1.Network.encode(message.all[i], writer.uint32(10).fork(), q + 1).ldelim();
                return writer;
            };

            HostNetworks.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.HostNetworks();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            if (!(message.all && message.all.length))
                                message.all = [];
                            message.all.push($root.sluice.v1.Network.decode(reader, reader.uint32(), undefined, long + 1));
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

            HostNetworks.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.HostNetworks)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.HostNetworks: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.HostNetworks();
                if (object.all) {
                    if (!Array.isArray(object.all))
                        throw TypeError(".sluice.v1.HostNetworks.all: array expected");
                    message.all = [];
                    for (let i = 0; i < object.all.length; ++i) {
                        if (!$util.isObject(object.all[i]))
                            throw TypeError(".sluice.v1.HostNetworks.all: object expected");
                        message.all[i] = $root.sluice.v1.Network.fromObject(object.all[i], long + 1);
                    }
                }
                return message;
            };

            HostNetworks.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.all = [];
                if (message.all && message.all.length) {
                    object.all = [];
                    for (let j = 0; j < message.all.length; ++j)
                        object.all[j] = $root.sluice.v1.Network.toObject(message.all[j], options, q + 1);
                }
                return object;
            };

            HostNetworks.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return HostNetworks;
        })();

        v1.Network = (function() {

            function Network(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Network.prototype.name = "";
            Network.prototype.vni = 0;
            Network.prototype.routed = false;
            Network.prototype.router = "";

            Network.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    writer.uint32(10).string(message.name);
                if (message.vni != null && Object.hasOwnProperty.call(message, "vni"))
                    writer.uint32(16).uint32(message.vni);
                if (message.routed != null && Object.hasOwnProperty.call(message, "routed"))
                    writer.uint32(24).bool(message.routed);
                if (message.router != null && Object.hasOwnProperty.call(message, "router"))
                    writer.uint32(34).string(message.router);
                return writer;
            };

            Network.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Network();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.name = reader.string();
                            break;
                        }
                    case 2: {
                            message.vni = reader.uint32();
                            break;
                        }
                    case 3: {
                            message.routed = reader.bool();
                            break;
                        }
                    case 4: {
                            message.router = reader.string();
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

            Network.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Network)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Network: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Network();
                if (object.name != null)
                    message.name = String(object.name);
                if (object.vni != null)
                    message.vni = object.vni >>> 0;
                if (object.routed != null)
                    message.routed = Boolean(object.routed);
                if (object.router != null)
                    message.router = String(object.router);
                return message;
            };

            Network.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.name = "";
                    object.vni = 0;
                    object.routed = false;
                    object.router = "";
                }
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    object.name = message.name;
                if (message.vni != null && Object.hasOwnProperty.call(message, "vni"))
                    object.vni = message.vni;
                if (message.routed != null && Object.hasOwnProperty.call(message, "routed"))
                    object.routed = message.routed;
                if (message.router != null && Object.hasOwnProperty.call(message, "router"))
                    object.router = message.router;
                return object;
            };

            Network.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Network;
        })();

        v1.Port = (function() {

            function Port(properties) {
                this.addresses = [];
                this.labels = {};
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Port.prototype.name = "";
            Port.prototype.network = "";
            Port.prototype.netns = "";
            Port.prototype.mac = "";
            Port.prototype.addresses = $util.emptyArray;
            Port.prototype.labels = $util.emptyObject;

            Port.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    writer.uint32(10).string(message.name);
                if (message.network != null && Object.hasOwnProperty.call(message, "network"))
                    writer.uint32(18).string(message.network);
                if (message.netns != null && Object.hasOwnProperty.call(message, "netns"))
                    writer.uint32(26).string(message.netns);
                if (message.mac != null && Object.hasOwnProperty.call(message, "mac"))
                    writer.uint32(34).string(message.mac);
                if (message.addresses != null && message.addresses.length)
                    for (let i = 0; i < message.addresses.length; ++i)
                        writer.uint32(42).string(message.addresses[i]);
                if (message.labels != null && Object.hasOwnProperty.call(message, "labels"))
                    for (let keys = Object.keys(message.labels), i = 0; i < keys.length; ++i)
                        writer.uint32(50).fork().uint32(10).string(keys[i]).uint32(18).string(message.labels[keys[i]]).ldelim();
                return writer;
            };

            Port.decode = function decode(reader, length, error, long) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (long === undefined)
                    long = 0;
                if (long > $Reader.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let end, message, key, value;
                if (length === undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = new $root.sluice.v1.Port();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.name = reader.string();
                            break;
                        }
                    case 2: {
                            message.network = reader.string();
                            break;
                        }
                    case 3: {
                            message.netns = reader.string();
                            break;
                        }
                    case 4: {
                            message.mac = reader.string();
                            break;
                        }
                    case 5: {
                            if (!(message.addresses && message.addresses.length))
                                message.addresses = [];
                            message.addresses.push(reader.string());
                            break;
                        }
                    case 6: {
                            if (message.labels === $util.emptyObject)
                                message.labels = {};
                            let end2 = reader.uint32() + reader.pos;
                            if (end2 > reader.len)
                                throw RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = "";
                            while (reader.pos < end2) {
                                let tag2 = reader.uint32();
                                switch (tag2 >>> 3) {
                                case 1:
                                    key = reader.string();
                                    break;
                                case 2:
                                    value = reader.string();
                                    break;
                                default:
                                    reader.skipType(tag2 & 7, long);
                                    break;
                                }
                            }
                            if (reader.pos !== end2)
                                throw RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.labels, key);
                            message.labels[key] = value;
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

            Port.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Port)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Port: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Port();
                if (object.name != null)
                    message.name = String(object.name);
                if (object.network != null)
                    message.network = String(object.network);
                if (object.netns != null)
                    message.netns = String(object.netns);
                if (object.mac != null)
                    message.mac = String(object.mac);
                if (object.addresses) {
                    if (!Array.isArray(object.addresses))
                        throw TypeError(".sluice.v1.Port.addresses: array expected");
                    message.addresses = [];
                    for (let i = 0; i < object.addresses.length; ++i)
                        message.addresses[i] = String(object.addresses[i]);
                }
                if (object.labels) {
                    if (!$util.isObject(object.labels))
                        throw TypeError(".sluice.v1.Port.labels: object expected");
                    message.labels = {};
                    for (let keys = Object.keys(object.labels), i = 0; i < keys.length; ++i) {
                        if (keys[i] === "__proto__")
                            $util.makeProp(message.labels, keys[i]);
                        message.labels[keys[i]] = String(object.labels[keys[i]]);
                    }
                }
                return message;
            };

            Port.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.addresses = [];
                if (options.objects || options.defaults)
                    object.labels = {};
                if (options.defaults) {
                    object.name = "";
                    object.network = "";
                    object.netns = "";
                    object.mac = "";
                }
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    object.name = message.name;
                if (message.network != null && Object.hasOwnProperty.call(message, "network"))
                    object.network = message.network;
                if (message.netns != null && Object.hasOwnProperty.call(message, "netns"))
                    object.netns = message.netns;
                if (message.mac != null && Object.hasOwnProperty.call(message, "mac"))
                    object.mac = message.mac;
                if (message.addresses && message.addresses.length) {
                    object.addresses = [];
                    for (let j = 0; j < message.addresses.length; ++j)
                        object.addresses[j] = message.addresses[j];
                }
                let keys2;
                if (message.labels && (keys2 = Object.keys(message.labels)).length) {
                    object.labels = {};
                    for (let j = 0; j < keys2.length; ++j) {
                        if (keys2[j] === "__proto__")
                            $util.makeProp(object.labels, keys2[j]);
                        object.labels[keys2[j]] = message.labels[keys2[j]];
                    }
                }
                return object;
            };

            Port.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Port;
        })();

        v1.Ports = (function() {

            function Ports(properties) {
                this.ports = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Ports.prototype.ports = $util.emptyArray;
            Ports.prototype.networks = null;
            Ports.prototype.templates = null;

            Ports.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.ports != null && message.ports.length)
                    for (let i = 0; i < message.ports.length; ++i)
                        $root.sluice.v1.Port.encode(message.ports[i], writer.uint32(10).fork(), q + 1).ldelim();
                if (message.networks != null && Object.hasOwnProperty.call(message, "networks"))
                    $root.sluice.v1.HostNetworks.encode(message.networks, writer.uint32(18).fork(), q + 1).ldelim();
                if (message.templates != null && Object.hasOwnProperty.call(message, "templates"))
                    $root.sluice.v1.HostTemplates.encode(message.templates, writer.uint32(26).fork(), q + 1).ldelim();
                return writer;
            };

            Ports.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Ports();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            if (!(message.ports && message.ports.length))
                                message.ports = [];
                            message.ports.push($root.sluice.v1.Port.decode(reader, reader.uint32(), undefined, long + 1));
                            break;
                        }
                    case 2: {
                            message.networks = $root.sluice.v1.HostNetworks.decode(reader, reader.uint32(), undefined, long + 1);
                            break;
                        }
                    case 3: {
                            message.templates = $root.sluice.v1.HostTemplates.decode(reader, reader.uint32(), undefined, long + 1);
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

            Ports.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Ports)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Ports: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Ports();
                if (object.ports) {
                    if (!Array.isArray(object.ports))
                        throw TypeError(".sluice.v1.Ports.ports: array expected");
                    message.ports = [];
                    for (let i = 0; i < object.ports.length; ++i) {
                        if (!$util.isObject(object.ports[i]))
                            throw TypeError(".sluice.v1.Ports.ports: object expected");
                        message.ports[i] = $root.sluice.v1.Port.fromObject(object.ports[i], long + 1);
                    }
                }
                if (object.networks != null) {
                    if (!$util.isObject(object.networks))
                        throw TypeError(".sluice.v1.Ports.networks: object expected");
                    message.networks = $root.sluice.v1.HostNetworks.fromObject(object.networks, long + 1);
                }
                if (object.templates != null) {
                    if (!$util.isObject(object.templates))
                        throw TypeError(".sluice.v1.Ports.templates: object expected");
                    message.templates = $root.sluice.v1.HostTemplates.fromObject(object.templates, long + 1);
                }
                return message;
            };

            Ports.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.ports = [];
                if (options.defaults) {
                    object.networks = null;
                    object.templates = null;
                }
                if (message.ports && message.ports.length) {
                    object.ports = [];
                    for (let j = 0; j < message.ports.length; ++j)
                        object.ports[j] = $root.sluice.v1.Port.toObject(message.ports[j], options, q + 1);
                }
                if (message.networks != null && Object.hasOwnProperty.call(message, "networks"))
                    object.networks = $root.sluice.v1.HostNetworks.toObject(message.networks, options, q + 1);
                if (message.templates != null && Object.hasOwnProperty.call(message, "templates"))
                    object.templates = $root.sluice.v1.HostTemplates.toObject(message.templates, options, q + 1);
                return object;
            };

            Ports.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Ports;
        })();

        v1.Report = (function() {

            function Report(properties) {
                this.announced = [];
                this.rowSteps = [];
                this.packets = [];
                this.bytes = [];
                this.replyPackets = [];
                this.replyBytes = [];
                this.newFlows = [];
                this.endedFlows = [];
                this.activeFlows = [];
                this.resets = [];
                this.connects = [];
                this.failedConnects = [];
                this.synTimeMicros = [];
                this.rttMicros = [];
                this.retransmissions = [];
                this.zeroWindows = [];
                this.windowBytes = [];
                this.requests = [];
                this.requestTimeMicros = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Report.prototype.sequence = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Report.prototype.atMs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Report.prototype.intervalMs = 0;
            Report.prototype.isAggregated = false;
            Report.prototype.announced = $util.emptyArray;
            Report.prototype.rowSteps = $util.emptyArray;
            Report.prototype.packets = $util.emptyArray;
            Report.prototype.bytes = $util.emptyArray;
            Report.prototype.replyPackets = $util.emptyArray;
            Report.prototype.replyBytes = $util.emptyArray;
            Report.prototype.newFlows = $util.emptyArray;
            Report.prototype.endedFlows = $util.emptyArray;
            Report.prototype.activeFlows = $util.emptyArray;
            Report.prototype.resets = $util.emptyArray;
            Report.prototype.connects = $util.emptyArray;
            Report.prototype.failedConnects = $util.emptyArray;
            Report.prototype.synTimeMicros = $util.emptyArray;
            Report.prototype.rttMicros = $util.emptyArray;
            Report.prototype.retransmissions = $util.emptyArray;
            Report.prototype.zeroWindows = $util.emptyArray;
            Report.prototype.windowBytes = $util.emptyArray;
            Report.prototype.requests = $util.emptyArray;
            Report.prototype.requestTimeMicros = $util.emptyArray;

            Report.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.sequence != null && Object.hasOwnProperty.call(message, "sequence"))
                    writer.uint32(8).uint64(message.sequence);
                if (message.atMs != null && Object.hasOwnProperty.call(message, "atMs"))
                    writer.uint32(16).uint64(message.atMs);
                if (message.intervalMs != null && Object.hasOwnProperty.call(message, "intervalMs"))
                    writer.uint32(24).uint32(message.intervalMs);
                if (message.isAggregated != null && Object.hasOwnProperty.call(message, "isAggregated"))
                    writer.uint32(32).bool(message.isAggregated);
                if (message.announced != null && message.announced.length)
                    for (let i = 0; i < message.announced.length; ++i)
                        $root.sluice.v1.RowKey.encode(message.announced[i], writer.uint32(42).fork(), q + 1).ldelim();
                if (message.rowSteps != null && message.rowSteps.length) {
                    writer.uint32(50).fork();
                    for (let i = 0; i < message.rowSteps.length; ++i)
                        writer.uint32(message.rowSteps[i]);
                    writer.ldelim();
                }
                if (message.packets != null && message.packets.length) {
                    writer.uint32(130).fork();
                    for (let i = 0; i < message.packets.length; ++i)
                        writer.sint64(message.packets[i]);
                    writer.ldelim();
                }
                if (message.bytes != null && message.bytes.length) {
                    writer.uint32(138).fork();
                    for (let i = 0; i < message.bytes.length; ++i)
                        writer.sint64(message.bytes[i]);
                    writer.ldelim();
                }
                if (message.replyPackets != null && message.replyPackets.length) {
                    writer.uint32(146).fork();
                    for (let i = 0; i < message.replyPackets.length; ++i)
                        writer.sint64(message.replyPackets[i]);
                    writer.ldelim();
                }
                if (message.replyBytes != null && message.replyBytes.length) {
                    writer.uint32(154).fork();
                    for (let i = 0; i < message.replyBytes.length; ++i)
                        writer.sint64(message.replyBytes[i]);
                    writer.ldelim();
                }
                if (message.newFlows != null && message.newFlows.length) {
                    writer.uint32(162).fork();
                    for (let i = 0; i < message.newFlows.length; ++i)
                        writer.sint64(message.newFlows[i]);
                    writer.ldelim();
                }
                if (message.endedFlows != null && message.endedFlows.length) {
                    writer.uint32(170).fork();
                    for (let i = 0; i < message.endedFlows.length; ++i)
                        writer.sint64(message.endedFlows[i]);
                    writer.ldelim();
                }
                if (message.activeFlows != null && message.activeFlows.length) {
                    writer.uint32(178).fork();
                    for (let i = 0; i < message.activeFlows.length; ++i)
                        writer.sint64(message.activeFlows[i]);
                    writer.ldelim();
                }
                if (message.resets != null && message.resets.length) {
                    writer.uint32(186).fork();
                    for (let i = 0; i < message.resets.length; ++i)
                        writer.sint64(message.resets[i]);
                    writer.ldelim();
                }
                if (message.connects != null && message.connects.length) {
                    writer.uint32(194).fork();
                    for (let i = 0; i < message.connects.length; ++i)
                        writer.sint64(message.connects[i]);
                    writer.ldelim();
                }
                if (message.failedConnects != null && message.failedConnects.length) {
                    writer.uint32(202).fork();
                    for (let i = 0; i < message.failedConnects.length; ++i)
                        writer.sint64(message.failedConnects[i]);
                    writer.ldelim();
                }
                if (message.synTimeMicros != null && message.synTimeMicros.length) {
                    writer.uint32(210).fork();
                    for (let i = 0; i < message.synTimeMicros.length; ++i)
                        writer.sint64(message.synTimeMicros[i]);
                    writer.ldelim();
                }
                if (message.rttMicros != null && message.rttMicros.length) {
                    writer.uint32(218).fork();
                    for (let i = 0; i < message.rttMicros.length; ++i)
                        writer.sint64(message.rttMicros[i]);
                    writer.ldelim();
                }
                if (message.retransmissions != null && message.retransmissions.length) {
                    writer.uint32(226).fork();
                    for (let i = 0; i < message.retransmissions.length; ++i)
                        writer.sint64(message.retransmissions[i]);
                    writer.ldelim();
                }
                if (message.zeroWindows != null && message.zeroWindows.length) {
                    writer.uint32(234).fork();
                    for (let i = 0; i < message.zeroWindows.length; ++i)
                        writer.sint64(message.zeroWindows[i]);
                    writer.ldelim();
                }
                if (message.windowBytes != null && message.windowBytes.length) {
                    writer.uint32(242).fork();
                    for (let i = 0; i < message.windowBytes.length; ++i)
                        writer.sint64(message.windowBytes[i]);
                    writer.ldelim();
                }
                if (message.requests != null && message.requests.length) {
                    writer.uint32(250).fork();
                    for (let i = 0; i < message.requests.length; ++i)
                        writer.sint64(message.requests[i]);
                    writer.ldelim();
                }
                if (message.requestTimeMicros != null && message.requestTimeMicros.length) {
                    writer.uint32(258).fork();
                    for (let i = 0; i < message.requestTimeMicros.length; ++i)
                        writer.sint64(message.requestTimeMicros[i]);
                    writer.ldelim();
                }
                return writer;
            };

            Report.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Report();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.sequence = reader.uint64();
                            break;
                        }
                    case 2: {
                            message.atMs = reader.uint64();
                            break;
                        }
                    case 3: {
                            message.intervalMs = reader.uint32();
                            break;
                        }
                    case 4: {
                            message.isAggregated = reader.bool();
                            break;
                        }
                    case 5: {
                            if (!(message.announced && message.announced.length))
                                message.announced = [];
                            message.announced.push($root.sluice.v1.RowKey.decode(reader, reader.uint32(), undefined, long + 1));
                            break;
                        }
                    case 6: {
                            if (!(message.rowSteps && message.rowSteps.length))
                                message.rowSteps = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.rowSteps.push(reader.uint32());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.rowSteps.push(reader.uint32());
                            break;
                        }
                    case 16: {
                            if (!(message.packets && message.packets.length))
                                message.packets = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.packets.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.packets.push(reader.sint64());
                            break;
                        }
                    case 17: {
                            if (!(message.bytes && message.bytes.length))
                                message.bytes = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.bytes.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.bytes.push(reader.sint64());
                            break;
                        }
                    case 18: {
                            if (!(message.replyPackets && message.replyPackets.length))
                                message.replyPackets = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.replyPackets.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.replyPackets.push(reader.sint64());
                            break;
                        }
                    case 19: {
                            if (!(message.replyBytes && message.replyBytes.length))
                                message.replyBytes = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.replyBytes.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.replyBytes.push(reader.sint64());
                            break;
                        }
                    case 20: {
                            if (!(message.newFlows && message.newFlows.length))
                                message.newFlows = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.newFlows.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.newFlows.push(reader.sint64());
                            break;
                        }
                    case 21: {
                            if (!(message.endedFlows && message.endedFlows.length))
                                message.endedFlows = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.endedFlows.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.endedFlows.push(reader.sint64());
                            break;
                        }
                    case 22: {
                            if (!(message.activeFlows && message.activeFlows.length))
                                message.activeFlows = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.activeFlows.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.activeFlows.push(reader.sint64());
                            break;
                        }
                    case 23: {
                            if (!(message.resets && message.resets.length))
                                message.resets = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.resets.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.resets.push(reader.sint64());
                            break;
                        }
                    case 24: {
                            if (!(message.connects && message.connects.length))
                                message.connects = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.connects.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.connects.push(reader.sint64());
                            break;
                        }
                    case 25: {
                            if (!(message.failedConnects && message.failedConnects.length))
                                message.failedConnects = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.failedConnects.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.failedConnects.push(reader.sint64());
                            break;
                        }
                    case 26: {
                            if (!(message.synTimeMicros && message.synTimeMicros.length))
                                message.synTimeMicros = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.synTimeMicros.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.synTimeMicros.push(reader.sint64());
                            break;
                        }
                    case 27: {
                            if (!(message.rttMicros && message.rttMicros.length))
                                message.rttMicros = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.rttMicros.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.rttMicros.push(reader.sint64());
                            break;
                        }
                    case 28: {
                            if (!(message.retransmissions && message.retransmissions.length))
                                message.retransmissions = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.retransmissions.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.retransmissions.push(reader.sint64());
                            break;
                        }
                    case 29: {
                            if (!(message.zeroWindows && message.zeroWindows.length))
                                message.zeroWindows = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.zeroWindows.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.zeroWindows.push(reader.sint64());
                            break;
                        }
                    case 30: {
                            if (!(message.windowBytes && message.windowBytes.length))
                                message.windowBytes = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.windowBytes.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.windowBytes.push(reader.sint64());
                            break;
                        }
                    case 31: {
                            if (!(message.requests && message.requests.length))
                                message.requests = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.requests.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.requests.push(reader.sint64());
                            break;
                        }
                    case 32: {
                            if (!(message.requestTimeMicros && message.requestTimeMicros.length))
                                message.requestTimeMicros = [];
                            if ((tag & 7) === 2) {
                                let end2 = reader.uint32() + reader.pos;
                                if (end2 > reader.len)
                                    throw RangeError("index out of range");
                                reader.len = end2;
                                while (reader.pos < end2)
                                    message.requestTimeMicros.push(reader.sint64());
                                if (reader.pos !== end2)
                                    throw RangeError("index out of range");
                                reader.len = end;
                            } else
                                message.requestTimeMicros.push(reader.sint64());
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

            Report.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Report)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Report: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Report();
                if (object.sequence != null)
                    if ($util.Long)
                        message.sequence = $util.Long.fromValue(object.sequence, true);
                    else if (typeof object.sequence === "string")
                        message.sequence = parseInt(object.sequence, 10);
                    else if (typeof object.sequence === "number")
                        message.sequence = object.sequence;
                    else if (typeof object.sequence === "object")
                        message.sequence = new $util.LongBits(object.sequence.low >>> 0, object.sequence.high >>> 0).toNumber(true);
                if (object.atMs != null)
                    if ($util.Long)
                        message.atMs = $util.Long.fromValue(object.atMs, true);
                    else if (typeof object.atMs === "string")
                        message.atMs = parseInt(object.atMs, 10);
                    else if (typeof object.atMs === "number")
                        message.atMs = object.atMs;
                    else if (typeof object.atMs === "object")
                        message.atMs = new $util.LongBits(object.atMs.low >>> 0, object.atMs.high >>> 0).toNumber(true);
                if (object.intervalMs != null)
                    message.intervalMs = object.intervalMs >>> 0;
                if (object.isAggregated != null)
                    message.isAggregated = Boolean(object.isAggregated);
                if (object.announced) {
                    if (!Array.isArray(object.announced))
                        throw TypeError(".sluice.v1.Report.announced: array expected");
                    message.announced = [];
                    for (let i = 0; i < object.announced.length; ++i) {
                        if (!$util.isObject(object.announced[i]))
                            throw TypeError(".sluice.v1.Report.announced: object expected");
                        message.announced[i] = $root.sluice.v1.RowKey.fromObject(object.announced[i], long + 1);
                    }
                }
                if (object.rowSteps) {
                    if (!Array.isArray(object.rowSteps))
                        throw TypeError(".sluice.v1.Report.rowSteps: array expected");
                    message.rowSteps = [];
                    for (let i = 0; i < object.rowSteps.length; ++i)
                        message.rowSteps[i] = object.rowSteps[i] >>> 0;
                }
                if (object.packets) {
                    if (!Array.isArray(object.packets))
                        throw TypeError(".sluice.v1.Report.packets: array expected");
                    message.packets = [];
                    for (let i = 0; i < object.packets.length; ++i)
                        if ($util.Long)
                            message.packets[i] = $util.Long.fromValue(object.packets[i], false);
                        else if (typeof object.packets[i] === "string")
                            message.packets[i] = parseInt(object.packets[i], 10);
                        else if (typeof object.packets[i] === "number")
                            message.packets[i] = object.packets[i];
                        else if (typeof object.packets[i] === "object")
                            message.packets[i] = new $util.LongBits(object.packets[i].low >>> 0, object.packets[i].high >>> 0).toNumber();
                }
                if (object.bytes) {
                    if (!Array.isArray(object.bytes))
                        throw TypeError(".sluice.v1.Report.bytes: array expected");
                    message.bytes = [];
                    for (let i = 0; i < object.bytes.length; ++i)
                        if ($util.Long)
                            message.bytes[i] = $util.Long.fromValue(object.bytes[i], false);
                        else if (typeof object.bytes[i] === "string")
                            message.bytes[i] = parseInt(object.bytes[i], 10);
                        else if (typeof object.bytes[i] === "number")
                            message.bytes[i] = object.bytes[i];
                        else if (typeof object.bytes[i] === "object")
                            message.bytes[i] = new $util.LongBits(object.bytes[i].low >>> 0, object.bytes[i].high >>> 0).toNumber();
                }
                if (object.replyPackets) {
                    if (!Array.isArray(object.replyPackets))
                        throw TypeError(".sluice.v1.Report.replyPackets: array expected");
                    message.replyPackets = [];
                    for (let i = 0; i < object.replyPackets.length; ++i)
                        if ($util.Long)
                            message.replyPackets[i] = $util.Long.fromValue(object.replyPackets[i], false);
                        else if (typeof object.replyPackets[i] === "string")
                            message.replyPackets[i] = parseInt(object.replyPackets[i], 10);
                        else if (typeof object.replyPackets[i] === "number")
                            message.replyPackets[i] = object.replyPackets[i];
                        else if (typeof object.replyPackets[i] === "object")
                            message.replyPackets[i] = new $util.LongBits(object.replyPackets[i].low >>> 0, object.replyPackets[i].high >>> 0).toNumber();
                }
                if (object.replyBytes) {
                    if (!Array.isArray(object.replyBytes))
                        throw TypeError(".sluice.v1.Report.replyBytes: array expected");
                    message.replyBytes = [];
                    for (let i = 0; i < object.replyBytes.length; ++i)
                        if ($util.Long)
                            message.replyBytes[i] = $util.Long.fromValue(object.replyBytes[i], false);
                        else if (typeof object.replyBytes[i] === "string")
                            message.replyBytes[i] = parseInt(object.replyBytes[i], 10);
                        else if (typeof object.replyBytes[i] === "number")
                            message.replyBytes[i] = object.replyBytes[i];
                        else if (typeof object.replyBytes[i] === "object")
                            message.replyBytes[i] = new $util.LongBits(object.replyBytes[i].low >>> 0, object.replyBytes[i].high >>> 0).toNumber();
                }
                if (object.newFlows) {
                    if (!Array.isArray(object.newFlows))
                        throw TypeError(".sluice.v1.Report.newFlows: array expected");
                    message.newFlows = [];
                    for (let i = 0; i < object.newFlows.length; ++i)
                        if ($util.Long)
                            message.newFlows[i] = $util.Long.fromValue(object.newFlows[i], false);
                        else if (typeof object.newFlows[i] === "string")
                            message.newFlows[i] = parseInt(object.newFlows[i], 10);
                        else if (typeof object.newFlows[i] === "number")
                            message.newFlows[i] = object.newFlows[i];
                        else if (typeof object.newFlows[i] === "object")
                            message.newFlows[i] = new $util.LongBits(object.newFlows[i].low >>> 0, object.newFlows[i].high >>> 0).toNumber();
                }
                if (object.endedFlows) {
                    if (!Array.isArray(object.endedFlows))
                        throw TypeError(".sluice.v1.Report.endedFlows: array expected");
                    message.endedFlows = [];
                    for (let i = 0; i < object.endedFlows.length; ++i)
                        if ($util.Long)
                            message.endedFlows[i] = $util.Long.fromValue(object.endedFlows[i], false);
                        else if (typeof object.endedFlows[i] === "string")
                            message.endedFlows[i] = parseInt(object.endedFlows[i], 10);
                        else if (typeof object.endedFlows[i] === "number")
                            message.endedFlows[i] = object.endedFlows[i];
                        else if (typeof object.endedFlows[i] === "object")
                            message.endedFlows[i] = new $util.LongBits(object.endedFlows[i].low >>> 0, object.endedFlows[i].high >>> 0).toNumber();
                }
                if (object.activeFlows) {
                    if (!Array.isArray(object.activeFlows))
                        throw TypeError(".sluice.v1.Report.activeFlows: array expected");
                    message.activeFlows = [];
                    for (let i = 0; i < object.activeFlows.length; ++i)
                        if ($util.Long)
                            message.activeFlows[i] = $util.Long.fromValue(object.activeFlows[i], false);
                        else if (typeof object.activeFlows[i] === "string")
                            message.activeFlows[i] = parseInt(object.activeFlows[i], 10);
                        else if (typeof object.activeFlows[i] === "number")
                            message.activeFlows[i] = object.activeFlows[i];
                        else if (typeof object.activeFlows[i] === "object")
                            message.activeFlows[i] = new $util.LongBits(object.activeFlows[i].low >>> 0, object.activeFlows[i].high >>> 0).toNumber();
                }
                if (object.resets) {
                    if (!Array.isArray(object.resets))
                        throw TypeError(".sluice.v1.Report.resets: array expected");
                    message.resets = [];
                    for (let i = 0; i < object.resets.length; ++i)
                        if ($util.Long)
                            message.resets[i] = $util.Long.fromValue(object.resets[i], false);
                        else if (typeof object.resets[i] === "string")
                            message.resets[i] = parseInt(object.resets[i], 10);
                        else if (typeof object.resets[i] === "number")
                            message.resets[i] = object.resets[i];
                        else if (typeof object.resets[i] === "object")
                            message.resets[i] = new $util.LongBits(object.resets[i].low >>> 0, object.resets[i].high >>> 0).toNumber();
                }
                if (object.connects) {
                    if (!Array.isArray(object.connects))
                        throw TypeError(".sluice.v1.Report.connects: array expected");
                    message.connects = [];
                    for (let i = 0; i < object.connects.length; ++i)
                        if ($util.Long)
                            message.connects[i] = $util.Long.fromValue(object.connects[i], false);
                        else if (typeof object.connects[i] === "string")
                            message.connects[i] = parseInt(object.connects[i], 10);
                        else if (typeof object.connects[i] === "number")
                            message.connects[i] = object.connects[i];
                        else if (typeof object.connects[i] === "object")
                            message.connects[i] = new $util.LongBits(object.connects[i].low >>> 0, object.connects[i].high >>> 0).toNumber();
                }
                if (object.failedConnects) {
                    if (!Array.isArray(object.failedConnects))
                        throw TypeError(".sluice.v1.Report.failedConnects: array expected");
                    message.failedConnects = [];
                    for (let i = 0; i < object.failedConnects.length; ++i)
                        if ($util.Long)
                            message.failedConnects[i] = $util.Long.fromValue(object.failedConnects[i], false);
                        else if (typeof object.failedConnects[i] === "string")
                            message.failedConnects[i] = parseInt(object.failedConnects[i], 10);
                        else if (typeof object.failedConnects[i] === "number")
                            message.failedConnects[i] = object.failedConnects[i];
                        else if (typeof object.failedConnects[i] === "object")
                            message.failedConnects[i] = new $util.LongBits(object.failedConnects[i].low >>> 0, object.failedConnects[i].high >>> 0).toNumber();
                }
                if (object.synTimeMicros) {
                    if (!Array.isArray(object.synTimeMicros))
                        throw TypeError(".sluice.v1.Report.synTimeMicros: array expected");
                    message.synTimeMicros = [];
                    for (let i = 0; i < object.synTimeMicros.length; ++i)
                        if ($util.Long)
                            message.synTimeMicros[i] = $util.Long.fromValue(object.synTimeMicros[i], false);
                        else if (typeof object.synTimeMicros[i] === "string")
                            message.synTimeMicros[i] = parseInt(object.synTimeMicros[i], 10);
                        else if (typeof object.synTimeMicros[i] === "number")
                            message.synTimeMicros[i] = object.synTimeMicros[i];
                        else if (typeof object.synTimeMicros[i] === "object")
                            message.synTimeMicros[i] = new $util.LongBits(object.synTimeMicros[i].low >>> 0, object.synTimeMicros[i].high >>> 0).toNumber();
                }
                if (object.rttMicros) {
                    if (!Array.isArray(object.rttMicros))
                        throw TypeError(".sluice.v1.Report.rttMicros: array expected");
                    message.rttMicros = [];
                    for (let i = 0; i < object.rttMicros.length; ++i)
                        if ($util.Long)
                            message.rttMicros[i] = $util.Long.fromValue(object.rttMicros[i], false);
                        else if (typeof object.rttMicros[i] === "string")
                            message.rttMicros[i] = parseInt(object.rttMicros[i], 10);
                        else if (typeof object.rttMicros[i] === "number")
                            message.rttMicros[i] = object.rttMicros[i];
                        else if (typeof object.rttMicros[i] === "object")
                            message.rttMicros[i] = new $util.LongBits(object.rttMicros[i].low >>> 0, object.rttMicros[i].high >>> 0).toNumber();
                }
                if (object.retransmissions) {
                    if (!Array.isArray(object.retransmissions))
                        throw TypeError(".sluice.v1.Report.retransmissions: array expected");
                    message.retransmissions = [];
                    for (let i = 0; i < object.retransmissions.length; ++i)
                        if ($util.Long)
                            message.retransmissions[i] = $util.Long.fromValue(object.retransmissions[i], false);
                        else if (typeof object.retransmissions[i] === "string")
                            message.retransmissions[i] = parseInt(object.retransmissions[i], 10);
                        else if (typeof object.retransmissions[i] === "number")
                            message.retransmissions[i] = object.retransmissions[i];
                        else if (typeof object.retransmissions[i] === "object")
                            message.retransmissions[i] = new $util.LongBits(object.retransmissions[i].low >>> 0, object.retransmissions[i].high >>> 0).toNumber();
                }
                if (object.zeroWindows) {
                    if (!Array.isArray(object.zeroWindows))
                        throw TypeError(".sluice.v1.Report.zeroWindows: array expected");
                    message.zeroWindows = [];
                    for (let i = 0; i < object.zeroWindows.length; ++i)
                        if ($util.Long)
                            message.zeroWindows[i] = $util.Long.fromValue(object.zeroWindows[i], false);
                        else if (typeof object.zeroWindows[i] === "string")
                            message.zeroWindows[i] = parseInt(object.zeroWindows[i], 10);
                        else if (typeof object.zeroWindows[i] === "number")
                            message.zeroWindows[i] = object.zeroWindows[i];
                        else if (typeof object.zeroWindows[i] === "object")
                            message.zeroWindows[i] = new $util.LongBits(object.zeroWindows[i].low >>> 0, object.zeroWindows[i].high >>> 0).toNumber();
                }
                if (object.windowBytes) {
                    if (!Array.isArray(object.windowBytes))
                        throw TypeError(".sluice.v1.Report.windowBytes: array expected");
                    message.windowBytes = [];
                    for (let i = 0; i < object.windowBytes.length; ++i)
                        if ($util.Long)
                            message.windowBytes[i] = $util.Long.fromValue(object.windowBytes[i], false);
                        else if (typeof object.windowBytes[i] === "string")
                            message.windowBytes[i] = parseInt(object.windowBytes[i], 10);
                        else if (typeof object.windowBytes[i] === "number")
                            message.windowBytes[i] = object.windowBytes[i];
                        else if (typeof object.windowBytes[i] === "object")
                            message.windowBytes[i] = new $util.LongBits(object.windowBytes[i].low >>> 0, object.windowBytes[i].high >>> 0).toNumber();
                }
                if (object.requests) {
                    if (!Array.isArray(object.requests))
                        throw TypeError(".sluice.v1.Report.requests: array expected");
                    message.requests = [];
                    for (let i = 0; i < object.requests.length; ++i)
                        if ($util.Long)
                            message.requests[i] = $util.Long.fromValue(object.requests[i], false);
                        else if (typeof object.requests[i] === "string")
                            message.requests[i] = parseInt(object.requests[i], 10);
                        else if (typeof object.requests[i] === "number")
                            message.requests[i] = object.requests[i];
                        else if (typeof object.requests[i] === "object")
                            message.requests[i] = new $util.LongBits(object.requests[i].low >>> 0, object.requests[i].high >>> 0).toNumber();
                }
                if (object.requestTimeMicros) {
                    if (!Array.isArray(object.requestTimeMicros))
                        throw TypeError(".sluice.v1.Report.requestTimeMicros: array expected");
                    message.requestTimeMicros = [];
                    for (let i = 0; i < object.requestTimeMicros.length; ++i)
                        if ($util.Long)
                            message.requestTimeMicros[i] = $util.Long.fromValue(object.requestTimeMicros[i], false);
                        else if (typeof object.requestTimeMicros[i] === "string")
                            message.requestTimeMicros[i] = parseInt(object.requestTimeMicros[i], 10);
                        else if (typeof object.requestTimeMicros[i] === "number")
                            message.requestTimeMicros[i] = object.requestTimeMicros[i];
                        else if (typeof object.requestTimeMicros[i] === "object")
                            message.requestTimeMicros[i] = new $util.LongBits(object.requestTimeMicros[i].low >>> 0, object.requestTimeMicros[i].high >>> 0).toNumber();
                }
                return message;
            };

            Report.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults) {
                    object.announced = [];
                    object.rowSteps = [];
                    object.packets = [];
                    object.bytes = [];
                    object.replyPackets = [];
                    object.replyBytes = [];
                    object.newFlows = [];
                    object.endedFlows = [];
                    object.activeFlows = [];
                    object.resets = [];
                    object.connects = [];
                    object.failedConnects = [];
                    object.synTimeMicros = [];
                    object.rttMicros = [];
                    object.retransmissions = [];
                    object.zeroWindows = [];
                    object.windowBytes = [];
                    object.requests = [];
                    object.requestTimeMicros = [];
                }
                if (options.defaults) {
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.sequence = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.sequence = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.atMs = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.atMs = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    object.intervalMs = 0;
                    object.isAggregated = false;
                }
                if (message.sequence != null && Object.hasOwnProperty.call(message, "sequence"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.sequence = typeof message.sequence === "number" ? BigInt(message.sequence) : $util.Long.fromBits(message.sequence.low >>> 0, message.sequence.high >>> 0, true).toBigInt();
                    else if (typeof message.sequence === "number")
                        object.sequence = options.longs === String ? String(message.sequence) : message.sequence;
                    else
                        object.sequence = options.longs === String ? $util.Long.prototype.toString.call(message.sequence) : options.longs === Number ? new $util.LongBits(message.sequence.low >>> 0, message.sequence.high >>> 0).toNumber(true) : message.sequence;
                if (message.atMs != null && Object.hasOwnProperty.call(message, "atMs"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.atMs = typeof message.atMs === "number" ? BigInt(message.atMs) : $util.Long.fromBits(message.atMs.low >>> 0, message.atMs.high >>> 0, true).toBigInt();
                    else if (typeof message.atMs === "number")
                        object.atMs = options.longs === String ? String(message.atMs) : message.atMs;
                    else
                        object.atMs = options.longs === String ? $util.Long.prototype.toString.call(message.atMs) : options.longs === Number ? new $util.LongBits(message.atMs.low >>> 0, message.atMs.high >>> 0).toNumber(true) : message.atMs;
                if (message.intervalMs != null && Object.hasOwnProperty.call(message, "intervalMs"))
                    object.intervalMs = message.intervalMs;
                if (message.isAggregated != null && Object.hasOwnProperty.call(message, "isAggregated"))
                    object.isAggregated = message.isAggregated;
                if (message.announced && message.announced.length) {
                    object.announced = [];
                    for (let j = 0; j < message.announced.length; ++j)
                        object.announced[j] = $root.sluice.v1.RowKey.toObject(message.announced[j], options, q + 1);
                }
                if (message.rowSteps && message.rowSteps.length) {
                    object.rowSteps = [];
                    for (let j = 0; j < message.rowSteps.length; ++j)
                        object.rowSteps[j] = message.rowSteps[j];
                }
                if (message.packets && message.packets.length) {
                    object.packets = [];
                    for (let j = 0; j < message.packets.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.packets[j] = typeof message.packets[j] === "number" ? BigInt(message.packets[j]) : $util.Long.fromBits(message.packets[j].low >>> 0, message.packets[j].high >>> 0, false).toBigInt();
                        else if (typeof message.packets[j] === "number")
                            object.packets[j] = options.longs === String ? String(message.packets[j]) : message.packets[j];
                        else
                            object.packets[j] = options.longs === String ? $util.Long.prototype.toString.call(message.packets[j]) : options.longs === Number ? new $util.LongBits(message.packets[j].low >>> 0, message.packets[j].high >>> 0).toNumber() : message.packets[j];
                }
                if (message.bytes && message.bytes.length) {
                    object.bytes = [];
                    for (let j = 0; j < message.bytes.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.bytes[j] = typeof message.bytes[j] === "number" ? BigInt(message.bytes[j]) : $util.Long.fromBits(message.bytes[j].low >>> 0, message.bytes[j].high >>> 0, false).toBigInt();
                        else if (typeof message.bytes[j] === "number")
                            object.bytes[j] = options.longs === String ? String(message.bytes[j]) : message.bytes[j];
                        else
                            object.bytes[j] = options.longs === String ? $util.Long.prototype.toString.call(message.bytes[j]) : options.longs === Number ? new $util.LongBits(message.bytes[j].low >>> 0, message.bytes[j].high >>> 0).toNumber() : message.bytes[j];
                }
                if (message.replyPackets && message.replyPackets.length) {
                    object.replyPackets = [];
                    for (let j = 0; j < message.replyPackets.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.replyPackets[j] = typeof message.replyPackets[j] === "number" ? BigInt(message.replyPackets[j]) : $util.Long.fromBits(message.replyPackets[j].low >>> 0, message.replyPackets[j].high >>> 0, false).toBigInt();
                        else if (typeof message.replyPackets[j] === "number")
                            object.replyPackets[j] = options.longs === String ? String(message.replyPackets[j]) : message.replyPackets[j];
                        else
                            object.replyPackets[j] = options.longs === String ? $util.Long.prototype.toString.call(message.replyPackets[j]) : options.longs === Number ? new $util.LongBits(message.replyPackets[j].low >>> 0, message.replyPackets[j].high >>> 0).toNumber() : message.replyPackets[j];
                }
                if (message.replyBytes && message.replyBytes.length) {
                    object.replyBytes = [];
                    for (let j = 0; j < message.replyBytes.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.replyBytes[j] = typeof message.replyBytes[j] === "number" ? BigInt(message.replyBytes[j]) : $util.Long.fromBits(message.replyBytes[j].low >>> 0, message.replyBytes[j].high >>> 0, false).toBigInt();
                        else if (typeof message.replyBytes[j] === "number")
                            object.replyBytes[j] = options.longs === String ? String(message.replyBytes[j]) : message.replyBytes[j];
                        else
                            object.replyBytes[j] = options.longs === String ? $util.Long.prototype.toString.call(message.replyBytes[j]) : options.longs === Number ? new $util.LongBits(message.replyBytes[j].low >>> 0, message.replyBytes[j].high >>> 0).toNumber() : message.replyBytes[j];
                }
                if (message.newFlows && message.newFlows.length) {
                    object.newFlows = [];
                    for (let j = 0; j < message.newFlows.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.newFlows[j] = typeof message.newFlows[j] === "number" ? BigInt(message.newFlows[j]) : $util.Long.fromBits(message.newFlows[j].low >>> 0, message.newFlows[j].high >>> 0, false).toBigInt();
                        else if (typeof message.newFlows[j] === "number")
                            object.newFlows[j] = options.longs === String ? String(message.newFlows[j]) : message.newFlows[j];
                        else
                            object.newFlows[j] = options.longs === String ? $util.Long.prototype.toString.call(message.newFlows[j]) : options.longs === Number ? new $util.LongBits(message.newFlows[j].low >>> 0, message.newFlows[j].high >>> 0).toNumber() : message.newFlows[j];
                }
                if (message.endedFlows && message.endedFlows.length) {
                    object.endedFlows = [];
                    for (let j = 0; j < message.endedFlows.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.endedFlows[j] = typeof message.endedFlows[j] === "number" ? BigInt(message.endedFlows[j]) : $util.Long.fromBits(message.endedFlows[j].low >>> 0, message.endedFlows[j].high >>> 0, false).toBigInt();
                        else if (typeof message.endedFlows[j] === "number")
                            object.endedFlows[j] = options.longs === String ? String(message.endedFlows[j]) : message.endedFlows[j];
                        else
                            object.endedFlows[j] = options.longs === String ? $util.Long.prototype.toString.call(message.endedFlows[j]) : options.longs === Number ? new $util.LongBits(message.endedFlows[j].low >>> 0, message.endedFlows[j].high >>> 0).toNumber() : message.endedFlows[j];
                }
                if (message.activeFlows && message.activeFlows.length) {
                    object.activeFlows = [];
                    for (let j = 0; j < message.activeFlows.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.activeFlows[j] = typeof message.activeFlows[j] === "number" ? BigInt(message.activeFlows[j]) : $util.Long.fromBits(message.activeFlows[j].low >>> 0, message.activeFlows[j].high >>> 0, false).toBigInt();
                        else if (typeof message.activeFlows[j] === "number")
                            object.activeFlows[j] = options.longs === String ? String(message.activeFlows[j]) : message.activeFlows[j];
                        else
                            object.activeFlows[j] = options.longs === String ? $util.Long.prototype.toString.call(message.activeFlows[j]) : options.longs === Number ? new $util.LongBits(message.activeFlows[j].low >>> 0, message.activeFlows[j].high >>> 0).toNumber() : message.activeFlows[j];
                }
                if (message.resets && message.resets.length) {
                    object.resets = [];
                    for (let j = 0; j < message.resets.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.resets[j] = typeof message.resets[j] === "number" ? BigInt(message.resets[j]) : $util.Long.fromBits(message.resets[j].low >>> 0, message.resets[j].high >>> 0, false).toBigInt();
                        else if (typeof message.resets[j] === "number")
                            object.resets[j] = options.longs === String ? String(message.resets[j]) : message.resets[j];
                        else
                            object.resets[j] = options.longs === String ? $util.Long.prototype.toString.call(message.resets[j]) : options.longs === Number ? new $util.LongBits(message.resets[j].low >>> 0, message.resets[j].high >>> 0).toNumber() : message.resets[j];
                }
                if (message.connects && message.connects.length) {
                    object.connects = [];
                    for (let j = 0; j < message.connects.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.connects[j] = typeof message.connects[j] === "number" ? BigInt(message.connects[j]) : $util.Long.fromBits(message.connects[j].low >>> 0, message.connects[j].high >>> 0, false).toBigInt();
                        else if (typeof message.connects[j] === "number")
                            object.connects[j] = options.longs === String ? String(message.connects[j]) : message.connects[j];
                        else
                            object.connects[j] = options.longs === String ? $util.Long.prototype.toString.call(message.connects[j]) : options.longs === Number ? new $util.LongBits(message.connects[j].low >>> 0, message.connects[j].high >>> 0).toNumber() : message.connects[j];
                }
                if (message.failedConnects && message.failedConnects.length) {
                    object.failedConnects = [];
                    for (let j = 0; j < message.failedConnects.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.failedConnects[j] = typeof message.failedConnects[j] === "number" ? BigInt(message.failedConnects[j]) : $util.Long.fromBits(message.failedConnects[j].low >>> 0, message.failedConnects[j].high >>> 0, false).toBigInt();
                        else if (typeof message.failedConnects[j] === "number")
                            object.failedConnects[j] = options.longs === String ? String(message.failedConnects[j]) : message.failedConnects[j];
                        else
                            object.failedConnects[j] = options.longs === String ? $util.Long.prototype.toString.call(message.failedConnects[j]) : options.longs === Number ? new $util.LongBits(message.failedConnects[j].low >>> 0, message.failedConnects[j].high >>> 0).toNumber() : message.failedConnects[j];
                }
                if (message.synTimeMicros && message.synTimeMicros.length) {
                    object.synTimeMicros = [];
                    for (let j = 0; j < message.synTimeMicros.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.synTimeMicros[j] = typeof message.synTimeMicros[j] === "number" ? BigInt(message.synTimeMicros[j]) : $util.Long.fromBits(message.synTimeMicros[j].low >>> 0, message.synTimeMicros[j].high >>> 0, false).toBigInt();
                        else if (typeof message.synTimeMicros[j] === "number")
                            object.synTimeMicros[j] = options.longs === String ? String(message.synTimeMicros[j]) : message.synTimeMicros[j];
                        else
                            object.synTimeMicros[j] = options.longs === String ? $util.Long.prototype.toString.call(message.synTimeMicros[j]) : options.longs === Number ? new $util.LongBits(message.synTimeMicros[j].low >>> 0, message.synTimeMicros[j].high >>> 0).toNumber() : message.synTimeMicros[j];
                }
                if (message.rttMicros && message.rttMicros.length) {
                    object.rttMicros = [];
                    for (let j = 0; j < message.rttMicros.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.rttMicros[j] = typeof message.rttMicros[j] === "number" ? BigInt(message.rttMicros[j]) : $util.Long.fromBits(message.rttMicros[j].low >>> 0, message.rttMicros[j].high >>> 0, false).toBigInt();
                        else if (typeof message.rttMicros[j] === "number")
                            object.rttMicros[j] = options.longs === String ? String(message.rttMicros[j]) : message.rttMicros[j];
                        else
                            object.rttMicros[j] = options.longs === String ? $util.Long.prototype.toString.call(message.rttMicros[j]) : options.longs === Number ? new $util.LongBits(message.rttMicros[j].low >>> 0, message.rttMicros[j].high >>> 0).toNumber() : message.rttMicros[j];
                }
                if (message.retransmissions && message.retransmissions.length) {
                    object.retransmissions = [];
                    for (let j = 0; j < message.retransmissions.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.retransmissions[j] = typeof message.retransmissions[j] === "number" ? BigInt(message.retransmissions[j]) : $util.Long.fromBits(message.retransmissions[j].low >>> 0, message.retransmissions[j].high >>> 0, false).toBigInt();
                        else if (typeof message.retransmissions[j] === "number")
                            object.retransmissions[j] = options.longs === String ? String(message.retransmissions[j]) : message.retransmissions[j];
                        else
                            object.retransmissions[j] = options.longs === String ? $util.Long.prototype.toString.call(message.retransmissions[j]) : options.longs === Number ? new $util.LongBits(message.retransmissions[j].low >>> 0, message.retransmissions[j].high >>> 0).toNumber() : message.retransmissions[j];
                }
                if (message.zeroWindows && message.zeroWindows.length) {
                    object.zeroWindows = [];
                    for (let j = 0; j < message.zeroWindows.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.zeroWindows[j] = typeof message.zeroWindows[j] === "number" ? BigInt(message.zeroWindows[j]) : $util.Long.fromBits(message.zeroWindows[j].low >>> 0, message.zeroWindows[j].high >>> 0, false).toBigInt();
                        else if (typeof message.zeroWindows[j] === "number")
                            object.zeroWindows[j] = options.longs === String ? String(message.zeroWindows[j]) : message.zeroWindows[j];
                        else
                            object.zeroWindows[j] = options.longs === String ? $util.Long.prototype.toString.call(message.zeroWindows[j]) : options.longs === Number ? new $util.LongBits(message.zeroWindows[j].low >>> 0, message.zeroWindows[j].high >>> 0).toNumber() : message.zeroWindows[j];
                }
                if (message.windowBytes && message.windowBytes.length) {
                    object.windowBytes = [];
                    for (let j = 0; j < message.windowBytes.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.windowBytes[j] = typeof message.windowBytes[j] === "number" ? BigInt(message.windowBytes[j]) : $util.Long.fromBits(message.windowBytes[j].low >>> 0, message.windowBytes[j].high >>> 0, false).toBigInt();
                        else if (typeof message.windowBytes[j] === "number")
                            object.windowBytes[j] = options.longs === String ? String(message.windowBytes[j]) : message.windowBytes[j];
                        else
                            object.windowBytes[j] = options.longs === String ? $util.Long.prototype.toString.call(message.windowBytes[j]) : options.longs === Number ? new $util.LongBits(message.windowBytes[j].low >>> 0, message.windowBytes[j].high >>> 0).toNumber() : message.windowBytes[j];
                }
                if (message.requests && message.requests.length) {
                    object.requests = [];
                    for (let j = 0; j < message.requests.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.requests[j] = typeof message.requests[j] === "number" ? BigInt(message.requests[j]) : $util.Long.fromBits(message.requests[j].low >>> 0, message.requests[j].high >>> 0, false).toBigInt();
                        else if (typeof message.requests[j] === "number")
                            object.requests[j] = options.longs === String ? String(message.requests[j]) : message.requests[j];
                        else
                            object.requests[j] = options.longs === String ? $util.Long.prototype.toString.call(message.requests[j]) : options.longs === Number ? new $util.LongBits(message.requests[j].low >>> 0, message.requests[j].high >>> 0).toNumber() : message.requests[j];
                }
                if (message.requestTimeMicros && message.requestTimeMicros.length) {
                    object.requestTimeMicros = [];
                    for (let j = 0; j < message.requestTimeMicros.length; ++j)
                        if (typeof BigInt !== "undefined" && options.longs === BigInt)
                            object.requestTimeMicros[j] = typeof message.requestTimeMicros[j] === "number" ? BigInt(message.requestTimeMicros[j]) : $util.Long.fromBits(message.requestTimeMicros[j].low >>> 0, message.requestTimeMicros[j].high >>> 0, false).toBigInt();
                        else if (typeof message.requestTimeMicros[j] === "number")
                            object.requestTimeMicros[j] = options.longs === String ? String(message.requestTimeMicros[j]) : message.requestTimeMicros[j];
                        else
                            object.requestTimeMicros[j] = options.longs === String ? $util.Long.prototype.toString.call(message.requestTimeMicros[j]) : options.longs === Number ? new $util.LongBits(message.requestTimeMicros[j].low >>> 0, message.requestTimeMicros[j].high >>> 0).toNumber() : message.requestTimeMicros[j];
                }
                return object;
            };

            Report.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Report;
        })();

        v1.RowKey = (function() {

            function RowKey(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            RowKey.prototype.row = 0;
            RowKey.prototype.group = "";
            RowKey.prototype.member = "";
            RowKey.prototype.address = "";
            RowKey.prototype.loadBalancer = "";

            RowKey.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.row != null && Object.hasOwnProperty.call(message, "row"))
                    writer.uint32(8).uint32(message.row);
                if (message.group != null && Object.hasOwnProperty.call(message, "group"))
                    writer.uint32(18).string(message.group);
                if (message.member != null && Object.hasOwnProperty.call(message, "member"))
                    writer.uint32(26).string(message.member);
                if (message.address != null && Object.hasOwnProperty.call(message, "address"))
                    writer.uint32(34).string(message.address);
                if (message.loadBalancer != null && Object.hasOwnProperty.call(message, "loadBalancer"))
                    writer.uint32(42).string(message.loadBalancer);
                return writer;
            };

            RowKey.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.RowKey();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.row = reader.uint32();
                            break;
                        }
                    case 2: {
                            message.group = reader.string();
                            break;
                        }
                    case 3: {
                            message.member = reader.string();
                            break;
                        }
                    case 4: {
                            message.address = reader.string();
                            break;
                        }
                    case 5: {
                            message.loadBalancer = reader.string();
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

            RowKey.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.RowKey)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.RowKey: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.RowKey();
                if (object.row != null)
                    message.row = object.row >>> 0;
                if (object.group != null)
                    message.group = String(object.group);
                if (object.member != null)
                    message.member = String(object.member);
                if (object.address != null)
                    message.address = String(object.address);
                if (object.loadBalancer != null)
                    message.loadBalancer = String(object.loadBalancer);
                return message;
            };

            RowKey.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.row = 0;
                    object.group = "";
                    object.member = "";
                    object.address = "";
                    object.loadBalancer = "";
                }
                if (message.row != null && Object.hasOwnProperty.call(message, "row"))
                    object.row = message.row;
                if (message.group != null && Object.hasOwnProperty.call(message, "group"))
                    object.group = message.group;
                if (message.member != null && Object.hasOwnProperty.call(message, "member"))
                    object.member = message.member;
                if (message.address != null && Object.hasOwnProperty.call(message, "address"))
                    object.address = message.address;
                if (message.loadBalancer != null && Object.hasOwnProperty.call(message, "loadBalancer"))
                    object.loadBalancer = message.loadBalancer;
                return object;
            };

            RowKey.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return RowKey;
        })();

        v1.Applied = (function() {

            function Applied(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Applied.prototype.epoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Applied.prototype.revision = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Applied.prototype.localRevision = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Applied.prototype.error = "";

            Applied.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    writer.uint32(8).uint64(message.epoch);
                if (message.revision != null && Object.hasOwnProperty.call(message, "revision"))
                    writer.uint32(16).uint64(message.revision);
                if (message.localRevision != null && Object.hasOwnProperty.call(message, "localRevision"))
                    writer.uint32(24).uint64(message.localRevision);
                if (message.error != null && Object.hasOwnProperty.call(message, "error"))
                    writer.uint32(34).string(message.error);
                return writer;
            };

            Applied.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Applied();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.epoch = reader.uint64();
                            break;
                        }
                    case 2: {
                            message.revision = reader.uint64();
                            break;
                        }
                    case 3: {
                            message.localRevision = reader.uint64();
                            break;
                        }
                    case 4: {
                            message.error = reader.string();
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

            Applied.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Applied)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Applied: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Applied();
                if (object.epoch != null)
                    if ($util.Long)
                        message.epoch = $util.Long.fromValue(object.epoch, true);
                    else if (typeof object.epoch === "string")
                        message.epoch = parseInt(object.epoch, 10);
                    else if (typeof object.epoch === "number")
                        message.epoch = object.epoch;
                    else if (typeof object.epoch === "object")
                        message.epoch = new $util.LongBits(object.epoch.low >>> 0, object.epoch.high >>> 0).toNumber(true);
                if (object.revision != null)
                    if ($util.Long)
                        message.revision = $util.Long.fromValue(object.revision, true);
                    else if (typeof object.revision === "string")
                        message.revision = parseInt(object.revision, 10);
                    else if (typeof object.revision === "number")
                        message.revision = object.revision;
                    else if (typeof object.revision === "object")
                        message.revision = new $util.LongBits(object.revision.low >>> 0, object.revision.high >>> 0).toNumber(true);
                if (object.localRevision != null)
                    if ($util.Long)
                        message.localRevision = $util.Long.fromValue(object.localRevision, true);
                    else if (typeof object.localRevision === "string")
                        message.localRevision = parseInt(object.localRevision, 10);
                    else if (typeof object.localRevision === "number")
                        message.localRevision = object.localRevision;
                    else if (typeof object.localRevision === "object")
                        message.localRevision = new $util.LongBits(object.localRevision.low >>> 0, object.localRevision.high >>> 0).toNumber(true);
                if (object.error != null)
                    message.error = String(object.error);
                return message;
            };

            Applied.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.epoch = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.epoch = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.revision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.revision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.localRevision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.localRevision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    object.error = "";
                }
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.epoch = typeof message.epoch === "number" ? BigInt(message.epoch) : $util.Long.fromBits(message.epoch.low >>> 0, message.epoch.high >>> 0, true).toBigInt();
                    else if (typeof message.epoch === "number")
                        object.epoch = options.longs === String ? String(message.epoch) : message.epoch;
                    else
                        object.epoch = options.longs === String ? $util.Long.prototype.toString.call(message.epoch) : options.longs === Number ? new $util.LongBits(message.epoch.low >>> 0, message.epoch.high >>> 0).toNumber(true) : message.epoch;
                if (message.revision != null && Object.hasOwnProperty.call(message, "revision"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.revision = typeof message.revision === "number" ? BigInt(message.revision) : $util.Long.fromBits(message.revision.low >>> 0, message.revision.high >>> 0, true).toBigInt();
                    else if (typeof message.revision === "number")
                        object.revision = options.longs === String ? String(message.revision) : message.revision;
                    else
                        object.revision = options.longs === String ? $util.Long.prototype.toString.call(message.revision) : options.longs === Number ? new $util.LongBits(message.revision.low >>> 0, message.revision.high >>> 0).toNumber(true) : message.revision;
                if (message.localRevision != null && Object.hasOwnProperty.call(message, "localRevision"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.localRevision = typeof message.localRevision === "number" ? BigInt(message.localRevision) : $util.Long.fromBits(message.localRevision.low >>> 0, message.localRevision.high >>> 0, true).toBigInt();
                    else if (typeof message.localRevision === "number")
                        object.localRevision = options.longs === String ? String(message.localRevision) : message.localRevision;
                    else
                        object.localRevision = options.longs === String ? $util.Long.prototype.toString.call(message.localRevision) : options.longs === Number ? new $util.LongBits(message.localRevision.low >>> 0, message.localRevision.high >>> 0).toNumber(true) : message.localRevision;
                if (message.error != null && Object.hasOwnProperty.call(message, "error"))
                    object.error = message.error;
                return object;
            };

            Applied.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Applied;
        })();

        v1.ProbeResults = (function() {

            function ProbeResults(properties) {
                this.results = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            ProbeResults.prototype.isFull = false;
            ProbeResults.prototype.results = $util.emptyArray;

            ProbeResults.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.isFull != null && Object.hasOwnProperty.call(message, "isFull"))
                    writer.uint32(8).bool(message.isFull);
                if (message.results != null && message.results.length)
                    for (let i = 0; i < message.results.length; ++i)
                        $root.sluice.v1.ProbeResult.encode(message.results[i], writer.uint32(18).fork(), q + 1).ldelim();
                return writer;
            };

            ProbeResults.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.ProbeResults();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.isFull = reader.bool();
                            break;
                        }
                    case 2: {
                            if (!(message.results && message.results.length))
                                message.results = [];
                            message.results.push($root.sluice.v1.ProbeResult.decode(reader, reader.uint32(), undefined, long + 1));
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

            ProbeResults.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.ProbeResults)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.ProbeResults: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.ProbeResults();
                if (object.isFull != null)
                    message.isFull = Boolean(object.isFull);
                if (object.results) {
                    if (!Array.isArray(object.results))
                        throw TypeError(".sluice.v1.ProbeResults.results: array expected");
                    message.results = [];
                    for (let i = 0; i < object.results.length; ++i) {
                        if (!$util.isObject(object.results[i]))
                            throw TypeError(".sluice.v1.ProbeResults.results: object expected");
                        message.results[i] = $root.sluice.v1.ProbeResult.fromObject(object.results[i], long + 1);
                    }
                }
                return message;
            };

            ProbeResults.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.results = [];
                if (options.defaults)
                    object.isFull = false;
                if (message.isFull != null && Object.hasOwnProperty.call(message, "isFull"))
                    object.isFull = message.isFull;
                if (message.results && message.results.length) {
                    object.results = [];
                    for (let j = 0; j < message.results.length; ++j)
                        object.results[j] = $root.sluice.v1.ProbeResult.toObject(message.results[j], options, q + 1);
                }
                return object;
            };

            ProbeResults.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return ProbeResults;
        })();

        v1.ProbeResult = (function() {

            function ProbeResult(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            ProbeResult.prototype.group = "";
            ProbeResult.prototype.member = "";
            ProbeResult.prototype.address = "";
            ProbeResult.prototype.isHealthy = false;
            ProbeResult.prototype.sinceMs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ProbeResult.prototype.detail = "";
            ProbeResult.prototype.isDraining = false;

            ProbeResult.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.group != null && Object.hasOwnProperty.call(message, "group"))
                    writer.uint32(10).string(message.group);
                if (message.member != null && Object.hasOwnProperty.call(message, "member"))
                    writer.uint32(18).string(message.member);
                if (message.address != null && Object.hasOwnProperty.call(message, "address"))
                    writer.uint32(26).string(message.address);
                if (message.isHealthy != null && Object.hasOwnProperty.call(message, "isHealthy"))
                    writer.uint32(32).bool(message.isHealthy);
                if (message.sinceMs != null && Object.hasOwnProperty.call(message, "sinceMs"))
                    writer.uint32(40).uint64(message.sinceMs);
                if (message.detail != null && Object.hasOwnProperty.call(message, "detail"))
                    writer.uint32(50).string(message.detail);
                if (message.isDraining != null && Object.hasOwnProperty.call(message, "isDraining"))
                    writer.uint32(56).bool(message.isDraining);
                return writer;
            };

            ProbeResult.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.ProbeResult();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.group = reader.string();
                            break;
                        }
                    case 2: {
                            message.member = reader.string();
                            break;
                        }
                    case 3: {
                            message.address = reader.string();
                            break;
                        }
                    case 4: {
                            message.isHealthy = reader.bool();
                            break;
                        }
                    case 5: {
                            message.sinceMs = reader.uint64();
                            break;
                        }
                    case 6: {
                            message.detail = reader.string();
                            break;
                        }
                    case 7: {
                            message.isDraining = reader.bool();
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

            ProbeResult.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.ProbeResult)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.ProbeResult: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.ProbeResult();
                if (object.group != null)
                    message.group = String(object.group);
                if (object.member != null)
                    message.member = String(object.member);
                if (object.address != null)
                    message.address = String(object.address);
                if (object.isHealthy != null)
                    message.isHealthy = Boolean(object.isHealthy);
                if (object.sinceMs != null)
                    if ($util.Long)
                        message.sinceMs = $util.Long.fromValue(object.sinceMs, true);
                    else if (typeof object.sinceMs === "string")
                        message.sinceMs = parseInt(object.sinceMs, 10);
                    else if (typeof object.sinceMs === "number")
                        message.sinceMs = object.sinceMs;
                    else if (typeof object.sinceMs === "object")
                        message.sinceMs = new $util.LongBits(object.sinceMs.low >>> 0, object.sinceMs.high >>> 0).toNumber(true);
                if (object.detail != null)
                    message.detail = String(object.detail);
                if (object.isDraining != null)
                    message.isDraining = Boolean(object.isDraining);
                return message;
            };

            ProbeResult.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.group = "";
                    object.member = "";
                    object.address = "";
                    object.isHealthy = false;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.sinceMs = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.sinceMs = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    object.detail = "";
                    object.isDraining = false;
                }
                if (message.group != null && Object.hasOwnProperty.call(message, "group"))
                    object.group = message.group;
                if (message.member != null && Object.hasOwnProperty.call(message, "member"))
                    object.member = message.member;
                if (message.address != null && Object.hasOwnProperty.call(message, "address"))
                    object.address = message.address;
                if (message.isHealthy != null && Object.hasOwnProperty.call(message, "isHealthy"))
                    object.isHealthy = message.isHealthy;
                if (message.sinceMs != null && Object.hasOwnProperty.call(message, "sinceMs"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.sinceMs = typeof message.sinceMs === "number" ? BigInt(message.sinceMs) : $util.Long.fromBits(message.sinceMs.low >>> 0, message.sinceMs.high >>> 0, true).toBigInt();
                    else if (typeof message.sinceMs === "number")
                        object.sinceMs = options.longs === String ? String(message.sinceMs) : message.sinceMs;
                    else
                        object.sinceMs = options.longs === String ? $util.Long.prototype.toString.call(message.sinceMs) : options.longs === Number ? new $util.LongBits(message.sinceMs.low >>> 0, message.sinceMs.high >>> 0).toNumber(true) : message.sinceMs;
                if (message.detail != null && Object.hasOwnProperty.call(message, "detail"))
                    object.detail = message.detail;
                if (message.isDraining != null && Object.hasOwnProperty.call(message, "isDraining"))
                    object.isDraining = message.isDraining;
                return object;
            };

            ProbeResult.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return ProbeResult;
        })();

        v1.MemberLoads = (function() {

            function MemberLoads(properties) {
                this.loads = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            MemberLoads.prototype.loads = $util.emptyArray;

            MemberLoads.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.loads != null && message.loads.length)
                    for (let i = 0; i < message.loads.length; ++i)
                        $root.sluice.v1.MemberLoad.encode(message.loads[i], writer.uint32(10).fork(), q + 1).ldelim();
                return writer;
            };

            MemberLoads.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.MemberLoads();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            if (!(message.loads && message.loads.length))
                                message.loads = [];
                            message.loads.push($root.sluice.v1.MemberLoad.decode(reader, reader.uint32(), undefined, long + 1));
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

            MemberLoads.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.MemberLoads)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.MemberLoads: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.MemberLoads();
                if (object.loads) {
                    if (!Array.isArray(object.loads))
                        throw TypeError(".sluice.v1.MemberLoads.loads: array expected");
                    message.loads = [];
                    for (let i = 0; i < object.loads.length; ++i) {
                        if (!$util.isObject(object.loads[i]))
                            throw TypeError(".sluice.v1.MemberLoads.loads: object expected");
                        message.loads[i] = $root.sluice.v1.MemberLoad.fromObject(object.loads[i], long + 1);
                    }
                }
                return message;
            };

            MemberLoads.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.loads = [];
                if (message.loads && message.loads.length) {
                    object.loads = [];
                    for (let j = 0; j < message.loads.length; ++j)
                        object.loads[j] = $root.sluice.v1.MemberLoad.toObject(message.loads[j], options, q + 1);
                }
                return object;
            };

            MemberLoads.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return MemberLoads;
        })();

        v1.MemberLoad = (function() {

            function MemberLoad(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            MemberLoad.prototype.group = "";
            MemberLoad.prototype.member = "";
            MemberLoad.prototype.address = "";
            MemberLoad.prototype.isKnown = false;
            MemberLoad.prototype.load = 0;
            MemberLoad.prototype.ageMs = 0;
            MemberLoad.prototype.detail = "";

            MemberLoad.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.group != null && Object.hasOwnProperty.call(message, "group"))
                    writer.uint32(10).string(message.group);
                if (message.member != null && Object.hasOwnProperty.call(message, "member"))
                    writer.uint32(18).string(message.member);
                if (message.address != null && Object.hasOwnProperty.call(message, "address"))
                    writer.uint32(26).string(message.address);
                if (message.isKnown != null && Object.hasOwnProperty.call(message, "isKnown"))
                    writer.uint32(32).bool(message.isKnown);
                if (message.load != null && Object.hasOwnProperty.call(message, "load"))
                    writer.uint32(41).double(message.load);
                if (message.ageMs != null && Object.hasOwnProperty.call(message, "ageMs"))
                    writer.uint32(48).uint32(message.ageMs);
                if (message.detail != null && Object.hasOwnProperty.call(message, "detail"))
                    writer.uint32(58).string(message.detail);
                return writer;
            };

            MemberLoad.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.MemberLoad();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.group = reader.string();
                            break;
                        }
                    case 2: {
                            message.member = reader.string();
                            break;
                        }
                    case 3: {
                            message.address = reader.string();
                            break;
                        }
                    case 4: {
                            message.isKnown = reader.bool();
                            break;
                        }
                    case 5: {
                            message.load = reader.double();
                            break;
                        }
                    case 6: {
                            message.ageMs = reader.uint32();
                            break;
                        }
                    case 7: {
                            message.detail = reader.string();
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

            MemberLoad.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.MemberLoad)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.MemberLoad: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.MemberLoad();
                if (object.group != null)
                    message.group = String(object.group);
                if (object.member != null)
                    message.member = String(object.member);
                if (object.address != null)
                    message.address = String(object.address);
                if (object.isKnown != null)
                    message.isKnown = Boolean(object.isKnown);
                if (object.load != null)
                    message.load = Number(object.load);
                if (object.ageMs != null)
                    message.ageMs = object.ageMs >>> 0;
                if (object.detail != null)
                    message.detail = String(object.detail);
                return message;
            };

            MemberLoad.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.group = "";
                    object.member = "";
                    object.address = "";
                    object.isKnown = false;
                    object.load = 0;
                    object.ageMs = 0;
                    object.detail = "";
                }
                if (message.group != null && Object.hasOwnProperty.call(message, "group"))
                    object.group = message.group;
                if (message.member != null && Object.hasOwnProperty.call(message, "member"))
                    object.member = message.member;
                if (message.address != null && Object.hasOwnProperty.call(message, "address"))
                    object.address = message.address;
                if (message.isKnown != null && Object.hasOwnProperty.call(message, "isKnown"))
                    object.isKnown = message.isKnown;
                if (message.load != null && Object.hasOwnProperty.call(message, "load"))
                    object.load = options.json && !isFinite(message.load) ? String(message.load) : message.load;
                if (message.ageMs != null && Object.hasOwnProperty.call(message, "ageMs"))
                    object.ageMs = message.ageMs;
                if (message.detail != null && Object.hasOwnProperty.call(message, "detail"))
                    object.detail = message.detail;
                return object;
            };

            MemberLoad.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return MemberLoad;
        })();

        v1.VmEvent = (function() {

            function VmEvent(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            VmEvent.prototype.vm = "";
            VmEvent.prototype.template = "";
            VmEvent.prototype.kind = "";
            VmEvent.prototype.detail = "";
            VmEvent.prototype.port = null;

            VmEvent.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.vm != null && Object.hasOwnProperty.call(message, "vm"))
                    writer.uint32(10).string(message.vm);
                if (message.template != null && Object.hasOwnProperty.call(message, "template"))
                    writer.uint32(18).string(message.template);
                if (message.kind != null && Object.hasOwnProperty.call(message, "kind"))
                    writer.uint32(26).string(message.kind);
                if (message.detail != null && Object.hasOwnProperty.call(message, "detail"))
                    writer.uint32(34).string(message.detail);
                if (message.port != null && Object.hasOwnProperty.call(message, "port"))
                    $root.sluice.v1.Port.encode(message.port, writer.uint32(42).fork(), q + 1).ldelim();
                return writer;
            };

            VmEvent.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.VmEvent();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.vm = reader.string();
                            break;
                        }
                    case 2: {
                            message.template = reader.string();
                            break;
                        }
                    case 3: {
                            message.kind = reader.string();
                            break;
                        }
                    case 4: {
                            message.detail = reader.string();
                            break;
                        }
                    case 5: {
                            message.port = $root.sluice.v1.Port.decode(reader, reader.uint32(), undefined, long + 1);
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

            VmEvent.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.VmEvent)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.VmEvent: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.VmEvent();
                if (object.vm != null)
                    message.vm = String(object.vm);
                if (object.template != null)
                    message.template = String(object.template);
                if (object.kind != null)
                    message.kind = String(object.kind);
                if (object.detail != null)
                    message.detail = String(object.detail);
                if (object.port != null) {
                    if (!$util.isObject(object.port))
                        throw TypeError(".sluice.v1.VmEvent.port: object expected");
                    message.port = $root.sluice.v1.Port.fromObject(object.port, long + 1);
                }
                return message;
            };

            VmEvent.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.vm = "";
                    object.template = "";
                    object.kind = "";
                    object.detail = "";
                    object.port = null;
                }
                if (message.vm != null && Object.hasOwnProperty.call(message, "vm"))
                    object.vm = message.vm;
                if (message.template != null && Object.hasOwnProperty.call(message, "template"))
                    object.template = message.template;
                if (message.kind != null && Object.hasOwnProperty.call(message, "kind"))
                    object.kind = message.kind;
                if (message.detail != null && Object.hasOwnProperty.call(message, "detail"))
                    object.detail = message.detail;
                if (message.port != null && Object.hasOwnProperty.call(message, "port"))
                    object.port = $root.sluice.v1.Port.toObject(message.port, options, q + 1);
                return object;
            };

            VmEvent.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return VmEvent;
        })();

        v1.Request = (function() {

            function Request(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Request.prototype.id = 0;
            Request.prototype.method = "";
            Request.prototype.path = "";
            Request.prototype.body = "";
            Request.prototype.actor = "";

            Request.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                    writer.uint32(8).uint32(message.id);
                if (message.method != null && Object.hasOwnProperty.call(message, "method"))
                    writer.uint32(18).string(message.method);
                if (message.path != null && Object.hasOwnProperty.call(message, "path"))
                    writer.uint32(26).string(message.path);
                if (message.body != null && Object.hasOwnProperty.call(message, "body"))
                    writer.uint32(34).string(message.body);
                if (message.actor != null && Object.hasOwnProperty.call(message, "actor"))
                    writer.uint32(42).string(message.actor);
                return writer;
            };

            Request.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Request();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.id = reader.uint32();
                            break;
                        }
                    case 2: {
                            message.method = reader.string();
                            break;
                        }
                    case 3: {
                            message.path = reader.string();
                            break;
                        }
                    case 4: {
                            message.body = reader.string();
                            break;
                        }
                    case 5: {
                            message.actor = reader.string();
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

            Request.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Request)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Request: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Request();
                if (object.id != null)
                    message.id = object.id >>> 0;
                if (object.method != null)
                    message.method = String(object.method);
                if (object.path != null)
                    message.path = String(object.path);
                if (object.body != null)
                    message.body = String(object.body);
                if (object.actor != null)
                    message.actor = String(object.actor);
                return message;
            };

            Request.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.id = 0;
                    object.method = "";
                    object.path = "";
                    object.body = "";
                    object.actor = "";
                }
                if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                    object.id = message.id;
                if (message.method != null && Object.hasOwnProperty.call(message, "method"))
                    object.method = message.method;
                if (message.path != null && Object.hasOwnProperty.call(message, "path"))
                    object.path = message.path;
                if (message.body != null && Object.hasOwnProperty.call(message, "body"))
                    object.body = message.body;
                if (message.actor != null && Object.hasOwnProperty.call(message, "actor"))
                    object.actor = message.actor;
                return object;
            };

            Request.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Request;
        })();

        v1.Reply = (function() {

            function Reply(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Reply.prototype.id = 0;
            Reply.prototype.status = 0;
            Reply.prototype.body = "";

            Reply.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                    writer.uint32(8).uint32(message.id);
                if (message.status != null && Object.hasOwnProperty.call(message, "status"))
                    writer.uint32(16).uint32(message.status);
                if (message.body != null && Object.hasOwnProperty.call(message, "body"))
                    writer.uint32(26).string(message.body);
                return writer;
            };

            Reply.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Reply();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.id = reader.uint32();
                            break;
                        }
                    case 2: {
                            message.status = reader.uint32();
                            break;
                        }
                    case 3: {
                            message.body = reader.string();
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

            Reply.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Reply)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Reply: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Reply();
                if (object.id != null)
                    message.id = object.id >>> 0;
                if (object.status != null)
                    message.status = object.status >>> 0;
                if (object.body != null)
                    message.body = String(object.body);
                return message;
            };

            Reply.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.id = 0;
                    object.status = 0;
                    object.body = "";
                }
                if (message.id != null && Object.hasOwnProperty.call(message, "id"))
                    object.id = message.id;
                if (message.status != null && Object.hasOwnProperty.call(message, "status"))
                    object.status = message.status;
                if (message.body != null && Object.hasOwnProperty.call(message, "body"))
                    object.body = message.body;
                return object;
            };

            Reply.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Reply;
        })();

        v1.Welcome = (function() {

            function Welcome(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Welcome.prototype.protocolVersion = 0;
            Welcome.prototype.epoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Welcome.prototype.controller = "";
            Welcome.prototype.leader = "";
            Welcome.prototype.reportIntervalMs = 0;
            Welcome.prototype.reportRaw = false;

            Welcome.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.protocolVersion != null && Object.hasOwnProperty.call(message, "protocolVersion"))
                    writer.uint32(8).uint32(message.protocolVersion);
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    writer.uint32(16).uint64(message.epoch);
                if (message.controller != null && Object.hasOwnProperty.call(message, "controller"))
                    writer.uint32(26).string(message.controller);
                if (message.leader != null && Object.hasOwnProperty.call(message, "leader"))
                    writer.uint32(34).string(message.leader);
                if (message.reportIntervalMs != null && Object.hasOwnProperty.call(message, "reportIntervalMs"))
                    writer.uint32(40).uint32(message.reportIntervalMs);
                if (message.reportRaw != null && Object.hasOwnProperty.call(message, "reportRaw"))
                    writer.uint32(48).bool(message.reportRaw);
                return writer;
            };

            Welcome.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Welcome();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.protocolVersion = reader.uint32();
                            break;
                        }
                    case 2: {
                            message.epoch = reader.uint64();
                            break;
                        }
                    case 3: {
                            message.controller = reader.string();
                            break;
                        }
                    case 4: {
                            message.leader = reader.string();
                            break;
                        }
                    case 5: {
                            message.reportIntervalMs = reader.uint32();
                            break;
                        }
                    case 6: {
                            message.reportRaw = reader.bool();
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

            Welcome.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Welcome)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Welcome: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Welcome();
                if (object.protocolVersion != null)
                    message.protocolVersion = object.protocolVersion >>> 0;
                if (object.epoch != null)
                    if ($util.Long)
                        message.epoch = $util.Long.fromValue(object.epoch, true);
                    else if (typeof object.epoch === "string")
                        message.epoch = parseInt(object.epoch, 10);
                    else if (typeof object.epoch === "number")
                        message.epoch = object.epoch;
                    else if (typeof object.epoch === "object")
                        message.epoch = new $util.LongBits(object.epoch.low >>> 0, object.epoch.high >>> 0).toNumber(true);
                if (object.controller != null)
                    message.controller = String(object.controller);
                if (object.leader != null)
                    message.leader = String(object.leader);
                if (object.reportIntervalMs != null)
                    message.reportIntervalMs = object.reportIntervalMs >>> 0;
                if (object.reportRaw != null)
                    message.reportRaw = Boolean(object.reportRaw);
                return message;
            };

            Welcome.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.protocolVersion = 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.epoch = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.epoch = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    object.controller = "";
                    object.leader = "";
                    object.reportIntervalMs = 0;
                    object.reportRaw = false;
                }
                if (message.protocolVersion != null && Object.hasOwnProperty.call(message, "protocolVersion"))
                    object.protocolVersion = message.protocolVersion;
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.epoch = typeof message.epoch === "number" ? BigInt(message.epoch) : $util.Long.fromBits(message.epoch.low >>> 0, message.epoch.high >>> 0, true).toBigInt();
                    else if (typeof message.epoch === "number")
                        object.epoch = options.longs === String ? String(message.epoch) : message.epoch;
                    else
                        object.epoch = options.longs === String ? $util.Long.prototype.toString.call(message.epoch) : options.longs === Number ? new $util.LongBits(message.epoch.low >>> 0, message.epoch.high >>> 0).toNumber(true) : message.epoch;
                if (message.controller != null && Object.hasOwnProperty.call(message, "controller"))
                    object.controller = message.controller;
                if (message.leader != null && Object.hasOwnProperty.call(message, "leader"))
                    object.leader = message.leader;
                if (message.reportIntervalMs != null && Object.hasOwnProperty.call(message, "reportIntervalMs"))
                    object.reportIntervalMs = message.reportIntervalMs;
                if (message.reportRaw != null && Object.hasOwnProperty.call(message, "reportRaw"))
                    object.reportRaw = message.reportRaw;
                return object;
            };

            Welcome.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Welcome;
        })();

        v1.Redirect = (function() {

            function Redirect(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Redirect.prototype.leader = "";

            Redirect.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.leader != null && Object.hasOwnProperty.call(message, "leader"))
                    writer.uint32(10).string(message.leader);
                return writer;
            };

            Redirect.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Redirect();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.leader = reader.string();
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

            Redirect.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Redirect)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Redirect: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Redirect();
                if (object.leader != null)
                    message.leader = String(object.leader);
                return message;
            };

            Redirect.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults)
                    object.leader = "";
                if (message.leader != null && Object.hasOwnProperty.call(message, "leader"))
                    object.leader = message.leader;
                return object;
            };

            Redirect.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Redirect;
        })();

        v1.Rules = (function() {

            function Rules(properties) {
                this.groups = [];
                this.removed = [];
                this.tombstones = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Rules.prototype.epoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Rules.prototype.revision = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Rules.prototype.baseRevision = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Rules.prototype.isFull = false;
            Rules.prototype.groups = $util.emptyArray;
            Rules.prototype.removed = $util.emptyArray;
            Rules.prototype.atMs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Rules.prototype.tombstones = $util.emptyArray;

            Rules.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    writer.uint32(8).uint64(message.epoch);
                if (message.revision != null && Object.hasOwnProperty.call(message, "revision"))
                    writer.uint32(16).uint64(message.revision);
                if (message.baseRevision != null && Object.hasOwnProperty.call(message, "baseRevision"))
                    writer.uint32(24).uint64(message.baseRevision);
                if (message.isFull != null && Object.hasOwnProperty.call(message, "isFull"))
                    writer.uint32(32).bool(message.isFull);
                if (message.groups != null && message.groups.length)
                    for (let i = 0; i < message.groups.length; ++i)
                        $root.sluice.v1.Group.encode(message.groups[i], writer.uint32(42).fork(), q + 1).ldelim();
                if (message.removed != null && message.removed.length)
                    for (let i = 0; i < message.removed.length; ++i)
                        writer.uint32(50).string(message.removed[i]);
                if (message.atMs != null && Object.hasOwnProperty.call(message, "atMs"))
                    writer.uint32(56).uint64(message.atMs);
                if (message.tombstones != null && message.tombstones.length)
                    for (let i = 0; i < message.tombstones.length; ++i)
                        writer.uint32(66).string(message.tombstones[i]);
                return writer;
            };

            Rules.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Rules();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.epoch = reader.uint64();
                            break;
                        }
                    case 2: {
                            message.revision = reader.uint64();
                            break;
                        }
                    case 3: {
                            message.baseRevision = reader.uint64();
                            break;
                        }
                    case 4: {
                            message.isFull = reader.bool();
                            break;
                        }
                    case 5: {
                            if (!(message.groups && message.groups.length))
                                message.groups = [];
                            message.groups.push($root.sluice.v1.Group.decode(reader, reader.uint32(), undefined, long + 1));
                            break;
                        }
                    case 6: {
                            if (!(message.removed && message.removed.length))
                                message.removed = [];
                            message.removed.push(reader.string());
                            break;
                        }
                    case 7: {
                            message.atMs = reader.uint64();
                            break;
                        }
                    case 8: {
                            if (!(message.tombstones && message.tombstones.length))
                                message.tombstones = [];
                            message.tombstones.push(reader.string());
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

            Rules.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Rules)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Rules: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Rules();
                if (object.epoch != null)
                    if ($util.Long)
                        message.epoch = $util.Long.fromValue(object.epoch, true);
                    else if (typeof object.epoch === "string")
                        message.epoch = parseInt(object.epoch, 10);
                    else if (typeof object.epoch === "number")
                        message.epoch = object.epoch;
                    else if (typeof object.epoch === "object")
                        message.epoch = new $util.LongBits(object.epoch.low >>> 0, object.epoch.high >>> 0).toNumber(true);
                if (object.revision != null)
                    if ($util.Long)
                        message.revision = $util.Long.fromValue(object.revision, true);
                    else if (typeof object.revision === "string")
                        message.revision = parseInt(object.revision, 10);
                    else if (typeof object.revision === "number")
                        message.revision = object.revision;
                    else if (typeof object.revision === "object")
                        message.revision = new $util.LongBits(object.revision.low >>> 0, object.revision.high >>> 0).toNumber(true);
                if (object.baseRevision != null)
                    if ($util.Long)
                        message.baseRevision = $util.Long.fromValue(object.baseRevision, true);
                    else if (typeof object.baseRevision === "string")
                        message.baseRevision = parseInt(object.baseRevision, 10);
                    else if (typeof object.baseRevision === "number")
                        message.baseRevision = object.baseRevision;
                    else if (typeof object.baseRevision === "object")
                        message.baseRevision = new $util.LongBits(object.baseRevision.low >>> 0, object.baseRevision.high >>> 0).toNumber(true);
                if (object.isFull != null)
                    message.isFull = Boolean(object.isFull);
                if (object.groups) {
                    if (!Array.isArray(object.groups))
                        throw TypeError(".sluice.v1.Rules.groups: array expected");
                    message.groups = [];
                    for (let i = 0; i < object.groups.length; ++i) {
                        if (!$util.isObject(object.groups[i]))
                            throw TypeError(".sluice.v1.Rules.groups: object expected");
                        message.groups[i] = $root.sluice.v1.Group.fromObject(object.groups[i], long + 1);
                    }
                }
                if (object.removed) {
                    if (!Array.isArray(object.removed))
                        throw TypeError(".sluice.v1.Rules.removed: array expected");
                    message.removed = [];
                    for (let i = 0; i < object.removed.length; ++i)
                        message.removed[i] = String(object.removed[i]);
                }
                if (object.atMs != null)
                    if ($util.Long)
                        message.atMs = $util.Long.fromValue(object.atMs, true);
                    else if (typeof object.atMs === "string")
                        message.atMs = parseInt(object.atMs, 10);
                    else if (typeof object.atMs === "number")
                        message.atMs = object.atMs;
                    else if (typeof object.atMs === "object")
                        message.atMs = new $util.LongBits(object.atMs.low >>> 0, object.atMs.high >>> 0).toNumber(true);
                if (object.tombstones) {
                    if (!Array.isArray(object.tombstones))
                        throw TypeError(".sluice.v1.Rules.tombstones: array expected");
                    message.tombstones = [];
                    for (let i = 0; i < object.tombstones.length; ++i)
                        message.tombstones[i] = String(object.tombstones[i]);
                }
                return message;
            };

            Rules.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults) {
                    object.groups = [];
                    object.removed = [];
                    object.tombstones = [];
                }
                if (options.defaults) {
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.epoch = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.epoch = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.revision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.revision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.baseRevision = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.baseRevision = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    object.isFull = false;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.atMs = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.atMs = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                }
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.epoch = typeof message.epoch === "number" ? BigInt(message.epoch) : $util.Long.fromBits(message.epoch.low >>> 0, message.epoch.high >>> 0, true).toBigInt();
                    else if (typeof message.epoch === "number")
                        object.epoch = options.longs === String ? String(message.epoch) : message.epoch;
                    else
                        object.epoch = options.longs === String ? $util.Long.prototype.toString.call(message.epoch) : options.longs === Number ? new $util.LongBits(message.epoch.low >>> 0, message.epoch.high >>> 0).toNumber(true) : message.epoch;
                if (message.revision != null && Object.hasOwnProperty.call(message, "revision"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.revision = typeof message.revision === "number" ? BigInt(message.revision) : $util.Long.fromBits(message.revision.low >>> 0, message.revision.high >>> 0, true).toBigInt();
                    else if (typeof message.revision === "number")
                        object.revision = options.longs === String ? String(message.revision) : message.revision;
                    else
                        object.revision = options.longs === String ? $util.Long.prototype.toString.call(message.revision) : options.longs === Number ? new $util.LongBits(message.revision.low >>> 0, message.revision.high >>> 0).toNumber(true) : message.revision;
                if (message.baseRevision != null && Object.hasOwnProperty.call(message, "baseRevision"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.baseRevision = typeof message.baseRevision === "number" ? BigInt(message.baseRevision) : $util.Long.fromBits(message.baseRevision.low >>> 0, message.baseRevision.high >>> 0, true).toBigInt();
                    else if (typeof message.baseRevision === "number")
                        object.baseRevision = options.longs === String ? String(message.baseRevision) : message.baseRevision;
                    else
                        object.baseRevision = options.longs === String ? $util.Long.prototype.toString.call(message.baseRevision) : options.longs === Number ? new $util.LongBits(message.baseRevision.low >>> 0, message.baseRevision.high >>> 0).toNumber(true) : message.baseRevision;
                if (message.isFull != null && Object.hasOwnProperty.call(message, "isFull"))
                    object.isFull = message.isFull;
                if (message.groups && message.groups.length) {
                    object.groups = [];
                    for (let j = 0; j < message.groups.length; ++j)
                        object.groups[j] = $root.sluice.v1.Group.toObject(message.groups[j], options, q + 1);
                }
                if (message.removed && message.removed.length) {
                    object.removed = [];
                    for (let j = 0; j < message.removed.length; ++j)
                        object.removed[j] = message.removed[j];
                }
                if (message.atMs != null && Object.hasOwnProperty.call(message, "atMs"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.atMs = typeof message.atMs === "number" ? BigInt(message.atMs) : $util.Long.fromBits(message.atMs.low >>> 0, message.atMs.high >>> 0, true).toBigInt();
                    else if (typeof message.atMs === "number")
                        object.atMs = options.longs === String ? String(message.atMs) : message.atMs;
                    else
                        object.atMs = options.longs === String ? $util.Long.prototype.toString.call(message.atMs) : options.longs === Number ? new $util.LongBits(message.atMs.low >>> 0, message.atMs.high >>> 0).toNumber(true) : message.atMs;
                if (message.tombstones && message.tombstones.length) {
                    object.tombstones = [];
                    for (let j = 0; j < message.tombstones.length; ++j)
                        object.tombstones[j] = message.tombstones[j];
                }
                return object;
            };

            Rules.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Rules;
        })();

        v1.Group = (function() {

            function Group(properties) {
                this.balancers = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            Group.prototype.name = "";
            Group.prototype.definition = "";
            Group.prototype.balancers = $util.emptyArray;

            Group.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    writer.uint32(10).string(message.name);
                if (message.definition != null && Object.hasOwnProperty.call(message, "definition"))
                    writer.uint32(18).string(message.definition);
                if (message.balancers != null && message.balancers.length)
                    for (let i = 0; i < message.balancers.length; ++i)
                        $root.sluice.v1.BalancerWeights.encode(message.balancers[i], writer.uint32(26).fork(), q + 1).ldelim();
                return writer;
            };

            Group.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.Group();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.name = reader.string();
                            break;
                        }
                    case 2: {
                            message.definition = reader.string();
                            break;
                        }
                    case 3: {
                            if (!(message.balancers && message.balancers.length))
                                message.balancers = [];
                            message.balancers.push($root.sluice.v1.BalancerWeights.decode(reader, reader.uint32(), undefined, long + 1));
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

            Group.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.Group)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.Group: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.Group();
                if (object.name != null)
                    message.name = String(object.name);
                if (object.definition != null)
                    message.definition = String(object.definition);
                if (object.balancers) {
                    if (!Array.isArray(object.balancers))
                        throw TypeError(".sluice.v1.Group.balancers: array expected");
                    message.balancers = [];
                    for (let i = 0; i < object.balancers.length; ++i) {
                        if (!$util.isObject(object.balancers[i]))
                            throw TypeError(".sluice.v1.Group.balancers: object expected");
                        message.balancers[i] = $root.sluice.v1.BalancerWeights.fromObject(object.balancers[i], long + 1);
                    }
                }
                return message;
            };

            Group.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.balancers = [];
                if (options.defaults) {
                    object.name = "";
                    object.definition = "";
                }
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    object.name = message.name;
                if (message.definition != null && Object.hasOwnProperty.call(message, "definition"))
                    object.definition = message.definition;
                if (message.balancers && message.balancers.length) {
                    object.balancers = [];
                    for (let j = 0; j < message.balancers.length; ++j)
                        object.balancers[j] = $root.sluice.v1.BalancerWeights.toObject(message.balancers[j], options, q + 1);
                }
                return object;
            };

            Group.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return Group;
        })();

        v1.BalancerWeights = (function() {

            function BalancerWeights(properties) {
                this.weights = {};
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            BalancerWeights.prototype.loadBalancer = "";
            BalancerWeights.prototype.weights = $util.emptyObject;
            BalancerWeights.prototype.criteriaSet = "";

            BalancerWeights.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.loadBalancer != null && Object.hasOwnProperty.call(message, "loadBalancer"))
                    writer.uint32(10).string(message.loadBalancer);
                if (message.weights != null && Object.hasOwnProperty.call(message, "weights"))
                    for (let keys = Object.keys(message.weights), i = 0; i < keys.length; ++i)
                        writer.uint32(18).fork().uint32(10).string(keys[i]).uint32(16).uint32(message.weights[keys[i]]).ldelim();
                if (message.criteriaSet != null && Object.hasOwnProperty.call(message, "criteriaSet"))
                    writer.uint32(26).string(message.criteriaSet);
                return writer;
            };

            BalancerWeights.decode = function decode(reader, length, error, long) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (long === undefined)
                    long = 0;
                if (long > $Reader.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let end, message, key, value;
                if (length === undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = new $root.sluice.v1.BalancerWeights();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.loadBalancer = reader.string();
                            break;
                        }
                    case 2: {
                            if (message.weights === $util.emptyObject)
                                message.weights = {};
                            let end2 = reader.uint32() + reader.pos;
                            if (end2 > reader.len)
                                throw RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = 0;
                            while (reader.pos < end2) {
                                let tag2 = reader.uint32();
                                switch (tag2 >>> 3) {
                                case 1:
                                    key = reader.string();
                                    break;
                                case 2:
                                    value = reader.uint32();
                                    break;
                                default:
                                    reader.skipType(tag2 & 7, long);
                                    break;
                                }
                            }
                            if (reader.pos !== end2)
                                throw RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.weights, key);
                            message.weights[key] = value;
                            break;
                        }
                    case 3: {
                            message.criteriaSet = reader.string();
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

            BalancerWeights.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.BalancerWeights)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.BalancerWeights: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.BalancerWeights();
                if (object.loadBalancer != null)
                    message.loadBalancer = String(object.loadBalancer);
                if (object.weights) {
                    if (!$util.isObject(object.weights))
                        throw TypeError(".sluice.v1.BalancerWeights.weights: object expected");
                    message.weights = {};
                    for (let keys = Object.keys(object.weights), i = 0; i < keys.length; ++i) {
                        if (keys[i] === "__proto__")
                            $util.makeProp(message.weights, keys[i]);
                        message.weights[keys[i]] = object.weights[keys[i]] >>> 0;
                    }
                }
                if (object.criteriaSet != null)
                    message.criteriaSet = String(object.criteriaSet);
                return message;
            };

            BalancerWeights.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.objects || options.defaults)
                    object.weights = {};
                if (options.defaults) {
                    object.loadBalancer = "";
                    object.criteriaSet = "";
                }
                if (message.loadBalancer != null && Object.hasOwnProperty.call(message, "loadBalancer"))
                    object.loadBalancer = message.loadBalancer;
                let keys2;
                if (message.weights && (keys2 = Object.keys(message.weights)).length) {
                    object.weights = {};
                    for (let j = 0; j < keys2.length; ++j) {
                        if (keys2[j] === "__proto__")
                            $util.makeProp(object.weights, keys2[j]);
                        object.weights[keys2[j]] = message.weights[keys2[j]];
                    }
                }
                if (message.criteriaSet != null && Object.hasOwnProperty.call(message, "criteriaSet"))
                    object.criteriaSet = message.criteriaSet;
                return object;
            };

            BalancerWeights.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return BalancerWeights;
        })();

        v1.GlobalStats = (function() {

            function GlobalStats(properties) {
                this.groups = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            GlobalStats.prototype.epoch = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GlobalStats.prototype.sequence = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GlobalStats.prototype.atMs = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GlobalStats.prototype.groups = $util.emptyArray;

            GlobalStats.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    writer.uint32(8).uint64(message.epoch);
                if (message.sequence != null && Object.hasOwnProperty.call(message, "sequence"))
                    writer.uint32(16).uint64(message.sequence);
                if (message.atMs != null && Object.hasOwnProperty.call(message, "atMs"))
                    writer.uint32(24).uint64(message.atMs);
                if (message.groups != null && message.groups.length)
                    for (let i = 0; i < message.groups.length; ++i)
                        $root.sluice.v1.GroupGlobal.encode(message.groups[i], writer.uint32(34).fork(), q + 1).ldelim();
                return writer;
            };

            GlobalStats.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.GlobalStats();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.epoch = reader.uint64();
                            break;
                        }
                    case 2: {
                            message.sequence = reader.uint64();
                            break;
                        }
                    case 3: {
                            message.atMs = reader.uint64();
                            break;
                        }
                    case 4: {
                            if (!(message.groups && message.groups.length))
                                message.groups = [];
                            message.groups.push($root.sluice.v1.GroupGlobal.decode(reader, reader.uint32(), undefined, long + 1));
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

            GlobalStats.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.GlobalStats)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.GlobalStats: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.GlobalStats();
                if (object.epoch != null)
                    if ($util.Long)
                        message.epoch = $util.Long.fromValue(object.epoch, true);
                    else if (typeof object.epoch === "string")
                        message.epoch = parseInt(object.epoch, 10);
                    else if (typeof object.epoch === "number")
                        message.epoch = object.epoch;
                    else if (typeof object.epoch === "object")
                        message.epoch = new $util.LongBits(object.epoch.low >>> 0, object.epoch.high >>> 0).toNumber(true);
                if (object.sequence != null)
                    if ($util.Long)
                        message.sequence = $util.Long.fromValue(object.sequence, true);
                    else if (typeof object.sequence === "string")
                        message.sequence = parseInt(object.sequence, 10);
                    else if (typeof object.sequence === "number")
                        message.sequence = object.sequence;
                    else if (typeof object.sequence === "object")
                        message.sequence = new $util.LongBits(object.sequence.low >>> 0, object.sequence.high >>> 0).toNumber(true);
                if (object.atMs != null)
                    if ($util.Long)
                        message.atMs = $util.Long.fromValue(object.atMs, true);
                    else if (typeof object.atMs === "string")
                        message.atMs = parseInt(object.atMs, 10);
                    else if (typeof object.atMs === "number")
                        message.atMs = object.atMs;
                    else if (typeof object.atMs === "object")
                        message.atMs = new $util.LongBits(object.atMs.low >>> 0, object.atMs.high >>> 0).toNumber(true);
                if (object.groups) {
                    if (!Array.isArray(object.groups))
                        throw TypeError(".sluice.v1.GlobalStats.groups: array expected");
                    message.groups = [];
                    for (let i = 0; i < object.groups.length; ++i) {
                        if (!$util.isObject(object.groups[i]))
                            throw TypeError(".sluice.v1.GlobalStats.groups: object expected");
                        message.groups[i] = $root.sluice.v1.GroupGlobal.fromObject(object.groups[i], long + 1);
                    }
                }
                return message;
            };

            GlobalStats.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.groups = [];
                if (options.defaults) {
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.epoch = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.epoch = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.sequence = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.sequence = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                    if ($util.Long) {
                        let long = new $util.Long(0, 0, true);
                        object.atMs = options.longs === String ? long.toString() : options.longs === Number ? long.toNumber() : typeof BigInt !== "undefined" && options.longs === BigInt ? long.toBigInt() : long;
                    } else
                        object.atMs = options.longs === String ? "0" : typeof BigInt !== "undefined" && options.longs === BigInt ? BigInt("0") : 0;
                }
                if (message.epoch != null && Object.hasOwnProperty.call(message, "epoch"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.epoch = typeof message.epoch === "number" ? BigInt(message.epoch) : $util.Long.fromBits(message.epoch.low >>> 0, message.epoch.high >>> 0, true).toBigInt();
                    else if (typeof message.epoch === "number")
                        object.epoch = options.longs === String ? String(message.epoch) : message.epoch;
                    else
                        object.epoch = options.longs === String ? $util.Long.prototype.toString.call(message.epoch) : options.longs === Number ? new $util.LongBits(message.epoch.low >>> 0, message.epoch.high >>> 0).toNumber(true) : message.epoch;
                if (message.sequence != null && Object.hasOwnProperty.call(message, "sequence"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.sequence = typeof message.sequence === "number" ? BigInt(message.sequence) : $util.Long.fromBits(message.sequence.low >>> 0, message.sequence.high >>> 0, true).toBigInt();
                    else if (typeof message.sequence === "number")
                        object.sequence = options.longs === String ? String(message.sequence) : message.sequence;
                    else
                        object.sequence = options.longs === String ? $util.Long.prototype.toString.call(message.sequence) : options.longs === Number ? new $util.LongBits(message.sequence.low >>> 0, message.sequence.high >>> 0).toNumber(true) : message.sequence;
                if (message.atMs != null && Object.hasOwnProperty.call(message, "atMs"))
                    if (typeof BigInt !== "undefined" && options.longs === BigInt)
                        object.atMs = typeof message.atMs === "number" ? BigInt(message.atMs) : $util.Long.fromBits(message.atMs.low >>> 0, message.atMs.high >>> 0, true).toBigInt();
                    else if (typeof message.atMs === "number")
                        object.atMs = options.longs === String ? String(message.atMs) : message.atMs;
                    else
                        object.atMs = options.longs === String ? $util.Long.prototype.toString.call(message.atMs) : options.longs === Number ? new $util.LongBits(message.atMs.low >>> 0, message.atMs.high >>> 0).toNumber(true) : message.atMs;
                if (message.groups && message.groups.length) {
                    object.groups = [];
                    for (let j = 0; j < message.groups.length; ++j)
                        object.groups[j] = $root.sluice.v1.GroupGlobal.toObject(message.groups[j], options, q + 1);
                }
                return object;
            };

            GlobalStats.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return GlobalStats;
        })();

        v1.GroupGlobal = (function() {

            function GroupGlobal(properties) {
                this.members = [];
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            GroupGlobal.prototype.name = "";
            GroupGlobal.prototype.members = $util.emptyArray;

            GroupGlobal.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    writer.uint32(10).string(message.name);
                if (message.members != null && message.members.length)
                    for (let i = 0; i < message.members.length; ++i)
                        $root.sluice.v1.MemberGlobal.encode(message.members[i], writer.uint32(18).fork(), q + 1).ldelim();
                return writer;
            };

            GroupGlobal.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.GroupGlobal();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.name = reader.string();
                            break;
                        }
                    case 2: {
                            if (!(message.members && message.members.length))
                                message.members = [];
                            message.members.push($root.sluice.v1.MemberGlobal.decode(reader, reader.uint32(), undefined, long + 1));
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

            GroupGlobal.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.GroupGlobal)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.GroupGlobal: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.GroupGlobal();
                if (object.name != null)
                    message.name = String(object.name);
                if (object.members) {
                    if (!Array.isArray(object.members))
                        throw TypeError(".sluice.v1.GroupGlobal.members: array expected");
                    message.members = [];
                    for (let i = 0; i < object.members.length; ++i) {
                        if (!$util.isObject(object.members[i]))
                            throw TypeError(".sluice.v1.GroupGlobal.members: object expected");
                        message.members[i] = $root.sluice.v1.MemberGlobal.fromObject(object.members[i], long + 1);
                    }
                }
                return message;
            };

            GroupGlobal.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.arrays || options.defaults)
                    object.members = [];
                if (options.defaults)
                    object.name = "";
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    object.name = message.name;
                if (message.members && message.members.length) {
                    object.members = [];
                    for (let j = 0; j < message.members.length; ++j)
                        object.members[j] = $root.sluice.v1.MemberGlobal.toObject(message.members[j], options, q + 1);
                }
                return object;
            };

            GroupGlobal.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return GroupGlobal;
        })();

        v1.MemberGlobal = (function() {

            function MemberGlobal(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            MemberGlobal.prototype.name = "";
            MemberGlobal.prototype.hosts = 0;
            MemberGlobal.prototype.activeFlows = 0;
            MemberGlobal.prototype.newFlowsPerSecond = 0;
            MemberGlobal.prototype.bytesPerSecond = 0;
            MemberGlobal.prototype.packetsPerSecond = 0;
            MemberGlobal.prototype.synTimeMicros = 0;
            MemberGlobal.prototype.rttMicros = 0;
            MemberGlobal.prototype.retransmissionsPerSecond = 0;
            MemberGlobal.prototype.resetsPerSecond = 0;
            MemberGlobal.prototype.failedConnectsPerSecond = 0;
            MemberGlobal.prototype.zeroWindowsPerSecond = 0;
            MemberGlobal.prototype.congestionPercent = 0;
            MemberGlobal.prototype.ageMs = 0;
            MemberGlobal.prototype.windowBytes = 0;
            MemberGlobal.prototype.reportedLoad = 0;
            MemberGlobal.prototype.loadReporters = 0;
            MemberGlobal.prototype.reportedAgeMs = 0;

            MemberGlobal.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    writer.uint32(10).string(message.name);
                if (message.hosts != null && Object.hasOwnProperty.call(message, "hosts"))
                    writer.uint32(16).uint32(message.hosts);
                if (message.activeFlows != null && Object.hasOwnProperty.call(message, "activeFlows"))
                    writer.uint32(25).double(message.activeFlows);
                if (message.newFlowsPerSecond != null && Object.hasOwnProperty.call(message, "newFlowsPerSecond"))
                    writer.uint32(33).double(message.newFlowsPerSecond);
                if (message.bytesPerSecond != null && Object.hasOwnProperty.call(message, "bytesPerSecond"))
                    writer.uint32(41).double(message.bytesPerSecond);
                if (message.packetsPerSecond != null && Object.hasOwnProperty.call(message, "packetsPerSecond"))
                    writer.uint32(49).double(message.packetsPerSecond);
                if (message.synTimeMicros != null && Object.hasOwnProperty.call(message, "synTimeMicros"))
                    writer.uint32(57).double(message.synTimeMicros);
                if (message.rttMicros != null && Object.hasOwnProperty.call(message, "rttMicros"))
                    writer.uint32(65).double(message.rttMicros);
                if (message.retransmissionsPerSecond != null && Object.hasOwnProperty.call(message, "retransmissionsPerSecond"))
                    writer.uint32(73).double(message.retransmissionsPerSecond);
                if (message.resetsPerSecond != null && Object.hasOwnProperty.call(message, "resetsPerSecond"))
                    writer.uint32(81).double(message.resetsPerSecond);
                if (message.failedConnectsPerSecond != null && Object.hasOwnProperty.call(message, "failedConnectsPerSecond"))
                    writer.uint32(89).double(message.failedConnectsPerSecond);
                if (message.zeroWindowsPerSecond != null && Object.hasOwnProperty.call(message, "zeroWindowsPerSecond"))
                    writer.uint32(97).double(message.zeroWindowsPerSecond);
                if (message.congestionPercent != null && Object.hasOwnProperty.call(message, "congestionPercent"))
                    writer.uint32(105).double(message.congestionPercent);
                if (message.ageMs != null && Object.hasOwnProperty.call(message, "ageMs"))
                    writer.uint32(113).double(message.ageMs);
                if (message.windowBytes != null && Object.hasOwnProperty.call(message, "windowBytes"))
                    writer.uint32(121).double(message.windowBytes);
                if (message.reportedLoad != null && Object.hasOwnProperty.call(message, "reportedLoad"))
                    writer.uint32(129).double(message.reportedLoad);
                if (message.loadReporters != null && Object.hasOwnProperty.call(message, "loadReporters"))
                    writer.uint32(136).uint32(message.loadReporters);
                if (message.reportedAgeMs != null && Object.hasOwnProperty.call(message, "reportedAgeMs"))
                    writer.uint32(145).double(message.reportedAgeMs);
                return writer;
            };

            MemberGlobal.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.MemberGlobal();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.name = reader.string();
                            break;
                        }
                    case 2: {
                            message.hosts = reader.uint32();
                            break;
                        }
                    case 3: {
                            message.activeFlows = reader.double();
                            break;
                        }
                    case 4: {
                            message.newFlowsPerSecond = reader.double();
                            break;
                        }
                    case 5: {
                            message.bytesPerSecond = reader.double();
                            break;
                        }
                    case 6: {
                            message.packetsPerSecond = reader.double();
                            break;
                        }
                    case 7: {
                            message.synTimeMicros = reader.double();
                            break;
                        }
                    case 8: {
                            message.rttMicros = reader.double();
                            break;
                        }
                    case 9: {
                            message.retransmissionsPerSecond = reader.double();
                            break;
                        }
                    case 10: {
                            message.resetsPerSecond = reader.double();
                            break;
                        }
                    case 11: {
                            message.failedConnectsPerSecond = reader.double();
                            break;
                        }
                    case 12: {
                            message.zeroWindowsPerSecond = reader.double();
                            break;
                        }
                    case 13: {
                            message.congestionPercent = reader.double();
                            break;
                        }
                    case 14: {
                            message.ageMs = reader.double();
                            break;
                        }
                    case 15: {
                            message.windowBytes = reader.double();
                            break;
                        }
                    case 16: {
                            message.reportedLoad = reader.double();
                            break;
                        }
                    case 17: {
                            message.loadReporters = reader.uint32();
                            break;
                        }
                    case 18: {
                            message.reportedAgeMs = reader.double();
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

            MemberGlobal.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.MemberGlobal)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.MemberGlobal: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.MemberGlobal();
                if (object.name != null)
                    message.name = String(object.name);
                if (object.hosts != null)
                    message.hosts = object.hosts >>> 0;
                if (object.activeFlows != null)
                    message.activeFlows = Number(object.activeFlows);
                if (object.newFlowsPerSecond != null)
                    message.newFlowsPerSecond = Number(object.newFlowsPerSecond);
                if (object.bytesPerSecond != null)
                    message.bytesPerSecond = Number(object.bytesPerSecond);
                if (object.packetsPerSecond != null)
                    message.packetsPerSecond = Number(object.packetsPerSecond);
                if (object.synTimeMicros != null)
                    message.synTimeMicros = Number(object.synTimeMicros);
                if (object.rttMicros != null)
                    message.rttMicros = Number(object.rttMicros);
                if (object.retransmissionsPerSecond != null)
                    message.retransmissionsPerSecond = Number(object.retransmissionsPerSecond);
                if (object.resetsPerSecond != null)
                    message.resetsPerSecond = Number(object.resetsPerSecond);
                if (object.failedConnectsPerSecond != null)
                    message.failedConnectsPerSecond = Number(object.failedConnectsPerSecond);
                if (object.zeroWindowsPerSecond != null)
                    message.zeroWindowsPerSecond = Number(object.zeroWindowsPerSecond);
                if (object.congestionPercent != null)
                    message.congestionPercent = Number(object.congestionPercent);
                if (object.ageMs != null)
                    message.ageMs = Number(object.ageMs);
                if (object.windowBytes != null)
                    message.windowBytes = Number(object.windowBytes);
                if (object.reportedLoad != null)
                    message.reportedLoad = Number(object.reportedLoad);
                if (object.loadReporters != null)
                    message.loadReporters = object.loadReporters >>> 0;
                if (object.reportedAgeMs != null)
                    message.reportedAgeMs = Number(object.reportedAgeMs);
                return message;
            };

            MemberGlobal.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.name = "";
                    object.hosts = 0;
                    object.activeFlows = 0;
                    object.newFlowsPerSecond = 0;
                    object.bytesPerSecond = 0;
                    object.packetsPerSecond = 0;
                    object.synTimeMicros = 0;
                    object.rttMicros = 0;
                    object.retransmissionsPerSecond = 0;
                    object.resetsPerSecond = 0;
                    object.failedConnectsPerSecond = 0;
                    object.zeroWindowsPerSecond = 0;
                    object.congestionPercent = 0;
                    object.ageMs = 0;
                    object.windowBytes = 0;
                    object.reportedLoad = 0;
                    object.loadReporters = 0;
                    object.reportedAgeMs = 0;
                }
                if (message.name != null && Object.hasOwnProperty.call(message, "name"))
                    object.name = message.name;
                if (message.hosts != null && Object.hasOwnProperty.call(message, "hosts"))
                    object.hosts = message.hosts;
                if (message.activeFlows != null && Object.hasOwnProperty.call(message, "activeFlows"))
                    object.activeFlows = options.json && !isFinite(message.activeFlows) ? String(message.activeFlows) : message.activeFlows;
                if (message.newFlowsPerSecond != null && Object.hasOwnProperty.call(message, "newFlowsPerSecond"))
                    object.newFlowsPerSecond = options.json && !isFinite(message.newFlowsPerSecond) ? String(message.newFlowsPerSecond) : message.newFlowsPerSecond;
                if (message.bytesPerSecond != null && Object.hasOwnProperty.call(message, "bytesPerSecond"))
                    object.bytesPerSecond = options.json && !isFinite(message.bytesPerSecond) ? String(message.bytesPerSecond) : message.bytesPerSecond;
                if (message.packetsPerSecond != null && Object.hasOwnProperty.call(message, "packetsPerSecond"))
                    object.packetsPerSecond = options.json && !isFinite(message.packetsPerSecond) ? String(message.packetsPerSecond) : message.packetsPerSecond;
                if (message.synTimeMicros != null && Object.hasOwnProperty.call(message, "synTimeMicros"))
                    object.synTimeMicros = options.json && !isFinite(message.synTimeMicros) ? String(message.synTimeMicros) : message.synTimeMicros;
                if (message.rttMicros != null && Object.hasOwnProperty.call(message, "rttMicros"))
                    object.rttMicros = options.json && !isFinite(message.rttMicros) ? String(message.rttMicros) : message.rttMicros;
                if (message.retransmissionsPerSecond != null && Object.hasOwnProperty.call(message, "retransmissionsPerSecond"))
                    object.retransmissionsPerSecond = options.json && !isFinite(message.retransmissionsPerSecond) ? String(message.retransmissionsPerSecond) : message.retransmissionsPerSecond;
                if (message.resetsPerSecond != null && Object.hasOwnProperty.call(message, "resetsPerSecond"))
                    object.resetsPerSecond = options.json && !isFinite(message.resetsPerSecond) ? String(message.resetsPerSecond) : message.resetsPerSecond;
                if (message.failedConnectsPerSecond != null && Object.hasOwnProperty.call(message, "failedConnectsPerSecond"))
                    object.failedConnectsPerSecond = options.json && !isFinite(message.failedConnectsPerSecond) ? String(message.failedConnectsPerSecond) : message.failedConnectsPerSecond;
                if (message.zeroWindowsPerSecond != null && Object.hasOwnProperty.call(message, "zeroWindowsPerSecond"))
                    object.zeroWindowsPerSecond = options.json && !isFinite(message.zeroWindowsPerSecond) ? String(message.zeroWindowsPerSecond) : message.zeroWindowsPerSecond;
                if (message.congestionPercent != null && Object.hasOwnProperty.call(message, "congestionPercent"))
                    object.congestionPercent = options.json && !isFinite(message.congestionPercent) ? String(message.congestionPercent) : message.congestionPercent;
                if (message.ageMs != null && Object.hasOwnProperty.call(message, "ageMs"))
                    object.ageMs = options.json && !isFinite(message.ageMs) ? String(message.ageMs) : message.ageMs;
                if (message.windowBytes != null && Object.hasOwnProperty.call(message, "windowBytes"))
                    object.windowBytes = options.json && !isFinite(message.windowBytes) ? String(message.windowBytes) : message.windowBytes;
                if (message.reportedLoad != null && Object.hasOwnProperty.call(message, "reportedLoad"))
                    object.reportedLoad = options.json && !isFinite(message.reportedLoad) ? String(message.reportedLoad) : message.reportedLoad;
                if (message.loadReporters != null && Object.hasOwnProperty.call(message, "loadReporters"))
                    object.loadReporters = message.loadReporters;
                if (message.reportedAgeMs != null && Object.hasOwnProperty.call(message, "reportedAgeMs"))
                    object.reportedAgeMs = options.json && !isFinite(message.reportedAgeMs) ? String(message.reportedAgeMs) : message.reportedAgeMs;
                return object;
            };

            MemberGlobal.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return MemberGlobal;
        })();

        v1.VmOrder = (function() {

            function VmOrder(properties) {
                if (properties)
                    for (let keys = Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            }

            VmOrder.prototype.command = "";
            VmOrder.prototype.vm = "";
            VmOrder.prototype.template = "";
            VmOrder.prototype.definition = "";

            VmOrder.encode = function encode(message, writer, q) {
                if (!writer)
                    writer = $Writer.create();
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                if (message.command != null && Object.hasOwnProperty.call(message, "command"))
                    writer.uint32(10).string(message.command);
                if (message.vm != null && Object.hasOwnProperty.call(message, "vm"))
                    writer.uint32(18).string(message.vm);
                if (message.template != null && Object.hasOwnProperty.call(message, "template"))
                    writer.uint32(26).string(message.template);
                if (message.definition != null && Object.hasOwnProperty.call(message, "definition"))
                    writer.uint32(34).string(message.definition);
                return writer;
            };

            VmOrder.decode = function decode(reader, length, error, long) {
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
                message = new $root.sluice.v1.VmOrder();
                while (reader.pos < end) {
                    let tag = reader.uint32();
                    if (tag === error)
                        break;
                    switch (tag >>> 3) {
                    case 1: {
                            message.command = reader.string();
                            break;
                        }
                    case 2: {
                            message.vm = reader.string();
                            break;
                        }
                    case 3: {
                            message.template = reader.string();
                            break;
                        }
                    case 4: {
                            message.definition = reader.string();
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

            VmOrder.fromObject = function fromObject(object, long) {
                if (object instanceof $root.sluice.v1.VmOrder)
                    return object;
                if (!$util.isObject(object))
                    throw TypeError(".sluice.v1.VmOrder: object expected");
                if (long === undefined)
                    long = 0;
                if (long > $util.recursionLimit)
                    throw Error("maximum nesting depth exceeded");
                let message = new $root.sluice.v1.VmOrder();
                if (object.command != null)
                    message.command = String(object.command);
                if (object.vm != null)
                    message.vm = String(object.vm);
                if (object.template != null)
                    message.template = String(object.template);
                if (object.definition != null)
                    message.definition = String(object.definition);
                return message;
            };

            VmOrder.toObject = function toObject(message, options, q) {
                if (!options)
                    options = {};
                if (q === undefined)
                    q = 0;
                if (q > $util.recursionLimit)
                    throw Error("max depth exceeded");
                let object = {};
                if (options.defaults) {
                    object.command = "";
                    object.vm = "";
                    object.template = "";
                    object.definition = "";
                }
                if (message.command != null && Object.hasOwnProperty.call(message, "command"))
                    object.command = message.command;
                if (message.vm != null && Object.hasOwnProperty.call(message, "vm"))
                    object.vm = message.vm;
                if (message.template != null && Object.hasOwnProperty.call(message, "template"))
                    object.template = message.template;
                if (message.definition != null && Object.hasOwnProperty.call(message, "definition"))
                    object.definition = message.definition;
                return object;
            };

            VmOrder.prototype.toJSON = function toJSON() {
                return this.constructor.toObject(this, $protobuf.util.toJSONOptions);
            };

            return VmOrder;
        })();

        return v1;
    })();

    return sluice;
})();

export { $root as default };
