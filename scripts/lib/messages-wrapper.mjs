import protobuf from $DEPENDENCY;
const $protobuf = protobuf;

$OUTPUT;

export { $root as default };
