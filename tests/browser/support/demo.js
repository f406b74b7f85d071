// Starts the program's playground on its own port.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const BINARY =
  process.env.PLAYGROUND ?? fileURLToPath(new URL("../../../target/debug/marketo-api-user", import.meta.url));

export class Demo {
  #process;
  #output = "";
  #kill = () => this.#process.kill();

  /** Starts `demo` with these options, and waits until it prints its URL. */
  static async start(options = []) {
    const demo = new Demo();
    const started = performance.now();
    const child = spawn(BINARY, ["demo", ...options], { stdio: ["ignore", "pipe", "pipe"] });
    demo.#process = child;
    // Also stops the program if a test throws.
    process.on("exit", demo.#kill);
    demo.url = await new Promise((resolve, reject) => {
      const onOutput = (part) => {
        demo.#output += part;
        const url = demo.#output.match(/The playground is at (\S+)/)?.[1];
        if (url) resolve(url);
      };
      child.stdout.on("data", onOutput);
      child.stderr.on("data", onOutput);
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`demo ended with ${code}: ${demo.#output}`)));
    });
    demo.readyAfter = performance.now() - started;
    return demo;
  }

  /** Stops it as Ctrl-C does, and returns its exit code. */
  async stop() {
    process.off("exit", this.#kill);
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGINT");
      await once(this.#process, "exit");
    }
    return this.#process.exitCode;
  }

  /** All its output so far. */
  get output() {
    return this.#output;
  }
}
