import * as $protobuf from "protobufjs";
import Long = require("long");
export namespace sluice {

    namespace v1 {

        interface IFromAgent {
            hello?: (sluice.v1.IHello|null);
            report?: (sluice.v1.IReport|null);
            ports?: (sluice.v1.IPorts|null);
            applied?: (sluice.v1.IApplied|null);
            probeResults?: (sluice.v1.IProbeResults|null);
            vmEvent?: (sluice.v1.IVmEvent|null);
            request?: (sluice.v1.IRequest|null);
            reply?: (sluice.v1.IReply|null);
            memberLoads?: (sluice.v1.IMemberLoads|null);
        }

        class FromAgent implements IFromAgent {
            constructor(properties?: sluice.v1.IFromAgent);
            public hello?: (sluice.v1.IHello|null);
            public report?: (sluice.v1.IReport|null);
            public ports?: (sluice.v1.IPorts|null);
            public applied?: (sluice.v1.IApplied|null);
            public probeResults?: (sluice.v1.IProbeResults|null);
            public vmEvent?: (sluice.v1.IVmEvent|null);
            public request?: (sluice.v1.IRequest|null);
            public reply?: (sluice.v1.IReply|null);
            public memberLoads?: (sluice.v1.IMemberLoads|null);
            public message?: ("hello"|"report"|"ports"|"applied"|"probeResults"|"vmEvent"|"request"|"reply"|"memberLoads");
            public static encode(message: sluice.v1.IFromAgent, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.FromAgent;
            public static fromObject(object: { [k: string]: any }): sluice.v1.FromAgent;
            public static toObject(message: sluice.v1.FromAgent, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IFromController {
            welcome?: (sluice.v1.IWelcome|null);
            redirect?: (sluice.v1.IRedirect|null);
            rules?: (sluice.v1.IRules|null);
            globalStats?: (sluice.v1.IGlobalStats|null);
            vmOrder?: (sluice.v1.IVmOrder|null);
            request?: (sluice.v1.IRequest|null);
            reply?: (sluice.v1.IReply|null);
        }

        class FromController implements IFromController {
            constructor(properties?: sluice.v1.IFromController);
            public welcome?: (sluice.v1.IWelcome|null);
            public redirect?: (sluice.v1.IRedirect|null);
            public rules?: (sluice.v1.IRules|null);
            public globalStats?: (sluice.v1.IGlobalStats|null);
            public vmOrder?: (sluice.v1.IVmOrder|null);
            public request?: (sluice.v1.IRequest|null);
            public reply?: (sluice.v1.IReply|null);
            public message?: ("welcome"|"redirect"|"rules"|"globalStats"|"vmOrder"|"request"|"reply");
            public static encode(message: sluice.v1.IFromController, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.FromController;
            public static fromObject(object: { [k: string]: any }): sluice.v1.FromController;
            public static toObject(message: sluice.v1.FromController, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IHello {
            protocolVersion?: (number|null);
            host?: (string|null);
            agentEpoch?: (number|null);
            version?: (string|null);
            ports?: (sluice.v1.IPort[]|null);
            rulesEpoch?: (number|null);
            rulesRevision?: (number|null);
            networks?: (sluice.v1.IHostNetworks|null);
            templates?: (sluice.v1.IHostTemplates|null);
            newestProtocolVersion?: (number|null);
        }

        class Hello implements IHello {
            constructor(properties?: sluice.v1.IHello);
            public protocolVersion: number;
            public host: string;
            public agentEpoch: number;
            public version: string;
            public ports: sluice.v1.IPort[];
            public rulesEpoch: number;
            public rulesRevision: number;
            public networks?: (sluice.v1.IHostNetworks|null);
            public templates?: (sluice.v1.IHostTemplates|null);
            public newestProtocolVersion: number;
            public static encode(message: sluice.v1.IHello, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Hello;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Hello;
            public static toObject(message: sluice.v1.Hello, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IHostTemplates {
            all?: (string[]|null);
        }

        class HostTemplates implements IHostTemplates {
            constructor(properties?: sluice.v1.IHostTemplates);
            public all: string[];
            public static encode(message: sluice.v1.IHostTemplates, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.HostTemplates;
            public static fromObject(object: { [k: string]: any }): sluice.v1.HostTemplates;
            public static toObject(message: sluice.v1.HostTemplates, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IHostNetworks {
            all?: (sluice.v1.INetwork[]|null);
        }

        class HostNetworks implements IHostNetworks {
            constructor(properties?: sluice.v1.IHostNetworks);
            public all: sluice.v1.INetwork[];
            public static encode(message: sluice.v1.IHostNetworks, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.HostNetworks;
            public static fromObject(object: { [k: string]: any }): sluice.v1.HostNetworks;
            public static toObject(message: sluice.v1.HostNetworks, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface INetwork {
            name?: (string|null);
            vni?: (number|null);
            routed?: (boolean|null);
            router?: (string|null);
        }

        class Network implements INetwork {
            constructor(properties?: sluice.v1.INetwork);
            public name: string;
            public vni: number;
            public routed: boolean;
            public router: string;
            public static encode(message: sluice.v1.INetwork, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Network;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Network;
            public static toObject(message: sluice.v1.Network, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IPort {
            name?: (string|null);
            network?: (string|null);
            netns?: (string|null);
            mac?: (string|null);
            addresses?: (string[]|null);
            labels?: ({ [k: string]: string }|null);
        }

        class Port implements IPort {
            constructor(properties?: sluice.v1.IPort);
            public name: string;
            public network: string;
            public netns: string;
            public mac: string;
            public addresses: string[];
            public labels: { [k: string]: string };
            public static encode(message: sluice.v1.IPort, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Port;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Port;
            public static toObject(message: sluice.v1.Port, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IPorts {
            ports?: (sluice.v1.IPort[]|null);
            networks?: (sluice.v1.IHostNetworks|null);
            templates?: (sluice.v1.IHostTemplates|null);
        }

        class Ports implements IPorts {
            constructor(properties?: sluice.v1.IPorts);
            public ports: sluice.v1.IPort[];
            public networks?: (sluice.v1.IHostNetworks|null);
            public templates?: (sluice.v1.IHostTemplates|null);
            public static encode(message: sluice.v1.IPorts, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Ports;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Ports;
            public static toObject(message: sluice.v1.Ports, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IReport {
            sequence?: (number|null);
            atMs?: (number|null);
            intervalMs?: (number|null);
            isAggregated?: (boolean|null);
            announced?: (sluice.v1.IRowKey[]|null);
            rowSteps?: (number[]|null);
            packets?: (number[]|null);
            bytes?: (number[]|null);
            replyPackets?: (number[]|null);
            replyBytes?: (number[]|null);
            newFlows?: (number[]|null);
            endedFlows?: (number[]|null);
            activeFlows?: (number[]|null);
            resets?: (number[]|null);
            connects?: (number[]|null);
            failedConnects?: (number[]|null);
            synTimeMicros?: (number[]|null);
            rttMicros?: (number[]|null);
            retransmissions?: (number[]|null);
            zeroWindows?: (number[]|null);
            windowBytes?: (number[]|null);
            requests?: (number[]|null);
            requestTimeMicros?: (number[]|null);
        }

        class Report implements IReport {
            constructor(properties?: sluice.v1.IReport);
            public sequence: number;
            public atMs: number;
            public intervalMs: number;
            public isAggregated: boolean;
            public announced: sluice.v1.IRowKey[];
            public rowSteps: number[];
            public packets: number[];
            public bytes: number[];
            public replyPackets: number[];
            public replyBytes: number[];
            public newFlows: number[];
            public endedFlows: number[];
            public activeFlows: number[];
            public resets: number[];
            public connects: number[];
            public failedConnects: number[];
            public synTimeMicros: number[];
            public rttMicros: number[];
            public retransmissions: number[];
            public zeroWindows: number[];
            public windowBytes: number[];
            public requests: number[];
            public requestTimeMicros: number[];
            public static encode(message: sluice.v1.IReport, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Report;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Report;
            public static toObject(message: sluice.v1.Report, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IRowKey {
            row?: (number|null);
            group?: (string|null);
            member?: (string|null);
            address?: (string|null);
            loadBalancer?: (string|null);
        }

        class RowKey implements IRowKey {
            constructor(properties?: sluice.v1.IRowKey);
            public row: number;
            public group: string;
            public member: string;
            public address: string;
            public loadBalancer: string;
            public static encode(message: sluice.v1.IRowKey, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.RowKey;
            public static fromObject(object: { [k: string]: any }): sluice.v1.RowKey;
            public static toObject(message: sluice.v1.RowKey, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IApplied {
            epoch?: (number|null);
            revision?: (number|null);
            localRevision?: (number|null);
            error?: (string|null);
        }

        class Applied implements IApplied {
            constructor(properties?: sluice.v1.IApplied);
            public epoch: number;
            public revision: number;
            public localRevision: number;
            public error: string;
            public static encode(message: sluice.v1.IApplied, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Applied;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Applied;
            public static toObject(message: sluice.v1.Applied, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IProbeResults {
            isFull?: (boolean|null);
            results?: (sluice.v1.IProbeResult[]|null);
        }

        class ProbeResults implements IProbeResults {
            constructor(properties?: sluice.v1.IProbeResults);
            public isFull: boolean;
            public results: sluice.v1.IProbeResult[];
            public static encode(message: sluice.v1.IProbeResults, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.ProbeResults;
            public static fromObject(object: { [k: string]: any }): sluice.v1.ProbeResults;
            public static toObject(message: sluice.v1.ProbeResults, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IProbeResult {
            group?: (string|null);
            member?: (string|null);
            address?: (string|null);
            isHealthy?: (boolean|null);
            sinceMs?: (number|null);
            detail?: (string|null);
            isDraining?: (boolean|null);
        }

        class ProbeResult implements IProbeResult {
            constructor(properties?: sluice.v1.IProbeResult);
            public group: string;
            public member: string;
            public address: string;
            public isHealthy: boolean;
            public sinceMs: number;
            public detail: string;
            public isDraining: boolean;
            public static encode(message: sluice.v1.IProbeResult, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.ProbeResult;
            public static fromObject(object: { [k: string]: any }): sluice.v1.ProbeResult;
            public static toObject(message: sluice.v1.ProbeResult, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IMemberLoads {
            loads?: (sluice.v1.IMemberLoad[]|null);
        }

        class MemberLoads implements IMemberLoads {
            constructor(properties?: sluice.v1.IMemberLoads);
            public loads: sluice.v1.IMemberLoad[];
            public static encode(message: sluice.v1.IMemberLoads, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.MemberLoads;
            public static fromObject(object: { [k: string]: any }): sluice.v1.MemberLoads;
            public static toObject(message: sluice.v1.MemberLoads, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IMemberLoad {
            group?: (string|null);
            member?: (string|null);
            address?: (string|null);
            isKnown?: (boolean|null);
            load?: (number|null);
            ageMs?: (number|null);
            detail?: (string|null);
        }

        class MemberLoad implements IMemberLoad {
            constructor(properties?: sluice.v1.IMemberLoad);
            public group: string;
            public member: string;
            public address: string;
            public isKnown: boolean;
            public load: number;
            public ageMs: number;
            public detail: string;
            public static encode(message: sluice.v1.IMemberLoad, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.MemberLoad;
            public static fromObject(object: { [k: string]: any }): sluice.v1.MemberLoad;
            public static toObject(message: sluice.v1.MemberLoad, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IVmEvent {
            vm?: (string|null);
            template?: (string|null);
            kind?: (string|null);
            detail?: (string|null);
            port?: (sluice.v1.IPort|null);
        }

        class VmEvent implements IVmEvent {
            constructor(properties?: sluice.v1.IVmEvent);
            public vm: string;
            public template: string;
            public kind: string;
            public detail: string;
            public port?: (sluice.v1.IPort|null);
            public static encode(message: sluice.v1.IVmEvent, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.VmEvent;
            public static fromObject(object: { [k: string]: any }): sluice.v1.VmEvent;
            public static toObject(message: sluice.v1.VmEvent, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IRequest {
            id?: (number|null);
            method?: (string|null);
            path?: (string|null);
            body?: (string|null);
            actor?: (string|null);
        }

        class Request implements IRequest {
            constructor(properties?: sluice.v1.IRequest);
            public id: number;
            public method: string;
            public path: string;
            public body: string;
            public actor: string;
            public static encode(message: sluice.v1.IRequest, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Request;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Request;
            public static toObject(message: sluice.v1.Request, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IReply {
            id?: (number|null);
            status?: (number|null);
            body?: (string|null);
        }

        class Reply implements IReply {
            constructor(properties?: sluice.v1.IReply);
            public id: number;
            public status: number;
            public body: string;
            public static encode(message: sluice.v1.IReply, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Reply;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Reply;
            public static toObject(message: sluice.v1.Reply, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IWelcome {
            protocolVersion?: (number|null);
            epoch?: (number|null);
            controller?: (string|null);
            leader?: (string|null);
            reportIntervalMs?: (number|null);
            reportRaw?: (boolean|null);
        }

        class Welcome implements IWelcome {
            constructor(properties?: sluice.v1.IWelcome);
            public protocolVersion: number;
            public epoch: number;
            public controller: string;
            public leader: string;
            public reportIntervalMs: number;
            public reportRaw: boolean;
            public static encode(message: sluice.v1.IWelcome, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Welcome;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Welcome;
            public static toObject(message: sluice.v1.Welcome, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IRedirect {
            leader?: (string|null);
        }

        class Redirect implements IRedirect {
            constructor(properties?: sluice.v1.IRedirect);
            public leader: string;
            public static encode(message: sluice.v1.IRedirect, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Redirect;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Redirect;
            public static toObject(message: sluice.v1.Redirect, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IRules {
            epoch?: (number|null);
            revision?: (number|null);
            baseRevision?: (number|null);
            isFull?: (boolean|null);
            groups?: (sluice.v1.IGroup[]|null);
            removed?: (string[]|null);
            atMs?: (number|null);
            tombstones?: (string[]|null);
        }

        class Rules implements IRules {
            constructor(properties?: sluice.v1.IRules);
            public epoch: number;
            public revision: number;
            public baseRevision: number;
            public isFull: boolean;
            public groups: sluice.v1.IGroup[];
            public removed: string[];
            public atMs: number;
            public tombstones: string[];
            public static encode(message: sluice.v1.IRules, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Rules;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Rules;
            public static toObject(message: sluice.v1.Rules, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IGroup {
            name?: (string|null);
            definition?: (string|null);
            balancers?: (sluice.v1.IBalancerWeights[]|null);
        }

        class Group implements IGroup {
            constructor(properties?: sluice.v1.IGroup);
            public name: string;
            public definition: string;
            public balancers: sluice.v1.IBalancerWeights[];
            public static encode(message: sluice.v1.IGroup, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.Group;
            public static fromObject(object: { [k: string]: any }): sluice.v1.Group;
            public static toObject(message: sluice.v1.Group, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IBalancerWeights {
            loadBalancer?: (string|null);
            weights?: ({ [k: string]: number }|null);
            criteriaSet?: (string|null);
        }

        class BalancerWeights implements IBalancerWeights {
            constructor(properties?: sluice.v1.IBalancerWeights);
            public loadBalancer: string;
            public weights: { [k: string]: number };
            public criteriaSet: string;
            public static encode(message: sluice.v1.IBalancerWeights, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.BalancerWeights;
            public static fromObject(object: { [k: string]: any }): sluice.v1.BalancerWeights;
            public static toObject(message: sluice.v1.BalancerWeights, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IGlobalStats {
            epoch?: (number|null);
            sequence?: (number|null);
            atMs?: (number|null);
            groups?: (sluice.v1.IGroupGlobal[]|null);
        }

        class GlobalStats implements IGlobalStats {
            constructor(properties?: sluice.v1.IGlobalStats);
            public epoch: number;
            public sequence: number;
            public atMs: number;
            public groups: sluice.v1.IGroupGlobal[];
            public static encode(message: sluice.v1.IGlobalStats, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.GlobalStats;
            public static fromObject(object: { [k: string]: any }): sluice.v1.GlobalStats;
            public static toObject(message: sluice.v1.GlobalStats, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IGroupGlobal {
            name?: (string|null);
            members?: (sluice.v1.IMemberGlobal[]|null);
        }

        class GroupGlobal implements IGroupGlobal {
            constructor(properties?: sluice.v1.IGroupGlobal);
            public name: string;
            public members: sluice.v1.IMemberGlobal[];
            public static encode(message: sluice.v1.IGroupGlobal, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.GroupGlobal;
            public static fromObject(object: { [k: string]: any }): sluice.v1.GroupGlobal;
            public static toObject(message: sluice.v1.GroupGlobal, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IMemberGlobal {
            name?: (string|null);
            hosts?: (number|null);
            activeFlows?: (number|null);
            newFlowsPerSecond?: (number|null);
            bytesPerSecond?: (number|null);
            packetsPerSecond?: (number|null);
            synTimeMicros?: (number|null);
            rttMicros?: (number|null);
            retransmissionsPerSecond?: (number|null);
            resetsPerSecond?: (number|null);
            failedConnectsPerSecond?: (number|null);
            zeroWindowsPerSecond?: (number|null);
            congestionPercent?: (number|null);
            ageMs?: (number|null);
            windowBytes?: (number|null);
            reportedLoad?: (number|null);
            loadReporters?: (number|null);
            reportedAgeMs?: (number|null);
        }

        class MemberGlobal implements IMemberGlobal {
            constructor(properties?: sluice.v1.IMemberGlobal);
            public name: string;
            public hosts: number;
            public activeFlows: number;
            public newFlowsPerSecond: number;
            public bytesPerSecond: number;
            public packetsPerSecond: number;
            public synTimeMicros: number;
            public rttMicros: number;
            public retransmissionsPerSecond: number;
            public resetsPerSecond: number;
            public failedConnectsPerSecond: number;
            public zeroWindowsPerSecond: number;
            public congestionPercent: number;
            public ageMs: number;
            public windowBytes: number;
            public reportedLoad: number;
            public loadReporters: number;
            public reportedAgeMs: number;
            public static encode(message: sluice.v1.IMemberGlobal, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.MemberGlobal;
            public static fromObject(object: { [k: string]: any }): sluice.v1.MemberGlobal;
            public static toObject(message: sluice.v1.MemberGlobal, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }

        interface IVmOrder {
            command?: (string|null);
            vm?: (string|null);
            template?: (string|null);
            definition?: (string|null);
        }

        class VmOrder implements IVmOrder {
            constructor(properties?: sluice.v1.IVmOrder);
            public command: string;
            public vm: string;
            public template: string;
            public definition: string;
            public static encode(message: sluice.v1.IVmOrder, writer?: $protobuf.Writer): $protobuf.Writer;
            public static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): sluice.v1.VmOrder;
            public static fromObject(object: { [k: string]: any }): sluice.v1.VmOrder;
            public static toObject(message: sluice.v1.VmOrder, options?: $protobuf.IConversionOptions): { [k: string]: any };
            public toJSON(): { [k: string]: any };
        }
    }
}
