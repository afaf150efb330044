/** Runs a stored query in another thread: the library as it is published, and no more than the message. */
import { parentPort } from "node:worker_threads";
import { fromJSON } from "../../dist/index.js";

parentPort.once("message", ({ json, source }) => parentPort.postMessage(fromJSON(json, source).value()));
