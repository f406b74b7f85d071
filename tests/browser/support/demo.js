// A playground to look at: the program itself, started as a newcomer starts it, on a port of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const BINARY =
  process.env.PLAYGROUND ?? fileURLToPath(new URL("../../../target/debug/marketo-api-user", import.meta.url));

export class Demo {
  #process;
  #said = "";
  #kill = () => this.#process.kill();

  /** Starts `demo` with these options, and waits until it says where its page is. */
  static async start(options = []) {
    const demo = new Demo();
    const started = performance.now();
    const child = spawn(BINARY, ["demo", ...options], { stdio: ["ignore", "pipe", "pipe"] });
    demo.#process = child;
    // Whoever started it may end by an error.
    process.on("exit", demo.#kill);
    demo.url = await new Promise((resolve, reject) => {
      const hear = (part) => {
        demo.#said += part;
        const url = demo.#said.match(/The playground is at (\S+)/)?.[1];
        if (url) resolve(url);
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`demo ended with ${code}: ${demo.#said}`)));
    });
    demo.readyAfter = performance.now() - started;
    return demo;
  }

  /** Ends it as Ctrl-C does, and gives the code that it ended with. */
  async stop() {
    process.off("exit", this.#kill);
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGINT");
      await once(this.#process, "exit");
    }
    return this.#process.exitCode;
  }

  /** All that it has printed. */
  get said() {
    return this.#said;
  }
}
