/** The smart client of Mulligan: `Client`, what it raises, and the messages of each service. */

export type { Site } from "./catalogue.js";
export { Client, type Options } from "./client.js";
export { MulliganError } from "./errors.js";
export type { Away } from "./several_sites.js";
export { type Keeper, SignIn, type Tokens } from "./tokens.js";
export * as commonv1 from "./gen/mulligan/common/v1/common_pb.js";
export * as controlv1 from "./gen/mulligan/control/v1/control_pb.js";
export * as iamv1 from "./gen/mulligan/iam/v1/iam_pb.js";
export * as metav1 from "./gen/mulligan/meta/v1/meta_pb.js";
export * as resourcev1 from "./gen/mulligan/resource/v1/resource_pb.js";
